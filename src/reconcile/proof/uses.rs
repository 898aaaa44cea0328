//! What became of a revision wherever it is used.

use crate::delivery::{Fetched, Proof, ProofState, UserState};
use crate::flux::revision;

use super::age::Age;
use super::judge::{Ages, Ask, Judging, waits};
use super::users::{is_same, unseen, users};

impl Judging<'_> {
    /// What became of the revision wherever it is used.
    pub(super) fn use_of(
        &self,
        revision: &str,
        proof: &mut Proof,
        age: Ages<'_>,
        ask: &mut Option<Ask>,
    ) -> ProofState {
        let now = self.now;
        let artifact = self.item.artifact.as_deref();
        let mut moved_on = artifact.filter(|artifact| !is_same(artifact, revision));
        let mut revision = revision;
        if let Some(later) = moved_on
            && let Some(commit) = revision::commit(later)
        {
            match age(commit) {
                None => {
                    *ask = Some(Ask::AgeOf(commit.to_owned()));
                    return waits("to know what has overtaken it");
                }
                // Nobody else follows what took its place: it brings this one along.
                Some(Age::LaterAlone | Age::Unknown) => {
                    (revision, moved_on) = (later, None);
                    proof.fetched = proof.fetched.take().map(|fetched| Fetched {
                        revision: later.to_owned(),
                        taken_as_newer: true,
                        ..fetched
                    });
                }
                Some(Age::Later(_) | Age::Older) => {}
            }
        }
        let mut seen = Vec::new();
        for user in users(self.cluster, &self.item.key) {
            let known = proof.users.iter().find(|known| user.is(known));
            let mut known = known.cloned().unwrap_or_else(|| user.unseen());
            known.state = user.next(&known, revision, moved_on, now);
            seen.push(known);
        }
        proof.users = seen;
        if let Some(kind) = unseen(self.cluster) {
            return ProofState::Following {
                waits: format!("until each {kind} of its cluster was listed"),
            };
        }
        let states = || proof.users.iter().map(|user| &user.state);
        let has_applied = |state: &UserState| state.is_settled() || state.applied_at().is_some();
        if proof.applied_at.is_none()
            && states().all(has_applied)
            && states().any(|state| state.applied_at().is_some())
            && !states().any(|state| matches!(state, UserState::Overtaken { .. }))
        {
            proof.applied_at = Some(now);
        }
        let failing = states().find_map(|state| match state {
            UserState::Failing { since, failure, .. } => Some((*since, failure.clone())),
            _ => None,
        });
        if let Some((since, failure)) = failing {
            return ProofState::Failing { since, failure };
        }
        let open = states().filter(|state| !state.is_settled()).count();
        if open > 0 {
            return self.waits_for_users(proof);
        }
        let overtaken = states().find_map(|state| match state {
            UserState::Overtaken { revision, .. } => Some(revision.clone()),
            _ => None,
        });
        if let Some(revision) = overtaken {
            let by = match revision::commit(&revision).and_then(age) {
                Some(Age::Later(by)) => Some(by),
                _ => None,
            };
            return ProofState::Overtaken {
                at: now,
                revision: Some(revision),
                by,
            };
        }
        let is_asleep = |state: &UserState| matches!(state, UserState::Suspended { .. });
        if !proof.users.is_empty() && states().all(is_asleep) {
            return ProofState::Suspended { at: now };
        }
        if !proof.users.is_empty() {
            proof.healthy_at = Some(now);
        }
        ProofState::Proven { at: now }
    }

    fn waits_for_users(&self, proof: &Proof) -> ProofState {
        let mut open = proof.users.iter().filter(|user| !user.state.is_settled());
        let first = open.next().map(|user| {
            let why = match &user.state {
                UserState::Waiting { why: Some(why) } => format!(", which waits {why}"),
                UserState::Applied { .. } => " to be ready".to_owned(),
                _ => String::new(),
            };
            format!("for {} {}/{}{why}", user.kind, user.namespace, user.name)
        });
        let first = first.unwrap_or_default();
        let waits = match open.count() {
            0 => first,
            more => format!("{first}, and for {more} more"),
        };
        ProofState::Following { waits }
    }
}

//! Decides how far an object has come that was asked to reconcile.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::catalog::{Cache, Item, ItemKey, ResourceVersion, ScopeState};
use crate::delivery::{Failure, Proof, ProofState, Token, Wanted};
use crate::flux::duration;

use super::age::Age;
use super::users::{failure, users, waits_for_others};

/// What was asked of an object.
#[derive(Debug, Clone)]
pub struct Wake<'w> {
    pub object: &'w ItemKey,
    /// The one that it was annotated with first.
    pub token: &'w Token,
    /// That it got by that, where it is known: a watch may still show it as it was before.
    pub version: Option<&'w ResourceVersion>,
    pub wanted: &'w Wanted,
    /// After so long nobody looks any more.
    pub within: Duration,
}

/// What is seen now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub proof: Proof,
    pub ask: Option<Ask>,
}

/// What has to be done before more can be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The object has fetched this commit; is it older than the wanted one?
    AgeOf(String),
    /// The object is to be asked once more, with a new token, from then on.
    Again { at: Timestamp },
}

/// What is known of an object that was annotated just now: what it has, and the versions of charts, for only who knows
/// them can say that there is no new one.
pub fn begin(cluster: &Cache, object: &ItemKey, wanted: &Wanted, annotated_at: Timestamp) -> Proof {
    let mut proof = Proof::begin(annotated_at);
    let item = cluster.item(object);
    proof.revision_before = item.and_then(|item| item.artifact.as_deref().map(str::to_owned));
    let users = users(cluster, object);
    let at_first = users.iter().filter_map(|user| user.at_first(wanted));
    proof.users = at_first.collect();
    proof
}

/// Of a commit whether it came later than the wanted one; `None` where nobody has looked yet.
pub(super) type Ages<'a> = &'a dyn Fn(&str) -> Option<Age>;

/// Whatever of the object and of all that uses it the cluster says now, after what was seen before.
///
/// `age` tells of a commit that was fetched in place of the wanted one, `None` where nobody has looked
/// yet. What is over stays as it is.
pub fn judge(
    before: &Proof,
    wake: &Wake<'_>,
    cluster: &Cache,
    age: impl Fn(&str) -> Option<Age>,
    now: Timestamp,
) -> Judged {
    let mut proof = before.clone();
    if proof.is_over() {
        return Judged { proof, ask: None };
    }
    let mut ask = None;
    let stands = match cluster.item(wake.object) {
        Some(item) => {
            let judging = Judging {
                wake,
                cluster,
                item,
                now,
            };
            judging.look(&mut proof, &age, &mut ask)
        }
        None => match cluster.scope(wake.object.kind) {
            ScopeState::NeverListed | ScopeState::Forbidden { .. } => {
                waits("until its cluster can be seen")
            }
            _ => ProofState::Gone { at: now },
        },
    };
    proof.state = match (&before.state, stands) {
        // It still fails with the same; since when stays as it was.
        (ProofState::Failing { failure: same, .. }, ProofState::Failing { failure, .. })
            if *same == failure =>
        {
            before.state.clone()
        }
        (_, state) => state,
    };
    if let Some(state) = over_in_time(&proof, wake.within, now) {
        proof.state = state;
        ask = None;
    }
    Judged { proof, ask }
}

pub(super) fn waits(what: &str) -> ProofState {
    ProofState::Following {
        waits: what.to_owned(),
    }
}

/// How it ends once its time is over.
fn over_in_time(proof: &Proof, within: Duration, now: Timestamp) -> Option<ProofState> {
    let within_signed = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
    if now.duration_since(proof.annotated_at) < within_signed {
        return None;
    }
    match &proof.state {
        ProofState::Following { waits } => Some(ProofState::Unproven {
            at: now,
            reason: format!(
                "not proven within {}; last it waited {waits}",
                duration::write(within)
            ),
        }),
        ProofState::Failing { failure, .. } => Some(ProofState::Failed {
            at: now,
            failure: failure.clone(),
        }),
        _ => None,
    }
}

/// One look at one object.
pub(super) struct Judging<'j> {
    pub(super) wake: &'j Wake<'j>,
    pub(super) cluster: &'j Cache,
    pub(super) item: &'j Item,
    pub(super) now: Timestamp,
}

impl Judging<'_> {
    fn look(&self, proof: &mut Proof, age: Ages<'_>, ask: &mut Option<Ask>) -> ProofState {
        let now = self.now;
        if proof.acknowledged_at.is_none() && self.is_acknowledged(proof) {
            proof.acknowledged_at = Some(now);
        }
        if !self.item.key.kind.is_source() {
            return self.by_itself(proof);
        }
        if proof.fetched.is_none()
            && let Some(state) = self.fetch(proof, age, ask)
        {
            return state;
        }
        let Some(fetched) = &proof.fetched else {
            return waits("for what it fetches");
        };
        let revision = fetched.revision.clone();
        self.use_of(&revision, proof, age, ask)
    }

    /// A later token in its place was put there later, and its controller answers the last one only.
    fn is_acknowledged(&self, proof: &Proof) -> bool {
        let Some(handled) = self.item.handled_at.as_deref() else {
            return false;
        };
        let first = &*self.wake.token.0;
        let ours = |token: &str| {
            let again = proof.again.as_ref();
            token == first || again.is_some_and(|again| *again.token.0 == *token)
        };
        let asked = self.item.requested_at.as_deref();
        let is_from_before = self
            .wake
            .version
            .is_some_and(|version| self.item.version.is_before(version));
        ours(handled)
            || !is_from_before && asked.is_some_and(|asked| !ours(asked) && asked == handled)
    }

    /// Whether its controller has come to an end with what was asked of it.
    pub(super) fn is_settled(&self, proof: &Proof) -> bool {
        let is_asked_again = proof.again.as_ref().is_some_and(|again| {
            self.item.requested_at.as_deref() == Some(&*again.token.0)
                && self.item.handled_at != self.item.requested_at
        });
        proof.acknowledged_at.is_some()
            && !is_asked_again
            && !self.item.reconciling
            && self.item.is_ready()
    }

    pub(super) fn failing(&self, failure: Failure) -> ProofState {
        ProofState::Failing {
            since: self.now,
            failure,
        }
    }

    /// A Kustomization or HelmRelease that was asked itself.
    fn by_itself(&self, proof: &mut Proof) -> ProofState {
        let now = self.now;
        if self.item.suspended {
            return ProofState::Suspended { at: now };
        }
        if proof.acknowledged_at.is_none() {
            return waits("for its controller to answer");
        }
        if let Some(ready) = self.item.failure() {
            return match waits_for_others(ready) {
                Some(waits) => ProofState::Following { waits },
                None => self.failing(failure(self.item, ready)),
            };
        }
        if !self.is_settled(proof) {
            return waits("until it is ready");
        }
        proof.applied_at = Some(now);
        proof.healthy_at = Some(now);
        ProofState::Proven { at: now }
    }
}

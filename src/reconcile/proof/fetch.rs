//! Whether a source has fetched what is wanted, something else, or nothing.

use std::cmp::Ordering;

use jiff::SignedDuration;

use crate::catalog::{Kind, Reference};
use crate::delivery::{Fetched, Proof, ProofState, Wanted};
use crate::flux::revision;
use crate::flux::semver::Version;

use super::age::Age;
use super::judge::{Ages, Ask, Judging, waits};
use super::users::failure;

/// How often an object is asked again that has fetched an older commit, at most.
pub const MOST_AGAIN: u32 = 3;
/// The wait before it is asked again for the first time; it is four times as long each time.
const AGAIN_FIRST: SignedDuration = SignedDuration::from_secs(2);

impl Judging<'_> {
    /// Sees what it has fetched. `None`: it has what is wanted.
    pub(super) fn fetch(
        &self,
        proof: &mut Proof,
        age: Ages<'_>,
        ask: &mut Option<Ask>,
    ) -> Option<ProofState> {
        let (item, now) = (self.item, self.now);
        let take = |revision: &str, taken_as_newer| Fetched {
            at: now,
            revision: revision.to_owned(),
            taken_as_newer,
        };
        // One that is forced back to a commit may still be fetching the one between. What is suspended answers nobody.
        if let Some(revision) = item.artifact.as_deref()
            && self.wake.wanted.is_in(revision)
            && (proof.acknowledged_at.is_some() || item.suspended)
        {
            proof.fetched = Some(take(revision, false));
            return None;
        }
        if item.suspended {
            return Some(ProofState::Suspended { at: now });
        }
        if self.has_no_status() {
            return Some(ProofState::Unproven {
                at: now,
                reason: "a HelmRepository of type `oci` has no status of its own".to_owned(),
            });
        }
        if proof.acknowledged_at.is_none() {
            return Some(waits("for its controller to answer"));
        }
        if let Some(ready) = item.failure() {
            return Some(self.failing(failure(item, ready)));
        }
        let Some(revision) = item.artifact.as_deref() else {
            return Some(waits("until it has fetched something"));
        };
        if !self.is_settled(proof) {
            return Some(waits("until it has fetched what is new"));
        }
        let commit = match self.wake.wanted {
            Wanted::Commit { commit, .. } => commit.as_str(),
            Wanted::Named(commit) => commit.as_str(),
            // Nobody knows which is the newer one, so what its controller found is.
            Wanted::Digest(_) => {
                proof.fetched = Some(take(revision, true));
                return None;
            }
            Wanted::Whatever => {
                proof.fetched = Some(take(revision, false));
                return None;
            }
        };
        let overtaken = |by| ProofState::Overtaken {
            at: now,
            revision: Some(revision.to_owned()),
            by,
        };
        let older = |what| {
            Some(ProofState::Following {
                waits: format!("for {commit}: it has fetched {what}, `{revision}`"),
            })
        };
        match self.version_beside_the_tag(revision) {
            Some(Ordering::Greater) => return Some(overtaken(None)),
            Some(Ordering::Less) => {
                *ask = self.again(proof);
                return older("an older version");
            }
            _ => {}
        }
        let other = revision::commit(revision).unwrap_or(revision);
        match age(other) {
            None => {
                *ask = Some(Ask::AgeOf(other.to_owned()));
                Some(waits("to know which of two commits is the newer one"))
            }
            Some(Age::Later(by)) => Some(overtaken(Some(by))),
            Some(Age::Older) => {
                *ask = self.again(proof);
                older("an older commit")
            }
            Some(Age::LaterAlone) => {
                proof.fetched = Some(take(revision, true));
                None
            }
            Some(Age::Unknown) => {
                // Nothing is new: what was pushed may not have been seen yet.
                if proof.revision_before.as_deref() == Some(revision)
                    && let Some(again) = self.again(proof)
                {
                    *ask = Some(again);
                    return older("nothing new");
                }
                proof.fetched = Some(take(revision, true));
                None
            }
        }
    }

    fn has_no_status(&self) -> bool {
        let url = self.item.url.as_deref();
        self.item.key.kind == Kind::HelmRepository
            && url.is_some_and(|url| url.starts_with("oci://"))
    }

    /// Of tags by version Flux takes the newest: how what it has fetched stands to what was pushed.
    fn version_beside_the_tag(&self, fetched: &str) -> Option<Ordering> {
        let (Wanted::Commit { tag: Some(tag), .. }, Reference::Semver(_)) =
            (self.wake.wanted, &self.item.reference)
        else {
            return None;
        };
        let has = revision::reference(fetched).and_then(Version::parse)?;
        Some(has.compare(&Version::parse(tag)?))
    }

    fn again(&self, proof: &Proof) -> Option<Ask> {
        let (times, since) = match &proof.again {
            Some(again) => (again.times, again.at),
            None => (0, proof.acknowledged_at.unwrap_or(proof.annotated_at)),
        };
        // Somebody else has asked since: what they get is as good.
        let first = Some(&*self.wake.token.0);
        let last = proof.again.as_ref().map(|again| &*again.token.0);
        let asked = self.item.requested_at.as_deref();
        if times >= MOST_AGAIN || (asked != first && asked != last) {
            return None;
        }
        let wait = AGAIN_FIRST.saturating_mul(4_i32.pow(times));
        // A clock that was set back makes nothing wait longer.
        let since = since.min(self.now);
        let at = since.checked_add(wait).unwrap_or(since);
        Some(Ask::Again { at })
    }
}

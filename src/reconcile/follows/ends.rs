//! How what is followed ends, and since when objects lack what was pushed to them.
//!
//! ```text
//! proven, applied, suspended, gone:  nothing that came until then is lacking
//! overtaken, failed, unproven:       carried by what is followed beside it; where nothing is, by itself:
//!                                    it is over, and late: looked at until the object has it
//! ```

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::catalog::{Cache, ItemKey};
use crate::delivery::{Proof, ProofState};
use crate::reconcile::carried::Carried;
use crate::reconcile::environments::UNKNOWN;
use crate::store::WorkId;

use super::{Ended, Follow, Follows, OF_ONE_CLUSTER, Seen, reopened};

impl Follow {
    /// Whether the object lacks what was pushed, as far as anybody knows.
    fn is_lacking(&self) -> bool {
        self.is_lackable && self.proof.applied_at.is_none()
    }

    /// Its time is over; it is looked at as if it were not.
    fn be_late(&mut self) {
        self.is_late = true;
        self.proof = reopened(self.proof.clone());
    }

    fn is_given_up(&self, within: Duration) -> bool {
        let within = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
        let has_ended = matches!(
            self.proof.state,
            ProofState::Failed { .. } | ProofState::Unproven { .. }
        );
        let lasted = self
            .proof
            .ended_at()
            .map(|at| at.duration_since(self.proof.annotated_at));
        !self.is_late && has_ended && lasted.is_some_and(|lasted| lasted >= within)
    }
}

impl Follows {
    /// Ends it though nothing was seen of it.
    pub(super) fn end(&mut self, id: WorkId, state: ProofState, seen: &mut Seen) {
        if let Some(follow) = self.by_id.get(&id) {
            let proof = Proof {
                state,
                ..follow.proof.clone()
            };
            self.take_in(id, proof, seen);
        }
    }

    /// It has come to its end, and is known as such.
    pub(super) fn has_ended(&mut self, id: WorkId, seen: &mut Seen) {
        let Some(follow) = self.by_id.get(&id) else {
            return;
        };
        if !follow.is_late {
            seen.ended.push(Ended {
                object: follow.object.clone(),
                told: Arc::clone(&follow.told),
                proof: follow.proof.clone(),
            });
        }
        let is_given_up = follow.is_given_up(self.within);
        let is_overtaken = matches!(follow.proof.state, ProofState::Overtaken { .. });
        let is_at_rest = matches!(
            follow.proof.state,
            ProofState::Proven { .. } | ProofState::Gone { .. } | ProofState::Suspended { .. }
        );
        if is_at_rest {
            let object = follow.object.clone();
            self.settle(&object, id);
        }
        // Of what ended for another reason nobody can tell whether it is there.
        let is_carried = (is_overtaken || is_given_up) && self.carry(id);
        if !(is_carried && is_given_up && self.linger(id)) {
            self.remove(id);
        }
    }

    /// Of what is suspended nothing is lacking, whatever becomes of it.
    pub(super) fn is_asleep(&mut self, object: &ItemKey) {
        self.settle(object, WorkId(i64::MAX));
    }

    /// What came to the object until this one is lacking no more.
    pub(super) fn settle(&mut self, object: &ItemKey, id: WorkId) {
        let of_object = self.by_object.get(object);
        let ids = of_object.map(|of| of.ids.clone()).unwrap_or_default();
        let mut carried = None;
        for other in ids {
            let Some(follow) = self.by_id.get_mut(&other) else {
                continue;
            };
            let received_at = follow.told.received_at;
            match (other.cmp(&id), follow.is_late) {
                (Ordering::Less, true) => self.remove(other),
                (Ordering::Less, false) => follow.is_lackable = false,
                (Ordering::Greater, true) if follow.is_lacking() => carried = Some(received_at),
                _ => {}
            }
        }
        if let Some(of_object) = self.by_object.get_mut(object) {
            of_object.carried = carried;
        }
        self.carried_news.insert(object.clone());
    }

    /// Keeps since when the object lacks it though it is over. Whether it lacks anything.
    fn carry(&mut self, id: WorkId) -> bool {
        let Some(follow) = self.by_id.get(&id) else {
            return false;
        };
        let Some(of_object) = self.by_object.get_mut(&follow.object) else {
            return false;
        };
        if follow.is_lacking() {
            of_object.carry(follow.told.received_at);
            self.carried_news.insert(follow.object.clone());
        }
        of_object.carried.is_some()
    }

    /// Goes on looking at it, where it is the last that came to its object.
    fn linger(&mut self, id: WorkId) -> bool {
        let Some(follow) = self.by_id.get(&id) else {
            return false;
        };
        let of_object = self.by_object.get(&follow.object);
        let ids = of_object.map(|of| of.ids.clone()).unwrap_or_default();
        if ids.last() != Some(&id) || self.by_id.len() > OF_ONE_CLUSTER {
            return false;
        }
        for other in ids {
            if self.by_id.get(&other).is_some_and(|it| it.is_late) {
                self.remove(other);
            }
        }
        if let Some(follow) = self.by_id.get_mut(&id) {
            follow.be_late();
            self.carried_news.insert(follow.object.clone());
        }
        true
    }

    fn remove(&mut self, id: WorkId) {
        let Some(follow) = self.by_id.remove(&id) else {
            return;
        };
        if let Some(of_object) = self.by_object.get_mut(&follow.object) {
            of_object.ids.remove(&id);
            if of_object.ids.is_empty() {
                self.by_object.remove(&follow.object);
            }
        }
        self.carried_news.insert(follow.object);
    }

    /// Takes in what an earlier run noted of an object.
    pub(in crate::reconcile) fn restore(&mut self, object: ItemKey, noted: Carried) {
        if let Some(of_object) = self.by_object.get_mut(&object) {
            of_object.carry(noted.since);
        }
        self.noted.insert(object.clone(), noted);
        self.carried_news.insert(object);
    }

    /// What is to be noted, or forgotten, before anything is kept of what has ended.
    pub(in crate::reconcile) fn take_carried(&mut self) -> Vec<(ItemKey, Option<Carried>)> {
        let mut changed = Vec::new();
        for object in std::mem::take(&mut self.carried_news) {
            let carried = self.by_object.get(&object).and_then(|of_object| {
                let is_late = |id: &&WorkId| self.by_id.get(id).is_some_and(|it| it.is_late);
                Some(Carried {
                    since: of_object.carried?,
                    late: of_object.ids.iter().find(is_late).copied(),
                })
            });
            if self.noted.get(&object) == carried.as_ref() {
                continue;
            }
            match carried {
                Some(carried) => self.noted.insert(object.clone(), carried),
                None => self.noted.remove(&object),
            };
            changed.push((object, carried));
        }
        changed
    }

    /// When the oldest push was accepted that an object lacks, by environment.
    pub(in crate::reconcile) fn unapplied_since(
        &self,
        cluster: &Cache,
    ) -> HashMap<Arc<str>, Timestamp> {
        let mut oldest: HashMap<Arc<str>, Timestamp> = HashMap::new();
        for (object, of_object) in &self.by_object {
            let follows = of_object.ids.iter().filter_map(|id| self.by_id.get(id));
            let lacking = follows.filter(|follow| follow.is_lacking());
            let lacking = lacking.map(|follow| follow.told.received_at);
            let Some(since) = lacking.chain(of_object.carried).min() else {
                continue;
            };
            let environment = match cluster.item(object) {
                Some(item) => item.environment.clone().unwrap_or_else(|| "".into()),
                None => UNKNOWN.into(),
            };
            let of = oldest.entry(environment).or_insert(since);
            *of = (*of).min(since);
        }
        oldest
    }
}

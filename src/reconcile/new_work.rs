//! What is kept of a decision: the state of the delivery, and a piece of work for each object.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::{DeliveryState, Event, NothingToDo, OutOfScope, Wait, WorkState};
use crate::store::NewWork;

use super::decision::Decision;
use super::gap;
use super::matching::Candidate;
use super::verdict::{LeaveReason, Verdict};
use super::workflow;

impl Decision {
    /// The state of the delivery, and the work that it makes. `unlisted` are the clusters of which
    /// nobody knows now what they have.
    pub(super) fn work(
        &self,
        event: &Event,
        unlisted: &[Arc<str>],
        now: Timestamp,
    ) -> (DeliveryState, Vec<NewWork>) {
        let candidates = match self {
            // A cluster that is listed later may have a source that names it.
            Self::Nothing(NothingToDo::OutOfScope(OutOfScope::UnknownRepository { .. }))
                if !unlisted.is_empty() =>
            {
                &Vec::new()
            }
            // Nor does anybody know whether it names the workflow.
            Self::Nothing(NothingToDo::Event)
                if !unlisted.is_empty()
                    && matches!(event, Event::WorkflowRun(run) if workflow::has_succeeded(run)) =>
            {
                &Vec::new()
            }
            Self::Nothing(reason) => {
                let reason = reason.clone();
                return (DeliveryState::Nothing { at: now, reason }, Vec::new());
            }
            Self::Failed(reason) => {
                let reason = reason.clone();
                return (DeliveryState::Failed { at: now, reason }, Vec::new());
            }
            Self::Concerns(candidates) => candidates,
        };
        let mut work = work_of(candidates, event, now);
        // An event that wakes nothing in a cluster that is known wakes nothing in any.
        let may_concern = |cluster: &str| match event {
            Event::Repository(_) => false,
            Event::Restored { cluster: one, .. } => cluster == one,
            _ => true,
        };
        let unlisted = unlisted.iter().filter(|cluster| may_concern(cluster));
        work.extend(unlisted.map(|cluster| waiting_for(cluster, now)));
        let state = match u32::try_from(work.len()).unwrap_or(u32::MAX) {
            0 if candidates.is_empty() => DeliveryState::Nothing {
                at: now,
                reason: NothingToDo::NoObject,
            },
            0 => DeliveryState::Nothing {
                at: now,
                reason: NothingToDo::NotWanted,
            },
            // Where all of it is over already, the store sees that nothing is left.
            items => DeliveryState::matched(items, now),
        };
        (state, work)
    }
}

/// A piece of work for each object that is woken, and for each that a person put to sleep, so that
/// the delivery's story names it.
pub(super) fn work_of(candidates: &[Candidate], event: &Event, now: Timestamp) -> Vec<NewWork> {
    let spread = matches!(event, Event::Gap { .. } | Event::Restored { .. });
    let wakes = candidates.iter().filter(|c| c.verdict.is_wake()).count();
    let mut place = 0;
    let mut work = Vec::new();
    for candidate in candidates {
        let state = match &candidate.verdict {
            Verdict::Wake { after, .. } => {
                let share = spread.then(|| {
                    place += 1;
                    (place - 1, wakes)
                });
                state_at_first(*after, share, now)
            }
            Verdict::Leave(LeaveReason::Suspended) => WorkState::Suspended { at: now },
            Verdict::Leave(LeaveReason::OptedOut) => WorkState::OptedOut { at: now },
            Verdict::Leave(_) => continue,
        };
        work.push(NewWork {
            cluster: Arc::clone(&candidate.item.cluster),
            object: Some(candidate.item.key.clone()),
            state,
        });
    }
    work
}

/// `share` is the place of an object among those that are spread over time.
fn state_at_first(after: Duration, share: Option<(usize, usize)>, now: Timestamp) -> WorkState {
    let spread = share.map(|(place, of)| gap::spread(place, of));
    let (why, wait) = match spread {
        Some(spread) if spread > after => (Wait::Spread, spread),
        _ => (Wait::Policy, after),
    };
    if wait.is_zero() {
        return WorkState::Accepted { at: now };
    }
    WorkState::Waiting {
        accepted_at: now,
        since: now,
        why,
        until: now.checked_add(wait).ok(),
    }
}

fn waiting_for(cluster: &Arc<str>, now: Timestamp) -> NewWork {
    NewWork {
        cluster: Arc::clone(cluster),
        object: None,
        state: WorkState::Waiting {
            accepted_at: now,
            since: now,
            why: Wait::Cluster,
            until: None,
        },
    }
}

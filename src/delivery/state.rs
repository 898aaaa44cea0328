//! What became of a delivery as a whole.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::scope::OutOfScope;

/// The life of a delivery; that of what it wakes is told by [`super::WorkState`].
///
/// ```text
/// Accepted -> Working -> Done
///    |  |        `-----> Failed -> Accepted, when GitHub delivers it again
///    |  `---> Nothing      ^
///    `---------------------'
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum DeliveryState {
    /// On disk; what it wakes is not known yet.
    Accepted,
    /// It wakes nothing.
    Nothing { at: Timestamp, reason: NothingToDo },
    /// So many objects are to be woken.
    Working {
        since: Timestamp,
        items: u32,
        /// Of these, so many could not be woken.
        #[serde(default, skip_serializing_if = "is_zero")]
        failed: u32,
    },
    /// All of them came to their end, each as its own state tells.
    Done { at: Timestamp, items: u32 },
    /// What it wakes could not be found out, or not all of it could be woken.
    Failed { at: Timestamp, reason: String },
}

/// Why a delivery wakes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "camelCase")]
pub enum NothingToDo {
    #[error("GitHub asked whether somebody listens")]
    Ping,
    #[error("nothing follows events of this kind")]
    Event,
    #[error(transparent)]
    OutOfScope(OutOfScope),
    #[error("no object in any cluster follows it")]
    NoObject,
    #[error("the objects that follow it are not to be woken by pushes")]
    NotWanted,
}

impl DeliveryState {
    /// Of all states, as [`Self::name`] gives them.
    pub const NAMES: [&'static str; 5] = ["accepted", "nothing", "working", "done", "failed"];
    /// Of the states that are not over.
    pub const UNFINISHED: [&'static str; 2] = ["accepted", "working"];

    /// Its objects were matched: nothing to wake, or so many of them.
    #[must_use]
    pub fn matched(items: u32, now: Timestamp) -> Self {
        match items {
            0 => Self::Nothing {
                at: now,
                reason: NothingToDo::NoObject,
            },
            items => Self::Working {
                since: now,
                items,
                failed: 0,
            },
        }
    }

    /// With so many of its objects still to be woken.
    #[must_use]
    pub fn with_open(self, open: u32, now: Timestamp) -> Self {
        match self {
            Self::Working {
                items, failed: 0, ..
            } if open == 0 => Self::Done { at: now, items },
            Self::Working { items, failed, .. } if open == 0 => Self::Failed {
                at: now,
                reason: match items {
                    1 => "the object could not be woken".to_owned(),
                    items => format!("{failed} of {items} objects could not be woken"),
                },
            },
            other => other,
        }
    }

    /// So many more of its objects could not be woken.
    #[must_use]
    pub fn with_failed(self, more: u32) -> Self {
        match self {
            Self::Working {
                since,
                items,
                failed,
            } => Self::Working {
                since,
                items,
                failed: failed.saturating_add(more),
            },
            other => other,
        }
    }

    /// Clusters that had not been listed were: so many of its items became so many objects.
    #[must_use]
    pub fn listed(self, clusters: u32, objects: u32, now: Timestamp) -> Self {
        match self {
            Self::Working {
                since,
                items,
                failed,
            } => match items.saturating_add(objects).saturating_sub(clusters) {
                0 => Self::matched(0, now),
                items => Self::Working {
                    since,
                    items,
                    failed,
                },
            },
            other => other,
        }
    }

    /// When it was over; `None` while it is not.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Accepted | Self::Working { .. } => None,
            Self::Nothing { at, .. } | Self::Done { at, .. } | Self::Failed { at, .. } => Some(*at),
        }
    }

    /// As it is written in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Nothing { .. } => "nothing",
            Self::Working { .. } => "working",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether nothing more is to be done for it, so that it may be forgotten once it is old.
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Nothing { .. } | Self::Done { .. } | Self::Failed { .. }
        )
    }

    /// Whether it is worked again when GitHub delivers it again: only if it failed.
    pub fn is_taken_again(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(super) fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_delivery_is_done_when_its_last_object_is() {
        let working = DeliveryState::matched(2, at(1));
        assert_eq!(
            working,
            DeliveryState::Working {
                since: at(1),
                items: 2,
                failed: 0
            }
        );
        assert_eq!(working.clone().with_open(1, at(2)), working);
        let done = working.with_open(0, at(3));
        assert_eq!(
            done,
            DeliveryState::Done {
                at: at(3),
                items: 2
            }
        );
        assert_eq!(done.clone().with_open(0, at(4)), done);
        assert_eq!(
            DeliveryState::matched(0, at(1)),
            DeliveryState::Nothing {
                at: at(1),
                reason: NothingToDo::NoObject
            }
        );
    }

    #[test]
    fn a_delivery_has_failed_when_one_of_its_objects_could_not_be_woken() {
        let reason = |state: DeliveryState| match state.with_open(0, at(3)) {
            DeliveryState::Failed { at: ended, reason } if ended == at(3) => reason,
            other => panic!("{other:?}"),
        };
        let working = DeliveryState::matched(3, at(1));
        let twice = working.with_failed(1).with_failed(1);
        assert!(!twice.is_over() && twice.clone().with_open(1, at(2)) == twice);
        assert_eq!(reason(twice), "2 of 3 objects could not be woken");
        let only = DeliveryState::matched(1, at(1)).with_failed(1);
        assert_eq!(reason(only), "the object could not be woken");
    }

    #[test]
    fn what_waited_for_a_cluster_becomes_its_objects() {
        let working = DeliveryState::matched(2, at(1));
        assert_eq!(
            working.clone().listed(1, 3, at(2)),
            DeliveryState::Working {
                since: at(1),
                items: 4,
                failed: 0
            }
        );
        assert_eq!(
            working.clone().listed(2, 0, at(2)),
            DeliveryState::Nothing {
                at: at(2),
                reason: NothingToDo::NoObject
            }
        );
        // A cluster among those that were found may be listed in the same call.
        assert_eq!(
            working.listed(4, 5, at(2)),
            DeliveryState::Working {
                since: at(1),
                items: 3,
                failed: 0
            }
        );
    }

    #[test]
    fn only_what_failed_is_taken_again() {
        let failed = DeliveryState::Failed {
            at: at(1),
            reason: "r".into(),
        };
        assert!(failed.is_taken_again() && failed.is_over());
        for state in [DeliveryState::Accepted, DeliveryState::matched(1, at(1))] {
            assert!(!state.is_taken_again() && !state.is_over());
        }
        let done = DeliveryState::Done {
            at: at(1),
            items: 1,
        };
        assert!(!done.is_taken_again() && done.is_over());
    }

    #[test]
    fn every_state_reads_back_from_json() {
        let host = OutOfScope::Host {
            expected: "a".into(),
            got: "b".into(),
        };
        let reasons = [
            NothingToDo::Ping,
            NothingToDo::Event,
            NothingToDo::OutOfScope(host),
            NothingToDo::OutOfScope(OutOfScope::NoRepository),
            NothingToDo::NoObject,
            NothingToDo::NotWanted,
        ];
        let mut states: Vec<_> = reasons
            .map(|reason| DeliveryState::Nothing { at: at(1), reason })
            .into();
        states.extend([
            DeliveryState::Accepted,
            DeliveryState::matched(3, at(1)),
            DeliveryState::matched(3, at(1)).with_failed(1),
            DeliveryState::Done {
                at: at(1),
                items: 3,
            },
            DeliveryState::Failed {
                at: at(1),
                reason: "r".into(),
            },
        ]);
        for state in states {
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(
                serde_json::from_str::<DeliveryState>(&json).unwrap(),
                state,
                "{json}"
            );
            let start = format!("{{\"state\":\"{}\"", state.name());
            assert!(json.starts_with(&start), "{json}");
            assert!(DeliveryState::NAMES.contains(&state.name()));
            assert_eq!(state.ended_at().is_some(), state.is_over());
            let is_unfinished = DeliveryState::UNFINISHED.contains(&state.name());
            assert_eq!(is_unfinished, !state.is_over());
        }
        assert_eq!(
            serde_json::to_string(&DeliveryState::matched(3, at(1))).unwrap(),
            r#"{"state":"working","since":"1970-01-01T00:00:01Z","items":3}"#
        );
    }
}

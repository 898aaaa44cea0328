//! How far an object has come that was annotated, and what became of it in the end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::DeliveryKey;
use super::state::is_zero;
use super::work::Token;

/// The most objects that are kept by name of those that use one source.
pub const USERS_KEPT: usize = 200;

/// What was seen of an object since it was annotated; times are when we saw it.
///
/// ```text
/// annotated -> acknowledged -> fetched -> applied by all that use it -> healthy there: Proven
///     on the way: Following <-> Failing; at the end else Failed, Unproven, Overtaken, Suspended, Gone
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    pub annotated_at: Timestamp,
    /// Its controller answered the token; also where it failed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Fetched>,
    /// By all that use it; never, where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_at: Option<Timestamp>,
    /// It had fetched an older commit, and so was asked once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
    /// What it had fetched when it was annotated; nobody knows it any more after a restart.
    #[serde(skip)]
    pub revision_before: Option<String>,
    /// What uses it, at most [`USERS_KEPT`] of them in the store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserProof>,
    /// So many more use it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_users: u32,
    #[serde(flatten)]
    pub state: ProofState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetched {
    pub at: Timestamp,
    pub revision: String,
    /// It is another than the wanted one, of which no delivery tells; so it is taken as a newer one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_as_newer: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Again {
    pub times: u32,
    pub at: Timestamp,
    /// The last one.
    pub token: Token,
}

/// Where it stands, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ProofState {
    Following {
        /// What it waits for, in words.
        waits: String,
    },
    /// Flux tries again by itself, so it may still become well.
    Failing {
        since: Timestamp,
        failure: Failure,
    },
    /// Fetched, and applied and healthy wherever it is used.
    Proven {
        at: Timestamp,
    },
    /// It was failing when its time was over.
    Failed {
        at: Timestamp,
        failure: Failure,
    },
    /// A later revision took its place before it was done.
    Overtaken {
        at: Timestamp,
        /// `None`: too many pushes to one object were followed at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<String>,
        /// The delivery that told of it, where one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<DeliveryKey>,
    },
    Unproven {
        at: Timestamp,
        reason: String,
    },
    /// Of the object, or of all that uses it.
    Suspended {
        at: Timestamp,
    },
    Gone {
        at: Timestamp,
    },
}

/// An object that uses the source, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserProof {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    /// Of a HelmRelease: the version of its chart when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_before: Option<String>,
    #[serde(flatten)]
    pub state: UserState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum UserState {
    Waiting {
        /// For what, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    Failing {
        since: Timestamp,
        /// It had applied the revision before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        applied_at: Option<Timestamp>,
        failure: Failure,
    },
    Applied {
        at: Timestamp,
        revision: String,
    },
    Healthy {
        applied_at: Timestamp,
        at: Timestamp,
        revision: String,
    },
    /// Its chart was built from the new revision, and has no new version: nothing is to be applied.
    NoNewVersion {
        at: Timestamp,
        version: String,
    },
    Suspended {
        at: Timestamp,
    },
    Overtaken {
        at: Timestamp,
        revision: String,
    },
}

/// What an object says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// `Kustomization apps/web`.
    pub object: String,
    /// The type of the condition: `Ready`, or `Stalled` where nothing is tried again.
    pub condition: String,
    pub reason: String,
    pub message: String,
}

/// What was reached, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    Annotated,
    Acknowledged,
    Fetched,
    Applied,
    Healthy,
}

impl Stage {
    pub const ALL: [Self; 5] = [
        Self::Annotated,
        Self::Acknowledged,
        Self::Fetched,
        Self::Applied,
        Self::Healthy,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Annotated => "annotated",
            Self::Acknowledged => "acknowledged",
            Self::Fetched => "fetched",
            Self::Applied => "applied",
            Self::Healthy => "healthy",
        }
    }
}

impl Proof {
    /// Of what was annotated just now.
    pub fn begin(annotated_at: Timestamp) -> Self {
        Self {
            annotated_at,
            acknowledged_at: None,
            fetched: None,
            applied_at: None,
            healthy_at: None,
            again: None,
            revision_before: None,
            users: Vec::new(),
            more_users: 0,
            state: ProofState::Following {
                waits: "for its controller to answer".to_owned(),
            },
        }
    }

    /// When a stage was reached; a later one may be without an earlier one.
    pub fn reached(&self, stage: Stage) -> Option<Timestamp> {
        match stage {
            Stage::Annotated => Some(self.annotated_at),
            Stage::Acknowledged => self.acknowledged_at,
            Stage::Fetched => self.fetched.as_ref().map(|fetched| fetched.at),
            Stage::Applied => self.applied_at,
            Stage::Healthy => self.healthy_at,
        }
    }

    /// The last stage that was reached.
    pub fn stage(&self) -> Stage {
        let mut stages = Stage::ALL.into_iter().rev();
        let reached = stages.find(|stage| self.reached(*stage).is_some());
        reached.unwrap_or(Stage::Annotated)
    }

    /// Whether the object has what it was woken for, or something later, or is no more.
    pub fn is_settled(&self) -> bool {
        matches!(
            self.state,
            ProofState::Proven { .. } | ProofState::Overtaken { .. } | ProofState::Gone { .. }
        )
    }

    pub fn is_over(&self) -> bool {
        self.ended_at().is_some()
    }

    /// When it ended; `None` while it is followed.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match &self.state {
            ProofState::Following { .. } | ProofState::Failing { .. } => None,
            ProofState::Proven { at }
            | ProofState::Failed { at, .. }
            | ProofState::Overtaken { at, .. }
            | ProofState::Unproven { at, .. }
            | ProofState::Suspended { at }
            | ProofState::Gone { at } => Some(*at),
        }
    }

    /// Whether a later one says something that is worth to be kept at once: more than another reason to wait.
    pub fn differs_much(&self, later: &Self) -> bool {
        let stages = |proof: &Self| Stage::ALL.map(|stage| proof.reached(stage));
        let users = |proof: &Self| {
            let users = proof.users.iter();
            users.map(|user| user.state.name()).collect::<Vec<_>>()
        };
        self.state.name() != later.state.name()
            || self.again != later.again
            || stages(self) != stages(later)
            || users(self) != users(later)
    }

    /// As it is kept: those that are not well come first, and what is too many is counted.
    #[must_use]
    pub fn bounded(&self) -> Self {
        let mut kept = self.clone();
        if kept.users.len() > USERS_KEPT {
            kept.users.sort_by_key(|user| user.state.is_settled());
            let more = kept.users.split_off(USERS_KEPT).len();
            kept.more_users = u32::try_from(more).unwrap_or(u32::MAX);
        }
        kept
    }
}

impl ProofState {
    /// As it is written in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Following { .. } => "following",
            Self::Failing { .. } => "failing",
            Self::Proven { .. } => "proven",
            Self::Failed { .. } => "failed",
            Self::Overtaken { .. } => "overtaken",
            Self::Unproven { .. } => "unproven",
            Self::Suspended { .. } => "suspended",
            Self::Gone { .. } => "gone",
        }
    }
}

impl UserState {
    /// As it is written in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Failing { .. } => "failing",
            Self::Applied { .. } => "applied",
            Self::Healthy { .. } => "healthy",
            Self::NoNewVersion { .. } => "noNewVersion",
            Self::Suspended { .. } => "suspended",
            Self::Overtaken { .. } => "overtaken",
        }
    }

    /// When it had applied the revision, where it has.
    pub fn applied_at(&self) -> Option<Timestamp> {
        match self {
            Self::Applied { at, .. } => Some(*at),
            Self::Healthy { applied_at, .. } => Some(*applied_at),
            Self::Failing { applied_at, .. } => *applied_at,
            _ => None,
        }
    }

    /// Whether nothing more is expected of it.
    pub fn is_settled(&self) -> bool {
        matches!(
            self,
            Self::Healthy { .. }
                | Self::NoNewVersion { .. }
                | Self::Suspended { .. }
                | Self::Overtaken { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn user(name: &str, state: UserState) -> UserProof {
        UserProof {
            kind: "Kustomization".into(),
            namespace: "apps".into(),
            name: name.into(),
            version_before: None,
            state,
        }
    }

    #[test]
    fn every_state_reads_back_from_json_under_its_name() {
        let failure = || Failure {
            object: "Kustomization apps/web".into(),
            condition: "Ready".into(),
            reason: "BuildFailed".into(),
            message: "no".into(),
        };
        let states = [
            ProofState::Following { waits: "w".into() },
            ProofState::Failing {
                since: at(2),
                failure: failure(),
            },
            ProofState::Proven { at: at(2) },
            ProofState::Failed {
                at: at(2),
                failure: failure(),
            },
            ProofState::Overtaken {
                at: at(2),
                revision: Some("r".into()),
                by: None,
            },
            ProofState::Unproven {
                at: at(2),
                reason: "r".into(),
            },
            ProofState::Suspended { at: at(2) },
            ProofState::Gone { at: at(2) },
        ];
        let mut proof = Proof::begin(at(1));
        let revision = || "main@sha1:aa".to_owned();
        proof.users = vec![
            user("a", UserState::Waiting { why: None }),
            user(
                "b",
                UserState::Healthy {
                    applied_at: at(3),
                    at: at(4),
                    revision: revision(),
                },
            ),
        ];
        for state in states {
            proof.state = state;
            let json = serde_json::to_value(&proof).unwrap();
            assert_eq!(json["state"], proof.state.name());
            assert_eq!(json["users"][1]["state"], "healthy");
            assert_eq!(serde_json::from_value::<Proof>(json).unwrap(), proof);
        }
    }

    #[test]
    fn the_stage_is_the_last_that_was_reached_though_an_earlier_one_was_not_seen() {
        let mut proof = Proof::begin(at(1));
        assert_eq!(proof.stage(), Stage::Annotated);
        proof.fetched = Some(Fetched {
            at: at(2),
            revision: "r".into(),
            taken_as_newer: false,
        });
        assert_eq!(proof.stage(), Stage::Fetched);
        assert_eq!(proof.reached(Stage::Acknowledged), None);
    }

    #[test]
    fn what_is_not_well_is_kept_first_and_the_rest_is_counted() {
        let mut proof = Proof::begin(at(1));
        for number in 0..USERS_KEPT + 5 {
            let state = UserState::Suspended { at: at(1) };
            proof.users.push(user(&number.to_string(), state));
        }
        proof
            .users
            .push(user("last", UserState::Waiting { why: None }));
        let kept = proof.bounded();
        assert_eq!((kept.users.len(), kept.more_users), (USERS_KEPT, 6));
        assert_eq!(kept.users[0].name, "last");
    }

    #[test]
    fn another_reason_to_wait_is_no_news() {
        let proof = Proof::begin(at(1));
        let mut later = proof.clone();
        later.state = ProofState::Following { waits: "x".into() };
        assert!(!proof.differs_much(&later));
        later.acknowledged_at = Some(at(2));
        assert!(proof.differs_much(&later));
    }
}

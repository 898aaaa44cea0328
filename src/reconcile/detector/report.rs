//! What the detector does and why, as data for people and programs.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

/// What is asked for, how often and why so often, and what cannot be seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DetectorReport {
    pub identities: Vec<IdentityReport>,
}

/// What is asked as one identity of one host.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityReport {
    pub host: String,
    pub identity: String,
    pub repositories: usize,
    pub refs: usize,
    /// Objects that follow more than is asked for.
    pub left_off: usize,
    pub lanes: Vec<LaneReport>,
    /// Organisations and users that are asked which of their repositories were pushed to.
    pub owners: Vec<String>,
    /// What this pace costs.
    pub points_per_hour: f64,
    /// What was spent since the program started, as GitHub told.
    pub points: u64,
    /// Refs in one query now.
    pub batch: usize,
    /// When the last round ended in which all was asked that was due.
    pub last_round: Option<Timestamp>,
    /// Why nothing can be asked now.
    pub trouble: Option<Trouble>,
    /// The first thousand.
    pub faults: Vec<FaultReport>,
}

/// Refs that are asked for at one pace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneReport {
    /// `every` or `sweep`.
    pub cadence: &'static str,
    /// `production`, `staging` or `development`.
    pub weight: &'static str,
    pub refs: usize,
    /// As it was asked for, a Go duration.
    pub every: String,
    /// As it is.
    pub interval: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    pub reason: String,
    pub since: Timestamp,
    pub failures: u32,
}

/// What cannot be seen, or not as the objects name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultReport {
    /// `owner/name`, or an owner alone.
    pub repository: String,
    /// `None`: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// `notSeen`, `forbidden`, `singleSignOn`, `blocked`, `unanswered`; `renamed`, `archived`, `disabled` and
    /// `absent` are seen and asked for as before.
    pub kind: &'static str,
    pub reason: String,
    pub since: Timestamp,
    /// How often in a row; the pauses between them grow up to an hour.
    #[serde(skip_serializing_if = "is_zero")]
    pub failures: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Where the detector writes what it does, and others read it. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct DetectorBoard(Arc<Mutex<DetectorReport>>);

impl DetectorBoard {
    pub fn report(&self) -> DetectorReport {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn show(&self, shown: IdentityReport) {
        let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let identities = &mut report.identities;
        let same = identities
            .iter_mut()
            .find(|it| it.host == shown.host && it.identity == shown.identity);
        match same {
            Some(before) => *before = shown,
            None => {
                identities.push(shown);
                identities.sort_by(|one, other| {
                    (&one.host, &one.identity).cmp(&(&other.host, &other.identity))
                });
            }
        }
    }
}

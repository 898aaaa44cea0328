//! What a ledger remembers over a restart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::clock::Clock;
use super::moment::Moment;
use super::pressure::KeptPressure;

/// Written as JSON and read again; what is in it is the ledger's affair. It holds figures and times,
/// no token and nothing that a token could be made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerState {
    pub(super) clock: Clock,
    /// When an answer was seen last, by GitHub's clock.
    #[serde(default)]
    pub(super) heard: Option<Moment>,
    pub(super) pressure: KeptPressure,
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) routes: BTreeMap<String, String>,
}

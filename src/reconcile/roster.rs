//! Which replica holds what, as this one knows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::{Board, Fence};

/// The lease of all that is done once for all clusters.
pub const FLEET: &str = "fleet";
const CLUSTER: &str = "cluster/";

/// The lease of all that is done in a cluster.
pub fn cluster_lease(cluster: &str) -> String {
    format!("{CLUSTER}{cluster}")
}

/// Who holds what, as we know it now; a clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Roster(Arc<Mutex<Stand>>);

#[derive(Debug, Default)]
pub(super) struct Stand {
    /// `None`: there is one process alone.
    pub(super) replica: Option<Arc<str>>,
    pub(super) board: Board,
    pub(super) ours: BTreeMap<String, Fence>,
}

impl Roster {
    /// Whether this process does what belongs to a lease.
    pub fn holds(&self, lease: &str) -> bool {
        let stand = self.stand();
        stand.replica.is_none() || stand.ours.get(lease).is_some_and(Fence::is_held)
    }

    /// The replica that holds a lease; `None` where nobody does, or there is one process alone.
    pub fn holder(&self, lease: &str) -> Option<String> {
        let stand = self.stand();
        if stand.ours.get(lease).is_some_and(Fence::is_held) {
            return stand.replica.as_deref().map(str::to_owned);
        }
        let row = stand.board.leases.iter().find(|row| row.name == lease);
        let holder = row.and_then(|row| row.holder.clone());
        holder.filter(|holder| stand.replica.as_deref() != Some(holder))
    }

    /// Whether a replica has held a lease of late, be it that nobody does now.
    pub fn is_known(&self, lease: &str) -> bool {
        let stand = self.stand();
        stand.board.leases.iter().any(|row| row.name == lease)
    }

    /// The clusters that a replica holds now, and that replica.
    pub fn clusters(&self) -> Vec<(String, String)> {
        let stand = self.stand();
        let rows = stand.board.leases.iter();
        let held = rows.filter_map(|row| {
            let cluster = row.name.strip_prefix(CLUSTER)?;
            Some((cluster.to_owned(), row.holder.clone()?))
        });
        held.collect()
    }

    pub(super) fn stand(&self) -> MutexGuard<'_, Stand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

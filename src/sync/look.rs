//! Clusters that are watched for as long as a command looks at them.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::catalog::{HostNames, Kind, LiveCluster};
use crate::cluster::{Cluster, ClusterAccess};

use super::pace::Pace;
use super::watch_cluster::watch_cluster;

/// Lists that are read at once, of all clusters.
const LISTS_AT_ONCE: usize = 8;
/// What a person waits for is asked again sooner than what a service waits for.
const AGAIN_AT_MOST: Duration = Duration::from_secs(2);

/// Clusters that are watched until this is dropped.
#[derive(Debug)]
pub struct Look {
    pub clusters: Vec<Looked>,
    stop: CancellationToken,
    /// Ends them when it is dropped.
    _watches: JoinSet<()>,
}

/// One cluster, and what is known of it.
#[derive(Debug, Clone)]
pub struct Looked {
    pub cluster: Arc<Cluster>,
    pub live: Arc<LiveCluster>,
}

impl Look {
    /// Begins to watch.
    pub fn begin(accesses: Vec<ClusterAccess>, hosts: &Arc<HostNames>) -> Self {
        let stop = CancellationToken::new();
        let lists = Arc::new(Semaphore::new(LISTS_AT_ONCE));
        let pace = Pace {
            longest_pause: AGAIN_AT_MOST,
            ..Pace::default()
        };
        let mut watches = JoinSet::new();
        let looked = |access: ClusterAccess| {
            let cluster = Arc::new(Cluster::new(access));
            let live = Arc::new(LiveCluster::new(Arc::clone(cluster.name())));
            watches.spawn(watch_cluster(
                Arc::clone(&cluster),
                Arc::clone(&live),
                Arc::clone(hosts),
                Arc::clone(&lists),
                pace,
                stop.clone(),
            ));
            Looked { cluster, live }
        };
        Self {
            clusters: accesses.into_iter().map(looked).collect(),
            stop,
            _watches: watches,
        }
    }

    /// Waits until of each cluster each kind was listed, is absent, or was tried in vain; at most so long.
    pub async fn until_tried(&self, within: Duration) {
        let tried = self.clusters.iter().map(|looked| looked.until_tried());
        // What is not there by then is told as such.
        let _ = timeout(within, join_all(tried)).await;
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Looked {
    async fn until_tried(&self) {
        let mut changes = self.live.watch_changes();
        while !self.live.is_tried() {
            // It is never dropped while we hold it.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Why nothing at all is known of it, where that is so.
    pub fn away(&self) -> Option<Arc<str>> {
        let cache = self.live.read();
        if Kind::ALL.iter().any(|kind| cache.scope(*kind).is_known()) {
            return None;
        }
        let fault = self.live.faults().into_values().next();
        Some(fault.unwrap_or_else(|| "it did not answer in time".into()))
    }
}

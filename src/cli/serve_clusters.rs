//! The clusters that are watched; one whose access stays the same is watched on when the configuration changes.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::catalog::{HostNames, LiveCluster};
use crate::cluster::{Cluster, ClusterAccess};
use crate::config::Configuration;
use crate::reconcile::wake_what_went_back;
use crate::store::Store;
use crate::sync::{self, watch_cluster};

use super::serve_settings::accesses;
use super::serve_tasks::Tasks;

/// Lists that are read at once, of all clusters: each takes memory.
const LISTS_AT_ONCE: usize = 4;

/// Every cluster that is watched.
#[derive(Debug)]
pub(super) struct Watches {
    watched: Vec<Watched>,
    /// By which objects were read: with others all are read again.
    hosts: Option<Arc<HostNames>>,
    lists: Arc<Semaphore>,
    store: Store,
    arrived: Arc<Notify>,
    stop: CancellationToken,
}

#[derive(Debug, Clone)]
struct Watched {
    access: ClusterAccess,
    cluster: Arc<Cluster>,
    live: Arc<LiveCluster>,
    stop: CancellationToken,
}

/// The clusters of one configuration, in its order.
#[derive(Debug, Clone)]
pub(super) struct Clusters {
    pub(super) ways: Vec<Arc<Cluster>>,
    pub(super) live: Vec<Arc<LiveCluster>>,
}

impl Watches {
    pub(super) fn new(store: Store, arrived: Arc<Notify>, stop: CancellationToken) -> Self {
        Self {
            watched: Vec::new(),
            hosts: None,
            lists: Arc::new(Semaphore::new(LISTS_AT_ONCE)),
            store,
            arrived,
            stop,
        }
    }

    /// Watches the clusters of a configuration, and no others any more.
    pub(super) fn follow(
        &mut self,
        folder: &Path,
        configuration: &Configuration,
        only: &[String],
        tasks: &mut Tasks,
    ) -> Clusters {
        let hosts = HostNames::new(&configuration.github);
        let mut before = std::mem::take(&mut self.watched);
        let hosts = match self.hosts.take().filter(|before| **before == hosts) {
            Some(same) => same,
            None => {
                before.drain(..).for_each(|watched| watched.stop.cancel());
                Arc::new(hosts)
            }
        };
        for access in accesses(folder, configuration, only) {
            let place = before.iter().position(|watched| watched.access == access);
            let watched = match place {
                Some(place) => before.swap_remove(place),
                None => self.start(access, &hosts, tasks),
            };
            self.watched.push(watched);
        }
        before.iter().for_each(|watched| watched.stop.cancel());
        self.hosts = Some(hosts);
        let watched = self.watched.iter();
        Clusters {
            ways: watched.clone().map(|it| Arc::clone(&it.cluster)).collect(),
            live: watched.map(|it| Arc::clone(&it.live)).collect(),
        }
    }

    fn start(&self, access: ClusterAccess, hosts: &Arc<HostNames>, tasks: &mut Tasks) -> Watched {
        let stop = self.stop.child_token();
        let live = Arc::new(LiveCluster::new(Arc::clone(&access.name)));
        let cluster = Arc::new(Cluster::new(access.clone()));
        let watch = watch_cluster(
            Arc::clone(&cluster),
            Arc::clone(&live),
            Arc::clone(hosts),
            Arc::clone(&self.lists),
            sync::Pace::default(),
            stop.clone(),
        );
        tasks.start("watches", &stop, watch);
        let restored = wake_what_went_back(
            Arc::clone(&live),
            self.store.clone(),
            Arc::clone(&self.arrived),
            stop.clone(),
        );
        tasks.start("look-out for restored clusters", &stop, restored);
        Watched {
            access,
            cluster,
            live,
            stop,
        }
    }
}

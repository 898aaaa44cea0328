//! The clusters that are watched; one whose access stays the same is watched on when the configuration changes.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::catalog::{HostNames, LiveCluster};
use crate::cluster::{Cluster, ClusterAccess};
use crate::config::Configuration;

use super::serve_duties::Watched;
use super::serve_settings::accesses;
use super::serve_tasks::Tasks;

/// Lists that are read at once, of all clusters: each takes memory.
const LISTS_AT_ONCE: usize = 4;

/// Every cluster that is watched.
#[derive(Debug)]
pub(super) struct Watches {
    followed: Vec<Followed>,
    /// By which objects were read: with others all are read again.
    hosts: Option<Arc<HostNames>>,
    lists: Arc<Semaphore>,
    /// Every cluster is ours, and stays so when the configuration changes.
    is_alone: bool,
    stop: CancellationToken,
}

#[derive(Debug, Clone)]
struct Followed {
    access: ClusterAccess,
    watched: Arc<Watched>,
    stop: CancellationToken,
}

/// The clusters of one configuration, in its order.
#[derive(Debug, Clone)]
pub(super) struct Clusters {
    pub(super) ways: Vec<Arc<Cluster>>,
    pub(super) live: Vec<Arc<LiveCluster>>,
    pub(super) watched: Vec<Arc<Watched>>,
}

impl Watches {
    pub(super) fn new(is_alone: bool, stop: CancellationToken) -> Self {
        Self {
            followed: Vec::new(),
            hosts: None,
            lists: Arc::new(Semaphore::new(LISTS_AT_ONCE)),
            is_alone,
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
        let mut before = std::mem::take(&mut self.followed);
        let hosts = match self.hosts.take().filter(|before| **before == hosts) {
            Some(same) => same,
            None => {
                before.drain(..).for_each(|followed| followed.stop.cancel());
                Arc::new(hosts)
            }
        };
        for access in accesses(folder, configuration, only) {
            let place = before.iter().position(|it| it.access == access);
            let followed = match place {
                Some(place) => before.swap_remove(place),
                None => self.start(access, &hosts, tasks),
            };
            self.followed.push(followed);
        }
        before.iter().for_each(|followed| followed.stop.cancel());
        self.hosts = Some(hosts);
        let watched = self.followed.iter().map(|it| Arc::clone(&it.watched));
        Clusters {
            ways: watched.clone().map(|it| Arc::clone(&it.cluster)).collect(),
            live: watched.clone().map(|it| Arc::clone(&it.live)).collect(),
            watched: watched.collect(),
        }
    }

    fn start(&self, access: ClusterAccess, hosts: &Arc<HostNames>, tasks: &mut Tasks) -> Followed {
        let stop = self.stop.child_token();
        let live = Arc::new(LiveCluster::new(Arc::clone(&access.name)));
        let cluster = Arc::new(Cluster::new(access.clone()));
        let watched = Watched::new(cluster, live, self.is_alone);
        let watch =
            Arc::clone(&watched).watch(Arc::clone(hosts), Arc::clone(&self.lists), stop.clone());
        tasks.start("watches", &stop, watch);
        Followed {
            access,
            watched,
            stop,
        }
    }
}

//! Keeps the catalog in step with one cluster.

use std::sync::{Arc, Mutex};

use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::catalog::{HostNames, Kind, LiveCluster, Projector};
use crate::cluster::Cluster;

use super::kind_watch::KindWatch;
use super::pace::Pace;

/// Keeps `live` in step with its cluster until `stop`; never returns otherwise.
///
/// What goes wrong is told by [`LiveCluster::progress`] and logged once, and once more when it is mended. Of `lists`
/// each list takes one permit while its objects arrive, so that the lists of many clusters do not fill the memory.
pub async fn watch_cluster(
    cluster: Arc<Cluster>,
    live: Arc<LiveCluster>,
    hosts: Arc<HostNames>,
    lists: Arc<Semaphore>,
    pace: Pace,
    stop: CancellationToken,
) {
    let projector = Projector::new(Arc::clone(cluster.name()), hosts);
    // Of all kinds one, for they share most texts.
    let projector = Arc::new(Mutex::new(projector));
    let watches = Kind::ALL.into_iter().map(|kind| {
        KindWatch::new(
            kind,
            Arc::clone(&cluster),
            Arc::clone(&live),
            Arc::clone(&projector),
            Arc::clone(&lists),
            pace,
        )
        .run()
    });
    stop.run_until_cancelled(join_all(watches)).await;
}

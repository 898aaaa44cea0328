//! What works for one cluster is given to work with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::catalog::LiveCluster;
use crate::cluster::Cluster;
use crate::store::Store;

use super::matcher::Matcher;
use super::metrics::Metrics;
use super::steps::Mode;

#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) cluster: Arc<Cluster>,
    pub(super) live: Arc<LiveCluster>,
    pub(super) store: Store,
    /// Rings where there is new work to be read.
    pub(super) bell: Arc<Notify>,
    pub(super) matcher: Arc<Matcher>,
    pub(super) give_up_after: Duration,
    pub(super) mode: Mode,
    pub(super) metrics: Metrics,
}

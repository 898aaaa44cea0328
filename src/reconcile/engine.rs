//! From the inbox to the clusters: matches what was accepted, and hands each cluster its work.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::catalog::LiveCluster;
use crate::cluster::Cluster;
use crate::delivery::{Step, WorkState};
use crate::store::{Filter, Store, StoredDelivery, StoredWork, WorkId, Write};

use super::annotator::Annotator;
use super::follower::Follower;
use super::matcher::Matcher;
use super::means::Means;
use super::metrics::{EventLabels, Metrics};
use super::record::{kept_already, until_stored, write_all};
use super::steps::Mode;

/// Deliveries that are matched and stored together.
const BATCH: u32 = 500;
/// Work that is read from the store at once.
const PAGE: u32 = 1_000;
/// Names of repositories that are learnt from kept deliveries at most.
const NAMES: usize = 100_000;
/// The inbox is looked into so often even when nobody says that something came.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Batches of work that may wait for one cluster; then the inbox waits.
const WORK_BATCHES: usize = 64;

/// What turns deliveries into annotations.
#[derive(Debug)]
pub struct Engine {
    pub store: Store,
    pub matcher: Arc<Matcher>,
    /// How each cluster of the matcher is reached, in its order.
    pub ways: Vec<Arc<Cluster>>,
    /// Told after each delivery that was accepted.
    pub arrived: Arc<Notify>,
    pub give_up_after: Duration,
    /// So long an object is followed that was annotated.
    pub prove_within: Duration,
    pub mode: Mode,
    pub metrics: Metrics,
}

impl Engine {
    /// Works until it is told to stop, or one of its tasks dies. What was left by an earlier run goes on.
    pub async fn run(self, stop: CancellationToken) {
        let mut annotators = JoinSet::new();
        let mut clusters = HashMap::new();
        for (live, way) in self.matcher.clusters().iter().zip(&self.ways) {
            let Some(left) = self.left(live.name(), &stop).await else {
                return;
            };
            if !left.is_empty() {
                info!(cluster = %live.name(), objects = left.len(), "goes on with work of an earlier run");
            }
            let (sender, receiver) = mpsc::channel(WORK_BATCHES);
            let means = self.means(live, way);
            let (follower, followed) = Follower::new(means.clone(), self.prove_within);
            annotators.spawn(follower.run(stop.clone()));
            let annotator = Annotator::new(means, followed, left);
            annotators.spawn(annotator.run(receiver, stop.clone()));
            clusters.insert(Arc::clone(live.name()), sender);
        }
        if let Err(fault) = self.work(&clusters, &mut annotators, &stop).await {
            // What dies must not look alive: all of the program ends then.
            error!("annotations ended by a fault of ours: {fault}");
            return;
        }
        drop(clusters);
        while annotators.join_next().await.is_some() {}
    }

    async fn work(
        &self,
        clusters: &HashMap<Arc<str>, mpsc::Sender<Vec<StoredWork>>>,
        annotators: &mut JoinSet<Result<(), JoinError>>,
        stop: &CancellationToken,
    ) -> Result<(), JoinError> {
        let mut worked = std::pin::pin!(self.work_inbox(clusters, stop));
        tokio::select! {
            () = &mut worked => {}
            Some(ended) = annotators.join_next() => {
                ended.flatten()?;
                // It was told to stop; what the inbox writes is written to its end.
                worked.await;
            }
        }
        Ok(())
    }

    async fn work_inbox(
        &self,
        clusters: &HashMap<Arc<str>, mpsc::Sender<Vec<StoredWork>>>,
        stop: &CancellationToken,
    ) {
        self.give_up_strangers(clusters, stop).await;
        self.remember_names(stop).await;
        while !stop.is_cancelled() {
            let Some(batch) = until_stored(stop, || self.store.unmatched(None, BATCH)).await else {
                return;
            };
            if batch.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.arrived.notified() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
                continue;
            }
            let Some(work) = self.match_all(&batch, stop).await else {
                return;
            };
            hand_out(work, clusters).await;
        }
    }

    fn means(&self, live: &Arc<LiveCluster>, way: &Arc<Cluster>) -> Means {
        Means {
            cluster: Arc::clone(way),
            live: Arc::clone(live),
            store: self.store.clone(),
            matcher: Arc::clone(&self.matcher),
            give_up_after: self.give_up_after,
            mode: self.mode,
            metrics: self.metrics.clone(),
        }
    }

    async fn left(&self, cluster: &str, stop: &CancellationToken) -> Option<Vec<StoredWork>> {
        let mut left: Vec<StoredWork> = Vec::new();
        loop {
            let after: Option<WorkId> = left.last().map(|work| work.id);
            let page = until_stored(stop, || self.store.open_work(cluster, after, PAGE)).await?;
            if page.is_empty() {
                return Some(left);
            }
            left.extend(page);
        }
    }

    /// Learns what repositories were called before from the deliveries that are kept.
    async fn remember_names(&self, stop: &CancellationToken) {
        let mut told = Vec::new();
        let mut seen = HashSet::new();
        let mut filter = Filter {
            limit: BATCH,
            ..Filter::default()
        };
        loop {
            let page = until_stored(stop, || self.store.deliveries(&filter)).await;
            let Some(page) = page else { return };
            for stored in &page {
                let names: Vec<_> = self.matcher.names_told(&stored.delivery).collect();
                // The newest delivery comes first here, and the newest name is to be learnt last.
                for name in names.into_iter().rev() {
                    if seen.insert(name.clone()) {
                        told.push(name);
                    }
                }
            }
            match page.last() {
                Some(last) if told.len() < NAMES => filter.before = Some(last.id),
                _ => break,
            }
        }
        self.matcher.learn_names(told.into_iter().rev());
    }

    /// Work for clusters that the configuration does not name any more can never be done.
    async fn give_up_strangers(
        &self,
        clusters: &HashMap<Arc<str>, mpsc::Sender<Vec<StoredWork>>>,
        stop: &CancellationToken,
    ) {
        let Some(counts) = until_stored(stop, || self.store.counts()).await else {
            return;
        };
        for cluster in counts.open_work.keys() {
            if clusters.contains_key(cluster.as_str()) {
                continue;
            }
            warn!(%cluster, "gives up the work for a cluster that is not configured any more");
            let Some(left) = self.left(cluster, stop).await else {
                return;
            };
            let now = Timestamp::now();
            let reason = format!("cluster `{cluster}` is not configured any more");
            let writes = left.iter().filter_map(|work| {
                let state: WorkState = work.state.after(Step::Fail(reason.clone()), now).ok()?;
                Some(Write::Work { id: work.id, state })
            });
            let writes: Vec<Write> = writes.collect();
            // In steps, for deliveries are taken in meanwhile.
            for some in writes.chunks(PAGE as usize) {
                if write_all(&self.store, some, stop).await.is_none() {
                    return;
                }
            }
        }
    }

    async fn match_all(
        &self,
        batch: &[StoredDelivery],
        stop: &CancellationToken,
    ) -> Option<Vec<StoredWork>> {
        let now = Timestamp::now();
        let matched = batch.iter().map(|stored| {
            let (state, work) = self.matcher.work(&stored.delivery, now);
            Write::Matched {
                delivery: stored.id,
                state,
                work,
            }
        });
        let writes: Vec<Write> = matched.collect();
        let mut made = write_all(&self.store, &writes, stop).await?;
        let written = batch.iter().map(|stored| stored.id).zip(&writes);
        let kept = kept_already(&self.store, written, &made, stop).await?;
        made.extend(kept);
        for (stored, write) in batch.iter().zip(&writes) {
            let Write::Matched { state, work, .. } = write else {
                continue;
            };
            let labels = EventLabels {
                state: state.name(),
            };
            self.metrics.matched.get_or_create(&labels).inc();
            let (key, objects) = (&stored.delivery.key, work.len());
            let (webhook, state) = (&key.webhook, state.name());
            info!(delivery = %key.guid, %webhook, state, objects, "matched the delivery {key}: {state}, {objects} objects");
        }
        Some(made)
    }
}

async fn hand_out(
    work: Vec<StoredWork>,
    clusters: &HashMap<Arc<str>, mpsc::Sender<Vec<StoredWork>>>,
) {
    let mut by_cluster: HashMap<Arc<str>, Vec<StoredWork>> = HashMap::new();
    for work in work {
        let of_cluster = by_cluster.entry(Arc::clone(&work.cluster)).or_default();
        of_cluster.push(work);
    }
    for (cluster, work) in by_cluster {
        if let Some(sender) = clusters.get(&cluster) {
            // It fails only where the annotator has ended, because the program does.
            let _ = sender.send(work).await;
        }
    }
}

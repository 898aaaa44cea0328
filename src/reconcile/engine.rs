//! From the inbox to the clusters: matches what was accepted, and hands each cluster its work.
//!
//! ```text
//! inbox -> match -> store (work) -> bell -> each cluster's feed: work after the last it read -> annotator
//! ```
//!
//! Both sides meet in the store alone, so that they may be of different processes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::catalog::LiveCluster;
use crate::cluster::Cluster;
use crate::delivery::{DeliveryState, Step, WorkState};
use crate::store::{DeliveryId, Store, StoredDelivery, StoredWork, WorkId, Write};

use super::annotator::Annotator;
use super::follower::Follower;
use super::matcher::Matcher;
use super::means::Means;
use super::metrics::{EventLabels, Metrics};
use super::names;
use super::record::{until_stored, write_all};
use super::roster::{Roster, cluster_lease};
use super::steps::Mode;

/// Deliveries that are matched and stored together.
const BATCH: u32 = 500;
/// Objects that are stored together: who takes deliveries in meanwhile waits for no more.
const OBJECTS_AT_ONCE: usize = 1_000;
/// A changed configuration comes to replicas at different times, a ConfigMap within two minutes. What one does not know
/// for so long, none does.
const CONFIGURED_WITHIN: Duration = Duration::from_secs(5 * 60);
/// Work that is read from the store at once.
const PAGE: u32 = 1_000;
/// The inbox and the work are looked into so often even when nobody says that something came.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Pages of work that may wait for one cluster; then no more is read.
const WORK_PAGES: usize = 4;

/// Rings where there is new work for a cluster.
#[derive(Debug, Clone, Default)]
pub struct Bells(Arc<Mutex<HashMap<Arc<str>, Arc<Notify>>>>);

impl Bells {
    pub fn of(&self, cluster: &str) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(cluster.into()).or_default())
    }

    pub fn ring(&self, cluster: &str) {
        self.of(cluster).notify_one();
    }

    /// All of them: something may have been missed.
    pub fn ring_all(&self) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.values().for_each(|bell| bell.notify_one());
    }
}

/// What turns deliveries into annotations.
#[derive(Debug)]
pub struct Engine {
    pub matcher: Arc<Matcher>,
    /// How each cluster of the matcher is reached, in its order.
    pub ways: Vec<Arc<Cluster>>,
    /// Told after each delivery that was accepted.
    pub arrived: Arc<Notify>,
    pub bells: Bells,
    /// Who holds which cluster.
    pub roster: Roster,
    pub give_up_after: Duration,
    /// So long an object is followed that was annotated.
    pub prove_within: Duration,
    pub mode: Mode,
    pub metrics: Metrics,
}

impl Engine {
    /// Matches what was accepted until it is told to stop.
    pub async fn match_inbox(&self, store: &Store, stop: &CancellationToken) {
        let is_alone = store.leases().is_none();
        let strangers = async {
            if is_alone {
                return self.give_up_strangers(store, stop).await;
            }
            while stop
                .run_until_cancelled(sleep(CONFIGURED_WITHIN))
                .await
                .is_some()
            {
                self.give_up_strangers(store, stop).await;
            }
        };
        let patience = if is_alone {
            Duration::ZERO
        } else {
            CONFIGURED_WITHIN
        };
        tokio::join!(strangers, self.match_on(store, patience, stop));
    }

    async fn match_on(&self, store: &Store, patience: Duration, stop: &CancellationToken) {
        let Some(deliveries) = names::learn(store, &self.matcher, stop).await else {
            return;
        };
        debug!(deliveries, "learnt the names of repositories");
        let mut after: Option<DeliveryId> = None;
        while !stop.is_cancelled() {
            let Some(batch) = until_stored(stop, || store.unmatched(after, BATCH)).await else {
                return;
            };
            let Some(last) = batch.last() else {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.arrived.notified() => {}
                    () = sleep(LOOK_EVERY) => {}
                }
                // What was passed over is looked at again.
                after = None;
                continue;
            };
            after = Some(last.id);
            if self
                .match_all(&batch, patience, store, stop)
                .await
                .is_none()
            {
                return;
            }
        }
    }

    /// Works for one of the clusters until it is told to stop; what is left of earlier goes on.
    pub async fn work_cluster(&self, cluster: &str, store: &Store, stop: &CancellationToken) {
        let clusters = self.matcher.clusters().iter().zip(&self.ways);
        let Some((live, way)) = clusters
            .into_iter()
            .find(|(live, _)| **live.name() == *cluster)
        else {
            return;
        };
        let (sender, receiver) = mpsc::channel(WORK_PAGES);
        let means = self.means(live, way, store);
        let (follower, followed) = Follower::new(means.clone(), self.prove_within);
        let annotator = Annotator::new(means, followed).run(receiver, stop.clone());
        let working = async { tokio::try_join!(annotator, follower.run(stop.clone())) };
        let feeding = self.feed(cluster, store, sender, stop);
        tokio::select! {
            biased;
            ended = working => if let Err(fault) = ended {
                error!(cluster, "annotations of cluster {cluster} ended by a fault of ours: {fault}");
            },
            // Both end by themselves once nobody gives them work.
            () = async { feeding.await; std::future::pending().await } => {}
        }
    }

    /// Reads work in the order in which it came to be, each piece once.
    async fn feed(
        &self,
        cluster: &str,
        store: &Store,
        work: mpsc::Sender<Vec<StoredWork>>,
        stop: &CancellationToken,
    ) {
        let bell = self.bells.of(cluster);
        let mut after: Option<WorkId> = None;
        loop {
            let read = || store.open_work(cluster, after, PAGE);
            let Some(page) = until_stored(stop, read).await else {
                return;
            };
            let Some(last) = page.last() else {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = bell.notified() => {}
                    () = sleep(LOOK_EVERY) => {}
                }
                continue;
            };
            if after.is_none() {
                info!(%cluster, objects = page.len(), "works for cluster {cluster}, on what is left of earlier first");
            }
            after = Some(last.id);
            // It fails only where the annotator has ended.
            if work.send(page).await.is_err() {
                return;
            }
        }
    }

    fn means(&self, live: &Arc<LiveCluster>, way: &Arc<Cluster>, store: &Store) -> Means {
        Means {
            cluster: Arc::clone(way),
            live: Arc::clone(live),
            store: store.clone(),
            bell: self.bells.of(live.name()),
            matcher: Arc::clone(&self.matcher),
            give_up_after: self.give_up_after,
            mode: self.mode,
            metrics: self.metrics.clone(),
        }
    }

    async fn left(
        &self,
        cluster: &str,
        store: &Store,
        stop: &CancellationToken,
    ) -> Option<Vec<StoredWork>> {
        let mut left: Vec<StoredWork> = Vec::new();
        loop {
            let after: Option<WorkId> = left.last().map(|work| work.id);
            let page = until_stored(stop, || store.open_work(cluster, after, PAGE)).await?;
            if page.is_empty() {
                return Some(left);
            }
            left.extend(page);
        }
    }

    /// Work for clusters that the configuration does not name any more can never be done. One that another replica
    /// holds is named by a configuration that is newer than ours.
    async fn give_up_strangers(&self, store: &Store, stop: &CancellationToken) {
        let Some(counts) = until_stored(stop, || store.counts()).await else {
            return;
        };
        let clusters = self.matcher.clusters().iter();
        let known = clusters.map(|cluster| Arc::clone(cluster.name()));
        let known: HashSet<Arc<str>> = known.chain(self.matcher.others()).collect();
        for cluster in counts.open_work.keys() {
            let holder = self.roster.holder(&cluster_lease(cluster));
            if known.contains(cluster.as_str()) || holder.is_some() {
                continue;
            }
            warn!(%cluster, "gives up the work for a cluster that is not configured any more");
            let Some(left) = self.left(cluster, store, stop).await else {
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
                if write_all(store, some, stop).await.is_none() {
                    return;
                }
            }
        }
    }

    async fn match_all(
        &self,
        batch: &[StoredDelivery],
        patience: Duration,
        store: &Store,
        stop: &CancellationToken,
    ) -> Option<()> {
        let now = Timestamp::now();
        let mut matched = Vec::new();
        let mut writes = Vec::new();
        let mut objects = 0;
        for stored in batch {
            let (state, work) = self.matcher.work(&stored.delivery, now);
            let age = now.duration_since(stored.delivery.received_at);
            let is_young = age < SignedDuration::try_from(patience).unwrap_or(SignedDuration::MAX);
            if matches!(state, DeliveryState::Failed { .. }) && is_young {
                continue;
            }
            // In steps, for deliveries are taken in meanwhile.
            if objects + work.len() > OBJECTS_AT_ONCE && !writes.is_empty() {
                self.keep_matched(&matched, &writes, store, stop).await?;
                matched.clear();
                writes.clear();
                objects = 0;
            }
            objects += work.len();
            matched.push(stored);
            writes.push(Write::Matched {
                delivery: stored.id,
                state,
                work,
            });
        }
        self.keep_matched(&matched, &writes, store, stop).await
    }

    async fn keep_matched(
        &self,
        matched: &[&StoredDelivery],
        writes: &[Write],
        store: &Store,
        stop: &CancellationToken,
    ) -> Option<()> {
        names::note(store, &self.matcher, stop).await?;
        write_all(store, writes, stop).await?;
        let mut woken = HashSet::new();
        for (stored, write) in matched.iter().zip(writes) {
            let Write::Matched { state, work, .. } = write else {
                continue;
            };
            self.matcher.names_are_learnt_until(stored.id);
            woken.extend(work.iter().map(|work| Arc::clone(&work.cluster)));
            let labels = EventLabels {
                state: state.name(),
            };
            self.metrics.matched.get_or_create(&labels).inc();
            let (key, objects) = (&stored.delivery.key, work.len());
            let (webhook, state) = (&key.webhook, state.name());
            info!(delivery = %key.guid, %webhook, state, objects, "matched the delivery {key}: {state}, {objects} objects");
        }
        for cluster in woken {
            self.bells.ring(&cluster);
        }
        Some(())
    }
}

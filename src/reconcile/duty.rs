//! What one replica of several does, for as long as it holds the lease of it.
//!
//! ```text
//! beat (renews) -> board -> shares: take, give back -> duty runs under a fence -> lost: dropped at once
//!                                                                              -> to be given back: ends in order
//! ```
//!
//! In a file there is one process, and all duties are its own. When the configuration changes, leases are not given back:
//! what the old one did ends in order, and the new one goes on under the same epoch.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::store::{Fence, Leases, Store};

use super::roster::Roster;
use super::shares::{Known, moves};

/// How often leases are renewed; one that is not for three times so long is lost.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// A lease that nobody took for so long is taken by whoever knows it, whatever its share.
const LEFT_AFTER: Duration = Duration::from_secs(6);
/// What is to be given back ends by then, or is dropped.
const LAST_WORDS: Duration = Duration::from_secs(8);

/// What a duty is given to work with.
#[derive(Debug, Clone)]
pub struct Tenure {
    /// Refuses what is written once another holds the lease.
    pub store: Store,
    /// Told where the duty is to end in order.
    pub stop: CancellationToken,
}

type Start = dyn Fn(Tenure) -> BoxFuture<'static, ()> + Send + Sync;

/// Something that exactly one replica does, and its lease.
pub struct Duty {
    pub lease: String,
    pub start: Box<Start>,
}

/// All duties of this process.
#[derive(Debug)]
pub struct Duties {
    pub store: Store,
    pub duties: Vec<Duty>,
    pub roster: Roster,
    /// Told where another replica came, went, or gave back a lease.
    pub bell: Arc<Notify>,
    pub metrics: LeaseMetrics,
    pub handover: Handover,
    /// Told where the process ends: then leases are given back, and else handed over.
    pub ends: CancellationToken,
}

/// What passes from the duties of one configuration to those of the next; a clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Handover(Arc<Mutex<Option<Held>>>);

/// Leases, and the way to them.
type Held = (Leases, Vec<Fence>);

impl Handover {
    fn put(&self, leases: Leases, held: Vec<Fence>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((leases, held));
    }

    fn take(&self) -> Option<Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What is counted of leases.
#[derive(Debug, Clone, Default)]
pub struct LeaseMetrics {
    held: Family<LeaseLabels, Gauge>,
    epoch: Family<LeaseLabels, Gauge>,
    takeovers: Family<LeaseLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeaseLabels {
    lease: String,
}

impl LeaseMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("flux_setup");
        let held = "1 where this replica holds the lease";
        registry.register("lease_held", held, metrics.held.clone());
        let epoch = "The epoch in which this replica held the lease last";
        registry.register("lease_epoch", epoch, metrics.epoch.clone());
        let takeovers = "How often this replica took the lease";
        registry.register("lease_takeovers", takeovers, metrics.takeovers.clone());
        metrics
    }

    fn held(&self, lease: &str, is_held: bool) {
        let lease = lease.to_owned();
        let gauge = self.held.get_or_create_owned(&LeaseLabels { lease });
        gauge.set(i64::from(is_held));
    }

    /// Of no others: what the configuration does not name any more is not held by nobody.
    fn know<'n>(&self, leases: impl Iterator<Item = &'n str>) {
        self.held.clear();
        leases.for_each(|lease| self.held(lease, false));
    }

    fn taken(&self, fence: &Fence) {
        let labels = LeaseLabels {
            lease: fence.lease().to_owned(),
        };
        self.epoch.get_or_create(&labels).set(fence.epoch());
        self.takeovers.get_or_create(&labels).inc();
    }
}

/// How what was done under a lease came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It was told to, or the lease was lost.
    Told,
    /// By a fault of ours.
    Unasked,
}

/// A duty, and what we do of it.
struct Place {
    duty: Arc<Duty>,
    running: Option<Running>,
    /// Since when nobody holds it.
    free_since: Option<Instant>,
}

struct Running {
    fence: Fence,
    stop: CancellationToken,
    since: Instant,
}

struct Keeper {
    store: Store,
    leases: Leases,
    places: Vec<Place>,
    ended: JoinSet<(usize, End)>,
    roster: Roster,
    metrics: LeaseMetrics,
    is_lost: bool,
}

impl Duties {
    /// Does what this process has to do until it is told to stop. It ends before only where one of the duties does.
    pub async fn run(self, stop: CancellationToken) {
        let Some(anew) = self.store.leases() else {
            return self.run_all(stop).await;
        };
        let (mut leases, held) = self.handover.take().unwrap_or((anew, Vec::new()));
        let names = || self.duties.iter().map(|duty| &*duty.lease);
        leases.know(names());
        self.metrics.know(names());
        self.roster.stand().replica = Some(Arc::clone(leases.replica()));
        let place = |duty| Place {
            duty: Arc::new(duty),
            running: None,
            free_since: None,
        };
        let mut keeper = Keeper {
            store: self.store,
            leases,
            places: self.duties.into_iter().map(place).collect(),
            ended: JoinSet::new(),
            roster: self.roster,
            metrics: self.metrics,
            is_lost: false,
        };
        keeper.go_on(held).await;
        if keeper.run(&self.bell, stop).await.is_break() {
            return;
        }
        if self.ends.is_cancelled() {
            keeper.leave().await;
        } else {
            keeper.hand_over(&self.handover, &self.ends).await;
        }
    }

    async fn run_all(self, stop: CancellationToken) {
        let mut running = JoinSet::new();
        for duty in self.duties {
            let tenure = Tenure {
                store: self.store.clone(),
                stop: stop.clone(),
            };
            running.spawn((duty.start)(tenure));
        }
        while let Some(ended) = running.join_next().await {
            if let Err(fault) = &ended {
                error!("a task ended by a fault of ours: {fault}");
            }
            if !stop.is_cancelled() {
                return;
            }
        }
    }
}

impl Keeper {
    /// Until it is told to stop; it breaks off where a duty ends by a fault of ours.
    async fn run(&mut self, bell: &Notify, stop: CancellationToken) -> ControlFlow<()> {
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return ControlFlow::Continue(()),
                Some(ended) = self.ended.join_next(), if !self.ended.is_empty() => {
                    if let Some(fence) = self.has_ended(ended)? {
                        self.give_back(&fence).await;
                    }
                    continue;
                }
                () = bell.notified() => {}
                () = sleep_until(next) => {}
            }
            next = Instant::now() + BEAT_EVERY;
            self.look().await;
        }
    }

    /// With what an earlier configuration held, where that is still ours.
    async fn go_on(&mut self, held: Vec<Fence>) {
        for fence in held {
            let place = self
                .places
                .iter()
                .position(|place| place.duty.lease == fence.lease());
            match place {
                Some(index) if fence.is_held() => {
                    let lease = fence.lease();
                    info!(lease, "goes on with {lease}");
                    self.start(index, fence);
                }
                Some(_) => {}
                None => self.give_back(&fence).await,
            }
        }
    }

    fn running(&self) -> impl Iterator<Item = &Running> {
        self.places
            .iter()
            .filter_map(|place| place.running.as_ref())
    }

    /// Renews what is held, and sees what is to be taken and given back.
    async fn look(&mut self) {
        let held: Vec<Fence> = self
            .running()
            .map(|running| running.fence.clone())
            .collect();
        let board = match self.leases.beat(&held).await {
            Ok(board) => board,
            Err(fault) => return self.is_told(&fault),
        };
        if std::mem::take(&mut self.is_lost) {
            info!("leases are renewed again");
        }
        for place in &mut self.places {
            let mut rows = board.leases.iter();
            let row = rows.find(|row| row.name == place.duty.lease);
            let is_free = place.running.is_none() && row.is_none_or(|row| row.holder.is_none());
            let since = place.free_since.unwrap_or_else(Instant::now);
            place.free_since = is_free.then_some(since);
        }
        let mut known: Vec<_> = self.places.iter().collect();
        known.sort_by_key(|place| place.running.as_ref().map(|running| running.since));
        let known: Vec<Known> = known
            .into_iter()
            .map(|place| Known {
                name: &place.duty.lease,
                is_ours: place.running.is_some(),
                is_left: place
                    .free_since
                    .is_some_and(|since| since.elapsed() >= LEFT_AFTER),
            })
            .collect();
        let moves = moves(&known, &board);
        let index = |name: &&str| {
            let mut places = self.places.iter();
            places.position(|place| place.duty.lease == **name)
        };
        let take: Vec<usize> = moves.take.iter().filter_map(index).collect();
        for name in &moves.give {
            if let Some(running) = index(name).and_then(|it| self.places[it].running.as_ref())
                && !running.stop.is_cancelled()
            {
                info!(lease = name, "gives back {name}: others have less to do");
                running.stop.cancel();
            }
        }
        self.roster.stand().board = board;
        for index in take {
            self.take(index).await;
        }
    }

    async fn take(&mut self, index: usize) {
        let lease = &self.places[index].duty.lease;
        match self.leases.take(lease).await {
            Ok(Some(fence)) => {
                let (lease, epoch) = (fence.lease(), fence.epoch());
                info!(lease, epoch, "took {lease}");
                self.metrics.taken(&fence);
                self.start(index, fence);
            }
            Ok(None) => debug!(lease, "another replica took {lease}"),
            Err(fault) => self.is_told(&fault),
        }
    }

    fn start(&mut self, index: usize, fence: Fence) {
        let place = &mut self.places[index];
        let lease = fence.lease();
        self.metrics.held(lease, true);
        let mut stand = self.roster.stand();
        stand.ours.insert(lease.to_owned(), fence.clone());
        drop(stand);
        let stop = CancellationToken::new();
        let tenure = Tenure {
            store: self.store.under(fence.clone()),
            stop: stop.clone(),
        };
        place.free_since = None;
        place.running = Some(Running {
            fence: fence.clone(),
            stop: stop.clone(),
            since: Instant::now(),
        });
        let (duty, metrics) = (Arc::clone(&place.duty), self.metrics.clone());
        self.ended.spawn(async move {
            let too_late = async {
                stop.cancelled().await;
                tokio::time::sleep(LAST_WORDS).await;
            };
            let end = tokio::select! {
                biased;
                // Another may do it from now on: nothing of it goes on here.
                () = fence.lost() => (index, End::Told),
                () = (duty.start)(tenure) => {
                    // What is refused may be the first to say that the lease is lost.
                    let is_told = stop.is_cancelled() || !fence.is_held();
                    (index, if is_told { End::Told } else { End::Unasked })
                }
                () = too_late => (index, End::Told),
            };
            // At once: whoever renews leases may wait for the store just now.
            metrics.held(fence.lease(), false);
            end
        });
    }

    /// Returns the fence where that was in order and it is still held.
    fn has_ended(
        &mut self,
        ended: Result<(usize, End), tokio::task::JoinError>,
    ) -> ControlFlow<(), Option<Fence>> {
        let (index, end) = match ended {
            Ok(ended) => ended,
            Err(fault) => {
                error!("a task ended by a fault of ours: {fault}");
                return ControlFlow::Break(());
            }
        };
        let place = &mut self.places[index];
        let lease = &place.duty.lease;
        let Some(running) = place.running.take() else {
            return ControlFlow::Continue(None);
        };
        self.roster.stand().ours.remove(lease);
        if end == End::Unasked {
            error!(lease, "what is done under {lease} ended by a fault of ours");
            return ControlFlow::Break(());
        }
        if !running.fence.is_held() {
            warn!(lease, "lost {lease}");
            return ControlFlow::Continue(None);
        }
        ControlFlow::Continue(Some(running.fence))
    }

    async fn give_back(&mut self, fence: &Fence) {
        let lease = fence.lease();
        match self.leases.give_back(fence).await {
            Ok(()) => info!(lease, "gave back {lease}"),
            Err(fault) => debug!(lease, %fault, "{lease} runs out by itself"),
        }
    }

    fn stop_all(&self) {
        self.running().for_each(|running| running.stop.cancel());
    }

    /// Gives back all, so that others need not wait.
    async fn leave(mut self) {
        if let Err(fault) = self.leases.leave().await {
            debug!(%fault, "other replicas see by themselves that this one is gone");
        }
        self.stop_all();
        while let Some(ended) = self.ended.join_next().await {
            if let ControlFlow::Continue(Some(fence)) = self.has_ended(ended) {
                self.give_back(&fence).await;
            }
        }
    }

    /// Ends all in order, and renews meanwhile, so that no other replica takes it.
    async fn hand_over(mut self, handover: &Handover, ends: &CancellationToken) {
        self.stop_all();
        let mut held = Vec::new();
        let mut next = Instant::now() + BEAT_EVERY;
        loop {
            tokio::select! {
                ended = self.ended.join_next() => match ended {
                    Some(ended) => {
                        if let ControlFlow::Continue(Some(fence)) = self.has_ended(ended) {
                            held.push(fence);
                        }
                    }
                    None => break,
                },
                () = sleep_until(next) => {
                    next = Instant::now() + BEAT_EVERY;
                    let running = self.running().map(|running| running.fence.clone());
                    let all: Vec<Fence> = running.chain(held.iter().cloned()).collect();
                    if let Err(fault) = self.leases.beat(&all).await {
                        self.is_told(&fault);
                    }
                }
            }
        }
        if !ends.is_cancelled() {
            return handover.put(self.leases, held);
        }
        // No other configuration comes after this one.
        for fence in &held {
            self.give_back(fence).await;
        }
        self.leave().await;
    }

    fn is_told(&mut self, fault: &crate::store::StoreError) {
        if !std::mem::replace(&mut self.is_lost, true) {
            warn!(error = %fault, "leases cannot be renewed; what is held is let go unless they can be in time");
        }
    }
}

impl fmt::Debug for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duty")
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

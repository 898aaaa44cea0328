//! What of `serve` exactly one of several replicas does: the clusters one by one, and what is done once for all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::catalog::{HostNames, LiveCluster};
use crate::cluster::Cluster;
use crate::reconcile::{
    Audit, Books, Detector, Duty, Ears, Engine, FLEET, Tenure, WebhookMetrics, cluster_lease,
    keep_heartbeat, wake_what_went_back,
};
use crate::server::{self, AppState};
use crate::sync::{self, watch_cluster};

/// Before the store is tried again.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// A cluster that is watched for as long as somebody here needs it.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) cluster: Arc<Cluster>,
    pub(super) live: Arc<LiveCluster>,
    needed: watch::Sender<usize>,
}

/// While this lives its cluster is watched.
pub(super) struct Need(Arc<Watched>);

impl Watched {
    /// Of several replicas, whoever needs a cluster watches it; one that is alone watches it always.
    pub(super) fn new(cluster: Arc<Cluster>, live: Arc<LiveCluster>, is_alone: bool) -> Arc<Self> {
        if !is_alone {
            live.forget();
        }
        Arc::new(Self {
            cluster,
            live,
            needed: watch::Sender::new(usize::from(is_alone)),
        })
    }

    /// Where it is watched now, so that it need not be listed anew for who needs it next.
    pub(super) fn keep(self: &Arc<Self>) -> Option<Need> {
        let is_needed = *self.needed.borrow() > 0;
        is_needed.then(|| self.need())
    }

    fn need(self: &Arc<Self>) -> Need {
        self.needed.send_modify(|needed| *needed += 1);
        Need(Arc::clone(self))
    }

    /// Watches it whenever it is needed, until it is told to stop.
    pub(super) async fn watch(
        self: Arc<Self>,
        hosts: Arc<HostNames>,
        lists: Arc<Semaphore>,
        stop: CancellationToken,
    ) {
        let mut needed = self.needed.subscribe();
        loop {
            let begins = needed.wait_for(|needed| *needed > 0);
            if !matches!(stop.run_until_cancelled(begins).await, Some(Ok(_))) {
                return;
            }
            self.live.begin();
            let watching = watch_cluster(
                Arc::clone(&self.cluster),
                Arc::clone(&self.live),
                Arc::clone(&hosts),
                Arc::clone(&lists),
                sync::Pace::default(),
                stop.clone(),
            );
            tokio::select! {
                () = watching => return,
                _ = needed.wait_for(|needed| *needed == 0) => self.live.forget(),
            }
        }
    }
}

impl Drop for Need {
    fn drop(&mut self) {
        self.0.needed.send_modify(|needed| *needed -= 1);
    }
}

/// What asks GitHub during a tenure.
type Asking = dyn Fn(&Tenure) -> (Audit, Detector) + Send + Sync;

/// What the duties are done with.
pub(super) struct Means {
    pub(super) engine: Engine,
    pub(super) clusters: Vec<Arc<Watched>>,
    pub(super) ears: Ears,
    pub(super) state: AppState,
    /// What the API answers, for replicas that do not know it.
    pub(super) routes: Router,
    /// Anew for each time that we ask GitHub, for others may have asked it meanwhile.
    pub(super) asking: Box<Asking>,
    /// Those of a process that is alone, which knows them before it answers anybody.
    pub(super) books: Mutex<Option<Books>>,
    pub(super) webhook_metrics: WebhookMetrics,
}

/// What was asked of GitHub is told by who asks it: dropped, it is forgotten here.
struct Told<'m>(&'m WebhookMetrics);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.forget();
    }
}

/// That of the fleet comes first, so that it is the first to be taken.
pub(super) fn duties(means: Means) -> Vec<Duty> {
    let means = Arc::new(means);
    let fleet = Arc::clone(&means);
    let mut duties = vec![Duty {
        lease: FLEET.to_owned(),
        start: Box::new(move |tenure| Box::pin(fleet_duty(Arc::clone(&fleet), tenure))),
    }];
    let clusters = means.clusters.iter().map(|watched| {
        let (means, watched) = (Arc::clone(&means), Arc::clone(watched));
        Duty {
            lease: cluster_lease(watched.live.name()),
            start: Box::new(move |tenure| -> BoxFuture<'static, ()> {
                Box::pin(cluster_duty(
                    Arc::clone(&means),
                    Arc::clone(&watched),
                    tenure,
                ))
            }),
        }
    });
    duties.extend(clusters);
    duties
}

async fn cluster_duty(means: Arc<Means>, watched: Arc<Watched>, tenure: Tenure) {
    let _need = watched.need();
    let Tenure { store, stop } = tenure;
    let live = Arc::clone(&watched.live);
    let arrived = Arc::clone(&means.ears.arrived);
    let restored = wake_what_went_back(live, store.clone(), arrived, stop.clone());
    let work = means
        .engine
        .work_cluster(watched.live.name(), &store, &stop);
    tokio::select! {
        () = work => {}
        () = async { restored.await; std::future::pending().await } => {}
    }
}

async fn fleet_duty(means: Arc<Means>, tenure: Tenure) {
    let _told = Told(&means.webhook_metrics);
    // Whom a push concerns, and where refs are to be asked for, is known from all clusters.
    let _needs: Vec<Need> = means.clusters.iter().map(Watched::need).collect();
    let Tenure { store, stop } = tenure.clone();
    let mut tasks = JoinSet::new();
    let arrived = Arc::clone(&means.ears.arrived);
    tasks.spawn(keep_heartbeat(store.clone(), arrived, stop.clone()));
    let (engine, inbox, told) = (Arc::clone(&means), store.clone(), stop.clone());
    tasks.spawn(async move { engine.engine.match_inbox(&inbox, &told).await });
    let (state, routes) = (means.state.clone(), means.routes.clone());
    tasks.spawn(server::answer_others(store, state, routes, stop.clone()));
    if !means.state.github.hosts.is_empty() {
        // First of all: who goes on without the books would ask inside a hold.
        let Some(books) = open_books(&means, &tenure).await else {
            return;
        };
        tasks.spawn(books.keep(stop.clone()));
        let (audit, detector) = (means.asking)(&tenure);
        tasks.spawn(audit.run(stop.clone()));
        tasks.spawn(detector.run(stop.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(fault) = &ended {
            error!("a task ended by a fault of ours: {fault}");
        }
        if !stop.is_cancelled() {
            return;
        }
    }
}

async fn open_books(means: &Means, tenure: &Tenure) -> Option<Books> {
    let opened = means
        .books
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if opened.is_some() {
        return opened;
    }
    let mut was_told = false;
    loop {
        let hosts = means.state.github.hosts.clone();
        match Books::open(tenure.store.clone(), hosts).await {
            Ok(books) => return Some(books),
            Err(fault) if !was_told => {
                was_told = true;
                warn!(error = %fault, "what is known of GitHub's limits cannot be read; it is tried again");
            }
            Err(_) => {}
        }
        let again = tokio::time::sleep(STORE_AGAIN);
        tenure.stop.run_until_cancelled(again).await?;
    }
}

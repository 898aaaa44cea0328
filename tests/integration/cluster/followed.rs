//! A cluster that is followed, as `serve` does it, with short times.

use std::sync::Arc;
use std::time::Duration;

use flux_setup::catalog::{HostNames, ItemKey, Kind, LiveCluster, Progress};
use flux_setup::cluster::{Cluster, ClusterAccess};
use flux_setup::sync::{Pace, watch_cluster};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::api_server::ApiServer;

use super::LIMIT;

pub struct Followed {
    pub cluster: Arc<Cluster>,
    pub live: Arc<LiveCluster>,
    stop: CancellationToken,
    watching: JoinHandle<()>,
}

/// As a person would wait who has no time.
pub fn pace() -> Pace {
    Pace {
        page: 10,
        watch_for: Duration::from_secs(20),
        silence: Duration::from_secs(4),
        good_after: Duration::from_secs(1),
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_secs(1),
        look_again: Duration::from_secs(1),
        forbidden_after: Duration::from_secs(1),
        ..Pace::default()
    }
}

/// As an administrator.
pub fn access(server: &ApiServer) -> ClusterAccess {
    ClusterAccess {
        name: "prod".into(),
        kubeconfig: Some(server.kubeconfig()),
        context: None,
    }
}

pub fn git_repository(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"url": format!("https://github.com/acme/{name}"), "interval": "1m", "ref": {"branch": "main"}},
    })
}

/// Of a GitRepository.
pub fn key(namespace: &str, name: &str) -> ItemKey {
    ItemKey {
        kind: Kind::GitRepository,
        namespace: namespace.into(),
        name: name.into(),
    }
}

pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

impl Followed {
    pub fn start(access: ClusterAccess) -> Self {
        Self::over(Cluster::new(access), pace())
    }

    pub fn over(cluster: Cluster, pace: Pace) -> Self {
        let cluster = Arc::new(cluster);
        let live = Arc::new(LiveCluster::new(Arc::clone(cluster.name())));
        let stop = CancellationToken::new();
        let watching = watch_cluster(
            Arc::clone(&cluster),
            Arc::clone(&live),
            Arc::new(HostNames::of([])),
            Arc::new(Semaphore::new(2)),
            pace,
            stop.clone(),
        );
        Self {
            cluster,
            live,
            stop,
            watching: tokio::spawn(watching),
        }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.watching.await.expect("it ends in order");
    }

    pub async fn until_listed(&self) {
        until("the cluster is listed", || {
            self.live.progress() == Progress::Listed
        })
        .await;
    }

    /// Waits until it is lost or has failed, and says why.
    pub async fn until_lost(&self) -> String {
        let mut reason = String::new();
        until("the cluster is lost", || match self.live.progress() {
            Progress::Lost { reason: why } | Progress::Failed { reason: why } => {
                reason = why;
                true
            }
            _ => false,
        })
        .await;
        reason
    }

    /// Waits until it is lost or has failed for this reason; others may come first.
    pub async fn until_told(&self, wanted: &str) {
        until(wanted, || match self.live.progress() {
            Progress::Lost { reason } | Progress::Failed { reason } => reason.contains(wanted),
            _ => false,
        })
        .await;
    }

    pub fn has(&self, namespace: &str, name: &str) -> bool {
        self.live.read().item(&key(namespace, name)).is_some()
    }

    pub async fn until_there(&self, namespace: &str, name: &str) {
        until(&format!("{name} is seen"), || self.has(namespace, name)).await;
    }

    pub async fn until_gone(&self, namespace: &str, name: &str) {
        until(&format!("{name} is gone"), || !self.has(namespace, name)).await;
    }

    /// Annotates an object, as often as it takes, and waits until the watch tells of it.
    pub async fn annotate(&self, namespace: &str, name: &str, token: &str) {
        let deadline = Instant::now() + LIMIT;
        let key = key(namespace, name);
        let version = loop {
            match self.cluster.annotate(&key, token).await {
                Ok(version) => break version.expect("an API server answers the object"),
                Err(fault) => assert!(Instant::now() < deadline, "{key}: {fault}"),
            }
            sleep(Duration::from_millis(100)).await;
        };
        until(&format!("the token of {name} is seen"), || {
            let cache = self.live.read();
            let item = cache.item(&key);
            item.is_some_and(|item| {
                item.requested_at.as_deref() == Some(token) && !item.version.is_before(&version)
            })
        })
        .await;
    }
}

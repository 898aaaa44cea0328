//! The catalog follows a real API server, and what is annotated there is annotated.

use std::sync::Arc;
use std::time::Duration;

use flux_setup::catalog::{HostNames, ItemKey, Kind, LiveCluster, Progress};
use flux_setup::cluster::{Cluster, ClusterAccess};
use flux_setup::sync::{Pace, watch_cluster};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::api_server::{ApiServer, shared};

/// How long anything may take that takes milliseconds.
const LIMIT: Duration = Duration::from_secs(30);

fn access(server: &ApiServer) -> ClusterAccess {
    ClusterAccess {
        name: "prod".into(),
        kubeconfig: Some(server.kubeconfig()),
        context: None,
    }
}

fn git_repository(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"url": format!("https://github.com/acme/{name}"), "interval": "1m", "ref": {"branch": "main"}},
    })
}

fn key(namespace: &str, name: &str) -> ItemKey {
    ItemKey {
        kind: Kind::GitRepository,
        namespace: namespace.into(),
        name: name.into(),
    }
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn what_is_annotated_comes_back_by_the_watch() {
    let server = shared();
    server.create_namespace("follow");
    server.create(&git_repository("follow", "before"));
    let cluster = Arc::new(Cluster::new(access(server)));
    let live = Arc::new(LiveCluster::new("prod".into()));
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch_cluster(
        Arc::clone(&cluster),
        Arc::clone(&live),
        Arc::new(HostNames::of([])),
        Arc::new(Semaphore::new(2)),
        Pace::default(),
        stop.clone(),
    ));
    until("the cluster is listed", || {
        live.progress() == Progress::Listed
    })
    .await;
    server.create(&git_repository("follow", "after"));
    until("the new object is seen", || {
        live.read().item(&key("follow", "after")).is_some()
    })
    .await;
    for name in ["before", "after"] {
        cluster
            .annotate(&key("follow", name), "t-1")
            .await
            .expect("it is there");
        until("the token is seen", || {
            let cache = live.read();
            let item = cache.item(&key("follow", name));
            item.and_then(|item| item.requested_at.as_deref()) == Some("t-1")
        })
        .await;
    }
    let gone = cluster.annotate(&key("follow", "nowhere"), "t-1").await;
    assert_eq!(gone, Err(flux_setup::cluster::PatchFault::Gone));
    server.delete(&git_repository("follow", "after"));
    until("the deleted object is gone", || {
        live.read().item(&key("follow", "after")).is_none()
    })
    .await;
    stop.cancel();
    watching.await.expect("it ends in order");
}

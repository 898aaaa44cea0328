//! The API, health and metrics: what they answer, and whom.

mod deliveries;
mod description;
mod guard;
mod payloads;

use std::net::SocketAddr;
use std::sync::Arc;

use flux_setup::catalog::{HostNames, Item, Kind, Listing, LiveCluster, Projector};
use flux_setup::server::{Addresses, Doors, serve};
use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::service::{Answer, Sent, Service, Wanted, get, local};

const README: &str = include_str!("../../README.md");

/// A cluster that was listed, with so many GitRepositories.
fn listed(name: &str, repositories: u32) -> Arc<LiveCluster> {
    let cluster = Arc::new(LiveCluster::new(name.into()));
    let mut projector = Projector::new(name.into(), Arc::new(HostNames::new(&[])));
    let mut repository = |number: u32| -> Arc<Item> {
        let object = json!({
            "metadata": {
                "name": format!("web-{number}"), "namespace": "flux-system",
                "uid": format!("00000000-0000-0000-0000-{number:012}"), "resourceVersion": "7",
            },
            "spec": {"url": "https://github.com/acme/web", "ref": {"branch": "main"}, "interval": "1m"},
        });
        let item = projector.project(Kind::GitRepository, object.to_string().as_bytes());
        Arc::new(item.expect("it is an object"))
    };
    let items: Vec<_> = (0..repositories).map(&mut repository).collect();
    for kind in Kind::ALL {
        let items = match kind {
            Kind::GitRepository => items.clone(),
            _ => Vec::new(),
        };
        let broken = Vec::new();
        let listing = Listing {
            kind,
            items,
            broken,
        };
        cluster.update(|cache| cache.replace(listing, Timestamp::now().into()));
    }
    cluster
}

fn clusters() -> Vec<Arc<LiveCluster>> {
    let lost = listed("lost", 0);
    lost.failed("connection refused");
    vec![listed("prod", 3), lost]
}

async fn ready(service: &Service) -> Answer {
    let health = service.at.health.expect("it is served");
    ready_at(health).await
}

/// What is said of readiness once the store has answered in time, which on a busy machine it now and then does not.
async fn ready_at(address: SocketAddr) -> Answer {
    for _ in 0..20 {
        let answer = get(address, "/health/ready", "").await;
        if !answer.body.contains("the store does not answer in time") {
            return answer;
        }
    }
    panic!("the store never answers in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clusters_are_told_with_their_progress_and_their_objects() {
    let service = Service::with(Wanted {
        clusters: clusters(),
        ..Wanted::default()
    })
    .await;
    let answer = service.get("/api/v1/clusters").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let objects = |repositories: u32| {
        json!({"Bucket": 0, "GitRepository": repositories, "HelmChart": 0, "HelmRelease": 0,
            "HelmRepository": 0, "Kustomization": 0, "OCIRepository": 0})
    };
    let expected = json!({"clusters": [
        {"name": "prod", "progress": "listed", "objects": objects(3)},
        {"name": "lost", "progress": "lost", "reason": "connection refused", "objects": objects(0)},
    ]});
    assert_eq!(answer.json(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn we_are_ready_when_every_cluster_was_listed_or_tried() {
    let (starting, failing) = (LiveCluster::new("a".into()), LiveCluster::new("b".into()));
    let (starting, failing) = (Arc::new(starting), Arc::new(failing));
    failing.failed("connection refused");
    let all = [clusters(), vec![Arc::clone(&starting), failing]].concat();
    let service = Service::with(Wanted {
        clusters: all,
        ..Wanted::default()
    })
    .await;
    let answer = ready(&service).await;
    let lost = "cluster `lost` is lost and is tried again: connection refused";
    let failed = "cluster `b` could not be listed and is tried again: connection refused";
    let first = "cluster `a` is being listed for the first time";
    let expected = json!({"ready": false, "reasons": [lost, first, failed]});
    assert_eq!((answer.status, answer.json()), (503, expected));
    starting.failed("no such host");
    let answer = ready(&service).await;
    let tried = "cluster `a` could not be listed and is tried again: no such host";
    let expected = json!({"ready": true, "reasons": [lost, tried, failed]});
    assert_eq!((answer.status, answer.json()), (200, expected));
    service.state.store.clone().close().await.unwrap();
    let answer = ready(&service).await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json()["reasons"][0],
        "the store cannot be written; the log says why"
    );
    let live = get(service.at.health.unwrap(), "/health/live", "").await;
    assert_eq!((live.status, live.json()), (200, json!({"live": true})));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_listener_of_health_has_nothing_else() {
    let service = Service::start().await;
    let health = service.at.health.unwrap();
    for path in [
        "/",
        "/api/v1/deliveries",
        "/api/v1/clusters",
        "/hooks/github/acme",
    ] {
        let answer = get(health, path, "").await;
        assert_eq!(
            (answer.status, answer.reason()),
            (
                404,
                "there is nothing at this path; the README lists what is".to_owned()
            ),
            "{path}"
        );
    }
    for path in ["/health/live", "/metrics"] {
        assert_eq!(get(health, path, "").await.status, 200, "{path}");
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    for address in [health, service.at.api] {
        assert_eq!(ready_at(address).await.status, 200, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_deliveries_the_store_and_the_clusters() {
    let service = Service::with(Wanted {
        clusters: clusters(),
        ..Wanted::default()
    })
    .await;
    service.deliver(&Sent::push(1)).await;
    service
        .deliver(&Sent::new("ping", "p1", "{\"zen\":\"x\"}"))
        .await;
    service.deliver(&Sent::new("star", "s1", "{}")).await;
    let page = service.get("/metrics").await;
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(page.head.contains(kind), "{}", page.head);
    for line in [
        "flux_setup_deliveries_total{webhook=\"acme\",event=\"push\",outcome=\"new\"} 1",
        "flux_setup_deliveries_total{webhook=\"acme\",event=\"ping\",outcome=\"new\"} 1",
        "flux_setup_deliveries_total{webhook=\"acme\",event=\"other\",outcome=\"new\"} 1",
        "flux_setup_hook_answer_seconds_count 3",
        "flux_setup_hook_body_bytes 0",
        "flux_setup_store_deliveries{state=\"accepted\"} 3",
        "flux_setup_store_deliveries{state=\"failed\"} 0",
        "flux_setup_store_open_work{cluster=\"prod\"} 0",
        "flux_setup_cluster_listed{cluster=\"prod\"} 1",
        "flux_setup_cluster_objects{cluster=\"prod\",kind=\"GitRepository\"} 3",
        "flux_setup_connections{door=\"api\"} 1",
    ] {
        let is_there = page.body.lines().any(|other| other == line);
        assert!(is_there, "{line} is missing in\n{}", page.body);
    }
    let families = page
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE flux_setup_"));
    for family in families {
        let (name, kind) = family.split_once(' ').unwrap();
        let suffix = if kind == "counter" { "_total" } else { "" };
        let documented = format!("`{name}{suffix}`");
        assert!(
            README.contains(&documented),
            "{documented} is not in the README"
        );
    }
    for secret in [crate::service::SECRET, crate::service::OLD_SECRET] {
        assert!(!page.body.contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_told_before_anything_starts() {
    let service = Service::start().await;
    let wanted = Addresses {
        hooks: local(),
        api: service.at.api,
        health: None,
    };
    let fault = Doors::bind(&wanted).await.unwrap_err();
    let address = service.at.api;
    assert_eq!(
        fault.to_string(),
        format!(
            "cannot listen on {address} for api; let `server.api.listen` name a free address of this machine"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_others_can_reach_is_not_served_without_tokens() {
    let service = Service::start().await;
    let wanted = Addresses {
        hooks: local(),
        api: ([0, 0, 0, 0], 0).into(),
        health: None,
    };
    let doors = Doors::bind(&wanted).await.unwrap();
    let address = doors.addresses().api;
    let served = serve(
        doors,
        service.state.clone(),
        axum::Router::new(),
        CancellationToken::new(),
    );
    assert_eq!(
        served.await.unwrap_err().to_string(),
        format!(
            "`server.api.listen` is {address}, which others can reach, and `server.api.tokens` is empty; list a token, or listen on 127.0.0.1"
        )
    );
}

//! The page for Prometheus; what is counted elsewhere is read when it is asked for.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use tokio::time::timeout;
use tracing::warn;

use crate::catalog::{Kind, Progress};
use crate::reconcile::FLEET;
use crate::server::github::GithubSide;
use crate::server::metrics::{ClusterLabels, KindLabels, StateLabels};
use crate::server::state::AppState;

use super::clusters::objects_by_kind;
use super::fault::ApiFault;

/// Where the store takes longer, its last figures stay.
const STORE_WITHIN: Duration = Duration::from_secs(2);
/// Work of a cluster, oldest first, of which the age is read: more than waits but for a gap made good.
const LOOKED_AT: u32 = 1_000;
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`
pub(super) async fn metrics(State(state): State<AppState>) -> Response {
    read_store(&state).await;
    read_clusters(&state);
    read_configuration(&state);
    // What another replica spends it knows alone.
    let nothing = GithubSide::default();
    let github = match state.roster.holds(FLEET) {
        true => &*state.github,
        false => &nothing,
    };
    let mut text = String::new();
    let write = || encode(&mut text, &state.registry);
    if let Err(fault) = state.metrics.github.of(github, write) {
        warn!("cannot write the metrics: {fault}");
        let reason = "the metrics cannot be written; the log says why";
        return ApiFault::new(StatusCode::INTERNAL_SERVER_ERROR, reason).into_response();
    }
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

async fn read_store(state: &AppState) {
    let metrics = &state.metrics;
    let counts = match timeout(STORE_WITHIN, state.store.counts()).await {
        Ok(Ok(counts)) => counts,
        Ok(Err(fault)) => {
            warn!(
                "cannot count what the store holds: {:#}",
                anyhow::Error::new(fault)
            );
            return;
        }
        Err(_) => return,
    };
    for (state, count) in counts.deliveries {
        let stored = metrics.stored.get_or_create_owned(&StateLabels { state });
        stored.set(signed(count));
    }
    for cluster in state.clusters.iter() {
        let open = counts.open_work.get(&**cluster.name()).copied();
        let labels = labels(cluster.name());
        let gauge = metrics.open_work.get_or_create_owned(&labels);
        gauge.set(signed(open.unwrap_or(0)));
        let oldest = match open {
            Some(1..) => oldest_work(state, cluster.name()).await,
            _ => Some(0),
        };
        if let Some(oldest) = oldest {
            let gauge = metrics.oldest_work.get_or_create_owned(&labels);
            gauge.set(oldest);
        }
    }
    metrics.store_bytes.set(signed(counts.size_bytes));
}

/// For how many seconds the oldest work of a cluster could have been done; `None` where the store does not say it.
async fn oldest_work(state: &AppState, cluster: &str) -> Option<i64> {
    let open = timeout(
        STORE_WITHIN,
        state.store.open_work(cluster, None, LOOKED_AT),
    );
    let open = open.await.ok()?.ok()?;
    let now = Timestamp::now();
    let since = open
        .iter()
        .filter_map(|work| work.state.could_be_done_since(now))
        .min();
    let seconds = since.map_or(0, |since| now.duration_since(since).as_secs());
    Some(seconds.max(0))
}

fn read_clusters(state: &AppState) {
    let metrics = &state.metrics;
    for cluster in state.clusters.iter() {
        let name = cluster.name();
        if cluster.progress() == Progress::Elsewhere {
            metrics.cluster_listed.remove(&labels(name));
            for kind in Kind::ALL {
                let (cluster, kind) = (name.to_string(), kind.name());
                metrics
                    .cluster_objects
                    .remove(&KindLabels { cluster, kind });
            }
            continue;
        }
        let listed = metrics.cluster_listed.get_or_create_owned(&labels(name));
        listed.set(i64::from(cluster.is_listed()));
        for (kind, count) in objects_by_kind(cluster) {
            let labels = KindLabels {
                cluster: name.to_string(),
                kind,
            };
            let objects = metrics.cluster_objects.get_or_create_owned(&labels);
            objects.set(signed(count));
        }
    }
}

fn read_configuration(state: &AppState) {
    let (metrics, board) = (&state.metrics, &state.configuration);
    let refused = i64::from(board.is_refused());
    metrics.configuration_refused.set(refused);
    let needs_restart = i64::from(board.needs_restart());
    metrics.configuration_needs_restart.set(needs_restart);
    metrics.configuration_since.set(board.since().as_second());
}

fn labels(cluster: &str) -> ClusterLabels {
    ClusterLabels {
        cluster: cluster.to_owned(),
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

//! Whether we live, and whether deliveries may be sent to us.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use tokio::time::timeout;
use tracing::warn;

use crate::catalog::Progress;
use crate::server::state::AppState;

/// A probe waits a second as a rule.
const STORE_WITHIN: Duration = Duration::from_millis(800);

#[derive(Debug, Serialize)]
pub(super) struct Readiness {
    ready: bool,
    /// What keeps us from it, and what is wrong besides.
    reasons: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Liveness {
    live: bool,
}

/// `GET /health/live`
pub(super) async fn live() -> Json<Liveness> {
    Json(Liveness { live: true })
}

/// `GET /health/ready`: the store can be written, and each cluster was listed once, or tried in vain.
///
/// A cluster that is lost, or was added to the configuration later, is named, and its deliveries are taken all the same: they wait for it.
pub(super) async fn ready(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let mut reasons = state.configuration.reasons();
    let mut ready = true;
    let was_ready = state.configuration.was_ready(false);
    match timeout(STORE_WITHIN, state.store.check()).await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => {
            ready = false;
            warn!("not ready: {:#}", anyhow::Error::new(fault));
            reasons.push("the store cannot be written; the log says why".to_owned());
        }
        Err(_) => {
            ready = false;
            reasons.push("the store does not answer in time".to_owned());
        }
    }
    for cluster in state.clusters.iter() {
        let name = cluster.name();
        match cluster.progress() {
            Progress::Listed | Progress::Elsewhere => {}
            Progress::Starting => {
                ready &= was_ready;
                reasons.push(format!(
                    "cluster `{name}` is being listed for the first time"
                ));
            }
            Progress::Failed { reason } => {
                reasons.push(format!(
                    "cluster `{name}` could not be listed and is tried again: {reason}"
                ));
            }
            Progress::Lost { reason } => {
                reasons.push(format!(
                    "cluster `{name}` is lost and is tried again: {reason}"
                ));
            }
        }
    }
    state.configuration.was_ready(ready);
    answer(ready, reasons)
}

/// The same where strangers may ask: they are told no reasons.
pub(super) async fn guarded(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> (StatusCode, Json<Readiness>) {
    let may_know = state.tokens.check(&headers).is_ok();
    let (status, Json(mut readiness)) = ready(State(state)).await;
    if !may_know {
        readiness.reasons.clear();
    }
    (status, Json(readiness))
}

fn answer(ready: bool, reasons: Vec<String>) -> (StatusCode, Json<Readiness>) {
    let status = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(Readiness { ready, reasons }))
}

//! What is left of GitHub's limits, who spends them, and how long they last.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::server::github::{BucketHistory, RateLimit};
use crate::server::state::AppState;

use super::fault::ApiFault;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    since: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
pub(super) struct History {
    buckets: Vec<BucketHistory>,
}

/// `GET /api/v1/rate-limit`
pub(super) async fn now(State(state): State<AppState>) -> Json<RateLimit> {
    Json(state.github.rate_limit(&state.clusters))
}

/// `GET /api/v1/rate-limit/history[?since=TIME]`
pub(super) async fn history(
    State(state): State<AppState>,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Json<History>, ApiFault> {
    let Query(Since { since }) = since.map_err(|fault| {
        let reason = format!(
            "{}; the only parameter is `since`, a time as `2026-01-31T12:00:00Z`",
            fault.body_text()
        );
        ApiFault::new(StatusCode::BAD_REQUEST, reason)
    })?;
    let buckets = state.github.history(since);
    Ok(Json(History { buckets }))
}

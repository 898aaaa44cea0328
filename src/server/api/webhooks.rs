//! What finds pushes that were never delivered: the webhooks at GitHub, and asking where refs point.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::reconcile::{DetectorReport, WebhookReport};
use crate::server::state::AppState;

#[derive(Debug, Serialize)]
pub(super) struct Webhooks {
    webhooks: Vec<Arc<WebhookReport>>,
}

/// `GET /api/v1/webhooks`
pub(super) async fn list(State(state): State<AppState>) -> Json<Webhooks> {
    Json(Webhooks {
        webhooks: state.github.webhooks.reports(),
    })
}

/// `GET /api/v1/heads`
pub(super) async fn heads(State(state): State<AppState>) -> Json<DetectorReport> {
    Json(state.github.heads.report())
}

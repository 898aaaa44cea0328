//! The fleet of the configuration: its manifests, its plan and its price, as the commands print them.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tracing::error;

use super::deliveries::rejected;
use super::fault::ApiFault;

const JSON: &str = "application/json";

/// What is asked of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FleetQuestion {
    Manifests { of: FleetPart, in_json: bool },
    Plan { of: FleetPart },
    Budget,
}

/// Names or patterns; `None` selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetPart {
    pub environment: Option<String>,
    pub project: Option<String>,
    pub cluster: Option<String>,
}

/// What a command would print.
#[derive(Debug)]
pub enum FleetAnswer {
    Printed(Vec<u8>),
    /// The configuration has faults; its findings as JSON.
    Faulty(Vec<u8>),
    /// What was selected is not there.
    Refused(String),
}

/// Answers from the configuration that holds now; it may block and compute for a while.
pub type Ask = dyn Fn(&FleetQuestion) -> anyhow::Result<FleetAnswer> + Send + Sync;

#[derive(Clone)]
struct Means {
    ask: Arc<Ask>,
    /// One at a time: a large fleet takes all cores for a second, and some hundred bytes an object.
    turn: Arc<Semaphore>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Selected {
    environment: Option<String>,
    project: Option<String>,
    cluster: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SelectedManifests {
    environment: Option<String>,
    project: Option<String>,
    cluster: Option<String>,
    #[serde(default)]
    format: ManifestFormat,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ManifestFormat {
    #[default]
    Yaml,
    Json,
}

/// Nothing may be asked besides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unselected {}

/// The routes of the fleet; they are added to the API's.
pub fn routes(ask: Arc<Ask>) -> Router {
    Router::new()
        .route("/api/v1/manifests", get(manifests))
        .route("/api/v1/plan", get(plan))
        .route("/api/v1/budget", get(budget))
        .with_state(Means {
            ask,
            turn: Arc::new(Semaphore::new(1)),
        })
}

/// `GET /api/v1/manifests`
async fn manifests(
    State(means): State<Means>,
    selected: Result<Query<SelectedManifests>, QueryRejection>,
) -> Result<Response, ApiFault> {
    let Query(SelectedManifests {
        environment,
        project,
        cluster,
        format,
    }) = selected.map_err(|fault| rejected(&fault))?;
    let of = FleetPart {
        environment,
        project,
        cluster,
    };
    let (in_json, kind) = match format {
        ManifestFormat::Yaml => (false, "application/yaml"),
        ManifestFormat::Json => (true, JSON),
    };
    means
        .answer(FleetQuestion::Manifests { of, in_json }, kind)
        .await
}

/// `GET /api/v1/plan`
async fn plan(
    State(means): State<Means>,
    selected: Result<Query<Selected>, QueryRejection>,
) -> Result<Response, ApiFault> {
    let Query(selected) = selected.map_err(|fault| rejected(&fault))?;
    let of = FleetPart {
        environment: selected.environment,
        project: selected.project,
        cluster: selected.cluster,
    };
    means.answer(FleetQuestion::Plan { of }, JSON).await
}

/// `GET /api/v1/budget`
async fn budget(
    State(means): State<Means>,
    selected: Result<Query<Unselected>, QueryRejection>,
) -> Result<Response, ApiFault> {
    selected.map_err(|fault| rejected(&fault))?;
    means.answer(FleetQuestion::Budget, JSON).await
}

impl Means {
    async fn answer(
        &self,
        question: FleetQuestion,
        kind: &'static str,
    ) -> Result<Response, ApiFault> {
        let cannot = |fault: &dyn fmt::Display| {
            error!("cannot answer of the fleet: {fault:#}");
            let reason = "the fleet cannot be told of now; the log says why";
            ApiFault::new(StatusCode::SERVICE_UNAVAILABLE, reason)
        };
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|fault| cannot(&fault))?;
        let ask = Arc::clone(&self.ask);
        // Whoever hangs up does not end it: only then is it the next one's turn.
        let asked = tokio::task::spawn_blocking(move || {
            let answer = ask(&question);
            drop(turn);
            answer
        });
        let answer = asked.await.map_err(|fault| cannot(&fault))?;
        match answer.map_err(|fault| cannot(&fault))? {
            FleetAnswer::Printed(bytes) => Ok(([(CONTENT_TYPE, kind)], bytes).into_response()),
            FleetAnswer::Faulty(findings) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Ok((status, [(CONTENT_TYPE, JSON)], findings).into_response())
            }
            FleetAnswer::Refused(reason) => Err(ApiFault::bad_request(reason)),
        }
    }
}

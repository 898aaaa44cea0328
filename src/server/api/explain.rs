//! Whom a delivery concerns, and why: every candidate in every cluster, as the clusters are now.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::delivery::{Delivery, DeliveryKey, Guid, WebhookName};
use crate::github::payload::{self, Encoding};
use crate::reconcile::{Candidate, Decision, Matcher};
use crate::store::Store;

use crate::server::answer::BODY_LIMIT_BYTES;

use super::body;
use super::deliveries::{Object, rejected};
use super::fault::ApiFault;

/// At most so many candidates are told of one delivery.
const CANDIDATES: usize = 10_000;
/// How long a payload is waited for, and before it one's turn.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Debug, Clone)]
struct Means {
    store: Store,
    matcher: Arc<Matcher>,
    /// One payload at a time is in memory: it may be as long as a delivery, and is not counted with those.
    turn: Arc<Semaphore>,
}

/// What is asked of a payload that nobody delivered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// As `X-GitHub-Event` names it.
    event: String,
    webhook: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    /// One for each webhook that was told of it.
    explanations: Vec<Told>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    webhook: String,
    guid: Guid,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    /// Why it wakes nothing at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    candidates: Vec<Considered>,
    /// More than are told.
    #[serde(skip_serializing_if = "is_zero")]
    left_off: usize,
    /// Clusters that are not seen now, listed before or not; the delivery waits for them.
    unlisted: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Considered {
    cluster: String,
    object: Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    woken: bool,
    why: String,
}

/// The routes that explain; they are added to the API's.
pub fn routes(store: Store, matcher: Arc<Matcher>) -> Router {
    Router::new()
        .route("/api/v1/deliveries/{guid}/candidates", get(of_delivery))
        .route("/api/v1/explain", post(of_payload))
        .with_state(Means {
            store,
            matcher,
            turn: Arc::new(Semaphore::new(1)),
        })
}

/// `GET /api/v1/deliveries/{guid}/candidates`
async fn of_delivery(
    State(means): State<Means>,
    Path(guid): Path<String>,
) -> Result<Json<Answer>, ApiFault> {
    let guid = Guid::read(&guid)
        .map_err(|reason| ApiFault::bad_request(format!("this is no GUID: {reason}")))?;
    let found = means.store.delivery(&guid).await.map_err(ApiFault::store)?;
    if found.is_empty() {
        let reason = format!("no delivery `{guid}` is kept; it never came, or came too long ago");
        return Err(ApiFault::new(StatusCode::NOT_FOUND, reason));
    }
    let told = found
        .iter()
        .map(|(stored, _)| explain(&means.matcher, &stored.delivery));
    Ok(Json(Answer {
        explanations: told.collect(),
    }))
}

/// `POST /api/v1/explain`, with a payload as GitHub sends it; nothing is kept and nothing is woken.
async fn of_payload(
    State(means): State<Means>,
    question: Result<Query<Question>, QueryRejection>,
    body: Body,
) -> Result<Json<Answer>, ApiFault> {
    let Query(question) = question.map_err(|fault| rejected(&fault))?;
    let webhook = WebhookName(question.webhook);
    let configured = means.matcher.webhooks();
    if !configured.contains(&&webhook) {
        let configured: Vec<&str> = configured.iter().map(|name| name.0.as_str()).collect();
        let configured = configured.join(", ");
        let reason = format!("no webhook `{webhook}` is configured; configured: {configured}");
        return Err(ApiFault::bad_request(reason));
    }
    let Ok(_turn) = timeout(PATIENCE, means.turn.acquire()).await else {
        let reason = "payloads of others are explained first; ask again in a moment";
        return Err(ApiFault::new(StatusCode::SERVICE_UNAVAILABLE, reason));
    };
    let too_long = || "the payload has more than 25 MiB, which GitHub never sends".to_owned();
    let body = body::read(body, BODY_LIMIT_BYTES, PATIENCE, too_long).await?;
    let content = payload::read(Encoding::Json, &question.event, &body)
        .map_err(|fault| ApiFault::bad_request(fault.to_string()))?;
    let key = DeliveryKey {
        webhook,
        guid: Guid::read("not-delivered").expect("letters and `-` make a GUID"),
    };
    let delivery = Delivery::new(key, Timestamp::now(), content);
    Ok(Json(Answer {
        explanations: vec![explain(&means.matcher, &delivery)],
    }))
}

fn explain(matcher: &Matcher, delivery: &Delivery) -> Told {
    let explanation = matcher.explain(delivery);
    let (reason, mut candidates) = match explanation.decision {
        Decision::Nothing(reason) => (Some(reason.to_string()), Vec::new()),
        Decision::Failed(reason) => (Some(reason), Vec::new()),
        Decision::Concerns(candidates) => (None, candidates),
    };
    // Those that are woken first, so that they are seen where some are left off.
    candidates.sort_by(|one, other| {
        let order = |candidate: &Candidate| {
            let item = &candidate.item;
            (
                !candidate.verdict.is_wake(),
                Arc::clone(&item.cluster),
                item.key.clone(),
            )
        };
        order(one).cmp(&order(other))
    });
    let left_off = candidates.len().saturating_sub(CANDIDATES);
    candidates.truncate(CANDIDATES);
    Told {
        webhook: delivery.key.webhook.0.clone(),
        guid: delivery.key.guid.clone(),
        repository: delivery
            .repository
            .as_ref()
            .map(|repository| repository.full_name.clone()),
        reason,
        candidates: candidates.into_iter().map(Considered::of).collect(),
        left_off,
        unlisted: explanation
            .unlisted
            .iter()
            .map(ToString::to_string)
            .collect(),
    }
}

impl Considered {
    fn of(candidate: Candidate) -> Self {
        let Candidate { item, verdict } = candidate;
        Self {
            cluster: item.cluster.to_string(),
            object: Object::of(item.key.clone()),
            url: item.url.as_deref().map(str::to_owned),
            woken: verdict.is_wake(),
            why: verdict.to_string(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

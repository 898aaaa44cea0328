//! What only the replica with the lease `fleet` knows: the others ask it through the store, and answer as it does.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::reconcile::FLEET;
use crate::store::{ANSWER, QUESTION, Store, StoreError};

use super::answer::BODY_LIMIT_BYTES;
use super::api::ApiFault;
use super::state::AppState;

/// Where it is known alone what these ask for.
const KNOWN_THERE: [&str; 5] = [
    "/api/v1/clusters",
    "/api/v1/rate-limit",
    "/api/v1/webhooks",
    "/api/v1/heads",
    "/api/v1/explain",
];
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// It is looked for so often even when nobody says that it came.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Who asked so long ago, by whatever clock, waits no longer.
const TOO_OLD: SignedDuration = SignedDuration::from_mins(10);
/// An answer may be as long as this.
const ANSWER_LIMIT_BYTES: usize = 32 * 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct Question {
    asked_at: Timestamp,
    method: String,
    path: String,
    body: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    answered_at: Timestamp,
    status: u16,
    body: String,
}

/// Passes on what another replica knows, and does the rest here.
pub(super) async fn pass_on(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    if state.roster.holds(FLEET) || !is_known_there(request.uri().path()) {
        return next.run(request).await;
    }
    match ask(&state, request).await {
        Ok(response) => response,
        Err(fault) => fault.into_response(),
    }
}

fn is_known_there(path: &str) -> bool {
    KNOWN_THERE.iter().any(|known| path.starts_with(known))
        || (path.starts_with("/api/v1/deliveries/") && path.ends_with("/candidates"))
}

async fn ask(state: &AppState, request: Request) -> Result<Response, ApiFault> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT_BYTES).await.map_err(|_| {
        ApiFault::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body has more than 25 MiB",
        )
    })?;
    let body = String::from_utf8(body.into())
        .map_err(|_| ApiFault::bad_request("the body is no UTF-8 text"))?;
    let question = Question {
        asked_at: Timestamp::now(),
        method: head.method.to_string(),
        path: head.uri.to_string(),
        body,
    };
    let name = format!("{:016x}", fastrand::u64(..));
    let text = serde_json::to_string(&question).unwrap_or_default();
    let noted = state.store.note(QUESTION, vec![(name.clone(), text)]).await;
    noted.map_err(ApiFault::store)?;
    let answered = timeout(PATIENCE, answer_to(state, &name)).await;
    let asked = vec![name];
    // Who answers takes the question away; what is left here is none of ours any more.
    let subject = if answered.is_ok() { ANSWER } else { QUESTION };
    if let Err(fault) = state.store.forget(subject, asked).await {
        debug!(%fault, "it is forgotten later");
    }
    let Ok(answer) = answered else {
        let reason = match state.roster.holder(FLEET) {
            Some(holder) => {
                format!("the replica `{holder}`, which knows it, does not answer; ask again later")
            }
            None => "no replica knows it yet; ask again in some seconds".to_owned(),
        };
        return Err(ApiFault::new(StatusCode::SERVICE_UNAVAILABLE, reason));
    };
    let answer = answer.map_err(ApiFault::store)?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = (status, answer.body).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

async fn answer_to(state: &AppState, name: &str) -> Result<Answer, StoreError> {
    loop {
        let told = state.ears.answers.notified();
        let noted = state.store.noted(ANSWER, name).await?;
        if let Some(answer) = noted.and_then(|text| serde_json::from_str(&text).ok()) {
            return Ok(answer);
        }
        tokio::select! {
            () = told => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

/// Answers what other replicas ask, by these routes, until it is told to stop.
pub async fn answer_others(store: Store, state: AppState, routes: Router, stop: CancellationToken) {
    if store.listener().is_none() {
        return stop.cancelled().await;
    }
    loop {
        if let Err(fault) = answer_all(&store, &routes).await {
            debug!(%fault, "other replicas cannot be answered now");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = state.ears.questions.notified() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

async fn answer_all(store: &Store, routes: &Router) -> Result<(), StoreError> {
    let questions = store.notes(QUESTION).await?;
    if questions.is_empty() {
        return Ok(());
    }
    let now = Timestamp::now();
    let is_old = |at: Timestamp| now.duration_since(at) > TOO_OLD;
    let mut answers = Vec::new();
    let mut asked = Vec::new();
    for (name, text) in questions {
        match serde_json::from_str::<Question>(&text) {
            Ok(question) if !is_old(question.asked_at) => {
                let answer = answered(routes, question).await;
                let text = serde_json::to_string(&answer).unwrap_or_default();
                answers.push((name.clone(), text));
            }
            Ok(_) => {}
            Err(fault) => warn!(%fault, "another replica asks what this one cannot read"),
        }
        asked.push(name);
    }
    store.note(ANSWER, answers).await?;
    store.forget(QUESTION, asked).await?;
    let nobodys = store.notes(ANSWER).await?.into_iter().filter(|(_, text)| {
        let answer: Option<Answer> = serde_json::from_str(text).ok();
        answer.is_none_or(|answer| is_old(answer.answered_at))
    });
    store
        .forget(ANSWER, nobodys.map(|(name, _)| name).collect())
        .await
}

async fn answered(routes: &Router, question: Question) -> Answer {
    let mut answer = Answer {
        answered_at: Timestamp::now(),
        status: StatusCode::BAD_REQUEST.as_u16(),
        body: String::new(),
    };
    let request = Request::builder()
        .method(question.method.as_str())
        .uri(question.path)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(question.body));
    let Ok(request) = request else {
        return answer;
    };
    let response = match routes.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    answer.status = response.status().as_u16();
    let body = to_bytes(response.into_body(), ANSWER_LIMIT_BYTES).await;
    let body = body
        .ok()
        .and_then(|body| String::from_utf8(body.into()).ok());
    answer.body = body.unwrap_or_default();
    answer
}

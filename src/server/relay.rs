//! What only the replica with the lease `fleet` knows: the others ask it through the store, and answer as it does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::reconcile::FLEET;
use crate::store::{ANSWER, QUESTION, Store, StoreError};

use super::api::{ApiFault, read_body};
use super::state::AppState;

/// Where it is known alone what these ask for.
const KNOWN_THERE: [&str; 5] = [
    "/api/v1/clusters",
    "/api/v1/rate-limit",
    "/api/v1/webhooks",
    "/api/v1/heads",
    "/api/v1/explain",
];
/// How long an answer is waited for, and before it one's turn to ask.
const PATIENCE: Duration = Duration::from_secs(8);
/// It is looked for so often even when nobody says that it came.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Who asked so long ago, by whatever clock, waits no longer.
const TOO_OLD: SignedDuration = SignedDuration::from_mins(10);
/// Questions of one replica at once; each with its answer is held in memory several times over.
const ASKED_AT_ONCE: usize = 4;
/// Questions that are answered at once, of all replicas.
const ANSWERED_AT_ONCE: usize = 2;
/// A question may be as long as this; hardly a payload of GitHub's is longer.
const QUESTION_LIMIT_BYTES: usize = 2 * MIB;
/// An answer may be as long as this: the longest that there are have a quarter of it.
const ANSWER_LIMIT_BYTES: usize = 8 * MIB;
const MIB: usize = 1024 * 1024;
/// Questions of which some are answered already.
const ASKED: u32 = 2 * ANSWERED_AT_ONCE as u32;
/// Names of answers that are read at once.
const PAGE: u32 = 100;

#[derive(Debug, Serialize, Deserialize)]
struct Question {
    method: String,
    path: String,
    body: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    status: u16,
    body: String,
}

/// The way to the replica that knows.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    state: AppState,
    turns: Arc<Semaphore>,
}

impl Relay {
    pub(super) fn new(state: AppState) -> Self {
        let turns = Arc::new(Semaphore::new(ASKED_AT_ONCE));
        Self { state, turns }
    }
}

/// Passes on what another replica knows, and does the rest here.
pub(super) async fn pass_on(State(relay): State<Relay>, request: Request, next: Next) -> Response {
    if relay.state.roster.holds(FLEET) || !is_known_there(request.uri().path()) {
        return next.run(request).await;
    }
    // Nothing of a body is read before, and connections are few: so is what waits.
    let turn = timeout(PATIENCE, relay.turns.acquire()).await;
    let answered = match turn {
        Ok(_turn) => ask(&relay.state, request).await,
        Err(_) => {
            let reason = "too much is asked of another replica at once; ask again in a moment";
            Err(ApiFault::new(StatusCode::SERVICE_UNAVAILABLE, reason))
        }
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

fn is_known_there(path: &str) -> bool {
    KNOWN_THERE.iter().any(|known| path.starts_with(known))
        || (path.starts_with("/api/v1/deliveries/") && path.ends_with("/candidates"))
}

async fn ask(state: &AppState, request: Request) -> Result<Response, ApiFault> {
    let question = serde_json::to_string(&question(state, request).await?).unwrap_or_default();
    let name = name_of_question(Timestamp::now());
    let noted = state
        .store
        .note(QUESTION, vec![(name.clone(), question)])
        .await;
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

async fn question(state: &AppState, request: Request) -> Result<Question, ApiFault> {
    let (head, body) = request.into_parts();
    let too_long = || {
        let holder = state.roster.holder(FLEET);
        let holder = holder.map_or("another replica".to_owned(), |name| format!("`{name}`"));
        format!(
            "the body has more than 2 MiB, and no more is passed on to {holder}, which knows it; ask that one itself"
        )
    };
    let body = read_body(body, QUESTION_LIMIT_BYTES, PATIENCE, too_long).await?;
    let body = String::from_utf8(body.into())
        .map_err(|_| ApiFault::bad_request("the body is no UTF-8 text"))?;
    Ok(Question {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        body,
    })
}

/// In the order of their names is who asked first.
fn name_of_question(asked_at: Timestamp) -> String {
    format!(
        "{:016x}-{:08x}",
        asked_at.as_microsecond(),
        fastrand::u32(..)
    )
}

/// Whether nobody waits any more for what is asked, or answered, under this name.
fn is_nobodys(name: &str, now: Timestamp) -> bool {
    let asked_at = name.split_once('-').and_then(|(at, _)| {
        let at = i64::from_str_radix(at, 16).ok()?;
        Timestamp::from_microsecond(at).ok()
    });
    asked_at.is_none_or(|at| now.duration_since(at) > TOO_OLD)
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
///
/// Each question is read when its turn comes, and no answer is kept longer than until it is noted.
pub async fn answer_others(store: Store, state: AppState, routes: Router, stop: CancellationToken) {
    if store.listener().is_none() {
        return stop.cancelled().await;
    }
    let mut answering = FuturesUnordered::new();
    let mut taken: Vec<String> = Vec::new();
    loop {
        if taken.len() < ANSWERED_AT_ONCE {
            let names = store.names_of_notes(QUESTION, ASKED).await;
            let names = names.unwrap_or_else(|fault| {
                debug!(%fault, "it cannot be read now what other replicas ask");
                Vec::new()
            });
            let new = names.into_iter().filter(|name| !taken.contains(name));
            let new: Vec<_> = new.take(ANSWERED_AT_ONCE - taken.len()).collect();
            taken.extend(new.iter().cloned());
            answering.extend(new.into_iter().map(|name| answer(&store, &routes, name)));
        }
        tokio::select! {
            () = stop.cancelled() => return,
            Some(name) = answering.next(), if !answering.is_empty() => taken.retain(|it| *it != name),
            () = state.ears.questions.notified() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

/// Returns the name, so that the next has its turn.
async fn answer(store: &Store, routes: &Router, name: String) -> String {
    let done = async {
        answer_to_one(store, routes, &name).await?;
        let now = Timestamp::now();
        let mut nobodys = store.names_of_notes(ANSWER, PAGE).await?;
        nobodys.retain(|name| is_nobodys(name, now));
        store.forget(ANSWER, nobodys).await
    };
    if let Err(fault) = done.await {
        debug!(%fault, "another replica cannot be answered now");
        sleep(LOOK_EVERY).await;
    }
    name
}

async fn answer_to_one(store: &Store, routes: &Router, name: &str) -> Result<(), StoreError> {
    // Who gave up has taken it away.
    let Some(text) = store.noted(QUESTION, name).await? else {
        return Ok(());
    };
    if !is_nobodys(name, Timestamp::now()) {
        match serde_json::from_str(&text) {
            Ok(question) => {
                drop(text);
                let answer = answered(routes, question).await;
                let text = serde_json::to_string(&answer).unwrap_or_default();
                store.note(ANSWER, vec![(name.to_owned(), text)]).await?;
            }
            Err(fault) => warn!(%fault, "another replica asks what this one cannot read"),
        }
    }
    store.forget(QUESTION, vec![name.to_owned()]).await
}

async fn answered(routes: &Router, question: Question) -> Answer {
    let answered = timeout(PATIENCE, answer_of(routes, question)).await;
    let answered = answered.unwrap_or_else(|_| {
        let reason = "the answer took too long; ask again later";
        Err(ApiFault::new(StatusCode::SERVICE_UNAVAILABLE, reason))
    });
    answered.unwrap_or_else(|fault| Answer {
        status: fault.status().as_u16(),
        body: fault.text(),
    })
}

async fn answer_of(routes: &Router, question: Question) -> Result<Answer, ApiFault> {
    let request = Request::builder()
        .method(question.method.as_str())
        .uri(question.path)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(question.body));
    let request = request.map_err(|fault| ApiFault::bad_request(fault.to_string()))?;
    let response = match routes.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), ANSWER_LIMIT_BYTES).await;
    let body = body
        .ok()
        .and_then(|body| String::from_utf8(body.into()).ok());
    let body = body.ok_or_else(|| {
        let reason = "the answer has more than 8 MiB, and no more is passed on from one replica to another; \
            ask for less, or the replica itself that holds `fleet`";
        ApiFault::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    })?;
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_first_is_answered_first_and_after_ten_minutes_nobody_waits() {
        let at = |second| Timestamp::from_second(second).expect("a time of our days");
        let name = name_of_question(at(1_800_000_000));
        assert!(name < name_of_question(at(1_800_000_001)));
        assert!(!is_nobodys(&name, at(1_800_000_600)));
        assert!(is_nobodys(&name, at(1_800_000_601)));
        assert!(is_nobodys("other", at(0)));
    }
}

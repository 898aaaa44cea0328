//! The door of the webhooks: what of a request is looked at, in which order, and what it is answered.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use hyper::body::{Body, Buf};
use jiff::Timestamp;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::delivery::{Delivery, DeliveryKey, DeliveryState, Event, Guid, NothingToDo};
use crate::github::payload::Encoding;
use crate::github::signature::Signature;
use crate::store::{Accepted, StoreError};

use super::answer::{Refusal, Response, response};
use super::body::Bodies;
use super::hooks::Hook;
use super::letter::{Judged, Letter};
use super::metrics::{DeliveryLabels, event_label};
use super::refusing::Refusing;
use super::seldom::Seldom;
use super::state::AppState;

const EVENT: HeaderName = HeaderName::from_static("x-github-event");
const DELIVERY: HeaderName = HeaderName::from_static("x-github-delivery");
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
const PATH: &str = "/hooks/github/";

/// The store has so long to take a delivery; GitHub waits 10 s for the answer.
const STORE_TIMEOUT: Duration = Duration::from_secs(8);

/// All that the requests at the door share.
#[derive(Debug)]
pub(super) struct Door {
    state: AppState,
    bodies: Bodies,
    refusing: Refusing,
    faults_logged: Mutex<Seldom>,
    /// What is being stored goes on where its sender hangs up.
    storing: TaskTracker,
}

/// What the headers say, before anything of the body is read.
struct Head<'d> {
    hook: &'d Hook,
    declared: Option<usize>,
    encoding: Encoding,
    signature: Signature,
    event: String,
    guid: Guid,
}

/// What was accepted, and the answer to it.
struct Taken {
    status: StatusCode,
    reason: Option<String>,
}

impl Door {
    pub(super) fn new(state: AppState) -> Self {
        Self {
            bodies: Bodies::new(state.bounds.bodies, state.metrics.clone()),
            refusing: Refusing::new(Arc::clone(&state.trusted_proxies), state.metrics.clone()),
            state,
            faults_logged: Mutex::default(),
            storing: TaskTracker::new(),
        }
    }

    /// Waits until nothing is being stored any more.
    pub(super) async fn finish(&self) {
        self.storing.close();
        self.storing.wait().await;
    }

    pub(super) async fn answer<B>(&self, peer: IpAddr, request: Request<B>) -> Response
    where
        B: Body<Data: Buf>,
    {
        let start = Instant::now();
        let (head, body) = request.into_parts();
        // Also of a request that is refused for something else, so that people find it in their logs.
        let guid = guid(&head.headers).ok().flatten();
        let has_no_body = body.size_hint().exact() == Some(0);
        let taken = match self.head(&head.method, head.uri.path(), &head.headers, has_no_body) {
            Ok(read) => self.take(read, body).await,
            Err(refusal) => Err(refusal),
        };
        let response = match taken {
            Ok(taken) => response(taken.status, taken.reason.as_deref(), guid.as_ref()),
            Err(refusal) => {
                let guid = guid.as_ref();
                let refusal = self.refusing.judge(refusal, peer, &head.headers, guid);
                refusal.response(guid)
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        self.state.metrics.answer_seconds.observe(seconds);
        response
    }

    fn head(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        has_no_body: bool,
    ) -> Result<Head<'_>, Refusal> {
        let name = path.strip_prefix(PATH).ok_or(Refusal::NoSuchPath)?;
        let hook = self.state.hooks.named(name);
        let hook = hook.ok_or(Refusal::NoSuchWebhook)?;
        if method != Method::POST {
            return Err(Refusal::Method);
        }
        let declared = match headers.get(CONTENT_LENGTH) {
            Some(length) => Some(declared_length(length.as_bytes()).ok_or(Refusal::TooLarge)?),
            None if has_no_body && !headers.contains_key(TRANSFER_ENCODING) => {
                return Err(Refusal::NoLength);
            }
            None => None,
        };
        if declared.is_some_and(|length| length > self.bodies.limit_bytes()) {
            return Err(Refusal::TooLarge);
        }
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        let encoding = Encoding::read(content_type).map_err(Refusal::ContentType)?;
        let signature = headers.get(SIGNATURE).map(|value| value.as_bytes());
        let signature = Signature::read(signature).map_err(Refusal::Signature)?;
        let event = headers.get(EVENT).ok_or(Refusal::NoEvent)?;
        Ok(Head {
            hook,
            declared,
            encoding,
            signature,
            // Whatever else it holds, it is no name of an event, and is refused as such.
            event: String::from_utf8_lossy(event.as_bytes()).into_owned(),
            guid: guid(headers)?.ok_or(Refusal::NoGuid)?,
        })
    }

    async fn take<B>(&self, head: Head<'_>, body: B) -> Result<Taken, Refusal>
    where
        B: Body<Data: Buf>,
    {
        let body = self.bodies.read(body, head.declared).await?;
        let key = DeliveryKey {
            webhook: head.hook.name.clone(),
            guid: head.guid,
        };
        let letter = Letter {
            body,
            encoding: head.encoding,
            signature: head.signature,
            event: head.event,
            secrets: head.hook.secrets(),
        };
        let Judged { secret, content } = letter.judged().await?;
        let labels = head.hook.labels(secret);
        self.state.metrics.signatures.get_or_create(&labels).inc();
        let content = content.inspect_err(|refusal| {
            warn!(delivery = %key.guid, webhook = %key.webhook, status = 400, "the rightly signed delivery {key} cannot be read: {refusal}");
        })?;
        self.store(head.hook, Delivery::new(key, Timestamp::now(), content))
            .await
    }

    async fn store(&self, hook: &Hook, delivery: Delivery) -> Result<Taken, Refusal> {
        let key = delivery.key.clone();
        let event = event_label(&delivery.event);
        let follows = nothing_follows(hook, &delivery);
        let store = self.state.store.clone();
        let arrived = Arc::clone(&self.state.arrived);
        let storing = self.storing.spawn(async move {
            let accepted = store.accept(&delivery).await;
            if matches!(accepted, Ok(Accepted::New(_) | Accepted::Again(_))) {
                arrived.notify_one();
            }
            accepted
        });
        let accepted = match timeout(STORE_TIMEOUT, storing).await {
            Ok(Ok(Ok(accepted))) => accepted,
            Ok(Ok(Err(StoreError::Backlog { limit }))) => {
                self.log_fault(&key, format_args!("{limit} deliveries wait already"));
                return Err(Refusal::Backlog);
            }
            Ok(Ok(Err(fault))) => {
                self.log_fault(&key, format_args!("{:#}", anyhow::Error::new(fault)));
                return Err(Refusal::NotKept);
            }
            Ok(Err(fault)) => {
                self.log_fault(&key, format_args!("{fault}"));
                return Err(Refusal::NotKept);
            }
            Err(_) => {
                self.log_fault(&key, format_args!("it takes longer than {STORE_TIMEOUT:?}"));
                return Err(Refusal::NotKept);
            }
        };
        let (outcome, taken) = match accepted {
            Accepted::New(_) if matches!(follows, Some(NothingToDo::OutOfScope(_))) => {
                ("outOfScope", taken(follows))
            }
            Accepted::New(_) => ("new", taken(follows)),
            Accepted::Again(_) => ("again", taken(follows)),
            Accepted::Seen(_, state) => ("seen", seen(&state)),
        };
        let status = taken.status.as_u16();
        info!(delivery = %key.guid, webhook = %key.webhook, event, status, outcome, "took the delivery {key}");
        let labels = DeliveryLabels {
            webhook: key.webhook.0,
            event,
            outcome,
        };
        self.state.metrics.deliveries.get_or_create(&labels).inc();
        Ok(taken)
    }

    fn log_fault(&self, key: &DeliveryKey, reason: std::fmt::Arguments<'_>) {
        let left_out = {
            let logged = self.faults_logged.lock();
            let mut logged = logged.unwrap_or_else(PoisonError::into_inner);
            logged.may_log(Instant::now())
        };
        if let Some(left_out) = left_out {
            error!(delivery = %key.guid, webhook = %key.webhook, status = 503, left_out, "cannot keep the delivery {key}: {reason}");
        }
    }
}

/// `None` where it is no number that fits; HTTP itself has refused what is none at all.
fn declared_length(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

fn guid(headers: &HeaderMap) -> Result<Option<Guid>, Refusal> {
    let Some(text) = headers.get(DELIVERY) else {
        return Ok(None);
    };
    let text = text.to_str();
    let text = text.map_err(|_| {
        Refusal::Guid("it has other characters than letters, digits and `-`".to_owned())
    })?;
    Guid::read(text).map(Some).map_err(Refusal::Guid)
}

/// Why it is known without looking at any cluster that nothing follows a delivery.
fn nothing_follows(hook: &Hook, delivery: &Delivery) -> Option<NothingToDo> {
    match delivery.event {
        Event::Ping => Some(NothingToDo::Ping),
        Event::Other { .. } => Some(NothingToDo::Event),
        // Which repositories are known, the clusters say.
        _ => {
            let checked = hook.scope.check(delivery, |_, _| true);
            checked.err().map(NothingToDo::OutOfScope)
        }
    }
}

fn taken(nothing: Option<NothingToDo>) -> Taken {
    match nothing {
        Some(reason) => Taken {
            status: StatusCode::OK,
            reason: Some(reason.to_string()),
        },
        None => Taken {
            status: StatusCode::ACCEPTED,
            reason: None,
        },
    }
}

fn seen(state: &DeliveryState) -> Taken {
    let became = match state {
        DeliveryState::Accepted => "it waits to be worked".to_owned(),
        DeliveryState::Nothing { reason, .. } => format!("it wakes nothing: {reason}"),
        DeliveryState::Working { .. } => "it is being worked".to_owned(),
        DeliveryState::Done { .. } => "its work is done".to_owned(),
        DeliveryState::Failed { .. } => "it failed".to_owned(),
    };
    Taken {
        status: StatusCode::OK,
        reason: Some(format!("this delivery came before, and {became}")),
    }
}

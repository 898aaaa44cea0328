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
use tracing::{debug, error, info, warn};

use crate::delivery::{Content, Delivery, DeliveryKey, DeliveryState, Event, Guid, NothingToDo};
use crate::github::payload::{self, Encoding};
use crate::github::signature::{Signature, WebhookSecret};
use crate::store::{Accepted, StoreError};

use super::answer::{Refusal, Response, response};
use super::body::{Bodies, Held};
use super::client::Sender;
use super::hooks::Hook;
use super::metrics::{DeliveryLabels, RefusalLabels, event_label};
use super::seldom::Seldom;
use super::state::AppState;
use super::throttle::{Failed, Throttle};

const EVENT: HeaderName = HeaderName::from_static("x-github-event");
const DELIVERY: HeaderName = HeaderName::from_static("x-github-delivery");
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
const PATH: &str = "/hooks/github/";

/// A body beyond this takes more than a millisecond to judge, and others are served meanwhile.
const JUDGED_AT_ONCE_BYTES: usize = 256 * 1024;
/// The store has so long to take a delivery; GitHub waits 10 s for the answer.
const STORE_TIMEOUT: Duration = Duration::from_secs(8);

/// All that the requests at the door share.
#[derive(Debug)]
pub(super) struct Door {
    state: AppState,
    bodies: Bodies,
    throttle: Mutex<Throttle>,
    failures_logged: Mutex<Seldom>,
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
            state,
            throttle: Mutex::default(),
            failures_logged: Mutex::default(),
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
                let refusal = self.throttled(refusal, peer, &head.headers);
                let labels = RefusalLabels {
                    status: refusal.status().as_u16(),
                };
                self.state.metrics.refusals.get_or_create(&labels).inc();
                refusal.response(guid.as_ref())
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
        let event = headers.get(EVENT).and_then(|event| event.to_str().ok());
        Ok(Head {
            hook,
            declared,
            encoding,
            signature,
            event: event.ok_or(Refusal::NoEvent)?.to_owned(),
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
        let (secret, content) = letter.judged().await?;
        let labels = head.hook.labels(secret);
        self.state.metrics.signatures.get_or_create(&labels).inc();
        let content = content.inspect_err(|refusal| {
            warn!(delivery = %key.guid, webhook = %key.webhook, status = 400, "the rightly signed delivery {key} cannot be read: {refusal}");
        })?;
        self.store(Delivery::new(key, Timestamp::now(), content))
            .await
    }

    async fn store(&self, delivery: Delivery) -> Result<Taken, Refusal> {
        let key = delivery.key.clone();
        let event = event_label(&delivery.event);
        let follows = nothing_follows(&delivery.event);
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

    /// A failed signature counts against its sender, and nothing else does.
    fn throttled(&self, refusal: Refusal, peer: IpAddr, headers: &HeaderMap) -> Refusal {
        let Refusal::Signature(fault) = refusal else {
            debug!(
                status = refusal.status().as_u16(),
                "refused a request: {refusal}"
            );
            return refusal;
        };
        let sender = Sender::of(peer, headers, &self.state.trusted_proxies);
        let now = Instant::now();
        let failed = {
            let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
            throttle.failed(sender, now)
        };
        let (refusal, first) = match failed {
            Failed::Answered { first } => (Refusal::Signature(fault), first),
            Failed::TooMany { wait, first } => (Refusal::Throttled { wait }, first),
        };
        let status = refusal.status().as_u16();
        if first && let Some(left_out) = may_log(&self.failures_logged, now) {
            warn!(sender = %sender, status, left_out, "refused a delivery from {sender}: {refusal}");
        }
        refusal
    }

    fn log_fault(&self, key: &DeliveryKey, reason: std::fmt::Arguments<'_>) {
        if let Some(left_out) = may_log(&self.faults_logged, Instant::now()) {
            error!(delivery = %key.guid, webhook = %key.webhook, status = 503, left_out, "cannot keep the delivery {key}: {reason}");
        }
    }
}

fn may_log(lines: &Mutex<Seldom>, now: Instant) -> Option<u64> {
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.may_log(now)
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

/// Why it is known without looking at any cluster that nothing follows an event.
fn nothing_follows(event: &Event) -> Option<NothingToDo> {
    match event {
        Event::Ping => Some(NothingToDo::Ping),
        Event::Other { .. } => Some(NothingToDo::Event),
        _ => None,
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
        DeliveryState::Working { items, .. } => format!("it is waking {items} objects"),
        DeliveryState::Done { items, .. } => format!("it woke {items} objects"),
        DeliveryState::Failed { .. } => "it failed".to_owned(),
    };
    Taken {
        status: StatusCode::OK,
        reason: Some(format!("this delivery came before, and {became}")),
    }
}

/// A body with all that is needed to judge it.
struct Letter {
    body: Held,
    encoding: Encoding,
    signature: Signature,
    event: String,
    secrets: Arc<[WebhookSecret]>,
}

impl Letter {
    /// Which secret signed it, and what it says.
    async fn judged(self) -> Result<(usize, Result<Content, Refusal>), Refusal> {
        if self.body.bytes().len() <= JUDGED_AT_ONCE_BYTES {
            return self.judge();
        }
        let judged = tokio::task::spawn_blocking(move || self.judge()).await;
        judged.unwrap_or_else(|fault| {
            error!("a body could not be judged by a fault of ours: {fault}");
            Err(Refusal::NotKept)
        })
    }

    fn judge(self) -> Result<(usize, Result<Content, Refusal>), Refusal> {
        let body = self.body.bytes();
        let secret = self.signature.verify(body, &self.secrets);
        let secret = secret.map_err(Refusal::Signature)?;
        let content = payload::read(self.encoding, &self.event, body);
        Ok((secret, content.map_err(Refusal::Payload)))
    }
}

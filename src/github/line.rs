//! The line of one identity to its host: each request passes the gate, is sent once, and is booked.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use tracing::warn;

use crate::budget::live::{Ask, Hold, Outcome, Verdict};

use super::gate::Gate;
use super::headers;
use super::judge::{Made, verdict};
use super::settings::Clock;
use super::transport::{Received, WireFault};
use super::wire::Wire;

const JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");

/// No answer has said what time it is there.
pub(super) const UNKNOWN: i64 = i64::MIN;

/// Gate and wire of one identity.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) host: Arc<str>,
    pub(super) identity: Arc<str>,
    pub(super) wire: Arc<Wire>,
    pub(super) gate: Arc<Gate>,
    pub(super) clock: Clock,
    /// Seconds by which GitHub's clock is ahead of ours; [`UNKNOWN`] before the first answer.
    pub(super) ahead: AtomicI64,
}

/// A request that is to be sent once.
#[derive(Debug)]
pub(super) struct Sending<'a> {
    pub(super) made: Made,
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) ask: Ask,
    pub(super) etag: Option<&'a str>,
    pub(super) body: Option<&'a Value>,
    pub(super) limit_bytes: usize,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Exchange {
    /// What was to prove it has ended while it waited, the gate was closed, or there is no wire; it was not
    /// sent.
    Outdated,
    Answered(Answered),
    Unanswered(WireFault),
}

#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Result<Bytes, WireFault>,
    pub(super) verdict: Verdict,
    pub(super) latency: Duration,
}

impl Line {
    /// Sends a request once the gate lets it through. `proof` is asked for right before: the outer
    /// `None` is that there is none any more, the inner one that nobody speaks.
    ///
    /// # Errors
    /// The gate stays closed until the deadline.
    pub(super) async fn exchange(
        &self,
        sending: Sending<'_>,
        proof: impl FnOnce() -> Option<Option<HeaderValue>>,
        deadline: Option<Instant>,
    ) -> Result<Exchange, Hold> {
        let resource = sending.ask.resource.clone();
        let pass = self.gate.enter(sending.ask, deadline).await?;
        let Some(proof) = proof() else {
            return Ok(Exchange::Outdated);
        };
        let mut own = HeaderMap::new();
        own.insert(ACCEPT, JSON);
        if let Some(proof) = proof {
            own.insert(AUTHORIZATION, proof);
        }
        if let Some(etag) = sending
            .etag
            .and_then(|etag| HeaderValue::from_str(etag).ok())
        {
            own.insert(IF_NONE_MATCH, etag);
        }
        let Ok(transport) = self.wire.transport() else {
            return Ok(Exchange::Outdated);
        };
        let sent = transport.send(
            sending.method.clone(),
            sending.uri,
            own,
            sending.body,
            sending.limit_bytes,
            pass.start(),
        );
        let mut received = match sent.await {
            Ok(received) => received,
            Err(WireFault::Closed) => return Ok(Exchange::Outdated),
            // It is booked by whether it was begun.
            Err(fault) => return Ok(Exchange::Unanswered(fault)),
        };
        // The next request over this connection is sent knowing what this one was answered.
        let lent = received.lent.take();
        let latency = pass.latency();
        let answered = Answered::of(received, sending.made, latency);
        let date = headers::date(&answered.headers);
        self.set_clock(date);
        let body = answered.body.as_deref().unwrap_or_default();
        pass.settle(&Outcome::Answered {
            sample: headers::sample(&answered.headers),
            date,
            latency,
            cost: (sending.made == Made::Query).then(|| cost(body)).flatten(),
            verdict: answered.verdict,
        });
        drop(lent);
        if answered.is_limited() {
            self.tell_of_hold(&resource);
        }
        Ok(Exchange::Answered(answered))
    }

    /// GitHub's clock.
    pub(super) fn github_now(&self) -> Timestamp {
        // Whoever answers may say any date, also one beyond the last that there is.
        let now = self.clock.now();
        now.saturating_add(self.ahead()).unwrap_or(now)
    }

    pub(super) fn ahead(&self) -> SignedDuration {
        self.known_ahead().unwrap_or_default()
    }

    /// `None` before the first answer.
    pub(super) fn known_ahead(&self) -> Option<SignedDuration> {
        let ahead = self.ahead.load(Ordering::Relaxed);
        (ahead != UNKNOWN).then(|| SignedDuration::from_secs(ahead))
    }

    fn set_clock(&self, date: Option<Timestamp>) {
        if let Some(date) = date {
            let ahead = date.duration_since(self.clock.now()).as_secs();
            self.ahead.store(ahead, Ordering::Relaxed);
        }
    }

    /// Why the resource may not be asked now.
    pub(super) fn hold(&self, resource: &str) -> Option<Hold> {
        let now = self.clock.now();
        self.gate.ledger(|ledger| ledger.hold(resource, now))
    }

    fn tell_of_hold(&self, resource: &str) {
        let (host, identity) = (&self.host, &self.identity);
        if let Some(Hold { until, why, .. }) = self.hold(resource) {
            warn!(%host, %identity, %resource, %why, %until,
                "`{host}` wants no calls of `{identity}` before {until} ({why}); they wait");
        }
    }
}

impl Answered {
    /// Whether it was refused, or is to be made later, because of GitHub's limits.
    pub(super) fn is_limited(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::PrimaryLimit | Verdict::SecondaryLimit { .. }
        )
    }

    fn of(received: Received, made: Made, latency: Duration) -> Self {
        let Received {
            status,
            headers,
            body,
            lent: _,
        } = received;
        let read = body.as_deref().unwrap_or_default();
        Self {
            verdict: verdict(made, status, &headers, read),
            status,
            headers,
            body,
            latency,
        }
    }
}

/// What a query says that it cost.
fn cost(body: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Body {
        data: Option<Data>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        rate_limit: Option<Cost>,
    }
    #[derive(Deserialize)]
    struct Cost {
        cost: Option<u32>,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    body.data?.rate_limit?.cost
}

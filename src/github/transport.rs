//! Sends one request over HTTP and reads its answer, within time and size. It neither retries nor follows.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use tokio::time::timeout;
use tower::{BoxError, Service};

use super::connections::{Closed, Lent};
use super::fault::CallFault;
use super::gate::Start;
use super::settings::Timeouts;

const VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
const API_VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("flux-setup/", env!("CARGO_PKG_VERSION")));

/// The wire to one host.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    octocrab: Octocrab,
    timeouts: Timeouts,
    /// The service asks by itself whether a request may still be sent.
    service_asks: bool,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// As the head was read, so much is known where the rest is lost.
    pub(super) body: Result<Bytes, WireFault>,
    /// Nothing else is sent over its connection while this is kept.
    pub(super) lent: Option<Lent>,
}

/// Why nothing of use came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WireFault {
    /// The gate was closed before there was a connection, so nothing was sent.
    Closed,
    /// There was no connection, so nothing was sent.
    NotSent {
        reason: String,
    },
    /// The connection was lost before the end of the answer's head.
    Lost {
        reason: String,
    },
    TimedOut {
        limit: Duration,
    },
    /// The answer ended too early.
    Truncated {
        reason: String,
    },
    TooLarge {
        limit_bytes: usize,
    },
}

impl WireFault {
    pub(super) fn of_call(self, host: &Arc<str>) -> CallFault {
        let host = host.clone();
        match self {
            Self::NotSent { reason } | Self::Lost { reason } => {
                let is_unknown = reason.contains("UnknownIssuer");
                let hint = "; name who vouches for it under `ca`";
                CallFault::Unreachable {
                    host,
                    reason: reason + if is_unknown { hint } else { "" },
                }
            }
            // Whoever sends waits for the gate again.
            Self::Closed => CallFault::Unreachable {
                host,
                reason: "the gate was closed".to_owned(),
            },
            Self::TimedOut { limit } => CallFault::TimedOut { host, limit },
            Self::Truncated { reason } => CallFault::BadAnswer {
                reason: format!("it ends too early: {reason}"),
            },
            Self::TooLarge { limit_bytes } => CallFault::TooLarge { limit_bytes },
        }
    }
}

impl Transport {
    /// Needs a runtime: octocrab keeps a task for its service.
    pub(super) fn over<S, B>(service: S, timeouts: Timeouts) -> Self
    where
        S: Service<Request<octocrab::OctoBody>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        let builder = OctocrabBuilder::new_empty().with_service(service);
        let Ok(octocrab) = builder.with_auth(AuthState::None).build();
        Self {
            octocrab,
            timeouts,
            service_asks: false,
        }
    }

    /// The same, over a service that asks the [`Start`] of each request when it has a connection.
    pub(super) fn asking(self) -> Self {
        Self {
            service_asks: true,
            ..self
        }
    }

    /// `start` is asked right before it is sent. `headers` are those that differ from call to call; `limit_bytes` is of the answer's body.
    pub(super) async fn send(
        &self,
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Option<&serde_json::Value>,
        limit_bytes: usize,
        start: &Start,
    ) -> Result<Received, WireFault> {
        let builder = Request::builder().method(method).uri(uri);
        let request = self.octocrab.build_request(builder, body);
        let mut request = request.map_err(|error| WireFault::NotSent {
            reason: deepest(&error),
        })?;
        if body.is_none() {
            request.headers_mut().remove(CONTENT_TYPE);
        }
        request.headers_mut().insert(USER_AGENT, AGENT);
        request.headers_mut().insert(VERSION, API_VERSION);
        request.headers_mut().extend(headers);
        if !self.service_asks && !start.begin() {
            return Err(WireFault::Closed);
        }
        request.extensions_mut().insert(start.clone());
        let limit = self.timeouts.whole;
        let received = timeout(limit, self.receive(request, limit_bytes)).await;
        match received.unwrap_or(Err(WireFault::TimedOut { limit })) {
            Err(WireFault::Lost { reason }) if !start.has_begun() => {
                Err(WireFault::NotSent { reason })
            }
            received => received,
        }
    }

    async fn receive(
        &self,
        request: Request<octocrab::OctoBody>,
        limit_bytes: usize,
    ) -> Result<Received, WireFault> {
        // As it is: `execute` would look at the address, and add what we did not ask for.
        let response = self.octocrab.send(request).await;
        let (mut head, body) = response.map_err(|error| unanswered(&error))?.into_parts();
        Ok(Received {
            status: head.status,
            lent: head.extensions.remove(),
            headers: head.headers,
            body: self.read(body, limit_bytes).await,
        })
    }

    async fn read<B>(&self, mut body: B, limit_bytes: usize) -> Result<Bytes, WireFault>
    where
        B: Body<Data = Bytes, Error = octocrab::Error> + Unpin,
    {
        let mut read = Vec::new();
        let limit = self.timeouts.read;
        loop {
            let frame = timeout(limit, body.frame()).await;
            let Some(frame) = frame.map_err(|_| WireFault::TimedOut { limit })? else {
                return Ok(read.into());
            };
            let frame = frame.map_err(|error| WireFault::Truncated {
                reason: deepest(&error),
            })?;
            if let Ok(bytes) = frame.into_data() {
                if read.len() + bytes.len() > limit_bytes {
                    return Err(WireFault::TooLarge { limit_bytes });
                }
                read.extend_from_slice(&bytes);
            }
        }
    }
}

fn unanswered(error: &octocrab::Error) -> WireFault {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<Closed>() {
            return WireFault::Closed;
        }
        next = error.source();
    }
    WireFault::Lost {
        reason: deepest(error),
    }
}

/// What went wrong at the bottom; what stands above it says only that something did.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

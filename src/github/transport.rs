//! Sends one request over HTTP and reads its answer, within time and size. It neither retries nor follows.

use std::error::Error;
use std::time::Duration;

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use tokio::time::timeout;
use tower::{BoxError, Service};

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
}

/// What came back.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why nothing of use came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WireFault {
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
        Self { octocrab, timeouts }
    }

    /// `headers` are those that differ from call to call; `limit_bytes` is of the answer's body.
    pub(super) async fn send(
        &self,
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Option<&serde_json::Value>,
        limit_bytes: usize,
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
        let limit = self.timeouts.whole;
        let received = timeout(limit, self.receive(request, limit_bytes)).await;
        received.unwrap_or(Err(WireFault::TimedOut { limit }))
    }

    async fn receive(
        &self,
        request: Request<octocrab::OctoBody>,
        limit_bytes: usize,
    ) -> Result<Received, WireFault> {
        // As it is: `execute` would look at the address, and add what we did not ask for.
        let response = self.octocrab.send(request).await;
        let (head, mut body) = response.map_err(|error| unanswered(&error))?.into_parts();
        let too_large = WireFault::TooLarge { limit_bytes };
        let mut read = Vec::new();
        let limit = self.timeouts.read;
        loop {
            let frame = timeout(limit, body.frame()).await;
            let Some(frame) = frame.map_err(|_| WireFault::TimedOut { limit })? else {
                break;
            };
            let frame = frame.map_err(|error| WireFault::Truncated {
                reason: deepest(&error),
            })?;
            if let Ok(bytes) = frame.into_data() {
                if read.len() + bytes.len() > limit_bytes {
                    return Err(too_large);
                }
                read.extend_from_slice(&bytes);
            }
        }
        Ok(Received {
            status: head.status,
            headers: head.headers,
            body: read.into(),
        })
    }
}

fn unanswered(error: &octocrab::Error) -> WireFault {
    let reason = deepest(error);
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        let client = error.downcast_ref::<hyper_util::client::legacy::Error>();
        if client.is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return WireFault::NotSent { reason };
        }
        next = error.source();
    }
    WireFault::Lost { reason }
}

/// What went wrong at the bottom; what stands above it says only that something did.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

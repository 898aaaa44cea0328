//! What is answered to a webhook: a status, and JSON that says what to do.

use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Serialize;

use crate::delivery::Guid;
use crate::github::payload::BodyFault;
use crate::github::signature::SignatureFault;

pub(super) type Response = http::Response<Full<Bytes>>;

/// The largest body that is taken. GitHub sends none larger; a push beyond it is not delivered at all.
pub const BODY_LIMIT_BYTES: usize = 25 * 1024 * 1024;

/// Why a delivery is not taken. No message tells of other webhooks, of secrets or of what went wrong inside.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("there is nothing here; GitHub posts to `/hooks/github/NAME`")]
    NoSuchPath,
    #[error(
        "no webhook has this name; the path ends with the `name` of one that the configuration lists"
    )]
    NoSuchWebhook,
    #[error("a delivery is posted; use the method `POST`")]
    Method,
    #[error(
        "neither `Content-Length` nor `Transfer-Encoding` tells where the body ends; send one of them"
    )]
    NoLength,
    #[error("the body has more than 25 MiB, which GitHub never sends")]
    TooLarge,
    #[error(transparent)]
    ContentType(BodyFault),
    #[error(transparent)]
    Signature(SignatureFault),
    #[error(
        "the signatures of this sender failed too often; give the webhook the same secret at GitHub and here, and wait a minute"
    )]
    Throttled { wait: Duration },
    #[error("the header `X-GitHub-Event` is missing; it names the event")]
    NoEvent,
    #[error("the header `X-GitHub-Delivery` is missing; it holds the GUID of the delivery")]
    NoGuid,
    #[error("the header `X-GitHub-Delivery` is no GUID: {0}")]
    Guid(String),
    #[error("the body came too slowly and was not waited for; deliver it again")]
    Slow,
    #[error("the body ended before its end, or is not well framed; deliver it again")]
    Broken,
    #[error("too many large bodies come at once; deliver it again in a moment")]
    Crowded,
    /// Rightly signed.
    #[error("{0}; deliver what GitHub sends")]
    Payload(BodyFault),
    #[error("the delivery could not be kept and so was not accepted; deliver it again later")]
    NotKept,
    #[error(
        "too many deliveries still wait to be worked and so this one was not accepted; deliver it again later"
    )]
    Backlog,
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath | Self::NoSuchWebhook => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoLength => StatusCode::LENGTH_REQUIRED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Signature(_) => StatusCode::UNAUTHORIZED,
            Self::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NoEvent | Self::NoGuid | Self::Guid(_) | Self::Broken | Self::Payload(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Crowded | Self::NotKept | Self::Backlog => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn response(&self, delivery: Option<&Guid>) -> Response {
        let mut response = response(self.status(), Some(&self.to_string()), delivery);
        let retry_after = match self {
            Self::Throttled { wait } => Some(wait.as_secs() + 1),
            Self::Crowded | Self::NotKept => Some(5),
            Self::Backlog => Some(60),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::Method) {
            let post = HeaderValue::from_static("POST");
            response.headers_mut().insert(ALLOW, post);
        }
        response
    }
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// `null` where nobody said which.
    delivery: Option<&'a Guid>,
}

pub(super) fn response(
    status: StatusCode,
    reason: Option<&str>,
    delivery: Option<&Guid>,
) -> Response {
    let content = Content { reason, delivery };
    let mut json = serde_json::to_vec(&content).expect("texts are always JSON");
    json.push(b'\n');
    let mut response = http::Response::new(Full::from(json));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

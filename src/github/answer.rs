//! What GitHub answered.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault::CallFault;

/// A good answer, or that nothing has changed (304).
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// All of it; empty with 304.
    pub body: hyper::body::Bytes,
    /// Path and query below the root of the API where it was found; `None`: where it was asked for.
    pub moved_to: Option<String>,
    /// Path and query of the next page below the root of the API; `None`: this is the last one.
    pub next: Option<String>,
    /// Of the last time that it was sent.
    pub latency: Duration,
    /// Under which [`super::Client::keep`] keeps it.
    pub(super) etag: Option<(Arc<str>, Arc<str>)>,
}

impl Answer {
    /// Whether nothing has changed since the answer that was kept.
    pub fn is_not_modified(&self) -> bool {
        self.status == StatusCode::NOT_MODIFIED
    }

    /// Reads the body.
    ///
    /// # Errors
    /// It is not what was expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallFault> {
        serde_json::from_slice(&self.body).map_err(|error| CallFault::BadAnswer {
            reason: format!("its JSON is not as expected: {error}"),
        })
    }

    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The answer to a query. Data and errors may come together.
#[derive(Debug, Clone)]
pub struct GraphqlAnswer {
    /// `null` where there is none.
    pub data: Value,
    pub errors: Vec<GraphqlError>,
    /// Points of the hour, where the query asked for `rateLimit { cost }`.
    pub cost: Option<u32>,
    pub latency: Duration,
}

/// What GitHub says of one part of a query.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GraphqlError {
    /// `NOT_FOUND`, `FORBIDDEN`, …; empty where GitHub names none.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Names of fields and numbers in lists; empty where it concerns the whole query.
    #[serde(default)]
    pub path: Vec<Value>,
    #[serde(default)]
    pub message: String,
}

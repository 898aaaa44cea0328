//! What GitHub answered.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::etag::Kept;
use super::fault::CallFault;

/// A good answer, or that nothing has changed (304).
#[derive(Clone)]
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
    pub(super) kept: Option<Kept>,
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

/// Without the body, which may have a payload.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .field("moved_to", &self.moved_to)
            .field("next", &self.next)
            .field("latency", &self.latency)
            .finish_non_exhaustive()
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
    /// The permissions that would have been needed, as GitHub names them where it does.
    pub needs: Option<String>,
    pub latency: Duration,
}

/// What GitHub says of one part of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphqlError {
    /// `NOT_FOUND`, `FORBIDDEN`, …; empty where GitHub names none.
    pub kind: String,
    /// Names of fields and numbers in lists; empty where it concerns the whole query.
    pub path: Vec<Value>,
    pub message: String,
}

impl GraphqlAnswer {
    pub(super) fn read(
        body: &[u8],
        needs: Option<String>,
        latency: Duration,
    ) -> Result<Self, CallFault> {
        #[derive(Deserialize)]
        struct Read {
            #[serde(default)]
            data: Value,
            #[serde(default)]
            errors: Vec<Value>,
        }
        let bad = |reason: String| CallFault::BadAnswer { reason };
        let read: Read = serde_json::from_slice(body)
            .map_err(|error| bad(format!("it is no answer to a query: {error}")))?;
        if read.data.is_null() && read.errors.is_empty() {
            return Err(bad("it has neither data nor errors".to_owned()));
        }
        let cost = read.data["rateLimit"]["cost"].as_u64();
        Ok(Self {
            cost: cost.and_then(|cost| cost.try_into().ok()),
            errors: read.errors.iter().map(GraphqlError::of).collect(),
            data: read.data,
            needs,
            latency,
        })
    }
}

impl GraphqlError {
    pub(super) fn of(error: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = error.get("type").unwrap_or(&error["extensions"]["code"]);
        Self {
            kind: text(kind),
            path: error["path"].as_array().cloned().unwrap_or_default(),
            message: text(&error["message"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<GraphqlAnswer, String> {
        let read = GraphqlAnswer::read(body.as_bytes(), None, Duration::ZERO);
        read.map_err(|fault| fault.to_string())
    }

    #[test]
    fn data_and_errors_come_together() {
        let answer = read(
            r#"{"data": {"rateLimit": {"cost": 1}, "a0": null, "a1": {"id": "x"}}, "errors": [
                {"type": "NOT_FOUND", "path": ["a0", 1], "message": "no", "locations": []},
                {"message": "odd", "path": null, "extensions": {"code": "maxNodeLimitExceeded"}}
            ]}"#,
        );
        let answer = answer.unwrap();
        assert_eq!(answer.cost, Some(1));
        assert_eq!(answer.data["a1"]["id"], "x");
        let error = |kind: &str, path: Vec<Value>, message: &str| GraphqlError {
            kind: kind.to_owned(),
            path,
            message: message.to_owned(),
        };
        assert_eq!(
            answer.errors,
            [
                error("NOT_FOUND", vec!["a0".into(), 1.into()], "no"),
                error("maxNodeLimitExceeded", vec![], "odd")
            ]
        );
    }

    #[test]
    fn what_is_no_answer_is_told() {
        assert_eq!(
            read(r#"{"message": "hello"}"#).unwrap_err(),
            "cannot read the answer: it has neither data nor errors"
        );
        let fault = read("<html>").unwrap_err();
        assert!(
            fault.starts_with("cannot read the answer: it is no answer to a query: "),
            "{fault}"
        );
        assert!(read(r#"{"data": null, "errors": [{"message": "x"}]}"#).is_ok());
    }
}

//! What the API answers where it cannot do what was asked.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tracing::error;

use crate::store::StoreError;

#[derive(Debug)]
pub(in crate::server) struct ApiFault {
    status: StatusCode,
    reason: String,
}

impl ApiFault {
    pub(in crate::server) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }

    pub(in crate::server) fn status(&self) -> StatusCode {
        self.status
    }

    /// What is answered, as JSON.
    pub(in crate::server) fn text(&self) -> String {
        let reason = &self.reason;
        serde_json::json!({ "reason": reason }).to_string()
    }

    pub(in crate::server) fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// The cause is told in the log alone.
    pub(in crate::server) fn store(fault: StoreError) -> Self {
        let fault = anyhow::Error::new(fault);
        error!("cannot answer from the store: {fault:#}");
        let reason = "the store cannot be read now; the log says why";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    }
}

impl IntoResponse for ApiFault {
    fn into_response(self) -> Response {
        let json = [(CONTENT_TYPE, "application/json")];
        (self.status, json, self.text()).into_response()
    }
}

//! A call to GitHub, as whoever needs it describes it.

use std::fmt;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::budget::live::Purpose;

/// The largest answer that is read where nothing else is said.
pub const BODY_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// As whom an App speaks. A token speaks as itself either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Speaks {
    /// By the token of its installation.
    #[default]
    AsInstallation,
    /// As the App itself, which only the paths below `/app` take.
    AsApp,
}

/// One call. It is sent once the budget allows it.
#[derive(Clone, PartialEq)]
pub struct Call {
    pub method: Method,
    /// Path and query below the root of the API; begins with `/`.
    pub path: String,
    /// The path with placeholders, by which GitHub counts: `/repos/{owner}/{repo}/hooks`.
    pub endpoint: &'static str,
    pub purpose: Purpose,
    pub body: Option<Value>,
    pub speaks: Speaks,
    /// The call is sent with the `ETag` that [`super::Client::keep`] kept, and may be answered by 304.
    pub etag: bool,
    /// It makes something that people are told of or see, which GitHub counts apart.
    pub creates: bool,
    /// Sending it twice does no more than sending it once; a GET always is.
    pub idempotent: bool,
    /// Give up with [`super::CallFault::Held`] where the gate stays closed longer; `None`: wait.
    pub patience: Option<Duration>,
    /// A longer answer is a fault.
    pub limit_bytes: usize,
}

impl Call {
    pub fn new(
        method: Method,
        path: impl Into<String>,
        endpoint: &'static str,
        purpose: Purpose,
    ) -> Self {
        Self {
            idempotent: method.is_safe(),
            method,
            path: path.into(),
            endpoint,
            purpose,
            body: None,
            speaks: Speaks::default(),
            etag: false,
            creates: false,
            patience: None,
            limit_bytes: BODY_LIMIT_BYTES,
        }
    }

    pub fn get(path: impl Into<String>, endpoint: &'static str, purpose: Purpose) -> Self {
        Self::new(Method::GET, path, endpoint, purpose)
    }

    pub fn post(path: impl Into<String>, endpoint: &'static str, purpose: Purpose) -> Self {
        Self::new(Method::POST, path, endpoint, purpose)
    }

    pub fn patch(path: impl Into<String>, endpoint: &'static str, purpose: Purpose) -> Self {
        Self::new(Method::PATCH, path, endpoint, purpose)
    }

    pub fn delete(path: impl Into<String>, endpoint: &'static str, purpose: Purpose) -> Self {
        Self::new(Method::DELETE, path, endpoint, purpose)
    }

    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    #[must_use]
    pub fn as_app(mut self) -> Self {
        self.speaks = Speaks::AsApp;
        self
    }

    /// Asks only for what is new since the answer that was kept last.
    #[must_use]
    pub fn conditional(mut self) -> Self {
        self.etag = true;
        self
    }

    #[must_use]
    pub fn creating(mut self) -> Self {
        self.creates = true;
        self
    }

    /// Allows it to be sent again where nobody knows what became of it.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    #[must_use]
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Allows an answer as long as a delivery with its payload.
    #[must_use]
    pub fn up_to(mut self, limit_bytes: usize) -> Self {
        self.limit_bytes = limit_bytes;
        self
    }
}

/// Without the body, which may have the secret of a webhook.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("purpose", &self.purpose)
            .field("speaks", &self.speaks)
            .finish_non_exhaustive()
    }
}

//! A call to GitHub, as whoever needs it describes it.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::budget::live::Purpose;

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
#[derive(Debug, Clone, PartialEq)]
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
}

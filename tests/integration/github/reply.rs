//! An answer before the headers that every answer has are added.

use serde_json::{Value, json};

const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// What a handler answers, be it what was asked for or a refusal.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    /// Primary points beyond the one that a call costs; GraphQL's own price is in [`Reply::cost`].
    pub cost: u32,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            body: body.to_string().into_bytes(),
            content_type: "application/json; charset=utf-8",
            headers: Vec::new(),
            cost: 1,
        }
    }

    pub fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    pub fn nothing(status: u16) -> Self {
        Self {
            body: Vec::new(),
            ..Self::json(status, &Value::Null)
        }
    }

    pub fn text(body: String) -> Self {
        Self {
            body: body.into_bytes(),
            content_type: "application/vnd.github.sha; charset=utf-8",
            ..Self::ok(&Value::Null)
        }
    }

    /// The page of a proxy in front of GitHub.
    pub fn html(status: u16, title: &str) -> Self {
        let page = format!("<html><head><title>{title}</title></head><body>{title}</body></html>");
        Self {
            body: page.into_bytes(),
            content_type: "text/html; charset=utf-8",
            ..Self::json(status, &Value::Null)
        }
    }

    pub fn refusal(status: u16, message: &str) -> Self {
        let mut body = json!({"message": message, "documentation_url": DOCUMENTATION});
        if status != 422 {
            body["status"] = status.to_string().into();
        }
        Self::json(status, &body)
    }

    pub fn not_found() -> Self {
        Self::refusal(404, "Not Found")
    }

    /// 422 with what is wrong.
    pub fn invalid(resource: &str, field: &str, message: &str) -> Self {
        let error =
            json!({"resource": resource, "field": field, "code": "custom", "message": message});
        let body = json!({
            "message": "Validation Failed", "errors": [error],
            "documentation_url": DOCUMENTATION,
        });
        Self::json(422, &body)
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The refusals of limits say which one it is by their text alone.
pub const PRIMARY: &str = "API rate limit exceeded for";
pub const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. \
     If you reach out to GitHub Support for help, please include the request ID";

//! What was asked and answered, word for word, for those who check it against GitHub's descriptions.

use axum::body::Bytes;
use http::request::Parts;
use serde_json::Value;

use super::paths::read_query;
use super::server::Judged;

/// More are not kept.
const MOST: usize = 10_000;

/// One call and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// As `GET /repos/{owner}/{repo}`.
    pub endpoint: &'static str,
    pub query: Vec<(String, String)>,
    /// Null where there was none.
    pub asked: Value,
    pub status: u16,
    /// Null where it is no JSON.
    pub answered: Value,
}

impl Exchange {
    pub fn of(parts: &Parts, body: &Bytes, judged: &Judged) -> Self {
        Self {
            endpoint: judged.key.endpoint,
            query: read_query(parts.uri.query().unwrap_or_default()),
            asked: serde_json::from_slice(body).unwrap_or_default(),
            status: judged.reply.status,
            answered: serde_json::from_slice(&judged.reply.body).unwrap_or_default(),
        }
    }
}

/// The exchanges that are kept, if a test wants them.
#[derive(Debug, Default)]
pub struct Exchanges(Option<Vec<Exchange>>);

impl Exchanges {
    pub fn begin(&mut self) {
        self.0.get_or_insert_default();
    }

    pub fn keep(&mut self, exchange: impl FnOnce() -> Exchange) {
        if let Some(kept) = self.0.as_mut().filter(|kept| kept.len() < MOST) {
            kept.push(exchange());
        }
    }

    pub fn all(&self) -> Vec<Exchange> {
        self.0.clone().unwrap_or_default()
    }
}

//! Which call is wanted, why, and what it is expected to cost.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What GitHub counts apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketKey {
    /// As it is configured, `github.com`.
    pub host: Arc<str>,
    /// The name of the configuration, or `anonymous`.
    pub identity: Arc<str>,
    /// GitHub's own name, as in `x-ratelimit-resource`: `core`, `graphql`, `search`; [`APP_JWT`] for
    /// calls that an App makes as itself.
    pub resource: Arc<str>,
}

/// The resource of calls that an App makes as itself. GitHub has no name for it: its headers call
/// it `core`, and it is another bucket than the `core` of the App's installations.
pub const APP_JWT: &str = "app_jwt";

/// The resource of queries.
pub(super) const GRAPHQL: &str = "graphql";

/// In which `GET /rate_limit` is asked for.
pub(super) const CORE: &str = "core";

/// Points of the secondary limits from which on a call is one that changes something.
pub(super) const MUTATION: u32 = 5;

/// Why a call is made. The first is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// Whether webhooks are sound and what they delivered.
    WebhookHealth,
    /// To fetch what was never delivered.
    BackFill,
    /// To ask what refs point at.
    Heads,
    Other,
}

impl Purpose {
    /// In order of priority.
    pub const ALL: [Self; 4] = [
        Self::WebhookHealth,
        Self::BackFill,
        Self::Heads,
        Self::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebhookHealth => "webhookHealth",
            Self::BackFill => "backFill",
            Self::Heads => "heads",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A call that somebody wants to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub resource: Arc<str>,
    pub purpose: Purpose,
    /// Points of the primary limit that it is expected to cost, 0 for what is free (`GET /rate_limit`).
    pub cost: u32,
    /// Points of the secondary limits: 1 for a read or a query, 5 for what changes something. From 5
    /// on it counts as a mutation, of which there is one a second.
    ///
    /// Source: "Calculating points for the secondary rate limit" in GitHub's REST documentation.
    pub secondary: u32,
    /// Whether it makes something that people are told of or see: a hook, a comment, a status.
    pub creates: bool,
    /// The path with placeholders, `/repos/{owner}/{repo}/hooks`; `/graphql` for every query.
    pub endpoint: Arc<str>,
}

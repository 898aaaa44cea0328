//! A gate that is closed until a time, and why.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Nothing may be sent before `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// By the clock that `now` was read from. Ask again then, or when a call has ended.
    pub until: Timestamp,
    pub why: HoldReason,
    /// `None`: all calls of the identity. Where `why` is not about a bucket, other calls of it may go.
    pub resource: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldReason {
    /// GitHub refused: the hour is used up.
    PrimaryLimit,
    /// GitHub refused: too much at once.
    SecondaryLimit,
    /// What is left is the share of the user's own tools, or nothing.
    Reserve,
    /// The first call of an hour is on its way, to see what is left.
    Unknown,
    /// As many calls as may run at once are running.
    Running,
    /// The endpoint had its points of this minute.
    Points,
    /// GitHub has computed long enough for us in this minute.
    Time,
    /// Changes are a second apart.
    Mutation,
    /// Enough was created in this minute or hour.
    Content,
}

impl HoldReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PrimaryLimit => "primaryLimit",
            Self::SecondaryLimit => "secondaryLimit",
            Self::Reserve => "reserve",
            Self::Unknown => "unknown",
            Self::Running => "running",
            Self::Points => "points",
            Self::Time => "time",
            Self::Mutation => "mutation",
            Self::Content => "content",
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

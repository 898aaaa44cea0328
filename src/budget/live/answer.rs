//! What became of a call, as far as the ledger cares.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// What the headers of one answer, or one entry of `GET /rate_limit`, say of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub limit: u32,
    pub remaining: u32,
    pub used: u32,
    /// By GitHub's clock.
    pub reset: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Answered {
        /// The resource as GitHub named it and what it said of it; `None` without those headers.
        sample: Option<(Arc<str>, Sample)>,
        /// The `date` header: GitHub's clock.
        date: Option<Timestamp>,
        /// From sending to the end of the answer.
        latency: Duration,
        /// Points of the primary limit that the answer says it cost (`rateLimit { cost }`); `None`: as
        /// expected.
        cost: Option<u32>,
        verdict: Verdict,
    },
    /// It was sent, or may have been, and nothing came back. It counts as spent.
    NoAnswer { latency: Duration },
}

/// What an answer means for the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Whatever the status: it was counted.
    Spent,
    /// 304, which the primary limit does not count.
    NotModified,
    /// 403 or 429 with nothing remaining, or a query's `RATE_LIMITED`.
    PrimaryLimit,
    /// 403, 429 or 200 that speaks of a secondary limit, or that has a `retry-after`.
    SecondaryLimit { retry_after: Option<Duration> },
    /// 5xx and the like: nobody says whether it was counted, so it counts as spent.
    Failed,
}

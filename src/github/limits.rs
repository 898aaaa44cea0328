//! Reads `GET /rate_limit`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::budget::live::Sample;

pub(super) const PATH: &str = "/rate_limit";

/// Resources that are read of one answer; GitHub has a dozen.
const MOST: usize = 100;

#[derive(Deserialize)]
struct Limits {
    resources: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Rate {
    limit: u32,
    remaining: u32,
    used: Option<u32>,
    reset: i64,
}

/// What it says of each resource; what it says otherwise than expected is left out.
pub(super) fn read(body: &[u8]) -> Vec<(Arc<str>, Sample)> {
    let Ok(limits) = serde_json::from_slice::<Limits>(body) else {
        return Vec::new();
    };
    let samples = limits.resources.into_iter().filter_map(|(name, rate)| {
        let rate: Rate = serde_json::from_value(rate).ok()?;
        let used = rate.used;
        let sample = Sample {
            limit: rate.limit,
            remaining: rate.remaining,
            used: used.unwrap_or_else(|| rate.limit.saturating_sub(rate.remaining)),
            reset: Timestamp::from_second(rate.reset).ok()?,
        };
        Some((Arc::from(name), sample))
    });
    samples.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_is_read_and_what_is_none_is_left_out() {
        let body = br#"{"resources": {
            "core": {"limit": 5000, "used": 1, "remaining": 4999, "reset": 1700000000},
            "new": {"limit": 10, "remaining": 7, "reset": 1700000000, "more": true},
            "odd": {"limit": "many"}
        }, "rate": {}}"#;
        let read: Vec<_> = read(body)
            .into_iter()
            .map(|(name, sample)| (name, sample.used))
            .collect();
        assert_eq!(read, [(Arc::from("core"), 1), (Arc::from("new"), 3)]);
        assert!(super::read(b"Rate limiting is not enabled.").is_empty());
    }
}

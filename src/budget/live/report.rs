//! The live report as data: written as JSON for machines, read again by the command line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ask::Purpose;
use super::epoch::Points;
use super::forecast::Forecast;
use super::hold::HoldReason;
use crate::budget::report::number;

/// One bucket. Points of the primary limit throughout; times by GitHub's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketReport {
    pub host: String,
    pub identity: String,
    pub resource: String,
    /// `None`, as `used`, `remaining` and `reset`, where nothing is limited or nobody said yet.
    pub limit: Option<u32>,
    /// GitHub answers and names no limit: an Enterprise Server whose limits are switched off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlimited: bool,
    pub used: Option<u32>,
    pub remaining: Option<u32>,
    /// `None` too where the hour is over and nobody began another.
    pub reset: Option<Timestamp>,
    /// In this hour of the bucket; where nothing is limited, in this hour of the clock.
    pub own_used: u32,
    /// What was used and is not ours.
    pub foreign_used: u32,
    /// Of what is ours.
    pub by_purpose: ByPurpose,
    /// By us and others together, smoothed over the last quarter of an hour.
    #[serde(serialize_with = "number")]
    pub rate_per_hour: f64,
    pub forecast: Option<Forecast>,
    pub holds: Vec<HeldRow>,
    /// The others' part of the rate, for metrics.
    #[serde(skip)]
    pub foreign_per_hour: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ByPurpose {
    pub webhook_health: u32,
    pub back_fill: u32,
    pub heads: u32,
    pub other: u32,
}

impl ByPurpose {
    pub(super) fn of([webhook_health, back_fill, heads, other]: Points) -> Self {
        Self {
            webhook_health,
            back_fill,
            heads,
            other,
        }
    }

    /// Each purpose with its points, the most urgent first.
    pub fn rows(&self) -> [(Purpose, u32); 4] {
        [
            (Purpose::WebhookHealth, self.webhook_health),
            (Purpose::BackFill, self.back_fill),
            (Purpose::Heads, self.heads),
            (Purpose::Other, self.other),
        ]
    }
}

/// A gate that is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldRow {
    pub until: Timestamp,
    pub why: HoldReason,
    pub of: HoldScope,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldScope {
    Bucket,
    /// Of a bucket all that is less urgent than webhooks and back-fill, as heads are.
    LessUrgent,
    /// All buckets of the identity.
    Identity,
}

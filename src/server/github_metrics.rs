//! GitHub's limits as Prometheus sees them.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::budget::live::{BucketReport, Forecast, metric};

type Number = Family<BucketLabels, Gauge<f64, AtomicU64>>;

/// One family a figure; each bucket is a row of each. What nobody knows has no row.
#[derive(Debug, Clone, Default)]
pub(super) struct GithubMetrics {
    limit: Number,
    used: Number,
    remaining: Number,
    reset: Number,
    own_used: Family<PurposeLabels, Gauge>,
    foreign_used: Number,
    rate: Number,
    foreign_rate: Number,
    empty: Number,
    gate_closed: Family<GateLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BucketLabels {
    host: String,
    identity: String,
    resource: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PurposeLabels {
    #[prometheus(flatten)]
    bucket: BucketLabels,
    purpose: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GateLabels {
    #[prometheus(flatten)]
    bucket: BucketLabels,
    why: &'static str,
}

impl GithubMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let limit = "Points that a bucket allows";
        registry.register(metric::GITHUB_LIMIT, limit, metrics.limit.clone());
        let used = "Points of a bucket that were used";
        registry.register(metric::GITHUB_USED, used, metrics.used.clone());
        let remaining = "Points of a bucket that are left";
        registry.register(
            metric::GITHUB_REMAINING,
            remaining,
            metrics.remaining.clone(),
        );
        let reset = "When a bucket is full again, in seconds since 1970";
        registry.register(metric::GITHUB_RESET, reset, metrics.reset.clone());
        let own = "Points of a bucket that we used, by purpose";
        registry.register(metric::GITHUB_OWN_USED, own, metrics.own_used.clone());
        let foreign = "Points of a bucket that others used";
        registry.register(
            metric::GITHUB_FOREIGN_USED,
            foreign,
            metrics.foreign_used.clone(),
        );
        let rate = "Points an hour that we and others use, smoothed";
        registry.register(metric::GITHUB_RATE, rate, metrics.rate.clone());
        let foreign = "Points an hour that others use, smoothed";
        registry.register(
            metric::GITHUB_FOREIGN_RATE,
            foreign,
            metrics.foreign_rate.clone(),
        );
        let empty = "When a bucket will be empty before its reset, in seconds since 1970";
        registry.register(metric::GITHUB_EMPTY, empty, metrics.empty.clone());
        let closed = "1 where calls wait, by what they wait for";
        registry.register(
            metric::GITHUB_GATE_CLOSED,
            closed,
            metrics.gate_closed.clone(),
        );
        metrics
    }

    /// Shows these buckets and no others.
    pub(super) fn show(&self, buckets: impl Iterator<Item = BucketReport>) {
        for family in self.numbers() {
            family.clear();
        }
        self.own_used.clear();
        self.gate_closed.clear();
        for bucket in buckets {
            self.add(&bucket);
        }
    }

    fn numbers(&self) -> [&Number; 8] {
        [
            &self.limit,
            &self.used,
            &self.remaining,
            &self.reset,
            &self.foreign_used,
            &self.rate,
            &self.foreign_rate,
            &self.empty,
        ]
    }

    fn add(&self, bucket: &BucketReport) {
        let labels = BucketLabels {
            host: bucket.host.clone(),
            identity: bucket.identity.clone(),
            resource: bucket.resource.clone(),
        };
        let seconds = |time: Timestamp| time.as_second() as f64;
        let empty = match &bucket.forecast {
            Some(Forecast::Empty { empty_at, .. }) => Some(seconds(*empty_at)),
            _ => None,
        };
        let figures = [
            bucket.limit.map(f64::from),
            bucket.used.map(f64::from),
            bucket.remaining.map(f64::from),
            bucket.reset.map(seconds),
            Some(f64::from(bucket.foreign_used)),
            Some(bucket.rate_per_hour),
            Some(bucket.foreign_per_hour),
            empty,
        ];
        for (family, figure) in self.numbers().into_iter().zip(figures) {
            if let Some(figure) = figure {
                family.get_or_create(&labels).set(figure);
            }
        }
        for (purpose, points) in bucket.by_purpose.rows() {
            let labels = PurposeLabels {
                bucket: labels.clone(),
                purpose: purpose.as_str(),
            };
            self.own_used.get_or_create(&labels).set(i64::from(points));
        }
        for hold in &bucket.holds {
            let labels = GateLabels {
                bucket: labels.clone(),
                why: hold.why.as_str(),
            };
            self.gate_closed.get_or_create(&labels).set(1);
        }
    }
}

//! GitHub's limits as Prometheus sees them.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::budget::live::{BucketReport, Forecast, HoldScope, metric};

use super::github::GithubSide;

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
    trouble: Family<TroubleLabels, Gauge>,
    clock_ahead: Family<HostLabels, Gauge>,
    /// Held by whoever writes the page: another that begins meanwhile takes all rows away.
    showing: Arc<Mutex<()>>,
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TroubleLabels {
    host: String,
    identity: String,
    why: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HostLabels {
    host: String,
}

impl GithubMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let numbers = [
            (metric::GITHUB_LIMIT, "Points that a bucket allows"),
            (metric::GITHUB_USED, "Points of a bucket that were used"),
            (metric::GITHUB_REMAINING, "Points of a bucket that are left"),
            (
                metric::GITHUB_RESET,
                "When a bucket is full again, in seconds since 1970",
            ),
            (
                metric::GITHUB_FOREIGN_USED,
                "Points of a bucket that others used",
            ),
            (
                metric::GITHUB_RATE,
                "Points an hour that we and others use, smoothed",
            ),
            (
                metric::GITHUB_FOREIGN_RATE,
                "Points an hour that others use, smoothed",
            ),
            (
                metric::GITHUB_EMPTY,
                "When a bucket will be empty before its reset, in seconds since 1970",
            ),
        ];
        for ((name, help), family) in numbers.into_iter().zip(metrics.numbers()) {
            registry.register(name, help, family.clone());
        }
        let own = "Points of a bucket that we used, by purpose";
        registry.register(metric::GITHUB_OWN_USED, own, metrics.own_used.clone());
        let closed = "1 where calls wait, by what they wait for";
        registry.register(
            metric::GITHUB_GATE_CLOSED,
            closed,
            metrics.gate_closed.clone(),
        );
        let trouble = "1 where GitHub cannot be asked as an identity, by why";
        registry.register(metric::GITHUB_TROUBLE, trouble, metrics.trouble.clone());
        let ahead = "Seconds by which GitHub's clock is ahead of this machine's";
        registry.register(
            metric::GITHUB_CLOCK_AHEAD,
            ahead,
            metrics.clock_ahead.clone(),
        );
        metrics
    }

    /// Shows what is known of GitHub now, and nothing else, while `with` runs.
    pub(super) fn of<T>(&self, github: &GithubSide, with: impl FnOnce() -> T) -> T {
        self.showing(github.buckets(), || {
            self.trouble.clear();
            self.clock_ahead.clear();
            for (host, identity, why) in github.troubles() {
                let labels = TroubleLabels {
                    host: host.to_owned(),
                    identity: identity.to_owned(),
                    why,
                };
                self.trouble.get_or_create(&labels).set(1);
            }
            for (host, ahead) in github.clocks() {
                let host = host.to_owned();
                let gauge = self.clock_ahead.get_or_create_owned(&HostLabels { host });
                gauge.set(ahead.as_secs());
            }
            with()
        })
    }

    /// Shows these buckets and no others while `with` runs.
    fn showing<T>(
        &self,
        buckets: impl Iterator<Item = BucketReport>,
        with: impl FnOnce() -> T,
    ) -> T {
        let _showing = self.showing.lock().unwrap_or_else(PoisonError::into_inner);
        for family in self.numbers() {
            family.clear();
        }
        self.own_used.clear();
        self.gate_closed.clear();
        for bucket in buckets {
            self.add(&bucket);
        }
        with()
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
                why: match hold.of {
                    HoldScope::LessUrgent => "lessUrgent",
                    HoldScope::Bucket | HoldScope::Identity => hold.why.as_str(),
                },
            };
            self.gate_closed.get_or_create(&labels).set(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::budget::live::ByPurpose;

    fn bucket(number: u32) -> BucketReport {
        BucketReport {
            host: "github.com".to_owned(),
            identity: format!("bot-{number}"),
            resource: "core".to_owned(),
            limit: Some(5_000),
            unlimited: false,
            used: Some(number),
            remaining: Some(5_000 - number),
            reset: None,
            own_used: 0,
            foreign_used: number,
            by_purpose: ByPurpose::default(),
            rate_per_hour: 0.0,
            forecast: None,
            holds: Vec::new(),
            foreign_per_hour: 0.0,
        }
    }

    #[test]
    fn two_that_ask_at_once_both_see_every_bucket() {
        let mut registry = Registry::default();
        let metrics = GithubMetrics::register(&mut registry);
        let ask = || {
            for _ in 0..100 {
                let mut text = String::new();
                let written = metrics.showing((0..50).map(bucket), || encode(&mut text, &registry));
                written.unwrap();
                assert_eq!(text.matches("\ngithub_limit{").count(), 50, "{text}");
                assert_eq!(text.matches("\ngithub_own_used{").count(), 200, "{text}");
            }
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(ask);
            }
        });
    }

    #[test]
    fn a_bucket_that_is_no_more_is_shown_no_more() {
        let mut registry = Registry::default();
        let metrics = GithubMetrics::register(&mut registry);
        let shown = |buckets: std::ops::Range<u32>| {
            let mut text = String::new();
            let written = metrics.showing(buckets.map(bucket), || encode(&mut text, &registry));
            written.unwrap();
            (text.contains("bot-1"), text.contains("bot-2"))
        };
        assert_eq!(shown(1..2), (true, false));
        assert_eq!(shown(2..3), (false, true));
        assert_eq!(shown(0..0), (false, false));
    }
}

//! What a ledger shows: holds, rows of the report, history, and what can still be spent.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Bucket, Hold, HoldReason, Ledger, Moment, Purpose, Tick};
use crate::budget::live::ask::BucketKey;
use crate::budget::live::bucket::Figures;
use crate::budget::live::forecast::{Supply, forecast};
use crate::budget::live::history::Step;
use crate::budget::live::report::{BucketReport, ByPurpose, HeldRow, HoldScope};

impl Ledger {
    /// Why nothing of a resource may be sent for a while: GitHub refused it or all of the identity,
    /// or nothing is left above the reserve. `None` says nothing of what runs or of this minute.
    pub fn hold(&self, resource: &str, now: Timestamp) -> Option<Hold> {
        let tick = self.clock.read(now);
        if let Some(until) = self.pressure.held_until(tick) {
            return Some(Hold {
                until: tick.local(until),
                why: HoldReason::SecondaryLimit,
                resource: None,
            });
        }
        let (resource, bucket) = self.buckets.get_key_value(resource)?;
        let (until, why) = bucket.admits(1, self.settings.reserve, tick).err()?;
        (why != HoldReason::Unknown).then(|| Hold {
            until: tick.local(until),
            why,
            resource: Some(resource.clone()),
        })
    }

    /// Three refusals for speed came within the hour: half of the calls at once and half of the points
    /// a minute. Whoever sends batches should send half as often.
    pub fn is_slowed(&self, now: Timestamp) -> bool {
        self.pressure.is_slowed(self.clock.read(now))
    }

    /// Calls that are on their way.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// GitHub's clock, as far as its answers show it.
    pub fn github_time(&self, now: Timestamp) -> Timestamp {
        self.clock.read(now).server.timestamp()
    }

    /// What can still be spent for [`Purpose::Heads`]; `None` where no limit is known.
    pub fn supply(&self, resource: &str, now: Timestamp) -> Option<Supply> {
        let tick = self.clock.read(now);
        let bucket = self.buckets.get(resource)?;
        Supply::of(
            &bucket.figures(tick),
            self.floor(Purpose::Heads),
            bucket.running_cost(),
            tick.server,
        )
    }

    /// One row a bucket, by resource. Times in it are GitHub's.
    pub fn report(&self, now: Timestamp) -> Vec<BucketReport> {
        let tick = self.clock.read(now);
        let rows = self.buckets.iter();
        rows.map(|(resource, bucket)| {
            let key = BucketKey {
                host: self.settings.host.clone(),
                identity: self.settings.identity.clone(),
                resource: resource.clone(),
            };
            let figures = bucket.figures(tick);
            self.row(&key, &figures, self.holds_of(bucket, tick), tick)
        })
        .collect()
    }

    /// The gates that are closed, as the rows of [`Self::report`] name them.
    pub fn holds(&self, now: Timestamp) -> Vec<HeldRow> {
        let tick = self.clock.read(now);
        let buckets = self.buckets.values();
        buckets
            .flat_map(|bucket| self.holds_of(bucket, tick))
            .collect()
    }

    fn row(
        &self,
        key: &BucketKey,
        figures: &Figures,
        holds: Vec<HeldRow>,
        tick: Tick,
    ) -> BucketReport {
        BucketReport {
            host: key.host.as_ref().into(),
            identity: key.identity.as_ref().into(),
            resource: key.resource.as_ref().into(),
            limit: figures.limit,
            unlimited: figures.is_unlimited,
            used: figures.used,
            remaining: figures.remaining,
            reset: figures.reset.map(Moment::timestamp),
            own_used: figures.own,
            foreign_used: figures.foreign,
            by_purpose: ByPurpose::of(figures.by_purpose),
            rate_per_hour: figures.own_per_hour + figures.foreign_per_hour,
            forecast: forecast(figures, self.settings.reserve, tick.server),
            holds,
            foreign_per_hour: figures.foreign_per_hour,
        }
    }

    fn holds_of(&self, bucket: &Bucket, tick: Tick) -> Vec<HeldRow> {
        let mut holds = Vec::new();
        if let Some(until) = self.pressure.held_until(tick) {
            holds.push(HeldRow {
                until: tick.as_server(until).timestamp(),
                why: HoldReason::SecondaryLimit,
                of: HoldScope::Identity,
            });
        }
        let of_all = (HoldScope::Bucket, Purpose::WebhookHealth);
        let of_some = (HoldScope::LessUrgent, Purpose::Heads);
        let held = [of_all, of_some].into_iter().find_map(|(of, purpose)| {
            let (until, why) = bucket.admits(1, self.floor(purpose), tick).err()?;
            (why != HoldReason::Unknown).then(|| HeldRow {
                until: tick.as_server(until).timestamp(),
                why,
                of,
            })
        });
        holds.extend(held);
        holds
    }

    /// The steps of the last 24 hours that began at or after `since`, by resource, oldest first. Ask
    /// with the time of the last step that was kept: that one may have grown.
    pub fn history(&self, since: Option<Timestamp>, now: Timestamp) -> Vec<(Arc<str>, Vec<Step>)> {
        let server = self.clock.read(now).server;
        let buckets = self.buckets.iter();
        buckets
            .map(|(resource, bucket)| {
                let steps = bucket.history.since(since, server).copied().collect();
                (resource.clone(), steps)
            })
            .collect()
    }
}

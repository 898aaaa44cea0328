//! The ledger of one identity: each call is reserved before it is sent and settled from its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::answer::{Outcome, Sample, Verdict};
use super::ask::{APP_JWT, Ask, Purpose};
use super::hold::{Hold, HoldReason};

/// Calls that may run at once. GitHub allows 100 of all programs of an identity together.
const MOST_RUNNING: usize = 10;

/// Whose ledger it is.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerSettings {
    pub host: Arc<str>,
    pub identity: Arc<str>,
    /// The share of each limit that is left to the user's own tools, from 0 to 1.
    pub reserve: f64,
}

/// May a call be sent?
#[derive(Debug)]
#[must_use]
pub enum Decision {
    Go(Reservation),
    Wait(Hold),
}

/// A call that was let through; hand it back to [`Ledger::settle`] or [`Ledger::unsent`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a reservation that is not handed back counts as running"]
pub struct Reservation {
    id: u64,
    resource: Arc<str>,
    purpose: Purpose,
    cost: u32,
}

#[derive(Debug)]
struct Bucket {
    sample: Sample,
    held_until: Option<Timestamp>,
}

/// Buckets, gate and running calls of one identity of one host.
#[derive(Debug)]
pub struct Ledger {
    settings: LedgerSettings,
    buckets: BTreeMap<Arc<str>, Bucket>,
    running: BTreeMap<u64, (Arc<str>, u32)>,
    next_id: u64,
    held_until: Option<Timestamp>,
    heard: Option<Timestamp>,
}

impl Ledger {
    pub fn new(settings: LedgerSettings) -> Self {
        Self {
            settings,
            buckets: BTreeMap::new(),
            running: BTreeMap::new(),
            next_id: 0,
            held_until: None,
            heard: None,
        }
    }

    /// Lets a call through, or says until when it waits.
    pub fn reserve(&mut self, ask: &Ask, now: Timestamp) -> Decision {
        if let Some(hold) = self.hold(&ask.resource, now) {
            return Decision::Wait(hold);
        }
        if self.running.len() >= MOST_RUNNING {
            return Decision::Wait(Hold {
                until: now + SignedDuration::from_secs(1),
                why: HoldReason::Running,
                resource: None,
            });
        }
        let reserved: u32 = self.running.values().map(|(_, cost)| cost).sum();
        if let Some(bucket) = self.buckets.get(&ask.resource)
            && now < bucket.sample.reset
        {
            let floor = (f64::from(bucket.sample.limit) * self.settings.reserve).ceil() as u32;
            if floor + reserved + ask.cost > bucket.sample.remaining {
                return Decision::Wait(Hold {
                    until: bucket.sample.reset + SignedDuration::from_secs(1),
                    why: HoldReason::Reserve,
                    resource: Some(ask.resource.clone()),
                });
            }
        }
        let id = self.next_id;
        self.next_id += 1;
        self.running.insert(id, (ask.resource.clone(), ask.cost));
        Decision::Go(Reservation {
            id,
            resource: ask.resource.clone(),
            purpose: ask.purpose,
            cost: ask.cost,
        })
    }

    /// Books what became of a call.
    pub fn settle(&mut self, reservation: Reservation, outcome: &Outcome, now: Timestamp) {
        self.running.remove(&reservation.id);
        let Outcome::Answered {
            sample, verdict, ..
        } = outcome
        else {
            return;
        };
        self.heard = Some(now);
        if let Some((said, sample)) = sample {
            let resource = if &*reservation.resource == APP_JWT {
                reservation.resource.clone()
            } else {
                said.clone()
            };
            self.learn(resource, *sample, now);
        }
        match verdict {
            Verdict::PrimaryLimit => {
                let until = match self.buckets.get(&reservation.resource) {
                    Some(bucket) => bucket.sample.reset + SignedDuration::from_secs(1),
                    None => now + SignedDuration::from_mins(1),
                };
                if let Some(bucket) = self.buckets.get_mut(&reservation.resource) {
                    bucket.held_until = Some(until);
                }
            }
            Verdict::SecondaryLimit { retry_after } => {
                let wait = retry_after.unwrap_or(Duration::from_secs(60));
                let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_mins(1));
                self.held_until = Some(now + wait);
            }
            Verdict::Spent | Verdict::NotModified | Verdict::Failed => {}
        }
    }

    /// The call was never sent.
    pub fn unsent(&mut self, reservation: Reservation) {
        self.running.remove(&reservation.id);
    }

    /// Why a resource, or the whole identity, may not be asked at all now.
    pub fn hold(&self, resource: &str, now: Timestamp) -> Option<Hold> {
        if let Some(until) = self.held_until.filter(|until| now < *until) {
            return Some(Hold {
                until,
                why: HoldReason::SecondaryLimit,
                resource: None,
            });
        }
        let (resource, bucket) = self.buckets.get_key_value(resource)?;
        let until = bucket.held_until.filter(|until| now < *until)?;
        Some(Hold {
            until,
            why: HoldReason::PrimaryLimit,
            resource: Some(resource.clone()),
        })
    }

    /// Whether `GET /rate_limit` should be asked: no answer was seen for five minutes.
    pub fn wants_rate_limit(&self, now: Timestamp) -> bool {
        self.heard
            .is_none_or(|heard| now.duration_since(heard) >= SignedDuration::from_mins(5))
    }

    /// Takes one entry of `GET /rate_limit`.
    pub fn learn(&mut self, resource: Arc<str>, sample: Sample, _now: Timestamp) {
        let held_until = self.buckets.get(&resource).and_then(|it| it.held_until);
        let bucket = Bucket { sample, held_until };
        self.buckets.insert(resource, bucket);
    }
}

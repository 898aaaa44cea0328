//! The ledger of one identity: each call is reserved before it is sent and settled from its answer.

pub(super) mod choose;
mod keep;
#[cfg(test)]
mod properties;
mod show;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Outcome, Sample, Verdict};
use super::ask::{APP_JWT, Ask, CORE, Purpose};
use super::bucket::{Bucket, Settled, Wait};
use super::clock::{Clock, Tick};
use super::epoch::{Relation, Source};
use super::hold::{Hold, HoldReason};
use super::moment::{MINUTE, Moment, SECOND};
use super::pressure::Pressure;

/// Buckets of one identity; GitHub has about fifteen. Samples of further ones are not kept.
const MOST_BUCKETS: usize = 32;

/// Endpoints of which GitHub counts the calls in another bucket than was asked for.
const MOST_ROUTES: usize = 256;

/// A call that runs longer was forgotten by whoever made it: it counts as one without an answer.
const LONGEST_CALL: i64 = 15 * MINUTE;

/// Without an answer for so long, `GET /rate_limit` tells what others spend.
const UNHEARD: i64 = 5 * MINUTE;

/// When to ask again where a running call has to end first.
const SOON: i64 = SECOND;

/// GitHub gives up on a call after ten seconds; more of its time was spent on the way.
const LONGEST_COMPUTING: Duration = Duration::from_secs(10);

/// What is left above the reserve for webhooks and back-fill when all else waits, as a share of the
/// limit: who asks for heads or anything else leaves so much more.
const URGENT_SHARE: f64 = 0.05;

/// Whose ledger it is.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerSettings {
    /// As it is configured, `github.com`.
    pub host: Arc<str>,
    /// The name of the configuration, or `anonymous`.
    pub identity: Arc<str>,
    /// The share of each limit that is left to the user's own tools, from 0 to 1. No purpose may
    /// touch it.
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
///
/// One that is dropped counts as running, and after a quarter of an hour as spent without an answer.
#[derive(Debug, PartialEq, Eq, Hash)]
#[must_use = "a reservation that is not handed back counts as running"]
pub struct Reservation {
    number: u64,
}

#[derive(Debug, Clone)]
struct Running {
    ask: Ask,
    /// The bucket from which it was reserved.
    resource: Arc<str>,
    /// Steady.
    since: Moment,
}

/// Buckets, secondary limits and running calls of one identity of one host.
///
/// `now` should come from a clock that is not set while the program runs, such as the time at its
/// start and what passed since. One that is set back or forward is survived: what waits goes on
/// waiting the rest of its time, or one call finds out that it was too early.
#[derive(Debug)]
pub struct Ledger {
    settings: LedgerSettings,
    clock: Clock,
    buckets: BTreeMap<Arc<str>, Bucket>,
    pressure: Pressure,
    running: BTreeMap<u64, Running>,
    next: u64,
    routes: HashMap<Arc<str>, Arc<str>>,
    /// Steady.
    heard: Option<Moment>,
}

impl Ledger {
    pub fn new(settings: LedgerSettings) -> Self {
        Self {
            settings,
            clock: Clock::default(),
            buckets: BTreeMap::new(),
            pressure: Pressure::default(),
            running: BTreeMap::new(),
            next: 0,
            routes: HashMap::new(),
            heard: None,
        }
    }

    /// Lets a call through, or says until when it waits.
    ///
    /// It waits while GitHub refuses the bucket or the identity, while ten calls are running, while
    /// its endpoint had its points of the minute, and while what is left of the bucket, less what is
    /// on its way, would fall into the reserve. Heads and other calls leave a twentieth more of the
    /// limit, for webhooks and back-fill. While nobody knows what is left, calls go one at a time.
    pub fn reserve(&mut self, ask: &Ask, now: Timestamp) -> Decision {
        let tick = self.clock.advance(now);
        self.forget_lost_calls(tick);
        match self.admit(ask, tick) {
            Ok(reservation) => Decision::Go(reservation),
            Err(hold) => Decision::Wait(hold),
        }
    }

    fn admit(&mut self, ask: &Ask, tick: Tick) -> Result<Reservation, Hold> {
        let hold = |(until, why): Wait, resource: Option<&Arc<str>>| Hold {
            until: tick.local(until),
            why,
            resource: resource.cloned(),
        };
        if let Some(until) = self.pressure.held_until(tick) {
            return Err(hold((until, HoldReason::SecondaryLimit), None));
        }
        let resource = self.resource_of(ask);
        if let Some(bucket) = self.buckets.get(&resource) {
            bucket
                .admits(ask.cost, self.floor(ask.purpose), tick)
                .map_err(|wait| hold(wait, Some(&resource)))?;
        }
        if self.running.len() >= self.pressure.most_running(tick) {
            let soon = tick.steady.plus(SOON);
            return Err(hold((soon, HoldReason::Running), None));
        }
        let paced = self.pressure.admits(ask, tick);
        paced.map_err(|wait| hold(wait, Some(&resource)))?;
        Ok(self.book(ask, resource, tick))
    }

    fn book(&mut self, ask: &Ask, resource: Arc<str>, tick: Tick) -> Reservation {
        self.pressure.reserve(ask, tick);
        self.bucket(&resource).reserve(ask.cost);
        let number = self.next;
        self.next += 1;
        let running = Running {
            ask: ask.clone(),
            resource,
            since: tick.steady,
        };
        self.running.insert(number, running);
        Reservation { number }
    }

    /// The bucket in which GitHub counts a call, as far as it has said so.
    fn resource_of(&self, ask: &Ask) -> Arc<str> {
        let route = if &*ask.resource == APP_JWT {
            None
        } else {
            self.routes.get(&ask.endpoint)
        };
        route.unwrap_or(&ask.resource).clone()
    }

    fn floor(&self, purpose: Purpose) -> f64 {
        match purpose {
            Purpose::WebhookHealth | Purpose::BackFill => self.settings.reserve,
            Purpose::Heads | Purpose::Other => self.settings.reserve + URGENT_SHARE,
        }
    }

    fn bucket(&mut self, resource: &Arc<str>) -> &mut Bucket {
        self.buckets
            .entry(resource.clone())
            .or_insert_with(|| Bucket::of(resource))
    }

    /// Books what became of a call.
    pub fn settle(&mut self, reservation: Reservation, outcome: &Outcome, now: Timestamp) {
        let mut tick = self.clock.advance(now);
        let number = reservation.number;
        // `None`: it ran too long and counts as spent already. A refusal for speed still counts.
        let running = self.running.remove(&number);
        if let Some(running) = &running {
            let Running { ask, resource, .. } = running;
            self.bucket(resource).release(ask.cost);
            let (Outcome::Answered { latency, .. } | Outcome::NoAnswer { latency }) = outcome;
            let latency = (*latency).min(LONGEST_COMPUTING);
            self.pressure.computed(&ask.resource, latency, tick);
        }
        match outcome {
            Outcome::Answered {
                sample,
                date,
                latency,
                cost,
                verdict,
            } => {
                if let Some(date) = date {
                    self.clock.observe(*date, *latency, tick);
                    tick = self.clock.advance(now);
                }
                // What an App is answered as itself says nothing of what its installation may spend.
                let is_of_app = |running: &Running| &*running.ask.resource == APP_JWT;
                if !running.as_ref().is_some_and(is_of_app) {
                    self.heard = Some(tick.steady);
                }
                let settled = running.as_ref().map(|running| Settled {
                    purpose: running.ask.purpose,
                    points: match verdict {
                        Verdict::NotModified | Verdict::PrimaryLimit => 0,
                        Verdict::Spent | Verdict::SecondaryLimit { .. } | Verdict::Failed => {
                            cost.unwrap_or(running.ask.cost)
                        }
                    },
                });
                let resource = self.answered(
                    number,
                    running.as_ref(),
                    sample.as_ref(),
                    settled,
                    *verdict,
                    tick,
                );
                self.judge(number, resource.as_ref(), *verdict, tick);
            }
            Outcome::NoAnswer { .. } => {
                if let Some(running) = &running {
                    self.lost(running, tick);
                }
            }
        }
    }

    /// Books an answer, and says of which bucket it tells how it is now.
    fn answered(
        &mut self,
        number: u64,
        running: Option<&Running>,
        sample: Option<&(Arc<str>, Sample)>,
        settled: Option<Settled>,
        verdict: Verdict,
        tick: Tick,
    ) -> Option<Arc<str>> {
        let next = self.next;
        let Some((said, sample)) = sample else {
            let resource = running?.resource.clone();
            let good = matches!(verdict, Verdict::Spent | Verdict::NotModified);
            if let Some(settled) = settled {
                self.bucket(&resource).silent(settled, good, next, tick);
            }
            return Some(resource);
        };
        let resource = self.learn_route(running?, said);
        if !self.buckets.contains_key(&resource) && self.buckets.len() >= MOST_BUCKETS {
            return None;
        }
        let source = Source::Call(number);
        let bucket = self.bucket(&resource);
        let relation = bucket.take(sample, source, settled, next, tick);
        // What was refused in an hour that is over says nothing of this one.
        (relation != Relation::Late).then_some(resource)
    }

    fn learn_route(&mut self, running: &Running, said: &Arc<str>) -> Arc<str> {
        let Ask {
            resource, endpoint, ..
        } = &running.ask;
        if &**resource == APP_JWT {
            return resource.clone();
        }
        if said == resource {
            self.routes.remove(endpoint);
        } else if self.routes.len() < MOST_ROUTES && running.ask.cost > 0 {
            self.routes.insert(endpoint.clone(), said.clone());
        }
        said.clone()
    }

    fn judge(&mut self, number: u64, resource: Option<&Arc<str>>, verdict: Verdict, tick: Tick) {
        match verdict {
            Verdict::Spent | Verdict::NotModified => self.pressure.passed(number),
            Verdict::Failed => {}
            Verdict::PrimaryLimit => {
                if let Some(resource) = resource {
                    self.bucket(resource).refuse(tick);
                }
            }
            Verdict::SecondaryLimit { retry_after } => {
                self.pressure.refused(number, retry_after, self.next, tick);
                if let Some(resource) = resource {
                    self.bucket(resource).count_refusal(tick);
                }
            }
        }
    }

    /// Books a call of which nobody will hear.
    fn lost(&mut self, running: &Running, tick: Tick) {
        let settled = Settled {
            purpose: running.ask.purpose,
            points: running.ask.cost,
        };
        let next = self.next;
        self.bucket(&running.resource)
            .silent(settled, false, next, tick);
    }

    fn forget_lost_calls(&mut self, tick: Tick) {
        while let Some((_, running)) = self.running.first_key_value()
            && tick.steady.since(running.since) >= LONGEST_CALL
            && let Some((_, running)) = self.running.pop_first()
        {
            self.bucket(&running.resource).release(running.ask.cost);
            self.lost(&running, tick);
        }
    }

    /// The call was never sent.
    pub fn unsent(&mut self, reservation: Reservation) {
        let Some(running) = self.running.remove(&reservation.number) else {
            return;
        };
        self.bucket(&running.resource).release(running.ask.cost);
        self.pressure.unsent(&running.ask, running.since);
    }

    /// Whether `GET /rate_limit` should be asked: no answer was seen for five minutes, and it would not
    /// have to wait at the gate, where calls for other buckets would wait behind it. Ask it with a cost of
    /// 0, and hand what it says to [`Ledger::learn`].
    pub fn wants_rate_limit(&self, now: Timestamp) -> bool {
        let tick = self.clock.read(now);
        let core = self.buckets.get(CORE);
        self.pressure.held_until(tick).is_none()
            && core.is_none_or(|core| core.refused_until(tick).is_none())
            && self
                .heard
                .is_none_or(|heard| tick.steady.since(heard) >= UNHEARD)
    }

    /// Takes one entry of `GET /rate_limit`, of a call that was settled just before.
    pub fn learn(&mut self, resource: &str, sample: Sample, now: Timestamp) {
        let tick = self.clock.advance(now);
        let is_known = self.buckets.contains_key(resource);
        if !is_known && (sample.used == 0 || self.buckets.len() >= MOST_BUCKETS) {
            return;
        }
        let resource: Arc<str> = resource.into();
        let next = self.next;
        let bucket = self.bucket(&resource);
        let quiet = bucket.running_cost() == 0;
        bucket.take(&sample, Source::List { quiet }, None, next, tick);
    }
}

//! The secondary limits: how much at once, a minute and an hour, of all buckets of an identity together.
//!
//! GitHub documents them, changes them without notice and cannot be asked how much of them is spent,
//! so we stay a fifth below, for all that the identity's other programs do. Source:
//! "About secondary rate limits" in GitHub's REST documentation.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ask::{Ask, GRAPHQL, MUTATION};
use super::bucket::Wait;
use super::clock::Tick;
use super::hold::HoldReason;
use super::moment::{HOUR, MINUTE, Moment, SECOND, milliseconds};
use super::window::Window;

/// Points a minute of one REST endpoint; 900 are allowed.
const REST_POINTS: u64 = 720;

/// Points a minute of GraphQL; 2,000 are allowed.
const GRAPHQL_POINTS: u64 = 1_600;

/// Milliseconds in which GitHub computes for us in a minute, taken for the time that it takes to
/// answer; 90 s are allowed, of them 60 s for GraphQL.
const COMPUTING: u64 = 72_000;
const COMPUTING_GRAPHQL: u64 = 48_000;

/// What people see may be made 80 times a minute and 500 times an hour.
const CREATED_A_MINUTE: u64 = 64;
const CREATED_AN_HOUR: u64 = 400;

/// Changes are at least a second apart where they arrive.
const BETWEEN_MUTATIONS: i64 = 1_100;

/// Calls that may run at once. GitHub allows 100 of all programs of an identity together.
const MOST_RUNNING: usize = 10;

/// Endpoints that are counted apart; further ones are counted together.
const MOST_ENDPOINTS: usize = 256;

/// How long the first refusal without `retry-after` holds, and the longest after doubling.
const FIRST_HOLD: i64 = MINUTE;
const LONGEST_HOLD: i64 = 15 * MINUTE;

/// A `retry-after` is rounded; and none is believed that asks for more than a day.
const AFTER_RETRY: i64 = SECOND;
const LONGEST_RETRY: i64 = 24 * HOUR;

/// So many refusals within an hour slow us to half.
const HITS: usize = 3;

/// What is kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct KeptPressure {
    /// GitHub's clock.
    held_until: Option<Moment>,
    hits: Vec<Moment>,
    streak: u32,
    created: Vec<(Moment, u64)>,
    /// What of this minute counts, all of it as if it had come last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    endpoints: Vec<(Arc<str>, Moment, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<(Moment, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    computing: Option<(Moment, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    computing_graphql: Option<(Moment, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_minute: Option<(Moment, u64)>,
}

#[derive(Debug)]
pub(super) struct Pressure {
    endpoints: HashMap<Arc<str>, Window>,
    others: Window,
    computing: Window,
    computing_graphql: Window,
    created_minute: Window,
    created_hour: Window,
    last_mutation: Option<Moment>,
    held_until: Option<Moment>,
    /// When the last refusals came, at most [`HITS`].
    hits: VecDeque<Moment>,
    /// Refusals one after the other.
    streak: u32,
    /// Calls from this number on were reserved after the last refusal.
    mark: u64,
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            endpoints: HashMap::new(),
            others: Window::of(SECOND),
            computing: Window::of(SECOND),
            computing_graphql: Window::of(SECOND),
            created_minute: Window::of(SECOND),
            created_hour: Window::of(MINUTE),
            last_mutation: None,
            held_until: None,
            hits: VecDeque::new(),
            streak: 0,
            mark: 0,
        }
    }
}

impl Pressure {
    /// Until when (steady) every call of the identity waits.
    pub(super) fn held_until(&self, tick: Tick) -> Option<Moment> {
        self.held_until.filter(|until| tick.steady < *until)
    }

    /// Three refusals came within an hour: for the next one half as much at once, and half as much a
    /// minute.
    pub(super) fn is_slowed(&self, tick: Tick) -> bool {
        let (Some(first), Some(last)) = (self.hits.front(), self.hits.back()) else {
            return false;
        };
        self.hits.len() >= HITS && last.since(*first) < HOUR && tick.steady.since(*last) < HOUR
    }

    pub(super) fn most_running(&self, tick: Tick) -> usize {
        if self.is_slowed(tick) {
            MOST_RUNNING / 2
        } else {
            MOST_RUNNING
        }
    }

    /// Whether a call may go as far as minutes and hours are concerned.
    pub(super) fn admits(&mut self, ask: &Ask, tick: Tick) -> Result<(), Wait> {
        let now = tick.steady;
        let half = if self.is_slowed(tick) { 2 } else { 1 };
        let is_graphql = &*ask.resource == GRAPHQL;
        let limit = if is_graphql {
            GRAPHQL_POINTS
        } else {
            REST_POINTS
        };
        let points = self.endpoints.get_mut(&ask.endpoint);
        let points = points.unwrap_or(&mut self.others);
        if let Some(room) = points.room(u64::from(ask.secondary), limit / half, now) {
            return Err((room, HoldReason::Points));
        }
        // The time that a call takes is known when it is over.
        let mut room = self.computing.room(1, COMPUTING / half, now);
        if is_graphql {
            let graphql = &mut self.computing_graphql;
            room = room.max(graphql.room(1, COMPUTING_GRAPHQL / half, now));
        }
        if let Some(room) = room {
            return Err((room, HoldReason::Time));
        }
        if ask.secondary >= MUTATION
            && let Some(last) = self.last_mutation
            && now < last.plus(BETWEEN_MUTATIONS)
        {
            return Err((last.plus(BETWEEN_MUTATIONS), HoldReason::Mutation));
        }
        if ask.creates {
            let minute = self.created_minute.room(1, CREATED_A_MINUTE / half, now);
            let hour = self.created_hour.room(1, CREATED_AN_HOUR, now);
            if let Some(room) = minute.max(hour) {
                return Err((room, HoldReason::Content));
            }
        }
        Ok(())
    }

    pub(super) fn reserve(&mut self, ask: &Ask, tick: Tick) {
        let now = tick.steady;
        self.points_of(&ask.endpoint, now)
            .add(u64::from(ask.secondary), now);
        if ask.secondary >= MUTATION {
            self.last_mutation = Some(now);
        }
        if ask.creates {
            self.created_minute.add(1, now);
            self.created_hour.add(1, now);
        }
    }

    fn points_of(&mut self, endpoint: &Arc<str>, now: Moment) -> &mut Window {
        if !self.endpoints.contains_key(endpoint) {
            if self.endpoints.len() >= MOST_ENDPOINTS {
                self.endpoints.retain(|_, window| window.sum(now) > 0);
            }
            if self.endpoints.len() >= MOST_ENDPOINTS {
                return &mut self.others;
            }
        }
        self.endpoints
            .entry(endpoint.clone())
            .or_insert_with(|| Window::of(SECOND))
    }

    /// Takes back a call of `ask` that was reserved at `then` and never sent.
    pub(super) fn unsent(&mut self, ask: &Ask, then: Moment) {
        let points = self.endpoints.get_mut(&ask.endpoint);
        let points = points.unwrap_or(&mut self.others);
        points.take_back(u64::from(ask.secondary), then);
        if ask.secondary >= MUTATION && self.last_mutation == Some(then) {
            self.last_mutation = None;
        }
        if ask.creates {
            self.created_minute.take_back(1, then);
            self.created_hour.take_back(1, then);
        }
    }

    /// GitHub worked that long on a call.
    pub(super) fn computed(&mut self, resource: &str, latency: Duration, tick: Tick) {
        let time = u64::try_from(milliseconds(latency)).unwrap_or(0);
        self.computing.add(time, tick.steady);
        if resource == GRAPHQL {
            self.computing_graphql.add(time, tick.steady);
        }
    }

    /// GitHub refused call `number` for going too fast. Calls that were on their way when the gate
    /// closed tell nothing new: they are no further refusal.
    pub(super) fn refused(
        &mut self,
        number: u64,
        retry_after: Option<Duration>,
        next: u64,
        tick: Tick,
    ) {
        if number >= self.mark {
            self.mark = next;
            self.streak = self.streak.saturating_add(1);
            if self.hits.len() >= HITS {
                self.hits.pop_front();
            }
            self.hits.push_back(tick.steady);
        }
        let wait = match retry_after {
            Some(asked) => milliseconds(asked).min(LONGEST_RETRY) + AFTER_RETRY,
            None => {
                let doublings = self.streak.saturating_sub(1).min(8);
                (FIRST_HOLD << doublings).min(LONGEST_HOLD)
            }
        };
        self.held_until = self.held_until.max(Some(tick.steady.plus(wait)));
    }

    /// Call `number` was answered as if nothing had been.
    pub(super) fn passed(&mut self, number: u64) {
        if number >= self.mark {
            self.streak = 0;
        }
    }

    pub(super) fn kept(&self, tick: Tick) -> KeptPressure {
        let hits = self.hits.iter();
        let created = self.created_hour.slots();
        let last = |window: &Window| {
            let (at, sum) = window.last(tick.steady)?;
            Some((tick.as_server(at), sum))
        };
        let endpoints = self.endpoints.iter().filter_map(|(endpoint, window)| {
            let (at, sum) = last(window)?;
            Some((endpoint.clone(), at, sum))
        });
        let mut endpoints: Vec<_> = endpoints.collect();
        endpoints.sort();
        KeptPressure {
            endpoints,
            others: last(&self.others),
            computing: last(&self.computing),
            computing_graphql: last(&self.computing_graphql),
            created_minute: last(&self.created_minute),
            held_until: self.held_until(tick).map(|until| tick.as_server(until)),
            hits: hits.map(|hit| tick.as_server(*hit)).collect(),
            streak: self.streak,
            created: created
                .map(|(slot, created)| (tick.as_server(slot), created))
                .collect(),
        }
    }

    pub(super) fn restored(kept: KeptPressure, tick: Tick) -> Self {
        let mut pressure = Self::default();
        let latest = tick.steady.plus(LONGEST_RETRY);
        pressure.held_until = kept
            .held_until
            .map(|until| tick.as_steady(until).min(latest));
        // A time to come cannot have been: the clock was another then.
        let past = |server| tick.as_steady(server).min(tick.steady);
        let skipped = kept.hits.len().saturating_sub(HITS);
        pressure.hits = kept.hits.into_iter().skip(skipped).map(past).collect();
        pressure.streak = kept.streak;
        for (slot, created) in kept.created {
            pressure
                .created_hour
                .add(created.min(CREATED_AN_HOUR), past(slot));
        }
        let again = |window: &mut Window, kept: Option<(Moment, u64)>, most: u64| {
            if let Some((at, sum)) = kept {
                window.add(sum.min(most), past(at));
            }
        };
        again(&mut pressure.others, kept.others, REST_POINTS);
        again(&mut pressure.computing, kept.computing, COMPUTING);
        again(
            &mut pressure.computing_graphql,
            kept.computing_graphql,
            COMPUTING_GRAPHQL,
        );
        again(
            &mut pressure.created_minute,
            kept.created_minute,
            CREATED_A_MINUTE,
        );
        for (endpoint, at, sum) in kept.endpoints.into_iter().take(MOST_ENDPOINTS) {
            let mut window = Window::of(SECOND);
            again(&mut window, Some((at, sum)), GRAPHQL_POINTS);
            pressure.endpoints.insert(endpoint, window);
        }
        pressure
    }
}

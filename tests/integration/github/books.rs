//! What was called, and what should not have been: calls inside a hold that the caller had been told of.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::bucket::BucketBook;
use super::other_routes::RATE_LIMIT;
use super::who::Who;

/// A call that comes on another connection so soon after a hold was told may have been under way already, on a machine
/// that is busy too. Where the caller has ended since, a test says so: [`Ledger::end`].
const UNDER_WAY: Duration = Duration::from_secs(5);

/// Calls of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub calls: u64,
    /// Primary points.
    pub points: u64,
    /// Answered 304.
    pub not_modified: u64,
    /// Answered 400 or more.
    pub refused: u64,
}

/// Which calls are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey {
    pub who: Who,
    pub resource: &'static str,
    /// Method and path with placeholders, as `GET /repos/{owner}/{repo}/hooks`.
    pub endpoint: &'static str,
}

/// Which rule a call broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldKind {
    /// `x-ratelimit-remaining` was 0 and the reset has not come.
    NothingLeft,
    /// `retry-after` has not passed.
    RetryAfter,
    /// A secondary limit without `retry-after`: a minute, then twice as long each time.
    Secondary,
    /// The call itself was past the points a minute of its endpoint.
    PointsAMinute,
    /// The call itself was past the calls at once.
    AtOnce,
    /// The calls of the last minute took GitHub too long.
    AnsweringTime,
}

/// A call that should not have been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub at: Timestamp,
    pub call: CallKey,
    pub hold: HoldKind,
    pub until: Timestamp,
}

/// All that a fake can tell of its callers.
#[derive(Clone, Debug)]
pub struct Books {
    pub calls: BTreeMap<CallKey, Calls>,
    /// By identity and resource.
    pub buckets: BTreeMap<(Who, &'static str), BucketBook>,
    pub violations: Vec<Violation>,
    /// Calls inside a hold that may have been under way when it was told.
    pub under_way: u64,
    /// The most calls at once.
    pub peaks: BTreeMap<Who, u32>,
}

impl Books {
    /// Calls whose key is right.
    pub fn count(&self, is_meant: impl Fn(&CallKey) -> bool) -> Calls {
        let mut sum = Calls::default();
        for (_, calls) in self.calls.iter().filter(|(key, _)| is_meant(key)) {
            sum.calls += calls.calls;
            sum.points += calls.points;
            sum.not_modified += calls.not_modified;
            sum.refused += calls.refused;
        }
        sum
    }

    pub fn of(&self, endpoint: &str) -> Calls {
        self.count(|key| key.endpoint == endpoint)
    }
}

/// The pages on which calls are written as they come.
#[derive(Debug, Default)]
pub struct Ledger {
    pub calls: BTreeMap<CallKey, Calls>,
    pub violations: Vec<Violation>,
    pub under_way: u64,
    told: Vec<Told>,
    /// Of those who have ended, how many there were when the first call came on a connection.
    in_use: HashMap<SocketAddr, u64>,
    ended: u64,
}

/// A hold of which an identity was told.
#[derive(Debug)]
struct Told {
    who: Who,
    /// `None`: all calls of the identity.
    resource: Option<&'static str>,
    kind: HoldKind,
    until: Timestamp,
    at: Instant,
    /// How many had ended by then.
    ended: u64,
    /// Who was told on these connections cannot have had another call under way on them.
    on: HashSet<SocketAddr>,
}

impl Ledger {
    /// Judges a call when it comes.
    pub fn judge(&mut self, call: &CallKey, on: SocketAddr, now: Timestamp) {
        self.told.retain(|told| told.until > now);
        let begun = *self.in_use.entry(on).or_insert(self.ended);
        let is_free = call.endpoint == RATE_LIMIT;
        let broken = self.told.iter().find(|told| {
            let resource = told.resource;
            told.who == call.who
                && resource.is_none_or(|resource| resource == call.resource && !is_free)
        });
        let Some(told) = broken else { return };
        // Who has begun since an end knew of what was told before it.
        let is_late = told.at.elapsed() < UNDER_WAY && begun <= told.ended;
        if is_late && !told.on.contains(&on) {
            self.under_way += 1;
            return;
        }
        self.violations.push(Violation {
            at: now,
            call: call.clone(),
            hold: told.kind,
            until: told.until,
        });
    }

    /// A call was past a limit that its caller could have known.
    pub fn break_limit(&mut self, call: &CallKey, hold: HoldKind, now: Timestamp) {
        self.violations.push(Violation {
            at: now,
            call: call.clone(),
            hold,
            until: now,
        });
    }

    pub fn write(&mut self, call: &CallKey, status: u16, points: u32) {
        let calls = self.calls.entry(call.clone()).or_default();
        calls.calls += 1;
        calls.points += u64::from(points);
        calls.not_modified += u64::from(status == 304);
        calls.refused += u64::from(status >= 400);
    }

    /// An answer that says so was sent on this connection.
    pub fn tell(
        &mut self,
        who: &Who,
        resource: Option<&'static str>,
        kind: HoldKind,
        until: Timestamp,
        on: SocketAddr,
    ) {
        let known = self
            .told
            .iter_mut()
            .find(|told| told.who == *who && told.resource == resource && told.kind == kind);
        match known {
            Some(told) => {
                told.until = until;
                told.on.insert(on);
            }
            None => self.told.push(Told {
                who: who.clone(),
                resource,
                kind,
                until,
                at: Instant::now(),
                ended: self.ended,
                on: HashSet::from([on]),
            }),
        }
    }

    /// Whoever called has ended, or waited for all answers: on new connections nothing of theirs is under way.
    pub fn end(&mut self) {
        self.ended += 1;
    }

    /// What was told no longer holds, for the test made it so.
    pub fn forgive(&mut self, who: &Who) {
        self.told.retain(|told| told.who != *who);
    }

    /// Whether an identity is in a hold of this kind now.
    pub fn holds(&self, who: &Who, kind: HoldKind, now: Timestamp) -> bool {
        let mut told = self.told.iter();
        told.any(|told| told.who == *who && told.kind == kind && told.until > now)
    }
}

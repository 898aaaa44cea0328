//! What a test tells a fake of time, limits and faults, and what it reads in its books.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::FakeGithub;
use super::books::{Books, Violation};
use super::clock::Clock;
use super::exchange::Exchange;
use super::faults::Fault;
use super::who::Who;
use super::world::loopback;

/// Addresses and time.
impl FakeGithub {
    /// Where REST begins, without a slash at the end: `http://127.0.0.1:1234`, `…/api/v3`.
    pub fn api_url(&self) -> String {
        self.core.world().api()
    }

    /// The host that people see in URLs.
    pub fn host(&self) -> String {
        self.core.world().options.host.clone()
    }

    pub fn graphql_url(&self) -> String {
        let world = self.core.world();
        format!("{}{}", world.authority, world.graphql_path())
    }

    /// The CA to trust, in PEM.
    pub fn ca(&self) -> Option<&str> {
        self.core.ca.as_deref()
    }

    /// The test's clock, not GitHub's skewed one.
    pub fn clock(&self) -> Clock {
        self.core.world().clock.clone()
    }

    /// GitHub's time, as its `date` says it.
    pub fn now(&self) -> Timestamp {
        self.core.world().now()
    }

    pub fn advance(&self, by: SignedDuration) {
        self.clock().advance(by);
    }

    /// GitHub's clock is ahead by this from now on.
    pub fn skew(&self, by: SignedDuration) {
        self.core.world().skew = by;
    }

    /// How long every answer takes.
    pub fn latency(&self, from: Duration, to: Duration) {
        self.core.world().latency = Some((from, to));
    }
}

/// Limits and faults.
impl FakeGithub {
    /// Somebody at this machine without a token.
    pub fn anonymous() -> Who {
        Who::Address(loopback())
    }

    pub fn limit(&self, who: &Who, resource: &'static str, limit: u32) {
        self.core.world().bucket(who, resource).set_limit(limit);
    }

    /// The limit of every bucket of a resource that was not used yet.
    pub fn default_limit(&self, resource: &'static str, limit: u32) {
        self.core.world().set_default_limit(resource, limit);
    }

    pub fn use_by_others(&self, who: &Who, resource: &'static str, points: u32) {
        let mut world = self.core.world();
        let now = world.now();
        world.bucket(who, resource).take_by_others(points, now);
    }

    /// Others use so much an hour from now on; with 0 they stop.
    pub fn others_rate(&self, who: &Who, resource: &'static str, per_hour: f64) {
        let mut world = self.core.world();
        let now = world.now();
        world.bucket(who, resource).stream(per_hour, now);
    }

    pub fn move_reset(&self, who: &Who, resource: &'static str, to: Timestamp) {
        self.core.world().bucket(who, resource).move_reset(to);
    }

    /// Fills a bucket, and takes back every hold of the identity.
    pub fn fill(&self, who: &Who, resource: &'static str) {
        let mut world = self.core.world();
        world.bucket(who, resource).fill();
        world.limited.remove(who);
        world.ledger.forgive(who);
    }

    /// Whoever called has ended: what comes on a new connection was not under way when they were told of a hold.
    pub fn caller_ended(&self) {
        self.core.world().ledger.end();
    }

    pub fn fail_next(&self, times: u32, fault: Fault) {
        self.core.world().faults.add("", Some(times), fault);
    }

    /// Calls whose `METHOD /path?query` has this part fail; `None`: until faults are cleared.
    pub fn fail_where(&self, part: &str, times: Option<u32>, fault: Fault) {
        self.core.world().faults.add(part, times, fault);
    }

    pub fn clear_faults(&self) {
        self.core.world().faults.clear();
    }

    /// How many calls failed because a test said so, those also that never had an answer.
    pub fn befallen(&self) -> u64 {
        self.core.world().faults.befallen
    }
}

/// Books.
impl FakeGithub {
    /// Keeps every call and answer from now on, word for word.
    pub fn keep_exchanges(&self) {
        self.core.world().exchanges.begin();
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        self.core.world().exchanges.all()
    }

    pub fn books(&self) -> Books {
        self.core.world().books()
    }

    /// Calls inside a hold of which the caller had been told: there must be none.
    pub fn violations(&self) -> Vec<Violation> {
        self.core.world().ledger.violations.clone()
    }
}

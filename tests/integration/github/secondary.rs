//! Secondary limits: points a minute to one endpoint, and calls at once.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::who::Who;

/// Points a minute to one endpoint of REST, and to GraphQL.
pub const REST_POINTS: u32 = 900;
pub const GRAPHQL_POINTS: u32 = 2_000;
/// Calls of one identity at once, REST and GraphQL together.
pub const CONCURRENT: u32 = 100;
/// What `retry-after` says.
pub const RETRY_AFTER_SECONDS: u32 = 60;

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// The last minute's points, and the calls that run.
#[derive(Debug, Default)]
pub struct Secondary {
    windows: HashMap<(Who, &'static str), Window>,
    running: HashMap<Who, Running>,
}

#[derive(Debug, Default)]
struct Window {
    calls: VecDeque<(Timestamp, u32)>,
    points: u32,
}

/// Whether a call is within its secondary limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Within,
    TooManyPoints,
    TooManyAtOnce,
}

#[derive(Clone, Copy, Debug, Default)]
struct Running {
    now: u32,
    peak: u32,
}

impl Secondary {
    /// A call begins and is counted, also where it is refused.
    pub fn begin(
        &mut self,
        who: &Who,
        endpoint: &'static str,
        points: u32,
        now: Timestamp,
    ) -> Count {
        let limit = if endpoint.ends_with("/graphql") {
            GRAPHQL_POINTS
        } else {
            REST_POINTS
        };
        let window = self.windows.entry((who.clone(), endpoint)).or_default();
        while let Some((at, points)) = window.calls.front()
            && now.duration_since(*at) >= MINUTE
        {
            window.points -= points;
            window.calls.pop_front();
        }
        window.calls.push_back((now, points));
        window.points += points;
        let running = self.running.entry(who.clone()).or_default();
        running.now += 1;
        running.peak = running.peak.max(running.now);
        if running.now > CONCURRENT {
            Count::TooManyAtOnce
        } else if window.points > limit {
            Count::TooManyPoints
        } else {
            Count::Within
        }
    }

    pub fn end(&mut self, who: &Who) {
        if let Some(running) = self.running.get_mut(who) {
            running.now = running.now.saturating_sub(1);
        }
    }

    /// The most calls of an identity that ever ran at once.
    pub fn peak(&self, who: &Who) -> u32 {
        self.running.get(who).map_or(0, |running| running.peak)
    }
}

/// What a call of REST costs by its method.
pub fn rest_points(method: &http::Method) -> u32 {
    if method.is_safe() { 1 } else { 5 }
}

/// What a call of GraphQL costs.
pub fn graphql_points(is_mutation: bool) -> u32 {
    if is_mutation { 5 } else { 1 }
}

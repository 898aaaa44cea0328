//! Secondary limits: points a minute to one endpoint, and calls at once.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::who::Who;

/// Points a minute to one endpoint of REST, and to GraphQL.
pub const REST_POINTS: u32 = 900;
pub const GRAPHQL_POINTS: u32 = 2_000;
/// Calls of one identity at once, REST and GraphQL together.
pub const CONCURRENT: u32 = 100;
/// Seconds of answering within a minute: all calls of an identity, and those of GraphQL.
pub const ANSWERING: Duration = Duration::from_secs(90);
pub const ANSWERING_GRAPHQL: Duration = Duration::from_secs(60);
/// What `retry-after` says.
pub const RETRY_AFTER_SECONDS: u32 = 60;

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// The last minute's points, and the calls that run.
#[derive(Debug, Default)]
pub struct Secondary {
    windows: HashMap<(Who, &'static str), Window>,
    running: HashMap<Who, Running>,
    answering: HashMap<Who, VecDeque<Answering>>,
}

/// How long an answer took.
#[derive(Clone, Copy, Debug)]
struct Answering {
    at: Timestamp,
    took: Duration,
    is_graphql: bool,
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
    TooLongAnswers,
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
        let points = window.points;
        let running = self.running.entry(who.clone()).or_default();
        running.now += 1;
        running.peak = running.peak.max(running.now);
        let at_once = running.now;
        if self.answered_too_long(who, now) {
            Count::TooLongAnswers
        } else if at_once > CONCURRENT {
            Count::TooManyAtOnce
        } else if points > limit {
            Count::TooManyPoints
        } else {
            Count::Within
        }
    }

    /// A call ends, answered or given up.
    pub fn end(&mut self, who: &Who, took: Duration, is_graphql: bool, now: Timestamp) {
        if let Some(running) = self.running.get_mut(who) {
            running.now = running.now.saturating_sub(1);
        }
        // Those that take no time need no memory.
        if took >= Duration::from_millis(10) {
            let answering = self.answering.entry(who.clone()).or_default();
            answering.push_back(Answering {
                at: now,
                took,
                is_graphql,
            });
        }
    }

    fn answered_too_long(&mut self, who: &Who, now: Timestamp) -> bool {
        let Some(answering) = self.answering.get_mut(who) else {
            return false;
        };
        answering.retain(|it| now.duration_since(it.at) < MINUTE);
        let all: Duration = answering.iter().map(|it| it.took).sum();
        let graphql = answering.iter().filter(|it| it.is_graphql);
        let graphql: Duration = graphql.map(|it| it.took).sum();
        all > ANSWERING || graphql > ANSWERING_GRAPHQL
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

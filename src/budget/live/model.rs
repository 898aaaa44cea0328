//! GitHub as the tests of the ledger know it: one bucket that counts as documented, and a clock.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Outcome, Sample, Verdict};
use super::ask::{Ask, Purpose};
use super::ledger::LedgerSettings;

pub(super) const RESERVE: f64 = 0.2;

pub(super) fn settings() -> LedgerSettings {
    LedgerSettings {
        host: "github.com".into(),
        identity: "bot".into(),
        reserve: RESERVE,
    }
}

pub(super) fn ask(resource: &str, purpose: Purpose) -> Ask {
    Ask {
        resource: resource.into(),
        purpose,
        cost: 1,
        secondary: 1,
        creates: false,
        endpoint: if resource == "graphql" {
            "/graphql".into()
        } else {
            "/repos/{owner}/{repo}".into()
        },
    }
}

pub(super) fn core() -> Ask {
    ask("core", Purpose::BackFill)
}

/// Milliseconds after some whole hour.
pub(super) fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

pub(super) fn second(seconds: i64) -> Timestamp {
    at(seconds * 1000)
}

pub(super) fn answered(sample: Option<(&str, Sample)>, verdict: Verdict) -> Outcome {
    Outcome::Answered {
        sample: sample.map(|(resource, sample)| (resource.into(), sample)),
        date: None,
        latency: Duration::from_millis(20),
        cost: None,
        verdict,
    }
}

pub(super) fn sample(used: u32, reset: Timestamp) -> Sample {
    Sample {
        limit: 5000,
        remaining: 5000_u32.saturating_sub(used),
        used,
        reset,
    }
}

pub(super) fn spent(used: u32, reset: Timestamp) -> Outcome {
    answered(Some(("core", sample(used, reset))), Verdict::Spent)
}

/// One bucket at GitHub. Its hour begins with the first call after the last hour's end.
#[derive(Debug, Clone)]
pub(super) struct Github {
    pub(super) limit: u32,
    /// Milliseconds, as all times here.
    pub(super) now: i64,
    pub(super) used: u32,
    pub(super) reset: i64,
    pub(super) own: u32,
    pub(super) foreign: u32,
    /// How many hours began.
    pub(super) hours: u32,
}

const HOUR: i64 = 3_600_000;

impl Github {
    pub(super) fn with_limit(limit: u32) -> Self {
        Self {
            limit,
            now: 0,
            used: 0,
            reset: -1,
            own: 0,
            foreign: 0,
            hours: 0,
        }
    }

    fn turn(&mut self) {
        if self.now >= self.reset {
            // Whole seconds, as in the header.
            self.reset = (self.now + HOUR) / 1000 * 1000;
            (self.used, self.own, self.foreign) = (0, 0, 0);
            self.hours += 1;
        }
    }

    pub(super) fn remaining(&self) -> u32 {
        if self.now >= self.reset {
            self.limit
        } else {
            self.limit - self.used
        }
    }

    pub(super) fn spend_by_others(&mut self, points: u32) {
        self.turn();
        let points = points.min(self.limit - self.used);
        self.used += points;
        self.foreign += points;
    }

    /// A call of ours arrives: what its headers say, and whether it was refused.
    pub(super) fn arrive(&mut self, cost: u32) -> (Sample, Verdict) {
        self.turn();
        let verdict = if cost > self.limit - self.used {
            Verdict::PrimaryLimit
        } else {
            self.used += cost;
            self.own += cost;
            Verdict::Spent
        };
        let sample = Sample {
            limit: self.limit,
            remaining: self.limit - self.used,
            used: self.used,
            reset: at(self.reset),
        };
        (sample, verdict)
    }

    /// The `date` header.
    pub(super) fn date(&self) -> Timestamp {
        at(self.now / 1000 * 1000)
    }
}

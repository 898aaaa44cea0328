//! How often heads are asked for: as often as was asked, or less often, and why.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::forecast::Supply;
use crate::budget::words::count;
use crate::config::EnvironmentKind;
use crate::flux::duration;

/// However short the budget, the pace is slowed by this factor at most, before it is weighted.
const SLOWEST: f64 = 20.0;

/// What is left of an interval after a minute of speeding up.
const SPEED_UP: f64 = 0.9;

/// The heaviest weight, of which speeding up is kept to that.
const MOST_WEIGHT: f64 = 2.0;

/// How long the first failure of an object keeps it from being asked again; it doubles with each.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
const LONGEST_AFTER_FAILURES: Duration = Duration::from_secs(3600);

/// Jitter lengthens a wait by this share at most.
const JITTER: f64 = 0.1;

/// Heads that are asked for at one pace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// Of the environment that follows them; of several the most important.
    pub kind: EnvironmentKind,
    pub refs: u32,
    /// As was asked for (`heads.every`).
    pub every: Duration,
    /// As often as all heads are asked for, whatever brings them (`heads.sweep`).
    pub sweep: Duration,
    pub cover: Cover,
}

/// What else tells of pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    Nothing,
    /// A webhook that works: heads are asked for in the sweep only.
    Webhook,
    /// A webhook that is silent or broken: heads are asked for as if there were none.
    BrokenWebhook,
}

/// How much slower than asked everything goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stretch {
    /// From 1 on, before it is weighted.
    factor: f64,
    at: Timestamp,
    /// Points an hour that the asked pace needs, and that can be kept up until the reset.
    demanded: f64,
    /// `None`: without end.
    sustained: Option<f64>,
    is_slowed: bool,
}

/// A pace and its reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paced {
    /// Never shorter than was asked.
    pub every: Duration,
    pub reason: PaceReason,
}

/// Why it is that pace; its `Display` says it in words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PaceReason {
    Asked,
    Webhook,
    BrokenWebhook,
    /// Points an hour that were needed and that could be kept up.
    Short {
        demanded: f64,
        sustained: f64,
    },
    /// It was short, and the pace comes back step by step.
    Recovering,
    /// GitHub refused three calls for their speed.
    Slowed,
    Failures(u32),
}

impl fmt::Display for PaceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("as asked"),
            Self::Webhook => f.write_str("a webhook tells of pushes; this is the sweep"),
            Self::BrokenWebhook => f.write_str("as asked, while the webhook is silent or broken"),
            Self::Short {
                demanded,
                sustained,
            } => write!(
                f,
                "{} points an hour are needed and {} can be kept up until the reset",
                count(demanded.round()),
                count(sustained.round())
            ),
            Self::Recovering => {
                f.write_str("the budget was short; the pace comes back step by step")
            }
            Self::Slowed => {
                f.write_str("GitHub refused three calls within an hour for their speed")
            }
            Self::Failures(1) => f.write_str("it failed"),
            Self::Failures(times) => write!(f, "it failed {times} times in a row"),
        }
    }
}

impl Group {
    /// The pace without any stretch.
    pub fn base(&self) -> Duration {
        match self.cover {
            Cover::Nothing | Cover::BrokenWebhook => self.every,
            Cover::Webhook => self.every.max(self.sweep),
        }
    }
}

/// What the budget is worth less than: production is slowed least.
fn weight(kind: EnvironmentKind) -> f64 {
    match kind {
        EnvironmentKind::Production => 0.5,
        EnvironmentKind::Staging | EnvironmentKind::None => 1.0,
        EnvironmentKind::Development => MOST_WEIGHT,
    }
}

/// Points an hour that groups need at their pace without any stretch, with `batch` refs for a point.
/// Groups of one pace share their batches.
pub fn demand_per_hour(groups: &[Group], batch: u32) -> f64 {
    let mut refs_by_pace: Vec<(Duration, u64)> = Vec::new();
    for group in groups {
        let base = group.base();
        match refs_by_pace.iter_mut().find(|(pace, _)| *pace == base) {
            Some((_, refs)) => *refs += u64::from(group.refs),
            None => refs_by_pace.push((base, u64::from(group.refs))),
        }
    }
    let batch = u64::from(batch.max(1));
    let points = refs_by_pace.into_iter().map(|(pace, refs)| {
        let seconds = pace.as_secs_f64().max(1.0);
        refs.div_ceil(batch) as f64 * 3600.0 / seconds
    });
    points.sum()
}

impl Stretch {
    /// Slows down at once, and speeds up by a tenth of an interval a minute at most.
    ///
    /// `supply`: of [`Ledger::supply`](super::Ledger::supply), `None` without a limit. `is_slowed`: of
    /// [`Ledger::is_slowed`](super::Ledger::is_slowed).
    pub fn next(
        last: Option<&Self>,
        demanded: f64,
        supply: Option<&Supply>,
        is_slowed: bool,
        now: Timestamp,
    ) -> Self {
        let sustained = supply.map(Supply::sustained_per_hour);
        let wanted = match sustained {
            Some(sustained) if demanded > sustained => (demanded / sustained).min(SLOWEST),
            _ => 1.0,
        };
        let least = last.map_or(1.0, |last| {
            let minutes = now.duration_since(last.at).as_secs_f64().max(0.0) / 60.0;
            last.factor * SPEED_UP.powf(minutes / MOST_WEIGHT)
        });
        Self {
            factor: wanted.max(least).clamp(1.0, SLOWEST),
            at: now,
            demanded,
            sustained,
            is_slowed,
        }
    }

    pub fn factor(&self) -> f64 {
        self.factor
    }
}

/// The pace of a group, after `failures` one after the other.
///
/// It is never faster than was asked. A short budget never makes it slower than the sweep, which
/// costs little; failures may.
pub fn pace(group: &Group, stretch: &Stretch, failures: u32) -> Paced {
    let base = group.base();
    let mut paced = Paced {
        every: base,
        reason: match group.cover {
            Cover::Nothing => PaceReason::Asked,
            Cover::Webhook => PaceReason::Webhook,
            Cover::BrokenWebhook => PaceReason::BrokenWebhook,
        },
    };
    let longest = base.max(group.sweep);
    let stretched = base.mul_f64(stretch.factor.powf(weight(group.kind)));
    let stretched = stretched.min(longest);
    if stretched > base {
        let reason = match stretch.sustained {
            Some(sustained) if stretch.demanded > sustained => PaceReason::Short {
                demanded: stretch.demanded,
                sustained,
            },
            _ => PaceReason::Recovering,
        };
        paced = Paced {
            every: stretched,
            reason,
        };
    }
    if stretch.is_slowed && paced.every * 2 > paced.every {
        paced = Paced {
            every: paced.every * 2,
            reason: PaceReason::Slowed,
        };
    }
    let failed = after_failures(failures);
    if failed > paced.every {
        paced = Paced {
            every: failed,
            reason: PaceReason::Failures(failures),
        };
    }
    paced
}

fn after_failures(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else {
        return Duration::ZERO;
    };
    (AFTER_FAILURE * (1 << doublings.min(6))).min(LONGEST_AFTER_FAILURES)
}

/// Lengthens a wait by up to a tenth. `roll`: from 0 to 1, at random.
pub fn jittered(every: Duration, roll: f64) -> Duration {
    every.mul_f64(1.0 + JITTER * roll.clamp(0.0, 1.0))
}

impl fmt::Display for Paced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Duration::from_secs(self.every.as_secs());
        let every = if self.every < Duration::from_secs(10) {
            self.every
        } else {
            seconds
        };
        write!(f, "every {}: {}", duration::write(every), self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_MINUTE: Duration = Duration::from_secs(30);

    fn group(kind: EnvironmentKind, refs: u32) -> Group {
        Group {
            kind,
            refs,
            every: HALF_MINUTE,
            sweep: Duration::from_secs(900),
            cover: Cover::Nothing,
        }
    }

    fn supply(usable: f64) -> Supply {
        Supply {
            usable,
            until_reset: Duration::from_secs(3600),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn stretch(demanded: f64, usable: f64) -> Stretch {
        Stretch::next(None, demanded, Some(&supply(usable)), false, at(0))
    }

    const KINDS: [EnvironmentKind; 3] = [
        EnvironmentKind::Production,
        EnvironmentKind::Staging,
        EnvironmentKind::Development,
    ];

    #[test]
    fn seventy_eight_refs_at_30s_need_120_points_an_hour() {
        let groups = KINDS.map(|kind| group(kind, 26));
        assert_eq!(demand_per_hour(&groups, 100), 120.0);
        assert_eq!(demand_per_hour(&groups, 50), 240.0);
        let covered = groups.map(|group| Group {
            cover: Cover::Webhook,
            ..group
        });
        assert_eq!(demand_per_hour(&covered, 100), 4.0);
    }

    #[test]
    fn with_enough_budget_the_pace_is_the_asked_one_to_the_edge() {
        for kind in KINDS {
            let paced = pace(&group(kind, 26), &stretch(120.0, 120.0), 0);
            assert_eq!(paced.every, HALF_MINUTE);
            assert_eq!(paced.to_string(), "every 30s: as asked");
        }
        let unlimited = Stretch::next(None, 1e9, None, false, at(0));
        assert_eq!(unlimited.factor(), 1.0);
        let quick = Group {
            every: Duration::from_secs(1),
            ..group(EnvironmentKind::Staging, 1)
        };
        assert_eq!(pace(&quick, &unlimited, 0).every, quick.every);
    }

    #[test]
    fn a_short_budget_slows_production_least() {
        let stretch = stretch(1200.0, 300.0);
        let paces = KINDS.map(|kind| pace(&group(kind, 26), &stretch, 0).to_string());
        insta::assert_snapshot!(paces.join("\n"), @r"
        every 1m: 1,200 points an hour are needed and 300 can be kept up until the reset
        every 2m: 1,200 points an hour are needed and 300 can be kept up until the reset
        every 8m: 1,200 points an hour are needed and 300 can be kept up until the reset
        ");
    }

    #[test]
    fn with_nothing_left_the_pace_is_twenty_times_slower_and_not_slower_than_the_sweep() {
        let stretch = stretch(120.0, 0.0);
        assert_eq!(stretch.factor(), 20.0);
        let paces = KINDS.map(|kind| pace(&group(kind, 26), &stretch, 0).every.as_secs());
        assert_eq!(paces, [134, 600, 900]);
    }

    #[test]
    fn the_pace_slows_down_at_once_and_comes_back_by_a_tenth_a_minute() {
        let full = supply(5000.0);
        let mut last = stretch(1200.0, 300.0);
        let dev = group(EnvironmentKind::Development, 26);
        let mut every = pace(&dev, &last, 0).every;
        for minute in 1..=26 {
            last = Stretch::next(Some(&last), 1200.0, Some(&full), false, at(minute * 60));
            let paced = pace(&dev, &last, 0);
            assert!(paced.every >= every.mul_f64(0.8999), "minute {minute}");
            if paced.every > HALF_MINUTE {
                assert_eq!(paced.reason, PaceReason::Recovering);
            }
            every = paced.every;
        }
        assert!(
            every > HALF_MINUTE && every < Duration::from_secs(35),
            "{every:?}"
        );
        last = Stretch::next(Some(&last), 1200.0, Some(&full), false, at(28 * 60));
        assert_eq!(pace(&dev, &last, 0).every, HALF_MINUTE);
        let short = Stretch::next(Some(&last), 1200.0, Some(&supply(300.0)), false, at(1681));
        assert_eq!(short.factor(), 4.0);
    }

    #[test]
    fn a_clock_that_is_set_back_speeds_nothing_up() {
        let last = Stretch::next(None, 1200.0, Some(&supply(300.0)), false, at(9000));
        let next = Stretch::next(Some(&last), 1200.0, Some(&supply(5000.0)), false, at(0));
        assert_eq!(next.factor(), 4.0);
    }

    #[test]
    fn a_webhook_leaves_the_sweep_and_a_broken_one_the_asked_pace_at_once() {
        let covered = |cover| Group {
            cover,
            ..group(EnvironmentKind::Production, 26)
        };
        let calm = stretch(1.0, 5000.0);
        let paces = [Cover::Webhook, Cover::BrokenWebhook]
            .map(|cover| pace(&covered(cover), &calm, 0).to_string());
        insta::assert_snapshot!(paces.join("\n"), @r"
        every 15m: a webhook tells of pushes; this is the sweep
        every 30s: as asked, while the webhook is silent or broken
        ");
    }

    #[test]
    fn refusals_for_speed_halve_the_rate() {
        let slowed = Stretch::next(None, 120.0, Some(&supply(5000.0)), true, at(0));
        let paced = pace(&group(EnvironmentKind::Production, 26), &slowed, 0);
        assert_eq!(
            paced.to_string(),
            "every 1m: GitHub refused three calls within an hour for their speed"
        );
    }

    #[test]
    fn failures_double_the_wait_from_a_minute_to_an_hour() {
        let calm = stretch(1.0, 5000.0);
        let production = group(EnvironmentKind::Production, 26);
        let minutes = [1, 2, 3, 6, 7, 8, 1000]
            .map(|failures| pace(&production, &calm, failures).every.as_secs() / 60);
        assert_eq!(minutes, [1, 2, 4, 32, 60, 60, 60]);
        let words = [1, 3].map(|failures| pace(&production, &calm, failures).to_string());
        assert_eq!(
            words,
            [
                "every 1m: it failed",
                "every 4m: it failed 3 times in a row"
            ]
        );
    }

    #[test]
    fn jitter_only_lengthens() {
        assert_eq!(jittered(HALF_MINUTE, -1.0), HALF_MINUTE);
        assert_eq!(jittered(HALF_MINUTE, 0.0), HALF_MINUTE);
        assert_eq!(jittered(HALF_MINUTE, 1.0), Duration::from_secs(33));
        assert_eq!(
            jittered(HALF_MINUTE, f64::INFINITY),
            Duration::from_secs(33)
        );
    }
}

//! How much is spent an hour, smoothed over the last quarter.

use serde::{Deserialize, Serialize};

use super::moment::{HOUR, MINUTE, Moment};

/// What happened this long ago counts a third of what happens now.
const MEMORY: f64 = (15 * MINUTE) as f64;

/// Less than this was seen: a few calls at the start are no rate.
const LEAST_SEEN: f64 = MINUTE as f64;

/// Points over time, both with the same fading weight, so that steady use is told exactly from the
/// first minutes on, however unevenly it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Rate {
    points: f64,
    /// Milliseconds.
    time: f64,
    last: Option<Moment>,
}

impl Rate {
    /// `points` were spent since it was last looked at, but not before `from`.
    pub(super) fn observe(&mut self, points: u32, from: Moment, now: Moment) {
        let begin = self.last.map_or(from, |last| last.max(from)).min(now);
        let passed = now.since(begin) as f64;
        let fade = (-passed / MEMORY).exp();
        // The mean weight over the time that passed.
        let weight = if passed > 0.0 {
            (1.0 - fade) * MEMORY / passed
        } else {
            1.0
        };
        self.points = self.points.mul_add(fade, f64::from(points) * weight);
        self.time = self.time.mul_add(fade, passed * weight);
        self.last = Some(self.last.map_or(now, |last| last.max(now)));
    }

    /// `points` were spent since it was last looked at, wherever an hour began.
    pub(super) fn add(&mut self, points: u32, now: Moment) {
        self.observe(points, self.last.unwrap_or(now), now);
    }

    /// Points an hour as far as was seen.
    pub(super) fn per_hour(&self) -> f64 {
        self.points / self.time.max(LEAST_SEEN) * HOUR as f64
    }

    /// The same, knowing that nothing was spent since.
    pub(super) fn per_hour_at(&self, now: Moment) -> f64 {
        let mut until_now = *self;
        until_now.add(0, now);
        until_now.per_hour()
    }

    /// As it is kept: with fractions that are read from text as they were written.
    pub(super) fn rounded(self) -> Self {
        Self {
            points: (self.points * 1024.0).round() / 1024.0,
            time: self.time.round(),
            last: self.last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::live::moment::SECOND;

    fn at(seconds: i64) -> Moment {
        Moment::default().plus(seconds * SECOND)
    }

    fn close(one: f64, other: f64, share: f64) {
        assert!((one - other).abs() <= other * share, "{one} is not {other}");
    }

    #[test]
    fn steady_use_is_told_exactly_however_unevenly_it_is_looked_at() {
        let mut rate = Rate::default();
        let mut last = 0;
        for second in [30, 31, 90, 400, 401, 402, 1000, 1600, 1800] {
            rate.observe(
                2 * (second - last),
                at(i64::from(last)),
                at(i64::from(second)),
            );
            last = second;
        }
        close(rate.per_hour(), 7200.0, 0.001);
    }

    #[test]
    fn a_change_is_followed_within_half_an_hour() {
        let mut rate = Rate::default();
        for minute in 1..=60 {
            rate.observe(10, at(0), at(minute * 60));
        }
        for minute in 61..=90 {
            rate.observe(40, at(0), at(minute * 60));
        }
        close(rate.per_hour(), 2400.0, 0.15);
    }

    #[test]
    fn what_was_spent_before_the_hour_began_is_not_spread_over_time_before_it() {
        let mut rate = Rate::default();
        rate.observe(0, at(0), at(1));
        // Nobody looked for two hours; the hour began ten minutes ago.
        rate.observe(100, at(6600), at(7200));
        close(rate.per_hour(), 600.0, 0.01);
    }

    #[test]
    fn use_that_ends_fades_and_a_few_calls_at_the_start_are_no_storm() {
        let mut rate = Rate::default();
        rate.observe(3, at(0), at(0));
        close(rate.per_hour(), 180.0, 0.001);
        assert!(rate.per_hour_at(at(3600)) < 1.0);
    }

    #[test]
    fn calls_that_are_added_one_by_one_make_their_rate() {
        let mut rate = Rate::default();
        for minute in 0..=60 {
            rate.add(2, at(minute * 60));
        }
        close(rate.per_hour(), 120.0, 0.05);
    }

    #[test]
    fn looks_that_come_in_another_order_never_count_time_twice() {
        let mut rate = Rate::default();
        rate.observe(60, at(0), at(600));
        rate.observe(0, at(0), at(300));
        rate.observe(60, at(0), at(1200));
        close(rate.per_hour(), 360.0, 0.001);
    }
}

//! GitHub's clock as far as its answers show it, and a time of our own that never goes back.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::moment::{Moment, SECOND, milliseconds};

/// Two threads that read the clock one after the other may come in the other order. That far the
/// time stands still; beyond, somebody has set the clock back.
const OUT_OF_ORDER: i64 = 2 * SECOND;

/// Where one clock shows more than the answers allow, it was set; less may be rounding.
const ROUNDING: i64 = SECOND;

/// What is known of the clocks.
///
/// *Steady* time is the local clock, carried on where that is set back: waits are measured in it, so
/// that no wait ends early or lasts longer than the time that passed unseen. A clock that is set
/// forward cannot be told from time that passed; the next answer then puts GitHub's clock right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Clock {
    /// Steady minus local time.
    #[serde(skip)]
    ahead: i64,
    #[serde(skip)]
    last: Option<Moment>,
    /// GitHub's minus steady time, never more than it is: headers have whole seconds, cut off.
    offset: Option<i64>,
}

/// One reading of the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) steady: Moment,
    pub(super) server: Moment,
    ahead: i64,
}

impl Tick {
    /// A steady time, by the local clock.
    pub(super) fn local(&self, steady: Moment) -> Timestamp {
        steady.plus(self.ahead.saturating_neg()).timestamp()
    }

    /// A steady time, by GitHub's clock.
    pub(super) fn as_server(&self, steady: Moment) -> Moment {
        steady.plus(self.server.since(self.steady))
    }

    /// A time by GitHub's clock, in steady time.
    pub(super) fn as_steady(&self, server: Moment) -> Moment {
        server.plus(self.steady.since(self.server))
    }
}

impl Clock {
    pub(super) fn read(&self, now: Timestamp) -> Tick {
        let local = Moment::of(now);
        let mut ahead = self.ahead;
        let mut steady = local.plus(ahead);
        if let Some(last) = self.last
            && steady < last
        {
            if last.since(steady) > OUT_OF_ORDER {
                ahead = last.since(local);
            }
            steady = last;
        }
        Tick {
            steady,
            server: steady.plus(self.offset.unwrap_or(0)),
            ahead,
        }
    }

    /// As [`Clock::read`], and remembers that time has come so far.
    pub(super) fn advance(&mut self, now: Timestamp) -> Tick {
        let tick = self.read(now);
        self.ahead = tick.ahead;
        self.last = Some(tick.steady);
        tick
    }

    /// Takes the `date` of an answer that came at `tick`, `latency` after its call was sent.
    pub(super) fn observe(&mut self, date: Timestamp, latency: Duration, tick: Tick) {
        let least = Moment::of(date).since(tick.steady);
        let most = least
            .saturating_add(milliseconds(latency))
            .saturating_add(SECOND + ROUNDING);
        let fits = |offset: &i64| (least..=most).contains(offset);
        if !self.offset.as_ref().is_some_and(fits) {
            self.offset = Some(least);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    const LATENCY: Duration = Duration::from_millis(300);

    #[test]
    fn a_local_clock_ten_minutes_off_is_seen_through() {
        for off in [-600, 600] {
            let mut clock = Clock::default();
            let tick = clock.advance(at(off));
            clock.observe(at(0), LATENCY, tick);
            assert_eq!(clock.read(at(off + 60)).server, Moment::of(at(60)));
        }
    }

    #[test]
    fn of_several_dates_the_one_that_was_cut_off_least_counts() {
        let mut clock = Clock::default();
        for (local, date) in [(0, 0), (10, 10), (20, 20)] {
            let tick = clock.advance(at(local));
            clock.observe(at(date), LATENCY, tick);
        }
        let late = Timestamp::from_millisecond(at(30).as_millisecond() + 900).unwrap();
        let tick = clock.advance(late);
        clock.observe(at(30), LATENCY, tick);
        assert_eq!(clock.read(at(40)).server, Moment::of(at(40)));
    }

    #[test]
    fn an_answer_that_took_long_does_not_set_githubs_clock_back() {
        let mut clock = Clock::default();
        let tick = clock.advance(at(0));
        clock.observe(at(0), LATENCY, tick);
        let tick = clock.advance(at(40));
        clock.observe(at(10), Duration::from_secs(30), tick);
        assert_eq!(clock.read(at(50)).server, Moment::of(at(50)));
    }

    #[test]
    fn a_clock_that_is_set_back_lets_no_time_pass_and_githubs_stays() {
        let mut clock = Clock::default();
        let tick = clock.advance(at(1000));
        clock.observe(at(1000), LATENCY, tick);
        let tick = clock.advance(at(400));
        assert_eq!(tick.steady, Moment::of(at(1000)));
        assert_eq!(tick.server, Moment::of(at(1000)));
        let wait = tick.steady.plus(5 * SECOND);
        assert_eq!(tick.local(wait), at(405));
        assert_eq!(clock.advance(at(405)).steady, wait);
    }

    #[test]
    fn threads_that_come_in_another_order_do_not_push_the_time_on() {
        let mut clock = Clock::default();
        for _ in 0..1000 {
            clock.advance(at(10));
            clock.advance(at(9));
        }
        assert_eq!(clock.advance(at(11)).steady, Moment::of(at(11)));
    }

    #[test]
    fn a_clock_that_was_set_forward_is_put_right_by_the_next_answer() {
        let mut clock = Clock::default();
        let tick = clock.advance(at(0));
        clock.observe(at(0), LATENCY, tick);
        let tick = clock.advance(at(3600));
        clock.observe(at(10), LATENCY, tick);
        assert_eq!(clock.read(at(3600)).server, Moment::of(at(10)));
    }
}

//! When nothing is asked for a while because nothing comes back, and how long.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::report::Trouble;

/// The longest pauses after calls that failed.
const UNREACHABLE: Duration = Duration::from_secs(60);
const FAILED: Duration = Duration::from_secs(300);
const REFUSED: Duration = Duration::from_secs(900);

/// What became of a call that brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There is no connection, or no answer came in time.
    Unreachable,
    /// GitHub failed on this very query, as on one that takes too long.
    Failed,
    /// GitHub refuses whatever is asked.
    Refused,
    /// The budget does not allow it.
    Held,
}

#[derive(Debug)]
pub struct Pause {
    /// Nothing is asked sooner after a failure than it would be without.
    every: Duration,
    until: Option<Instant>,
    trouble: Option<Trouble>,
}

impl Pause {
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            until: None,
            trouble: None,
        }
    }

    /// Until when nothing is asked, where that is not yet.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| now < *until)
    }

    /// What is wrong since the last call that brought something.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    pub fn mended(&mut self) {
        self.trouble = None;
    }

    /// What was refused may be taken by now: it is asked at once.
    pub fn cut_short(&mut self) {
        self.until = None;
    }

    /// Each pause is twice as long as the one before.
    pub fn failed(&mut self, failure: Failure, reason: &str, (now, at): (Instant, Timestamp)) {
        let longest = match failure {
            // The gate says itself when it opens, and nothing is wrong.
            Failure::Held => {
                self.until = Some(now + self.every);
                return;
            }
            Failure::Unreachable => UNREACHABLE,
            Failure::Failed => FAILED,
            Failure::Refused => REFUSED,
        };
        let before = self.trouble.take();
        let failures = before.as_ref().map_or(0, |trouble| trouble.failures);
        let doubled = self.every.saturating_mul(1 << failures.min(10));
        self.until = Some(now + doubled.min(longest).max(self.every));
        self.trouble = Some(Trouble {
            reason: reason.to_owned(),
            since: before.map_or(at, |trouble| trouble.since),
            failures: failures.saturating_add(1),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_what_the_failure_deserves_and_are_no_shorter_than_asked() {
        let pauses = |every: u64, failure| {
            let mut pause = Pause::new(Duration::from_secs(every));
            let begin = Instant::now();
            [(); 7].map(|()| {
                pause.failed(failure, "no route", (begin, Timestamp::UNIX_EPOCH));
                (pause.until(begin).unwrap() - begin).as_secs()
            })
        };
        assert_eq!(
            pauses(10, Failure::Unreachable),
            [10, 20, 40, 60, 60, 60, 60]
        );
        assert_eq!(
            pauses(30, Failure::Failed),
            [30, 60, 120, 240, 300, 300, 300]
        );
        assert_eq!(
            pauses(30, Failure::Refused),
            [30, 60, 120, 240, 480, 900, 900]
        );
        assert_eq!(pauses(600, Failure::Unreachable), [600; 7]);
        assert_eq!(pauses(30, Failure::Held), [30; 7]);
    }

    #[test]
    fn what_is_wrong_is_told_since_it_began_and_a_closed_gate_is_nothing_wrong() {
        let mut pause = Pause::new(Duration::from_secs(30));
        let at = |second| (Instant::now(), Timestamp::from_second(second).unwrap());
        pause.failed(Failure::Held, "gate", at(1));
        assert_eq!(pause.trouble(), None);
        pause.failed(Failure::Failed, "502", at(2));
        pause.failed(Failure::Unreachable, "no route", at(3));
        let trouble = pause.trouble().unwrap();
        assert_eq!((trouble.reason.as_str(), trouble.failures), ("no route", 2));
        assert_eq!(trouble.since, at(2).1);
        pause.mended();
        assert_eq!(pause.trouble(), None);
    }
}

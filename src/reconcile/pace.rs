//! How many objects of one cluster are annotated at once.

use std::time::{Duration, Instant};

/// So many at the start, which two cores of an API server just keep up with.
const FIRST: f64 = 32.0;
/// Never more.
const MOST: f64 = 64.0;
/// Below this the number grows by one with each answer, above by one with each round of answers.
const QUICK_BELOW: f64 = 16.0;
/// Answers that take longer count as those of a server that has too much to do.
const SLOW: Duration = Duration::from_secs(1);
/// What goes wrong in one moment is one sign, not many.
const ONE_SIGN: Duration = Duration::from_secs(1);

/// Grows while a server answers quickly, halves when it does not, as TCP does.
#[derive(Debug)]
pub(super) struct Pace {
    limit: f64,
    in_flight: usize,
    halved_at: Option<Instant>,
}

/// How a server took one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Taken {
        within: Duration,
    },
    /// It has too much to do, or did not answer.
    Busy,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            limit: FIRST,
            in_flight: 0,
            halved_at: None,
        }
    }
}

impl Pace {
    /// How many more may be sent now.
    pub(super) fn free(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the limit is 1..=64"
        )]
        let limit = self.limit as usize;
        limit.saturating_sub(self.in_flight)
    }

    pub(super) fn sent(&mut self) {
        self.in_flight += 1;
    }

    pub(super) fn answered(&mut self, answer: Answer, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match answer {
            Answer::Taken { within } if within < SLOW => {
                let growth = if self.limit < QUICK_BELOW {
                    1.0
                } else {
                    1.0 / self.limit
                };
                self.limit = (self.limit + growth).min(MOST);
            }
            Answer::Taken { .. } | Answer::Busy => {
                let is_new = self
                    .halved_at
                    .is_none_or(|at| now.duration_since(at) >= ONE_SIGN);
                if is_new {
                    self.limit = (self.limit / 2.0).max(1.0);
                    self.halved_at = Some(now);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICKLY: Answer = Answer::Taken {
        within: Duration::from_millis(20),
    };

    fn answer(pace: &mut Pace, answer: Answer, times: usize, now: Instant) {
        for _ in 0..times {
            pace.sent();
            pace.answered(answer, now);
        }
    }

    #[test]
    fn it_grows_with_quick_answers_up_to_its_bound() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.free(), 32);
        answer(&mut pace, QUICKLY, 33, now);
        assert_eq!(pace.free(), 33);
        answer(&mut pace, QUICKLY, 10_000, now);
        assert_eq!(pace.free(), 64);
        for _ in 0..64 {
            pace.sent();
        }
        assert_eq!(pace.free(), 0);
    }

    #[test]
    fn it_halves_once_a_moment_and_never_stops() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        answer(&mut pace, Answer::Busy, 32, now);
        assert_eq!(pace.free(), 16);
        for second in 1..10 {
            let slowly = Answer::Taken { within: SLOW };
            answer(&mut pace, slowly, 1, now + ONE_SIGN * second);
        }
        assert_eq!(pace.free(), 1);
    }

    #[test]
    fn a_server_that_came_back_is_soon_used_again() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        for second in 0..10 {
            answer(&mut pace, Answer::Busy, 1, now + ONE_SIGN * second);
        }
        answer(&mut pace, QUICKLY, 15, now);
        assert_eq!(pace.free(), 16);
    }
}

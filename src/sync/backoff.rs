//! How long to wait between attempts.

use std::time::Duration;

/// Pauses that double with each failure.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    /// How long to wait after one more failure: between half and all of the pause, as `random` in 0..1 says. The
    /// first one is followed by a short pause only, for many watches break at once where a server is restarted.
    pub fn next(&mut self, random: f64) -> Duration {
        let pause = match self.failures {
            0 => self.first.min(self.longest) / 4,
            failures => self.first * 2_u32.saturating_pow((failures - 1).min(20)),
        };
        self.failures = self.failures.saturating_add(1);
        let jitter = 0.5 + random.clamp(0.0, 1.0) / 2.0;
        pause.min(self.longest).mul_f64(jitter)
    }

    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(Duration::from_millis(400), Duration::from_secs(3))
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_success() {
        let mut backoff = backoff();
        let mut pauses = |count: usize| -> Vec<_> {
            (0..count).map(|_| backoff.next(1.0).as_millis()).collect()
        };
        assert_eq!(pauses(7), [100, 400, 800, 1600, 3000, 3000, 3000]);
        for _ in 0..100 {
            backoff.next(1.0);
        }
        backoff.reset();
        assert_eq!(backoff.next(1.0).as_millis(), 100);
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        for (random, expected) in [(0.0, 50), (0.5, 75), (1.0, 100), (-1.0, 50), (2.0, 100)] {
            assert_eq!(backoff().next(random).as_millis(), expected);
        }
    }
}

//! How often, and after which pause, a call is made again.

use std::time::Duration;

/// After so many failures in a row it is given up.
const MOST_FAILURES: u32 = 3;
/// A call that GitHub's limits refuse so often is handed back; each time it waited as it was told.
const MOST_HOLDS: u32 = 5;
/// Before the first repetition; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// What one call went through.
#[derive(Debug, Default)]
pub(super) struct Again {
    failures: u32,
    holds: u32,
}

impl Again {
    /// The pause before it is made again; `None`: it failed too often. `random` from 0 to 1 spreads
    /// those that failed together.
    pub(super) fn after_failure(&mut self, random: f64) -> Option<Duration> {
        if self.failures == MOST_FAILURES {
            return None;
        }
        let pause = FIRST_PAUSE * 2_u32.pow(self.failures);
        self.failures += 1;
        Some(pause.mul_f64(1.0 + random.clamp(0.0, 1.0)))
    }

    /// Whether it waits for the gate once more.
    pub(super) fn after_hold(&mut self) -> bool {
        self.holds += 1;
        self.holds <= MOST_HOLDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_are_spread_and_end() {
        let mut again = Again::default();
        let pauses = [0.0, 1.0, 0.5, 0.0].map(|random| again.after_failure(random));
        let millis = pauses.map(|pause| pause.map(|pause| pause.as_millis()));
        assert_eq!(millis, [Some(500), Some(2000), Some(3000), None]);
    }

    #[test]
    fn a_call_waits_for_the_gate_five_times() {
        let mut again = Again::default();
        let holds: Vec<bool> = (0..6).map(|_| again.after_hold()).collect();
        assert_eq!(holds, [true, true, true, true, true, false]);
    }
}

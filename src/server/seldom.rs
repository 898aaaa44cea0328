//! Keeps lines that others can cause from filling the log.

use std::time::{Duration, Instant};

/// So many lines in a window.
const LINES: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// Lets the first lines of each minute through, and counts the rest.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Seldom {
    /// Whether a line may be written, with how many were left out since the last one.
    pub(super) fn may_log(&mut self, now: Instant) -> Option<u64> {
        let is_over = |began| now.saturating_duration_since(began) >= WINDOW;
        if self.began.is_none_or(is_over) {
            self.began = Some(now);
            self.lines = 0;
        }
        if self.lines == LINES {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_twenty_lines_and_the_next_one_says_how_many_it_lacks() {
        let start = Instant::now();
        let mut seldom = Seldom::default();
        for _ in 0..LINES {
            assert_eq!(seldom.may_log(start), Some(0));
        }
        let late = start + WINDOW - Duration::from_millis(1);
        assert_eq!(seldom.may_log(start), None);
        assert_eq!(seldom.may_log(late), None);
        assert_eq!(seldom.may_log(start + WINDOW), Some(2));
        assert_eq!(seldom.may_log(start + WINDOW), Some(0));
    }
}

//! How many refs go into one query.

use std::time::Duration;

/// Grows while GitHub answers quickly and shrinks when it does not.
///
/// GitHub ends a query after ten seconds and then takes points off the next hour; wide ones have been
/// seen to come back cut short. Source: "Rate limits and query limits for the GraphQL API".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSize {
    refs: u32,
    most: u32,
}

const FIRST: u32 = 50;

/// So many refs cost one point.
const MOST: u32 = 100;

const QUICK: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(4);

impl Default for BatchSize {
    fn default() -> Self {
        Self::up_to(MOST)
    }
}

impl BatchSize {
    /// Batches of at most `most` refs, from 1 on.
    pub fn up_to(most: u32) -> Self {
        let most = most.max(1);
        Self {
            refs: FIRST.min(most),
            most,
        }
    }

    pub fn refs(self) -> u32 {
        self.refs
    }

    /// The size after an answer. `cut_short`: it was 502 or 504, came too late, or lacked parts for no
    /// reason of their own; a repository that is missing or forbidden is such a reason.
    pub fn after(self, latency: Duration, cut_short: bool) -> Self {
        let refs = if cut_short || latency > SLOW {
            self.refs / 2
        } else if latency < QUICK {
            self.refs.saturating_add(self.refs.div_ceil(2))
        } else {
            self.refs
        };
        Self {
            refs: refs.clamp(1, self.most),
            most: self.most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(latency_ms: u64, cut_short: bool) -> Vec<u32> {
        let latency = Duration::from_millis(latency_ms);
        let sizes = std::iter::successors(Some(BatchSize::default()), |size| {
            Some(size.after(latency, cut_short))
        });
        sizes.take(8).map(BatchSize::refs).collect()
    }

    #[test]
    fn batches_grow_by_half_while_answers_take_less_than_two_seconds() {
        assert_eq!(sizes(1999, false), [50, 75, 100, 100, 100, 100, 100, 100]);
        assert_eq!(sizes(2000, false), [50; 8]);
    }

    #[test]
    fn batches_are_halved_above_four_seconds_or_when_an_answer_is_cut_short() {
        assert_eq!(sizes(4000, false), [50; 8]);
        assert_eq!(sizes(4001, false), [50, 25, 12, 6, 3, 1, 1, 1]);
        assert_eq!(sizes(10, true), [50, 25, 12, 6, 3, 1, 1, 1]);
    }

    #[test]
    fn a_batch_of_one_grows_again_and_none_is_empty() {
        let one = BatchSize::up_to(0);
        assert_eq!(one.refs(), 1);
        let quick = Duration::ZERO;
        let small = BatchSize::default().after(quick, true);
        let small = (0..9).fold(small, |size, _| size.after(quick, true));
        assert_eq!(small.after(quick, false).refs(), 2);
    }
}

//! What became of what never came in, counted.

use super::missed::Resolved;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) missed: u64,
    pub(super) back_filled: u64,
    /// How often GitHub was asked to deliver again.
    pub(super) redelivered: u64,
    pub(super) unreadable: u64,
}

impl Tally {
    /// Of a delivery that was looked at for the first time.
    pub(super) fn count(&mut self, resolved: Resolved) {
        self.count_again(resolved);
        self.missed += u64::from(resolved != Resolved::Came);
    }

    /// Of one that was counted as missed before.
    pub(super) fn count_again(&mut self, resolved: Resolved) {
        let counter = match resolved {
            Resolved::Came | Resolved::Later => return,
            Resolved::BackFilled => &mut self.back_filled,
            Resolved::Redelivered => &mut self.redelivered,
            Resolved::Unreadable => &mut self.unreadable,
        };
        *counter += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_while_we_looked_was_not_missed_and_nothing_is_missed_twice() {
        let mut tally = Tally::default();
        for resolved in [
            Resolved::Came,
            Resolved::BackFilled,
            Resolved::Redelivered,
            Resolved::Later,
            Resolved::Unreadable,
        ] {
            tally.count(resolved);
        }
        tally.count_again(Resolved::BackFilled);
        tally.count_again(Resolved::Later);
        let expected = Tally {
            missed: 4,
            back_filled: 2,
            redelivered: 1,
            unreadable: 1,
        };
        assert_eq!(tally, expected);
    }
}

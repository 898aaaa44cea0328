//! What became of what never came in, counted.

use prometheus_client::metrics::counter::Counter;

use super::missed::Resolved;

/// Of one webhook, since the program started: these are its metrics, so that an audit that begins anew, as after a
/// reload, counts on.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) missed: Counter,
    pub(super) back_filled: Counter,
    pub(super) redelivered: Counter,
    pub(super) unreadable: Counter,
}

/// What was counted until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) missed: u64,
    pub(super) back_filled: u64,
    /// How often GitHub was asked to deliver again.
    pub(super) redelivered: u64,
    pub(super) unreadable: u64,
}

impl Tally {
    /// Of a delivery that was looked at for the first time.
    pub(super) fn count(&self, resolved: Resolved) {
        self.count_again(resolved);
        if resolved != Resolved::Came {
            self.missed.inc();
        }
    }

    /// Of one that was counted as missed before.
    pub(super) fn count_again(&self, resolved: Resolved) {
        let counter = match resolved {
            Resolved::Came | Resolved::Later => return,
            Resolved::BackFilled => &self.back_filled,
            Resolved::Redelivered => &self.redelivered,
            Resolved::Unreadable => &self.unreadable,
        };
        counter.inc();
    }

    pub(super) fn counted(&self) -> Counted {
        Counted {
            missed: self.missed.get(),
            back_filled: self.back_filled.get(),
            redelivered: self.redelivered.get(),
            unreadable: self.unreadable.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_while_we_looked_was_not_missed_and_nothing_is_missed_twice() {
        let tally = Tally::default();
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
        let expected = Counted {
            missed: 4,
            back_filled: 2,
            redelivered: 1,
            unreadable: 1,
        };
        assert_eq!(tally.counted(), expected);
    }
}

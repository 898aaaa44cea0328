//! A point in time in whole milliseconds, with arithmetic that never fails.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970 by some clock; which one says the name of the field.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub(super) struct Moment(i64);

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;

impl Moment {
    pub(super) fn of(timestamp: Timestamp) -> Self {
        Self(timestamp.as_millisecond())
    }

    /// The nearest time that can be written.
    pub(super) fn timestamp(self) -> Timestamp {
        let bounds = Timestamp::MIN.as_millisecond()..=Timestamp::MAX.as_millisecond();
        let within = self.0.clamp(*bounds.start(), *bounds.end());
        Timestamp::from_millisecond(within).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn plus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this; negative where `earlier` is later.
    pub(super) fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The beginning of the step that it lies in; steps have `length` milliseconds.
    pub(super) fn step(self, length: i64) -> Self {
        Self(self.0 - self.0.rem_euclid(length))
    }
}

pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_beyond_what_can_be_written_are_the_nearest() {
        let first = Moment(i64::MIN);
        assert_eq!(first.timestamp(), Timestamp::MIN);
        assert_eq!(first.plus(-1), first);
        assert_eq!(
            Moment(i64::MAX).timestamp().as_second(),
            Timestamp::MAX.as_second()
        );
        assert_eq!(Moment(5).since(Moment(i64::MIN)), i64::MAX);
        assert_eq!(milliseconds(Duration::MAX), i64::MAX);
    }

    #[test]
    fn steps_begin_at_whole_multiples_before_1970_too() {
        assert_eq!(Moment(599_999).step(300_000), Moment(300_000));
        assert_eq!(Moment(-1).step(300_000), Moment(-300_000));
    }
}

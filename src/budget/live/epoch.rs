//! One hour of a bucket as its samples show it: what is left, what we spent, what others spent.

use serde::{Deserialize, Serialize};

use super::answer::Sample;
use super::ask::Purpose;
use super::moment::{Moment, SECOND};

/// Resets that differ less are one: GitHub's machines round them differently.
const SAME_RESET: i64 = 5 * SECOND;

/// Points by purpose, in the order of [`Purpose::ALL`].
pub(super) type Points = [u32; Purpose::ALL.len()];

/// From one reset to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Epoch {
    /// By GitHub's clock.
    pub(super) reset: Moment,
    pub(super) limit: u32,
    /// The most that was said.
    pub(super) used: u32,
    /// The least that was said.
    pub(super) remaining: u32,
    pub(super) own: u32,
    pub(super) by_purpose: Points,
    pub(super) foreign: u32,
    /// Calls from this number on were reserved after the last sample came: what they say is newer.
    #[serde(skip)]
    mark: u64,
}

/// What a sample says beside what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Of the same hour.
    Same,
    /// The hour is over and another began; or nothing is known yet.
    Next,
    /// An answer that was long on its way, from an hour that is over.
    Late,
    /// The hour goes on and ends at another time: GitHub moved the reset.
    Moved,
    /// Two calls at the same time were told of two resets; which is true will show.
    Unclear,
}

/// Who brought a sample.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// The call of that number.
    Call(u64),
    /// `GET /rate_limit`, which was asked while calls were on their way or not.
    List { quiet: bool },
}

impl Epoch {
    /// `next`: the number of the next call.
    pub(super) fn begin(sample: &Sample, next: u64) -> Self {
        Self {
            reset: Moment::of(sample.reset),
            limit: sample.limit,
            used: sample.used,
            remaining: sample.remaining,
            own: 0,
            by_purpose: Points::default(),
            foreign: 0,
            mark: next,
        }
    }

    /// The numbers of calls begin again after a restart.
    pub(super) fn unmark(&mut self) {
        self.mark = 0;
    }

    pub(super) fn is_newer(&self, source: Source) -> bool {
        match source {
            Source::Call(number) => number >= self.mark,
            Source::List { quiet } => quiet,
        }
    }

    pub(super) fn is_over(&self, server: Moment) -> bool {
        server >= self.reset
    }

    /// `length`: how long the limit's hour is.
    pub(super) fn relation(
        &self,
        sample: &Sample,
        source: Source,
        server: Moment,
        length: i64,
    ) -> Relation {
        let reset = Moment::of(sample.reset);
        let later = reset.since(self.reset);
        // An hour that begins after this one ends an hour after it, and nothing of it is used yet.
        let goes_on = later < length / 2 && sample.used >= self.used;
        if later.abs() <= SAME_RESET {
            Relation::Same
        } else if later > 0 && server.plus(SAME_RESET) >= self.reset && !goes_on {
            Relation::Next
        } else if later < 0 && reset <= server {
            Relation::Late
        } else if self.is_newer(source) {
            Relation::Moved
        } else {
            Relation::Unclear
        }
    }

    /// Takes a sample of the same hour. What is known of it only grows, so that samples may come in
    /// any order; a limit that changes is believed where it was said last.
    pub(super) fn take(&mut self, sample: &Sample, source: Source, next: u64) {
        if sample.limit != self.limit && self.is_newer(source) {
            self.limit = sample.limit;
            let behind = self.used.saturating_sub(sample.used);
            self.remaining = sample.remaining.saturating_sub(behind);
        } else {
            self.remaining = self.remaining.min(sample.remaining);
        }
        self.used = self.used.max(sample.used);
        // Of two that are one the later one is waited for.
        self.reset = self.reset.max(Moment::of(sample.reset));
        self.mark = next;
    }

    /// Takes a reset that GitHub moved. Where less is used than before, another hour began.
    pub(super) fn move_to(&mut self, sample: &Sample, next: u64) {
        if sample.used < self.used {
            *self = Self::begin(sample, next);
            return;
        }
        self.reset = Moment::of(sample.reset);
        self.limit = sample.limit;
        self.used = sample.used;
        self.remaining = sample.remaining;
        self.mark = next;
    }

    /// Takes the worse of two that contradict each other.
    pub(super) fn take_worse(&mut self, sample: &Sample, next: u64) {
        self.reset = self.reset.max(Moment::of(sample.reset));
        self.used = self.used.max(sample.used);
        self.remaining = self.remaining.min(sample.remaining);
        self.mark = next;
    }

    pub(super) fn spend(&mut self, purpose: Purpose, points: u32) {
        self.own = self.own.saturating_add(points);
        let by_purpose = &mut self.by_purpose[purpose as usize];
        *by_purpose = by_purpose.saturating_add(points);
    }

    /// Points of others that were not known of. `running` of ours are on their way, and may be in
    /// what was said or not: others spent at least what is left when all are.
    pub(super) fn take_foreign(&mut self, running: u32) -> u32 {
        let ours = self.own.saturating_add(running);
        let seen = self.used.saturating_sub(ours);
        let more = seen.saturating_sub(self.foreign);
        self.foreign += more;
        more
    }

    /// While nothing of ours is on its way, GitHub's books and ours must be equal. Where ours show
    /// more, a call that counted as spent was free: a 502, say.
    pub(super) fn settle_books(&mut self, purpose: Purpose) {
        let theirs = self.used.saturating_sub(self.foreign);
        let free = self.own.saturating_sub(theirs);
        self.own -= free;
        let by_purpose = &mut self.by_purpose[purpose as usize];
        let mut left = free - free.min(*by_purpose);
        *by_purpose = by_purpose.saturating_sub(free);
        for points in &mut self.by_purpose {
            let taken = left.min(*points);
            *points -= taken;
            left -= taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn sample(used: u32, reset: i64) -> Sample {
        Sample {
            limit: 5000,
            remaining: 5000 - used,
            used,
            reset: Timestamp::from_second(reset).unwrap(),
        }
    }

    fn at(second: i64) -> Moment {
        Moment::default().plus(second * SECOND)
    }

    const OLD: Source = Source::Call(3);
    const NEW: Source = Source::Call(10);

    fn relation(reset: i64, source: Source, server: i64) -> Relation {
        let epoch = Epoch::begin(&sample(100, 3600), 10);
        epoch.relation(&sample(0, reset), source, at(server), 3600 * SECOND)
    }

    #[test]
    fn hours_are_told_apart_by_their_reset_and_by_the_time() {
        assert_eq!(relation(3600, OLD, 100), Relation::Same);
        assert_eq!(relation(3605, NEW, 100), Relation::Same);
        assert_eq!(relation(7200, OLD, 3601), Relation::Next);
        assert_eq!(relation(7200, NEW, 3596), Relation::Next);
        assert_eq!(relation(50, OLD, 100), Relation::Late);
        assert_eq!(relation(50, NEW, 100), Relation::Late);
    }

    #[test]
    fn a_reset_that_moves_is_believed_when_it_was_said_last() {
        assert_eq!(relation(3700, NEW, 100), Relation::Moved);
        assert_eq!(relation(3500, NEW, 100), Relation::Moved);
        assert_eq!(relation(3700, OLD, 100), Relation::Unclear);
        assert_eq!(relation(3500, OLD, 100), Relation::Unclear);
        assert_eq!(
            relation(3500, Source::List { quiet: true }, 100),
            Relation::Moved
        );
        assert_eq!(
            relation(3500, Source::List { quiet: false }, 100),
            Relation::Unclear
        );
    }

    #[test]
    fn an_hour_that_goes_on_past_its_reset_is_no_other_hour() {
        let relation = |used, reset| {
            let epoch = Epoch::begin(&sample(100, 3600), 10);
            epoch.relation(&sample(used, reset), NEW, at(3601), 3600 * SECOND)
        };
        assert_eq!(relation(101, 3700), Relation::Moved);
        assert_eq!(relation(99, 3700), Relation::Next);
        assert_eq!(relation(101, 7200), Relation::Next);
    }

    #[test]
    fn of_two_resets_that_are_one_the_later_one_is_waited_for() {
        let mut epoch = Epoch::begin(&sample(100, 3600), 0);
        epoch.take(&sample(101, 3604), NEW, 11);
        epoch.take(&sample(102, 3602), NEW, 12);
        assert_eq!(epoch.reset, at(3604));
    }

    #[test]
    fn within_an_hour_the_most_used_and_the_least_remaining_count() {
        let mut epoch = Epoch::begin(&sample(100, 3600), 0);
        for used in [105, 103, 110, 0] {
            epoch.take(&sample(used, 3600), NEW, 11);
        }
        assert_eq!((epoch.used, epoch.remaining), (110, 4890));
    }

    #[test]
    fn a_limit_that_changes_is_believed_when_it_was_said_last() {
        let more = Sample {
            limit: 8900,
            remaining: 8790,
            ..sample(110, 3600)
        };
        let mut epoch = Epoch::begin(&sample(120, 3600), 10);
        epoch.take(&more, OLD, 10);
        assert_eq!((epoch.limit, epoch.remaining), (5000, 4880));
        epoch.take(&more, NEW, 11);
        assert_eq!((epoch.limit, epoch.remaining), (8900, 8780));
    }

    #[test]
    fn a_moved_reset_with_less_used_begins_another_hour() {
        let mut epoch = Epoch::begin(&sample(100, 3600), 0);
        epoch.spend(Purpose::Heads, 40);
        epoch.move_to(&sample(101, 3900), 1);
        assert_eq!((epoch.own, epoch.used), (40, 101));
        epoch.move_to(&sample(1, 4500), 2);
        assert_eq!((epoch.own, epoch.used, epoch.remaining), (0, 1, 4999));
    }

    #[test]
    fn of_two_that_contradict_each_other_the_worse_counts() {
        let mut epoch = Epoch::begin(&sample(100, 3600), 0);
        epoch.take_worse(&sample(50, 3900), 1);
        assert_eq!((epoch.reset, epoch.used), (at(3900), 100));
        epoch.take_worse(&sample(200, 3500), 1);
        assert_eq!((epoch.reset, epoch.remaining), (at(3900), 4800));
    }

    #[test]
    fn others_spent_what_is_left_when_all_of_ours_are_in_it() {
        let mut epoch = Epoch::begin(&sample(100, 3600), 0);
        epoch.spend(Purpose::Heads, 40);
        assert_eq!(epoch.take_foreign(5), 55);
        assert_eq!(epoch.take_foreign(20), 0);
        assert_eq!(epoch.take_foreign(0), 5);
        assert_eq!(epoch.foreign, 60);
    }

    #[test]
    fn a_call_that_turns_out_free_leaves_our_books() {
        let mut epoch = Epoch::begin(&sample(10, 3600), 0);
        epoch.spend(Purpose::Heads, 9);
        epoch.spend(Purpose::Other, 1);
        epoch.take_foreign(0);
        epoch.spend(Purpose::Other, 3);
        epoch.settle_books(Purpose::Other);
        assert_eq!((epoch.own, epoch.by_purpose), (10, [0, 0, 9, 1]));
        epoch.spend(Purpose::Heads, 2);
        epoch.settle_books(Purpose::Other);
        assert_eq!((epoch.own, epoch.by_purpose), (10, [0, 0, 10, 0]));
    }
}

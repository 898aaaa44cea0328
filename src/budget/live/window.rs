//! How much of something there was within the last so many seconds.

use std::collections::VecDeque;

use super::moment::Moment;

/// Sums over a window that slides on by slots: a slot leaves as a whole, once all of it is older than
/// the window, so that the sum is never too small. At most `SLOTS + 2` slots are kept.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// Milliseconds.
    slot: i64,
    /// The beginning of a slot and what fell into it, oldest first.
    slots: VecDeque<(Moment, u64)>,
    sum: u64,
}

const SLOTS: i64 = 60;

impl Window {
    /// A window of sixty slots of `slot` milliseconds.
    pub(super) fn of(slot: i64) -> Self {
        Self {
            slot,
            slots: VecDeque::new(),
            sum: 0,
        }
    }

    /// Each slot and what fell into it, oldest first.
    pub(super) fn slots(&self) -> impl Iterator<Item = (Moment, u64)> {
        self.slots.iter().copied()
    }

    /// When something was added last, and how much there is; `None` where nothing is left.
    pub(super) fn last(&self, now: Moment) -> Option<(Moment, u64)> {
        let slots = self.slots.iter();
        let sum = slots
            .filter(|(begins, _)| now < self.leaves(*begins))
            .map(|(_, amount)| amount)
            .sum();
        let (last, _) = self.slots.back().filter(|_| sum > 0)?;
        Some((*last, sum))
    }

    fn leaves(&self, begins: Moment) -> Moment {
        begins.plus(self.slot * (SLOTS + 1))
    }

    pub(super) fn sum(&mut self, now: Moment) -> u64 {
        while let Some((begins, amount)) = self.slots.front().copied()
            && self.leaves(begins) <= now
        {
            self.slots.pop_front();
            self.sum -= amount;
        }
        self.sum
    }

    /// `now` never goes back.
    pub(super) fn add(&mut self, amount: u64, now: Moment) {
        self.sum(now);
        let begins = now.step(self.slot);
        self.sum += amount;
        match self.slots.back_mut() {
            Some((last, sum)) if *last >= begins => *sum += amount,
            _ => self.slots.push_back((begins, amount)),
        }
    }

    /// Takes back what was added at `then`.
    pub(super) fn take_back(&mut self, amount: u64, then: Moment) {
        let begins = then.step(self.slot);
        let mut slots = self.slots.iter_mut().rev();
        if let Some((_, sum)) = slots.find(|(slot, _)| *slot == begins) {
            let taken = amount.min(*sum);
            *sum -= taken;
            self.sum -= taken;
        }
    }

    /// When there is room for `amount` below `limit`; `None`: now. An amount above the limit has room
    /// once the window is empty.
    pub(super) fn room(&mut self, amount: u64, limit: u64, now: Moment) -> Option<Moment> {
        let mut sum = self.sum(now);
        if sum == 0 || sum + amount <= limit {
            return None;
        }
        for (begins, left) in &self.slots {
            sum -= left;
            if sum == 0 || sum + amount <= limit {
                return Some(self.leaves(*begins));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::live::moment::SECOND;

    fn at(seconds: i64) -> Moment {
        Moment::default().plus(seconds * SECOND)
    }

    #[test]
    fn what_was_added_leaves_when_all_of_its_slot_is_older_than_the_window() {
        let mut window = Window::of(SECOND);
        window.add(5, at(0).plus(999));
        assert_eq!(window.sum(at(60)), 5);
        assert_eq!(window.sum(at(61)), 0);
    }

    #[test]
    fn room_is_told_to_the_second() {
        let mut window = Window::of(SECOND);
        window.add(6, at(0));
        window.add(3, at(10));
        assert_eq!(window.room(1, 10, at(20)), None);
        assert_eq!(window.room(2, 10, at(20)), Some(at(61)));
        assert_eq!(window.room(8, 10, at(20)), Some(at(71)));
        assert_eq!(window.room(1, 10, at(61)), None);
    }

    #[test]
    fn more_than_the_limit_at_once_goes_through_an_empty_window_only() {
        let mut window = Window::of(SECOND);
        assert_eq!(window.room(50, 10, at(0)), None);
        window.add(50, at(0));
        assert_eq!(window.room(50, 10, at(1)), Some(at(61)));
    }

    #[test]
    fn what_is_taken_back_makes_room_and_never_more_than_there_was() {
        let mut window = Window::of(SECOND);
        window.add(5, at(0));
        window.add(5, at(1));
        window.take_back(9, at(0));
        assert_eq!(window.sum(at(1)), 5);
        window.take_back(1, at(30));
        assert_eq!(window.sum(at(1)), 5);
    }

    #[test]
    fn a_window_stays_small() {
        let mut window = Window::of(SECOND);
        for second in 0..10_000 {
            window.add(1, at(second));
        }
        assert!(window.slots.len() <= 62, "{}", window.slots.len());
        assert_eq!(window.sum, 61);
    }
}

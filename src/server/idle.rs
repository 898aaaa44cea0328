//! Which connections wait for a request, so that the one that waits longest makes room for who comes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// A connection keeps its place for so long even where others need one: who connects sends at once as a rule.
pub(super) const KEEPS_ITS_PLACE: Duration = Duration::from_secs(1);

/// The connections of one listener that wait for a request.
#[derive(Debug, Default)]
pub(super) struct Idle {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    /// By when each began to wait.
    longest_first: BTreeMap<(Instant, u64), Arc<Notify>>,
}

/// One connection; where it ends it waits no longer.
#[derive(Debug)]
pub(super) struct Place {
    idle: Arc<Idle>,
    number: u64,
    since: Mutex<Option<Instant>>,
    told: Arc<Notify>,
}

impl Idle {
    /// A connection that waits from now on.
    pub(super) fn place(self: &Arc<Self>, now: Instant) -> Place {
        let number = {
            let mut waiting = self.waiting();
            waiting.last += 1;
            waiting.last
        };
        let place = Place {
            idle: Arc::clone(self),
            number,
            since: Mutex::default(),
            told: Arc::default(),
        };
        place.waits(now);
        place
    }

    /// Tells the connection that waits longest to end; false where none has waited long enough.
    pub(super) fn make_room(&self, now: Instant) -> bool {
        let mut waiting = self.waiting();
        let Some(longest) = waiting.longest_first.first_entry() else {
            return false;
        };
        let (since, _) = longest.key();
        if now.saturating_duration_since(*since) < KEEPS_ITS_PLACE {
            return false;
        }
        longest.remove().notify_one();
        true
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn waits(&self, now: Instant) {
        let mut since = self.since();
        if since.is_none() {
            *since = Some(now);
            let told = Arc::clone(&self.told);
            let mut waiting = self.idle.waiting();
            waiting.longest_first.insert((now, self.number), told);
        }
    }

    /// A request came.
    pub(super) fn works(&self) {
        if let Some(since) = self.since().take() {
            let mut waiting = self.idle.waiting();
            waiting.longest_first.remove(&(since, self.number));
        }
    }

    /// Returns when it is told to end. Told in the moment in which a request came, it goes on.
    pub(super) async fn gives_way(&self) {
        loop {
            self.told.notified().await;
            if self.since().is_some() {
                return;
            }
        }
    }

    fn since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.works();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn is_told(place: &Place) -> bool {
        place.gives_way().now_or_never().is_some()
    }

    #[test]
    fn the_one_that_waits_longest_makes_room_and_nobody_before_a_second() {
        let (idle, start) = (Arc::<Idle>::default(), Instant::now());
        let later = |millis| start + Duration::from_millis(millis);
        let [first, second, third] = [0, 10, 20].map(|millis| idle.place(later(millis)));
        assert!(!idle.make_room(later(999)));
        first.works();
        assert!(!idle.make_room(later(1_009)));
        assert!(idle.make_room(later(1_010)));
        assert!(!is_told(&first) && is_told(&second) && !is_told(&third));
        first.waits(later(1_015));
        assert!(idle.make_room(later(1_020)));
        assert!(is_told(&third));
        assert!(!idle.make_room(later(2_014)));
        assert!(idle.make_room(later(2_015)));
        assert!(is_told(&first));
        assert!(!idle.make_room(later(9_999)), "each is told once");
    }

    #[test]
    fn a_request_that_came_in_the_same_moment_is_answered() {
        let (idle, start) = (Arc::<Idle>::default(), Instant::now());
        let place = idle.place(start);
        assert!(idle.make_room(start + KEEPS_ITS_PLACE));
        place.works();
        assert!(!is_told(&place));
        place.waits(start + KEEPS_ITS_PLACE);
        assert!(!is_told(&place), "what it was told before is over");
        drop(place);
        assert!(idle.waiting().longest_first.is_empty());
    }
}

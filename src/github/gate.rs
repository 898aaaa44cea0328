//! Lets the calls of one identity through as its ledger allows it, the most urgent first.
//!
//! ```text
//! enter -> queue by (purpose, turn) -> Ledger::reserve -> Pass -> settled, or dropped: unsent or unanswered
//!            ^                                                        |
//!            `------------ whoever ends, and one that keeps time, asks for all who wait
//! ```

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use crate::budget::live::{Ask, Hold, HoldReason, Ledger, Outcome, Reservation};

use super::queue::{Place, Queue};
use super::settings::Clock;

/// The clock may be set while somebody waits for a time, so that it is looked at this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// A call that is told to wait for a time that is now waits so long at least.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

/// The gate of one identity.
pub(super) struct Gate {
    state: Mutex<Queue<Answer>>,
    /// Whoever holds it keeps time for all who wait.
    timekeeper: tokio::sync::Mutex<()>,
    /// The next time to look at has changed.
    news: Notify,
    /// Told where it has closed, so that it is remembered at once.
    closed: Arc<Notify>,
    clock: Clock,
}

/// Tells one who waits.
type Answer = oneshot::Sender<Result<Pass, Hold>>;

/// A call that was let through. Dropped before it is settled, it is booked as unsent or unanswered.
pub(super) struct Pass {
    gate: Arc<Gate>,
    reservation: Option<Reservation>,
    start: Start,
}

/// Says whether a call that was let through may still be sent, and remembers when it was.
#[derive(Clone)]
pub(super) struct Start {
    gate: Arc<Gate>,
    resource: Arc<str>,
    is_free: bool,
    begun: Arc<OnceLock<Instant>>,
}

impl Gate {
    pub(super) fn new(ledger: Ledger, clock: Clock, closed: Arc<Notify>) -> Self {
        Self {
            state: Mutex::new(Queue::new(ledger)),
            timekeeper: tokio::sync::Mutex::new(()),
            news: Notify::new(),
            closed,
            clock,
        }
    }

    /// Waits until the call may be sent, at most until `deadline`.
    ///
    /// # Errors
    /// Why it may not be sent until then. It is given up at once where that is known.
    pub(super) async fn enter(
        self: &Arc<Self>,
        ask: Ask,
        deadline: Option<Instant>,
    ) -> Result<Pass, Hold> {
        let (answer, mut answered) = oneshot::channel();
        let place = self.state().push(ask, deadline, answer);
        let Some(place) = place else {
            return Err(self.crowd());
        };
        let mut left = Leaving {
            gate: self,
            place,
            hold: None,
        };
        self.admit();
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased; // whoever was let through has not waited too long
            answer = &mut answered => answer.unwrap_or_else(|_| Err(self.crowd())),
            never = self.keep_time() => match never {},
            () = late => {
                left.leave();
                // It may have been let through just now.
                match answered.try_recv() {
                    Ok(answer) => answer,
                    Err(_) => Err(left.hold.take().unwrap_or_else(|| self.crowd())),
                }
            }
        }
    }

    /// Reads or changes the ledger.
    pub(super) fn ledger<T>(&self, with: impl FnOnce(&mut Ledger) -> T) -> T {
        with(&mut self.state().ledger)
    }

    /// Changes what is known of a resource, and tells where that closes the gate.
    pub(super) fn book(&self, resource: &str, now: Timestamp, with: impl FnOnce(&mut Ledger)) {
        let closes = self.ledger(|ledger| {
            let before = ledger.hold(resource, now);
            with(ledger);
            let hold = ledger.hold(resource, now);
            hold.is_some() && hold != before
        });
        if closes {
            self.closed.notify_one();
        }
    }

    /// Keeps time for all as long as it is polled and nobody else does.
    async fn keep_time(self: &Arc<Self>) -> Infallible {
        let _timekeeper = self.timekeeper.lock().await;
        loop {
            let next = self.state().next;
            let wait = next.map_or(LONGEST_SLEEP, |next| {
                let wait = next.duration_since(self.clock.now());
                let wait = Duration::try_from(wait).unwrap_or_default();
                wait.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
            });
            tokio::select! {
                () = sleep(wait) => self.admit(),
                () = self.clock.moved() => self.admit(),
                () = self.news.notified() => {}
            }
        }
    }

    /// Lets through whoever may be.
    fn admit(self: &Arc<Self>) {
        let answers = {
            let mut state = self.state();
            let before = state.next;
            let answers = state.admit(self.clock.now(), Instant::now());
            if state.next != before {
                self.news.notify_one();
            }
            answers
        };
        for (waiting, decided) in answers {
            let start = Start {
                gate: self.clone(),
                resource: waiting.ask.resource,
                is_free: waiting.ask.cost == 0,
                begun: Arc::default(),
            };
            let decided = decided.map(|reservation| Pass {
                gate: self.clone(),
                reservation: Some(reservation),
                start,
            });
            // Where nobody waits any more, dropping it hands it back.
            drop(waiting.whom.send(decided));
        }
    }

    fn crowd(&self) -> Hold {
        Hold {
            until: self.clock.now() + SignedDuration::from_secs(1),
            why: HoldReason::Running,
            resource: None,
        }
    }

    fn state(&self) -> MutexGuard<'_, Queue<Answer>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes out of the queue whoever stops waiting.
struct Leaving<'a> {
    gate: &'a Arc<Gate>,
    place: Place,
    hold: Option<Hold>,
}

impl Leaving<'_> {
    fn leave(&mut self) {
        let left = self.gate.state().remove(self.place);
        if let Some(left) = left {
            self.hold = left.hold;
            // It may have stood in the way of one that costs less.
            self.gate.admit();
        }
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Pass {
    pub(super) fn start(&self) -> &Start {
        &self.start
    }

    /// Since it was sent.
    pub(super) fn latency(&self) -> Duration {
        let begun = self.start.begun.get();
        begun.map_or(Duration::ZERO, Instant::elapsed)
    }

    pub(super) fn settle(mut self, outcome: &Outcome) {
        if let Some(reservation) = self.reservation.take() {
            let now = self.gate.clock.now();
            self.gate.book(&self.start.resource, now, |ledger| {
                ledger.settle(reservation, outcome, now);
            });
            self.gate.admit();
        }
    }
}

impl Start {
    /// Whether it may be sent now. If so, it counts from here on, whatever becomes of it.
    pub(super) fn begin(&self) -> bool {
        let now = self.gate.clock.now();
        let hold = self.gate.ledger(|ledger| ledger.hold(&self.resource, now));
        let is_refused = hold.is_some_and(|hold| match hold.why {
            HoldReason::SecondaryLimit => true,
            HoldReason::PrimaryLimit => !self.is_free,
            // That was so when it was let through, and was thought of.
            _ => false,
        });
        if !is_refused {
            self.begun.get_or_init(Instant::now);
        }
        !is_refused
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.get().is_some()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some(reservation) = self.reservation.take() else {
            return;
        };
        let latency = self.latency();
        let now = self.gate.clock.now();
        let outcome = Outcome::NoAnswer { latency };
        self.gate.ledger(|ledger| {
            if self.start.has_begun() {
                ledger.settle(reservation, &outcome, now);
            } else {
                ledger.unsent(reservation);
            }
        });
        self.gate.admit();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Gate")
            .field("waiting", &state.len())
            .field("next", &state.next)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("begun", &self.start.begun)
            .finish_non_exhaustive()
    }
}

//! Who waits at a gate, and who of them may go now.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::budget::live::{Ask, Decision, Hold, HoldReason, Ledger, Purpose, Reservation};

/// Calls that may wait at one gate; more are turned away at once.
const MOST_WAITING: usize = 10_000;
/// From so many points on a call changes something.
const POINTS_OF_A_CHANGE: u32 = 5;

/// Where somebody stands in the queue.
pub(super) type Place = (Purpose, u64);

/// A ledger and those who wait for it, the most urgent first, of equals who came first.
pub(super) struct Queue<T> {
    pub(super) ledger: Ledger,
    waiting: BTreeMap<Place, Waiting<T>>,
    turn: u64,
    /// When the first of them may be let through.
    pub(super) next: Option<Timestamp>,
}

/// A call that waits.
pub(super) struct Waiting<T> {
    pub(super) ask: Ask,
    /// Until when it waits at most.
    deadline: Option<Instant>,
    /// Why it waits.
    pub(super) hold: Option<Hold>,
    /// Whom to tell.
    pub(super) whom: T,
}

/// What was decided for one who waited, who waits no more.
pub(super) type Decided<T> = (Waiting<T>, Result<Reservation, Hold>);

impl<T> Queue<T> {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            waiting: BTreeMap::new(),
            turn: 0,
            next: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Lines somebody up; `None`: too many wait already.
    pub(super) fn push(&mut self, ask: Ask, deadline: Option<Instant>, whom: T) -> Option<Place> {
        if self.waiting.len() >= MOST_WAITING {
            return None;
        }
        self.turn += 1;
        let place = (ask.purpose, self.turn);
        let waiting = Waiting {
            ask,
            deadline,
            hold: None,
            whom,
        };
        self.waiting.insert(place, waiting);
        Some(place)
    }

    /// Takes out whoever stops waiting; `None`: it was decided already.
    pub(super) fn remove(&mut self, place: Place) -> Option<Waiting<T>> {
        self.waiting.remove(&place)
    }

    /// Decides for all who wait. Whoever is behind one that waits for the same thing waits too, though
    /// it may cost less.
    pub(super) fn admit(&mut self, now: Timestamp, instant: Instant) -> Vec<Decided<T>> {
        let Self {
            ledger,
            waiting,
            next,
            ..
        } = self;
        let mut closed: Vec<Closed> = Vec::new();
        let mut decided = Vec::new();
        let mut answers = Vec::new();
        for (place, waiting) in waiting.iter_mut() {
            let known = closed.iter().find(|closed| closed.holds(&waiting.ask));
            let hold = match known {
                Some(closed) => closed.hold.clone(),
                None => match ledger.reserve(&waiting.ask, now) {
                    Decision::Go(reservation) => {
                        decided.push((*place, Ok(reservation)));
                        continue;
                    }
                    Decision::Wait(hold) => {
                        closed.push(Closed::new(&waiting.ask, hold.clone()));
                        hold
                    }
                },
            };
            if waiting.is_in_vain(&hold, now, instant) {
                decided.push((*place, Err(hold)));
            } else {
                waiting.hold = Some(hold);
            }
        }
        *next = closed.iter().map(|closed| closed.hold.until).min();
        for (place, decision) in decided {
            if let Some(waiting) = self.waiting.remove(&place) {
                answers.push((waiting, decision));
            }
        }
        answers
    }
}

impl<T> Waiting<T> {
    /// Whether its patience ends before the hold does. A hold that ends with a call that runs may end
    /// sooner than it says.
    fn is_in_vain(&self, hold: &Hold, now: Timestamp, instant: Instant) -> bool {
        let Some(deadline) = self.deadline else {
            return false;
        };
        let patience = SignedDuration::try_from(deadline.duration_since(instant));
        !matches!(hold.why, HoldReason::Running | HoldReason::Unknown)
            && patience.is_ok_and(|patience| hold.until.duration_since(now) > patience)
    }
}

/// What was found closed for one who waits, and is so for all behind it.
struct Closed {
    hold: Hold,
    resource: Option<Arc<str>>,
    endpoint: Option<Arc<str>>,
}

impl Closed {
    fn new(ask: &Ask, hold: Hold) -> Self {
        let (resource, endpoint) = match hold.why {
            HoldReason::Points => (Some(ask.resource.clone()), Some(ask.endpoint.clone())),
            HoldReason::Mutation | HoldReason::Content => (None, None),
            _ => (hold.resource.clone(), None),
        };
        Self {
            hold,
            resource,
            endpoint,
        }
    }

    fn holds(&self, ask: &Ask) -> bool {
        let concerns = match self.hold.why {
            HoldReason::Mutation => ask.secondary >= POINTS_OF_A_CHANGE,
            HoldReason::Content => ask.creates,
            _ => true,
        };
        let is = |mine: &Option<Arc<str>>, other: &Arc<str>| {
            mine.as_ref().is_none_or(|mine| mine == other)
        };
        concerns && is(&self.resource, &ask.resource) && is(&self.endpoint, &ask.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::budget::live::{LedgerSettings, Outcome, Sample, Verdict};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn ask(resource: &str, purpose: Purpose) -> Ask {
        Ask {
            resource: resource.into(),
            purpose,
            cost: 1,
            secondary: 1,
            creates: false,
            endpoint: "/x".into(),
        }
    }

    fn queue() -> Queue<&'static str> {
        Queue::new(Ledger::new(LedgerSettings {
            host: "github.com".into(),
            identity: "bot".into(),
            reserve: 0.0,
        }))
    }

    /// Makes what is left of a resource known.
    fn learn(queue: &mut Queue<&'static str>, resource: &str, remaining: u32) {
        let sample = Sample {
            limit: 6000,
            remaining,
            used: 6000 - remaining,
            reset: at(3600),
        };
        queue.ledger.learn(resource, sample, at(0));
    }

    fn admit(queue: &mut Queue<&'static str>, now: i64) -> (Vec<&'static str>, Vec<&'static str>) {
        let (mut let_through, mut turned_away) = (Vec::new(), Vec::new());
        for (waiting, decision) in queue.admit(at(now), Instant::now()) {
            match decision {
                Ok(_) => let_through.push(waiting.whom),
                Err(_) => turned_away.push(waiting.whom),
            }
        }
        (let_through, turned_away)
    }

    #[test]
    fn the_most_urgent_go_first_and_of_equals_who_came_first() {
        let mut queue = queue();
        learn(&mut queue, "core", 5000);
        for (purpose, whom) in [
            (Purpose::Other, "other"),
            (Purpose::Heads, "heads"),
            (Purpose::WebhookHealth, "health 1"),
            (Purpose::WebhookHealth, "health 2"),
            (Purpose::BackFill, "back-fill"),
        ] {
            queue.push(ask("core", purpose), None, whom).unwrap();
        }
        let (let_through, _) = admit(&mut queue, 0);
        assert_eq!(
            let_through,
            ["health 1", "health 2", "back-fill", "heads", "other"]
        );
        assert_eq!((queue.len(), queue.next), (0, None));
    }

    #[test]
    fn a_resource_that_is_used_up_holds_no_other() {
        let mut queue = queue();
        learn(&mut queue, "core", 0);
        learn(&mut queue, "graphql", 5000);
        queue
            .push(ask("core", Purpose::WebhookHealth), None, "rest")
            .unwrap();
        queue
            .push(ask("graphql", Purpose::Heads), None, "query")
            .unwrap();
        assert_eq!(admit(&mut queue, 0).0, ["query"]);
        assert!(queue.next.unwrap() >= at(3600));
        assert_eq!(admit(&mut queue, 3700).0, ["rest"]);
    }

    #[test]
    fn changes_wait_for_one_another_and_nobody_waits_for_them() {
        let mut queue = queue();
        learn(&mut queue, "core", 5000);
        let change = Ask {
            secondary: 5,
            ..ask("core", Purpose::WebhookHealth)
        };
        queue.push(change.clone(), None, "first").unwrap();
        queue.push(change, None, "second").unwrap();
        queue
            .push(ask("core", Purpose::Other), None, "read")
            .unwrap();
        assert_eq!(admit(&mut queue, 0).0, ["first", "read"]);
        assert_eq!(admit(&mut queue, 2).0, ["second"]);
    }

    #[test]
    fn whoever_would_wait_in_vain_is_turned_away_at_once() {
        let mut queue = queue();
        learn(&mut queue, "core", 0);
        let patience = |seconds| Some(Instant::now() + Duration::from_secs(seconds));
        queue
            .push(ask("core", Purpose::Other), patience(3000), "hasty")
            .unwrap();
        queue
            .push(ask("core", Purpose::Other), patience(4000), "patient")
            .unwrap();
        queue
            .push(ask("core", Purpose::Other), None, "all the time")
            .unwrap();
        assert_eq!(admit(&mut queue, 0), (vec![], vec!["hasty"]));
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn whoever_leaves_is_decided_for_no_more() {
        let mut queue = queue();
        learn(&mut queue, "core", 0);
        let place = queue
            .push(ask("core", Purpose::Other), None, "gone")
            .unwrap();
        admit(&mut queue, 0);
        let hold = queue.remove(place).unwrap().hold.unwrap();
        assert_eq!(&*hold.resource.unwrap(), "core");
        assert!(queue.remove(place).is_none());
    }

    #[test]
    fn too_many_are_turned_away() {
        let mut queue = queue();
        for _ in 0..MOST_WAITING {
            queue.push(ask("core", Purpose::Other), None, "").unwrap();
        }
        assert!(queue.push(ask("core", Purpose::Other), None, "").is_none());
    }

    #[test]
    fn a_refusal_holds_all_calls_of_the_identity() {
        let mut queue = queue();
        learn(&mut queue, "core", 5000);
        learn(&mut queue, "graphql", 5000);
        let Decision::Go(reservation) = queue.ledger.reserve(&ask("core", Purpose::Other), at(0))
        else {
            panic!("it is open");
        };
        let verdict = Verdict::SecondaryLimit {
            retry_after: Some(Duration::from_secs(30)),
        };
        let outcome = Outcome::Answered {
            sample: None,
            date: None,
            latency: Duration::ZERO,
            cost: None,
            verdict,
        };
        queue.ledger.settle(reservation, &outcome, at(0));
        queue
            .push(ask("graphql", Purpose::WebhookHealth), None, "query")
            .unwrap();
        assert_eq!(admit(&mut queue, 29).0, Vec::<&str>::new());
        assert_eq!(admit(&mut queue, 32).0, ["query"]);
    }
}

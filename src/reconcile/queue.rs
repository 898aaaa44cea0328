//! Which objects of one cluster are to be annotated, and when.
//!
//! ```text
//! work -> waits at its object until it is due and the object has rested -> Turn::Choose ----.
//! work with a token (a retry, or from before a restart) --------------> Turn::Send --------+-> out
//! out -> back (it rests where it was annotated) | again (the same work, later)
//! ```

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::catalog::ItemKey;
use crate::delivery::{Token, Wait, WorkState};
use crate::store::{StoredWork, WorkId};

/// So long after an annotation what comes for the same object waits, to be one annotation together:
/// a burst of pushes costs one at once and one after it.
pub const REST: Duration = Duration::from_secs(3);

/// The work of one cluster that names its object.
#[derive(Debug, Default)]
pub(super) struct Queue {
    objects: HashMap<ItemKey, Object>,
    /// When each object's turn is.
    turns: BTreeSet<(Instant, ItemKey)>,
    known: HashSet<WorkId>,
}

#[derive(Debug, Default)]
struct Object {
    /// No token yet.
    waiting: Vec<Waiting>,
    /// With a token that is stored.
    chosen: Vec<Waiting>,
    is_out: bool,
    rests_until: Option<Instant>,
    /// Its place in `turns`.
    turn: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    work: StoredWork,
    due: Instant,
}

/// What is to be done for an object now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// A token is to be chosen; never empty, the newest work is last.
    Choose(ItemKey, Vec<StoredWork>),
    /// The token is stored already.
    Send(ItemKey, Box<StoredWork>, Token),
}

impl Queue {
    /// Takes in a piece of work once; what has no object or is over is none of ours.
    pub(super) fn add(&mut self, work: StoredWork, now: Timestamp, at: Instant) {
        let Some(key) = work.object.clone() else {
            return;
        };
        if work.state.is_over() || !self.known.insert(work.id) {
            return;
        }
        let due = at + until_due(&work.state, now);
        self.put(key, work, due);
    }

    /// Work that is out comes back with its object, to be tried later.
    pub(super) fn again(&mut self, key: ItemKey, work: Vec<StoredWork>, due: Instant) {
        self.back(&key, false, due);
        for work in work {
            self.put(key.clone(), work, due);
        }
    }

    /// An object is out no longer. It rests where it was annotated.
    pub(super) fn back(&mut self, key: &ItemKey, was_annotated: bool, at: Instant) {
        if let Some(object) = self.objects.get_mut(key) {
            object.is_out = false;
            if was_annotated {
                object.rests_until = Some(at + REST);
            }
        }
        self.schedule(key, at);
    }

    /// Work that is over.
    pub(super) fn forget(&mut self, over: impl IntoIterator<Item = WorkId>) {
        for id in over {
            self.known.remove(&id);
        }
    }

    /// At most so many objects whose turn has come; they are out until they are brought back.
    pub(super) fn take(&mut self, most: usize, at: Instant) -> Vec<Turn> {
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some((due, _)) = self.turns.first() else {
                break;
            };
            if *due > at {
                break;
            }
            let Some((_, key)) = self.turns.pop_first() else {
                break;
            };
            if let Some(object) = self.objects.get_mut(&key) {
                object.turn = None;
                if let Some(turn) = object.take(&key, at) {
                    object.is_out = true;
                    taken.push(turn);
                }
            }
            self.schedule(&key, at);
        }
        taken
    }

    /// When the next turn is.
    pub(super) fn next(&self) -> Option<Instant> {
        self.turns.first().map(|(due, _)| *due)
    }

    /// The cluster is there again: what waits for another try is tried now.
    pub(super) fn hurry(&mut self, at: Instant) {
        let keys: Vec<ItemKey> = self.turns.iter().map(|(_, key)| key.clone()).collect();
        for key in keys {
            if let Some(object) = self.objects.get_mut(&key) {
                for chosen in &mut object.chosen {
                    chosen.due = chosen.due.min(at);
                }
            }
            self.schedule(&key, at);
        }
    }

    /// Takes out what was accepted too long ago to be tried still; nothing of it is out.
    pub(super) fn take_hopeless(
        &mut self,
        is_hopeless: impl Fn(&WorkState) -> bool,
        at: Instant,
    ) -> Vec<StoredWork> {
        let mut hopeless = Vec::new();
        let keys: Vec<ItemKey> = self.objects.keys().cloned().collect();
        for key in keys {
            let Some(object) = self.objects.get_mut(&key) else {
                continue;
            };
            for list in [&mut object.waiting, &mut object.chosen] {
                let taken = list.extract_if(.., |waiting| is_hopeless(&waiting.work.state));
                hopeless.extend(taken.map(|waiting| waiting.work));
            }
            self.schedule(&key, at);
        }
        self.forget(hopeless.iter().map(|work| work.id));
        hopeless
    }

    /// How many pieces of work are not over.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    fn put(&mut self, key: ItemKey, work: StoredWork, due: Instant) {
        let object = self.objects.entry(key.clone()).or_default();
        let list = match work.state {
            WorkState::Annotating { .. } => &mut object.chosen,
            _ => &mut object.waiting,
        };
        list.push(Waiting { work, due });
        self.schedule(&key, due);
    }

    fn schedule(&mut self, key: &ItemKey, at: Instant) {
        let Some(object) = self.objects.get_mut(key) else {
            return;
        };
        if let Some(turn) = object.turn.take() {
            self.turns.remove(&(turn, key.clone()));
        }
        if object.is_out {
            return;
        }
        // One that rests is kept until then, to be forgotten.
        let rests = object.rests_until.filter(|until| *until > at);
        match object.due().or(rests) {
            Some(turn) => {
                object.turn = Some(turn);
                self.turns.insert((turn, key.clone()));
            }
            None => {
                self.objects.remove(key);
            }
        }
    }
}

impl Object {
    fn due(&self) -> Option<Instant> {
        let chosen = self.chosen.iter().map(|chosen| chosen.due).min();
        let waiting = self.waiting.iter().map(|waiting| waiting.due).min();
        let waiting = waiting.map(|due| self.rests_until.map_or(due, |until| until.max(due)));
        // One token after the other: the controller sees the last one only.
        chosen.or(waiting)
    }

    fn take(&mut self, key: &ItemKey, at: Instant) -> Option<Turn> {
        if let Some(place) = (0..self.chosen.len()).min_by_key(|place| self.chosen[*place].due) {
            if self.chosen[place].due > at {
                return None;
            }
            let work = self.chosen.remove(place).work;
            let WorkState::Annotating { token, .. } = &work.state else {
                return None;
            };
            let token = token.clone();
            return Some(Turn::Send(key.clone(), Box::new(work), token));
        }
        if self.rests_until.is_some_and(|until| until > at) {
            return None;
        }
        let mut due: Vec<StoredWork> = Vec::new();
        let mut later = Vec::new();
        for waiting in std::mem::take(&mut self.waiting) {
            // A wake for what may have been missed is as good now as later.
            if waiting.due <= at || is_spread(&waiting.work.state) {
                due.push(waiting.work);
            } else {
                later.push(waiting);
            }
        }
        self.waiting = later;
        due.sort_by_key(|work| (work.delivery, work.id));
        (!due.is_empty()).then(|| Turn::Choose(key.clone(), due))
    }
}

fn is_spread(state: &WorkState) -> bool {
    let why = match state {
        WorkState::Waiting { why, .. } => Some(why),
        _ => None,
    };
    why == Some(&Wait::Spread)
}

/// How long a piece of work has still to wait. A clock that was set back makes nothing wait longer.
fn until_due(state: &WorkState, now: Timestamp) -> Duration {
    if state.is_due(now) {
        return Duration::ZERO;
    }
    let until = match state {
        WorkState::Waiting {
            until: Some(until), ..
        } => *until,
        WorkState::Annotating { next_at, .. } => *next_at,
        _ => return Duration::ZERO,
    };
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::catalog::Kind;
    use crate::delivery::{DeliveryKey, Guid, Step, WebhookName};
    use crate::store::DeliveryId;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn now() -> Timestamp {
        Timestamp::from_second(1_000).unwrap()
    }

    fn key(name: &str) -> ItemKey {
        ItemKey {
            kind: Kind::GitRepository,
            namespace: "apps".into(),
            name: name.into(),
        }
    }

    /// Work of this number for an object.
    fn work(id: i64, object: &str) -> StoredWork {
        StoredWork {
            id: WorkId(id),
            delivery: DeliveryId(id),
            key: DeliveryKey {
                webhook: WebhookName("acme".into()),
                guid: Guid::read(&format!("g-{id}")).unwrap(),
            },
            cluster: Arc::from("prod"),
            object: Some(key(object)),
            state: WorkState::Accepted { at: now() },
            proof: None,
        }
    }

    fn stepped(work: StoredWork, step: Step) -> StoredWork {
        let state = work.state.after(step, now()).unwrap();
        StoredWork { state, ..work }
    }

    fn chosen(id: i64, object: &str) -> StoredWork {
        stepped(work(id, object), Step::Choose(Token(format!("t-{id}"))))
    }

    fn filled(works: impl IntoIterator<Item = StoredWork>, at: Instant) -> Queue {
        let mut queue = Queue::default();
        for work in works {
            queue.add(work, now(), at);
        }
        queue
    }

    /// The numbers of the work that each turn holds.
    fn ids(turns: &[Turn]) -> Vec<Vec<i64>> {
        let ids = |turn: &Turn| match turn {
            Turn::Choose(_, work) => work.iter().map(|work| work.id.0).collect(),
            Turn::Send(_, work, _) => vec![work.id.0],
        };
        turns.iter().map(ids).collect()
    }

    #[test]
    fn a_burst_is_one_turn_at_once_and_one_after_the_object_rested() {
        let at = Instant::now();
        let mut queue = filled([work(1, "web")], at);
        assert_eq!(ids(&queue.take(9, at)), [[1]]);
        for id in 2..=50 {
            queue.add(work(id, "web"), now(), at);
        }
        assert!(queue.take(9, at + SECOND).is_empty(), "it is out");
        queue.forget([WorkId(1)]);
        queue.back(&key("web"), true, at);
        assert!(
            queue
                .take(9, at + REST - Duration::from_millis(1))
                .is_empty()
        );
        assert_eq!(queue.next(), Some(at + REST));
        let rest: Vec<i64> = (2..=50).collect();
        assert_eq!(ids(&queue.take(9, at + REST)), [rest]);
    }

    #[test]
    fn the_newest_work_is_last_whatever_the_order_in_which_it_came() {
        let at = Instant::now();
        let mut queue = filled([work(3, "web"), work(1, "web"), work(2, "web")], at);
        assert_eq!(ids(&queue.take(9, at)), [[1, 2, 3]]);
    }

    #[test]
    fn objects_do_not_wait_for_each_other() {
        let at = Instant::now();
        let mut queue = filled([work(1, "web"), work(2, "docs"), work(3, "shop")], at);
        assert_eq!(queue.take(2, at).len(), 2);
        assert_eq!(queue.take(2, at).len(), 1);
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn a_token_that_was_stored_goes_before_what_came_later() {
        let at = Instant::now();
        let mut queue = filled([work(2, "web"), chosen(1, "web")], at);
        let turns = queue.take(9, at);
        assert_eq!(
            turns,
            [Turn::Send(
                key("web"),
                Box::new(chosen(1, "web")),
                Token("t-1".into())
            )]
        );
        queue.again(key("web"), vec![chosen(1, "web")], at + SECOND);
        assert!(queue.take(9, at).is_empty());
        assert_eq!(ids(&queue.take(9, at + SECOND)), [[1]]);
        queue.forget([WorkId(1)]);
        queue.back(&key("web"), true, at + SECOND);
        assert_eq!(ids(&queue.take(9, at + SECOND + REST)), [[2]]);
    }

    #[test]
    fn work_waits_until_its_environment_wants_it() {
        let at = Instant::now();
        let until = Timestamp::from_second(1_600).ok();
        let wait = Step::Wait {
            why: Wait::Policy,
            until,
        };
        let later = stepped(work(1, "web"), wait);
        let mut queue = filled([later, work(2, "web")], at);
        assert_eq!(ids(&queue.take(9, at)), [[2]]);
        queue.forget([WorkId(2)]);
        queue.back(&key("web"), true, at);
        assert_eq!(queue.next(), Some(at + 600 * SECOND));
        assert_eq!(ids(&queue.take(9, at + 600 * SECOND)), [[1]]);
    }

    #[test]
    fn a_push_takes_along_the_wake_that_a_gap_spread_over_time() {
        let at = Instant::now();
        let until = Timestamp::from_second(1_040).ok();
        let waits = |id, why| stepped(work(id, "web"), Step::Wait { why, until });
        let gap = waits(1, Wait::Spread);
        let mut queue = filled([gap, waits(2, Wait::Policy)], at);
        assert!(queue.take(9, at).is_empty(), "a gap alone hurries nothing");
        queue.add(work(3, "web"), now(), at);
        assert_eq!(ids(&queue.take(9, at)), [[1, 3]]);
        queue.forget([WorkId(1), WorkId(3)]);
        queue.back(&key("web"), true, at);
        assert_eq!(ids(&queue.take(9, at + 40 * SECOND)), [[2]]);
    }

    #[test]
    fn what_waits_for_another_try_is_tried_at_once_when_the_cluster_is_back() {
        let at = Instant::now();
        let mut queue = filled([chosen(1, "web")], at);
        let _ = queue.take(9, at);
        queue.again(key("web"), vec![chosen(1, "web")], at + 30 * SECOND);
        queue.hurry(at + SECOND);
        assert_eq!(ids(&queue.take(9, at + SECOND)), [[1]]);
    }

    #[test]
    fn the_same_work_is_taken_in_once_and_what_is_over_or_has_no_object_never() {
        let at = Instant::now();
        let gone = stepped(work(2, "web"), Step::Gone);
        let unlisted = StoredWork {
            object: None,
            ..work(3, "web")
        };
        let mut queue = filled([work(1, "web"), work(1, "web"), gone, unlisted], at);
        assert_eq!(ids(&queue.take(9, at)), [[1]]);
        queue.add(work(1, "web"), now(), at);
        queue.forget([WorkId(1)]);
        queue.back(&key("web"), false, at);
        assert!(queue.take(9, at + REST).is_empty());
    }

    #[test]
    fn what_is_hopeless_is_taken_out_and_the_rest_stays() {
        let at = Instant::now();
        let mut queue = filled([work(1, "web"), chosen(2, "web")], at);
        let is_chosen = |state: &WorkState| matches!(state, WorkState::Annotating { .. });
        assert_eq!(queue.take_hopeless(is_chosen, at), [chosen(2, "web")]);
        assert_eq!(queue.len(), 1);
        assert_eq!(ids(&queue.take(9, at)), [[1]]);
        assert_eq!(queue.take_hopeless(|_| true, at), [], "it is out");
    }

    #[test]
    fn nothing_is_kept_of_objects_that_have_rested() {
        let at = Instant::now();
        let mut queue = filled((1..100).map(|id| work(id, &format!("web-{id}"))), at);
        for turn in queue.take(200, at) {
            let Turn::Choose(key, work) = turn else {
                panic!("no token was stored")
            };
            queue.forget(work.iter().map(|work| work.id));
            queue.back(&key, true, at);
        }
        assert_eq!((queue.len(), queue.objects.len()), (0, 99));
        assert!(queue.take(200, at + REST).is_empty());
        assert_eq!((queue.objects.len(), queue.turns.len()), (0, 0));
    }
}

//! A push and its head may both be told, in any order: whoever was woken for the later of them is not woken
//! for the other.
//!
//! ```text
//! head seen, and wakes -> GitHub delivers the push late, or it is fetched later -> known already
//! push told, and wakes -> a head that was asked for before is taken in after it -> known already
//! ```
//!
//! Which is the later is told by GitHub's own clock: both say when the repository was pushed to last. What
//! was pushed after that, be it back to the same commit, has a later time and wakes. A head is left only where
//! it is the commit that was told: how fresh the time beside it is, nobody knows. Whoever could not be woken is
//! woken for the next word.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::catalog::ItemKey;
use crate::delivery::{CommitId, Delivery, Event};

use super::matching::Candidate;
use super::verdict::{LeaveReason, Verdict};

/// So long it is known who was woken; after it one is woken once more rather than not at all.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// Refs of which it is known at most.
const REFS: usize = 20_000;
/// Objects of which it is known at most, over all refs.
const WOKEN: usize = 200_000;
/// So often is forgotten what is too old.
const TIDY_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// An object, and its cluster.
type Who = (Arc<str>, ItemKey);

/// Who was woken for which word of each ref.
#[derive(Debug, Default)]
pub(super) struct Told {
    words: HashMap<Place, Word>,
    /// Over all words.
    woken: usize,
    /// Who could not be woken, and when that was known last.
    failed: HashMap<Who, Timestamp>,
    tidied_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    host: String,
    /// It keeps its number when it is renamed.
    repository: u64,
    reference: String,
    /// A head, and no push.
    is_head: bool,
}

#[derive(Debug)]
struct Word {
    /// To the second, as GitHub has it.
    pushed_at: Timestamp,
    commit: CommitId,
    woken: HashSet<Who>,
    at: Timestamp,
}

impl Told {
    /// Leaves those that were woken for a later word of the same ref, of those of which it would be known here if they
    /// could not be.
    pub(super) fn leave_overtaken(
        &self,
        delivery: &Delivery,
        candidates: &mut [Candidate],
        now: Timestamp,
        would_know: impl Fn(&Candidate) -> bool,
    ) {
        let Some((place, pushed_at, commit)) = said(delivery) else {
            return;
        };
        let other = Place {
            is_head: !place.is_head,
            ..place
        };
        let Some(word) = self.words.get(&other).filter(|word| word.is_kept(now)) else {
            return;
        };
        // Within a second nobody knows the order, so that only the same commit is nothing new.
        let is_known = match *commit == word.commit {
            true => pushed_at <= word.pushed_at,
            false => other.is_head && pushed_at < word.pushed_at,
        };
        if !is_known {
            return;
        }
        for candidate in candidates.iter_mut().filter(|it| it.verdict.is_wake()) {
            let who = who(candidate);
            let has_failed = self.failed.get(&who).is_some_and(|at| *at >= word.at);
            if word.woken.contains(&who) && !has_failed && would_know(candidate) {
                let reason = LeaveReason::Overtaken(other.reference.as_str().into());
                candidate.verdict = Verdict::Leave(reason);
            }
        }
    }

    /// Takes in who is woken for a delivery.
    pub(super) fn learn(&mut self, delivery: &Delivery, candidates: &[Candidate], now: Timestamp) {
        let Some((place, pushed_at, commit)) = said(delivery) else {
            return;
        };
        let woken = candidates.iter().filter(|it| it.verdict.is_wake());
        let woken: HashSet<_> = woken.map(who).collect();
        if woken.is_empty() {
            return;
        }
        self.tidy(now);
        // Where there is no room, all of them are woken once more.
        let has_room = self.woken + woken.len() <= WOKEN;
        if let Some(word) = self.words.get_mut(&place) {
            if pushed_at == word.pushed_at && *commit == word.commit {
                if has_room {
                    // Of another cluster, which was listed later.
                    let before = word.woken.len();
                    word.woken.extend(woken);
                    self.woken += word.woken.len() - before;
                }
                return;
            }
            if pushed_at < word.pushed_at && word.is_kept(now) {
                return;
            }
        } else if self.words.len() >= REFS {
            return;
        }
        if !has_room {
            return;
        }
        self.woken += woken.len();
        let word = Word {
            pushed_at,
            commit: commit.clone(),
            woken,
            at: now,
        };
        if let Some(before) = self.words.insert(place, word) {
            self.woken -= before.woken.len();
        }
    }

    /// An object could not be woken: whatever it was woken for until now is told to it again.
    pub(super) fn take_back(&mut self, cluster: &Arc<str>, key: &ItemKey, now: Timestamp) {
        self.tidy(now);
        let who = (Arc::clone(cluster), key.clone());
        if self.failed.len() >= WOKEN && !self.failed.contains_key(&who) {
            // Nobody is left by mistake where nothing is known.
            *self = Self::default();
            return;
        }
        self.failed.insert(who, now);
    }

    fn tidy(&mut self, now: Timestamp) {
        let is_due = |at| now.duration_since(at) >= TIDY_EVERY;
        if !self.tidied_at.is_none_or(is_due) {
            return;
        }
        self.tidied_at = Some(now);
        self.words.retain(|_, word| word.is_kept(now));
        self.woken = self.words.values().map(|word| word.woken.len()).sum();
        // No word is left that is older.
        self.failed.retain(|_, at| now.duration_since(*at) < KEPT);
    }
}

impl Word {
    fn is_kept(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < KEPT
    }
}

fn who(candidate: &Candidate) -> Who {
    let item = &candidate.item;
    (Arc::clone(&item.cluster), item.key.clone())
}

/// What a delivery says of a ref, where it says when.
fn said(delivery: &Delivery) -> Option<(Place, Timestamp, &CommitId)> {
    let repository = delivery.repository.as_ref().filter(|it| it.id != 0)?;
    let (reference, is_head, pushed_at, commit) = match &delivery.event {
        Event::Head(seen) => (&seen.reference, true, seen.pushed_at, Some(&seen.commit)),
        Event::Push(change) => {
            let commit = change.commit().filter(|_| !change.deleted);
            (&change.reference, false, change.pushed_at, commit)
        }
        _ => return None,
    };
    let place = Place {
        host: repository.host.to_ascii_lowercase(),
        repository: repository.id,
        reference: reference.full().into_owned(),
        is_head,
    };
    Some((place, pushed_at?, commit?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::catalog::{HostNames, Kind, Projector};
    use crate::delivery::{ChangedPaths, HeadNews, HeadSeen, PushedRef, RefChange};
    use crate::reconcile::played;
    use crate::reconcile::verdict::{Follows, Paths};

    use super::*;

    const PUSHED: i64 = 1_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn delivery(event: Event) -> Delivery {
        played::delivery("acme", 1, (42, "acme/web"), event)
    }

    fn commit(letter: &str) -> CommitId {
        CommitId::read(&letter.repeat(40)).unwrap().unwrap()
    }

    fn head(letter: &str, pushed_at: Option<i64>) -> Delivery {
        delivery(Event::Head(HeadSeen {
            reference: PushedRef::branch("main").unwrap(),
            commit: commit(letter),
            news: HeadNews::Returned,
            pushed_at: pushed_at.map(at),
        }))
    }

    fn push_to(branch: &str, letter: &str, pushed_at: Option<i64>) -> Delivery {
        delivery(Event::Push(RefChange {
            reference: PushedRef::branch(branch).unwrap(),
            before: None,
            after: Some(commit(letter)),
            head_commit: Some(commit(letter)),
            created: false,
            deleted: false,
            forced: true,
            paths: ChangedPaths::All([].into()),
            pushed_at: pushed_at.map(at),
        }))
    }

    fn push(letter: &str, pushed_at: i64) -> Delivery {
        push_to("main", letter, Some(pushed_at))
    }

    fn candidates(names: &[&str]) -> Vec<Candidate> {
        let mut projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
        let names = names.iter();
        names
            .map(|name| {
                let object = json!({"metadata": {"name": name, "namespace": "apps"}});
                let object = object.to_string();
                let item = projector.project(Kind::GitRepository, object.as_bytes());
                Candidate {
                    item: Arc::new(item.unwrap()),
                    verdict: Verdict::Wake {
                        follows: Follows::Whatever,
                        paths: Paths::All,
                        after: std::time::Duration::ZERO,
                        by_former_name: false,
                    },
                }
            })
            .collect()
    }

    /// Who is woken for a delivery, of `web` and `api`, after `told` has woken `web`.
    fn woken_after(told: &Delivery, then: &Delivery, later: i64) -> Vec<String> {
        let mut known = Told::default();
        known.learn(told, &candidates(&["web"]), at(0));
        let mut both = candidates(&["web", "api"]);
        known.leave_overtaken(then, &mut both, at(later), |_| true);
        let woken = both.iter().filter(|it| it.verdict.is_wake());
        woken.map(|it| it.item.key.name.to_string()).collect()
    }

    #[test]
    fn a_push_that_comes_after_its_head_wakes_nobody_whom_the_head_has_woken() {
        let head = head("b", Some(PUSHED));
        assert_eq!(woken_after(&head, &push("b", PUSHED), 10), ["api"]);
        // One that it went past.
        assert_eq!(woken_after(&head, &push("a", PUSHED - 1), 10), ["api"]);
        let mut known = Told::default();
        known.learn(&head, &candidates(&["web"]), at(0));
        let mut web = candidates(&["web"]);
        known.leave_overtaken(&push("b", PUSHED), &mut web, at(0), |_| true);
        let Verdict::Leave(reason) = &web[0].verdict else {
            panic!("it is woken again")
        };
        assert_eq!(
            reason.to_string(),
            "it was woken since for what `refs/heads/main` leads to, of which this told no later"
        );
    }

    #[test]
    fn a_push_that_takes_the_ref_back_wakes_again() {
        let head = head("b", Some(PUSHED));
        let all = ["web", "api"];
        assert_eq!(woken_after(&head, &push("a", PUSHED + 1), 10), all);
        // Away and back to what was seen, of which one push was lost.
        assert_eq!(woken_after(&head, &push("b", PUSHED + 1), 10), all);
        // Within the same second nobody knows which came first.
        assert_eq!(woken_after(&head, &push("a", PUSHED), 10), all);
    }

    #[test]
    fn a_head_that_is_taken_in_after_its_push_wakes_nobody_twice() {
        let push = push("b", PUSHED);
        assert_eq!(woken_after(&push, &head("b", Some(PUSHED)), 1), ["api"]);
        assert_eq!(woken_after(&push, &head("b", Some(PUSHED - 1)), 1), ["api"]);
        let all = ["web", "api"];
        assert_eq!(woken_after(&push, &head("b", Some(PUSHED + 1)), 1), all);
        // Another commit is news, however old GitHub says that it is.
        assert_eq!(woken_after(&push, &head("a", Some(PUSHED)), 1), all);
        assert_eq!(woken_after(&push, &head("a", Some(PUSHED - 1)), 1), all);
    }

    #[test]
    fn who_could_not_be_woken_is_woken_for_the_next_word_of_the_same() {
        let (push, head) = (push("b", PUSHED), head("b", Some(PUSHED)));
        for (first, then) in [(&push, &head), (&head, &push)] {
            let mut known = Told::default();
            let both = candidates(&["web", "api"]);
            known.learn(first, &both, at(10));
            known.take_back(&both[0].item.cluster, &both[0].item.key, at(20));
            let mut again = candidates(&["web", "api"]);
            known.leave_overtaken(then, &mut again, at(30), |_| true);
            assert!(again[0].verdict.is_wake() && !again[1].verdict.is_wake());
            // It was woken for that, and for no other.
            known.learn(then, &again, at(30));
            // Of whom another replica would know that they could not be, none is left.
            let mut elsewhere = candidates(&["api"]);
            known.leave_overtaken(then, &mut elsewhere, at(30), |_| false);
            assert!(elsewhere[0].verdict.is_wake());
            let mut third = candidates(&["web"]);
            known.leave_overtaken(first, &mut third, at(40), |_| true);
            assert!(!third[0].verdict.is_wake());
        }
    }

    #[test]
    fn what_is_not_known_for_sure_wakes() {
        let all = ["web", "api"];
        let seen = head("b", Some(PUSHED));
        let untimed = push_to("main", "b", None);
        assert_eq!(woken_after(&seen, &untimed, 1), all);
        assert_eq!(woken_after(&head("b", None), &push("b", PUSHED), 1), all);
        let other = push_to("next", "b", Some(PUSHED));
        assert_eq!(woken_after(&seen, &other, 1), all);
        let mut elsewhere = push("b", PUSHED);
        elsewhere.repository.as_mut().unwrap().id = 43;
        assert_eq!(woken_after(&seen, &elsewhere, 1), all);
        // Pushes are told apart by GitHub itself.
        assert_eq!(woken_after(&push("b", PUSHED), &push("b", PUSHED), 1), all);
        let hour = 3_600;
        assert_eq!(woken_after(&seen, &push("b", PUSHED), hour - 1), ["api"]);
        assert_eq!(woken_after(&seen, &push("b", PUSHED), hour), all);
    }

    #[test]
    fn what_came_last_is_kept_and_clusters_are_added_to_it() {
        let mut known = Told::default();
        let seen = head("b", Some(PUSHED));
        known.learn(&seen, &candidates(&["web"]), at(0));
        known.learn(&seen, &candidates(&["api"]), at(1));
        known.learn(&head("a", Some(PUSHED - 9)), &candidates(&["x"]), at(2));
        let mut all = candidates(&["web", "api", "x"]);
        known.leave_overtaken(&push("b", PUSHED), &mut all, at(3), |_| true);
        let woken: Vec<_> = all.iter().map(|it| it.verdict.is_wake()).collect();
        assert_eq!(woken, [false, false, true]);
    }

    #[test]
    fn no_more_is_known_than_there_is_room_for() {
        let mut known = Told::default();
        let web = candidates(&["web"]);
        let numbered = |number: usize| {
            let mut push = push("b", PUSHED);
            push.repository.as_mut().unwrap().id = number as u64 + 1;
            push
        };
        for number in 0..=REFS {
            known.learn(&numbered(number), &web, at(0));
        }
        assert_eq!((known.words.len(), known.woken), (REFS, REFS));
        known.learn(&numbered(REFS), &web, at(3_600));
        assert_eq!((known.words.len(), known.woken), (1, 1));
    }

    #[test]
    fn what_is_too_old_is_forgotten_also_while_there_is_room() {
        let mut known = Told::default();
        let web = candidates(&["web"]);
        known.learn(&push("b", PUSHED), &web, at(0));
        known.take_back(&web[0].item.cluster, &web[0].item.key, at(0));
        known.learn(&push_to("next", "b", Some(PUSHED)), &web, at(3_599));
        assert_eq!((known.words.len(), known.failed.len()), (2, 1));
        known.learn(&head("b", Some(PUSHED)), &web, at(3_659));
        assert_eq!((known.words.len(), known.failed.len()), (2, 0));
    }

    #[test]
    fn of_no_more_objects_it_is_known_than_there_is_room_for() {
        let mut known = Told::default();
        let names: Vec<_> = (0..WOKEN / 100).map(|it| format!("web-{it}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let many = candidates(&names);
        let branch = |number: usize| push_to(&format!("b{number}"), "b", Some(PUSHED));
        for number in 0..=100 {
            known.learn(&branch(number), &many, at(0));
        }
        assert_eq!((known.words.len(), known.woken), (100, WOKEN));
        // Of what is told again, nothing is counted twice.
        known.learn(&branch(0), &many, at(3_600));
        known.learn(&branch(0), &many, at(3_601));
        known.learn(
            &push_to("b0", "c", Some(PUSHED + 1)),
            &candidates(&["web"]),
            at(3_602),
        );
        assert_eq!((known.words.len(), known.woken), (1, 1));
    }
}

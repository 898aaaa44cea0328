//! Which questions go into one query.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::flux::RepositoryIdentity;
use crate::github::heads::{Asked, RepositoryQuestion};

type Key = Arc<RepositoryIdentity>;

/// What is still to be asked.
pub type Pending = BTreeMap<Arc<RepositoryIdentity>, BTreeSet<Asked>>;

/// How many repositories a query with this one may have, where one of more failed; few are in it.
pub type Caps = HashMap<Arc<RepositoryIdentity>, usize>;

/// One query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Of each question.
    pub repositories: Vec<Arc<RepositoryIdentity>>,
    pub questions: Vec<RepositoryQuestion>,
    /// What it was filled from first.
    pub is_urgent: bool,
}

/// Takes a query of at most `size` refs out of what is urgent, and fills it up from the rest, which costs
/// nothing more. It begins behind `after`, and goes on from the beginning. `None` where nothing is left.
pub fn take(
    urgent: &mut Pending,
    rest: &mut Pending,
    caps: &Caps,
    size: usize,
    after: Option<&Arc<RepositoryIdentity>>,
) -> Option<Batch> {
    let mut batch = Batch {
        repositories: Vec::new(),
        questions: Vec::new(),
        is_urgent: !urgent.is_empty(),
    };
    let mut room = size.max(1);
    let mut most = usize::MAX;
    for pending in [urgent, rest] {
        // More than fit, and those that are passed over, need not be looked at.
        let behind = match after {
            Some(after) => pending.range::<Key, _>((Bound::Excluded(after), Bound::Unbounded)),
            None => pending.range::<Key, _>(..),
        };
        let before = after
            .into_iter()
            .flat_map(|after| pending.range::<Key, _>(..=after));
        let some = behind.chain(before).map(|(repository, _)| repository);
        let some = some.take(room.saturating_add(caps.len()));
        let repositories: Vec<_> = some.cloned().collect();
        for repository in repositories {
            if room == 0 || batch.questions.len() >= most {
                break;
            }
            // One that failed among many is asked among few, and keeps nobody else out of a full query.
            let cap = caps.get(&repository).copied().unwrap_or(usize::MAX);
            if batch.questions.is_empty() {
                most = cap;
            } else if cap < most && (most == usize::MAX || batch.questions.len() >= cap) {
                continue;
            }
            let Some(asked) = pending.get_mut(&repository) else {
                continue;
            };
            let taken = some_of(asked, &mut room, batch.questions.is_empty());
            if asked.is_empty() {
                pending.remove(&repository);
            }
            if !taken.is_empty() {
                batch.add(repository, taken);
            }
        }
    }
    (!batch.questions.is_empty()).then_some(batch)
}

/// As much as there is room for; what is too much for any query is asked alone.
fn some_of(asked: &mut BTreeSet<Asked>, room: &mut usize, is_first: bool) -> Vec<Asked> {
    let mut taken = Vec::new();
    while let Some(next) = asked.first() {
        let weight = next.weight();
        if weight > *room && !(is_first && taken.is_empty()) {
            break;
        }
        *room = room.saturating_sub(weight);
        taken.extend(asked.pop_first());
    }
    taken
}

impl Batch {
    fn add(&mut self, repository: Key, asked: Vec<Asked>) {
        // What is urgent of it is in the query already, beside what is not.
        if let Some(place) = self.repositories.iter().position(|it| *it == repository) {
            self.questions[place].asked.extend(asked);
            return;
        }
        let (owner, name) = repository.path().split_once('/').unwrap_or_default();
        self.questions.push(RepositoryQuestion {
            owner: owner.to_owned(),
            name: name.to_owned(),
            asked,
        });
        self.repositories.push(repository);
    }

    /// Puts what was asked of one repository back.
    pub fn put_back(&self, place: usize, pending: &mut Pending) {
        let asked = self.questions[place].asked.iter().cloned();
        pending
            .entry(Arc::clone(&self.repositories[place]))
            .or_default()
            .extend(asked);
    }
}

#[cfg(test)]
mod tests {
    use crate::flux::RepositoryUrl;

    use super::*;

    fn repository(number: usize) -> Arc<RepositoryIdentity> {
        let url = RepositoryUrl::read(&format!("https://github.com/acme/r{number:05}")).unwrap();
        Arc::new(url.identity(|_| None))
    }

    fn pending(numbers: std::ops::Range<usize>, refs: usize) -> Pending {
        let asked = (0..refs).map(|it| Asked::Ref(format!("refs/heads/b{it}").into()));
        let asked: BTreeSet<_> = asked.collect();
        numbers
            .map(|number| (repository(number), asked.clone()))
            .collect()
    }

    fn all(mut urgent: Pending, mut rest: Pending, caps: &Caps) -> Vec<(usize, usize)> {
        let mut batches = Vec::new();
        while let Some(batch) = take(&mut urgent, &mut rest, caps, 100, None) {
            let refs = batch.questions.iter().map(|question| question.asked.len());
            batches.push((batch.questions.len(), refs.sum()));
        }
        batches
    }

    #[test]
    fn a_query_has_a_hundred_refs_and_those_of_a_repository_stand_together() {
        let none = Caps::new();
        assert_eq!(all(pending(0..78, 1), Pending::new(), &none), [(78, 78)]);
        assert_eq!(all(pending(0..26, 3), Pending::new(), &none), [(26, 78)]);
        assert_eq!(all(pending(0..100, 1), Pending::new(), &none), [(100, 100)]);
        assert_eq!(
            all(pending(0..1, 250), Pending::new(), &none),
            [(1, 100), (1, 100), (1, 50)]
        );
        assert_eq!(all(pending(0..10_000, 1), Pending::new(), &none).len(), 100);
    }

    #[test]
    fn what_is_urgent_comes_first_and_the_query_is_filled_up() {
        let (mut urgent, mut rest) = (pending(50..60, 1), pending(0..50, 1));
        let batch = take(&mut urgent, &mut rest, &Caps::new(), 30, None).unwrap();
        assert!(batch.is_urgent && urgent.is_empty());
        assert_eq!(batch.repositories[0], repository(50));
        assert_eq!((batch.repositories.len(), rest.len()), (30, 30));
        let batch = take(&mut urgent, &mut rest, &Caps::new(), 30, None).unwrap();
        assert!(!batch.is_urgent);
        assert_eq!(take(&mut urgent, &mut rest, &Caps::new(), 30, None), None);
    }

    #[test]
    fn what_is_urgent_and_what_is_not_of_one_repository_is_one_question() {
        let mut urgent = pending(0..1, 1);
        let mut rest: Pending = [(repository(0), [Asked::Default].into())].into();
        let batch = take(&mut urgent, &mut rest, &Caps::new(), 100, None).unwrap();
        assert_eq!((batch.repositories.len(), batch.questions.len()), (1, 1));
        assert_eq!(batch.questions[0].asked.len(), 2);
    }

    #[test]
    fn tags_weigh_as_much_as_ten_refs_and_are_asked_also_where_there_is_less_room() {
        let tags: Pending = (0..25)
            .map(|number| (repository(number), [Asked::Tags].into()))
            .collect();
        let sizes = all(tags.clone(), Pending::new(), &Caps::new());
        assert_eq!(sizes, [(10, 10), (10, 10), (5, 5)]);
        let (mut tags, mut rest) = (tags, Pending::new());
        let alone = take(&mut tags, &mut rest, &Caps::new(), 4, None).unwrap();
        assert_eq!(alone.questions.len(), 1);
    }

    #[test]
    fn those_of_a_query_that_failed_are_asked_among_fewer_and_the_others_as_before() {
        let caps: Caps = (0..4).map(|number| (repository(number), 2)).collect();
        let sizes = all(pending(0..50, 1), Pending::new(), &caps);
        let mut repositories: Vec<_> = sizes
            .iter()
            .map(|(repositories, _)| *repositories)
            .collect();
        repositories.sort_unstable();
        assert_eq!(repositories.iter().sum::<usize>(), 50);
        assert_eq!(repositories, [2, 2, 46]);
    }

    #[test]
    fn what_was_asked_can_be_put_back() {
        let (mut urgent, mut rest) = (pending(0..2, 3), Pending::new());
        let before = urgent.clone();
        let batch = take(&mut urgent, &mut rest, &Caps::new(), 4, None).unwrap();
        for place in 0..batch.questions.len() {
            batch.put_back(place, &mut urgent);
        }
        assert_eq!(urgent, before);
        let behind = take(
            &mut urgent,
            &mut rest,
            &Caps::new(),
            3,
            Some(&repository(0)),
        );
        assert_eq!(behind.unwrap().repositories, [repository(1)]);
    }
}

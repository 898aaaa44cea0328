//! Which of two commits of a ref came later, by what deliveries told.

use crate::delivery::{CommitId, DeliveryKey};

/// A commit that was put onto the ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPush {
    pub key: DeliveryKey,
    pub commit: CommitId,
    /// Where the ref was until then; `None` where that is not told.
    pub before: Option<CommitId>,
}

/// A commit beside the one that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Age {
    /// Told by this delivery.
    Later(DeliveryKey),
    Older,
    /// Told by a delivery that is followed nowhere beside this one: what the commit brings is seen here or not at all.
    LaterAlone,
    /// No delivery tells of it.
    Unknown,
}

impl Age {
    /// `pushes` are the last ones of one ref in the order in which they were accepted. GitHub may deliver them in
    /// another order than they were pushed, so what each says was there before it counts first.
    pub fn of(commit: &str, wanted: &CommitId, pushes: &[KnownPush]) -> Self {
        let told_by = |commit: &str| {
            let mut places = pushes.iter().enumerate().rev();
            places.find(|(_, push)| push.commit.as_str() == commit)
        };
        let found = told_by(commit);
        let is_later = found.is_some_and(|_| descends(commit, wanted.as_str(), pushes));
        let is_older = descends(wanted.as_str(), commit, pushes);
        let later = |push: &KnownPush| Self::Later(push.key.clone());
        match (is_later, is_older, found) {
            (true, false, Some((_, push))) => later(push),
            (false, true, _) => Self::Older,
            (_, _, Some((place, push))) => match told_by(wanted.as_str()) {
                Some((ours, _)) if ours > place => Self::Older,
                // What is not among the last pushes was pushed before them.
                _ => later(push),
            },
            (_, _, None) => Self::Unknown,
        }
    }
}

/// Whether the ref was at `earlier` at some time before it came to `commit`.
fn descends(commit: &str, earlier: &str, pushes: &[KnownPush]) -> bool {
    let mut at = commit;
    // No more steps than there are pushes: a ref may come back to where it was.
    for _ in pushes {
        let push = pushes.iter().rev().find(|push| push.commit.as_str() == at);
        match push.and_then(|push| push.before.as_ref()) {
            Some(before) if before.as_str() == earlier => return true,
            Some(before) => at = before.as_str(),
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::delivery::{Guid, WebhookName};

    use super::*;

    fn id(letter: &str) -> CommitId {
        CommitId::read(&letter.repeat(40)).unwrap().unwrap()
    }

    /// Each push as `before>after`, or `>after`.
    fn pushes(told: &[&str]) -> Vec<KnownPush> {
        let push = |(place, told): (usize, &&str)| {
            let (before, after) = told.split_once('>').unwrap();
            KnownPush {
                key: DeliveryKey {
                    webhook: WebhookName("acme".into()),
                    guid: Guid::read(&format!("g-{place}")).unwrap(),
                },
                commit: id(after),
                before: (!before.is_empty()).then(|| id(before)),
            }
        };
        told.iter().enumerate().map(push).collect()
    }

    /// Of commit `found` where `wanted` is wanted: the number of the delivery that is later, `-` older, `?` unknown.
    fn age(found: &str, wanted: &str, told: &[&str]) -> String {
        match Age::of(id(found).as_str(), &id(wanted), &pushes(told)) {
            Age::Later(key) => key.guid.to_string(),
            Age::Older => "-".to_owned(),
            Age::LaterAlone | Age::Unknown => "?".to_owned(),
        }
    }

    #[test]
    fn what_was_there_before_is_older_and_what_came_onto_it_later() {
        assert_eq!(age("a", "b", &["a>b", "b>c", "c>d"]), "-");
        assert_eq!(age("d", "b", &["a>b", "b>c", "c>d"]), "g-2");
        assert_eq!(age("e", "b", &["a>b", "b>c"]), "?");
        assert_eq!(age("e", "b", &[]), "?");
    }

    #[test]
    fn deliveries_that_come_in_another_order_are_told_by_what_was_there_before() {
        assert_eq!(age("c", "b", &["b>c", "a>b"]), "g-0");
        assert_eq!(age("b", "c", &["b>c", "a>b"]), "-");
    }

    #[test]
    fn without_a_chain_the_order_of_acceptance_decides() {
        assert_eq!(age("c", "a", &["1>a", "2>c"]), "g-1");
        assert_eq!(age("a", "c", &["1>a", "2>c"]), "-");
        assert_eq!(age("c", "a", &[">a", ">c"]), "g-1");
    }

    #[test]
    fn what_is_told_by_the_last_pushes_is_later_than_one_that_is_not_among_them() {
        assert_eq!(age("d", "a", &["b>c", "c>d"]), "g-1");
    }

    #[test]
    fn a_ref_that_comes_back_is_told_by_the_order_of_acceptance() {
        // To b, and back to a by force: a is wanted, b is older.
        assert_eq!(age("b", "a", &["1>a", "a>b", "b>a"]), "-");
        // While the push to b is followed, a is later.
        assert_eq!(age("a", "b", &["1>a", "a>b", "b>a"]), "g-2");
    }
}

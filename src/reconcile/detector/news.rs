//! What was found of a repository, as deliveries of our own: one for each ref that is news.

use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::delivery::{
    CommitId, Delivery, DeliveryKey, Event, Guid, HeadNews, HeadSeen, PushedRef, Repository,
    WebhookName,
};
use crate::flux::RepositoryIdentity;
use crate::github::heads::RepositoryHeads;

use super::known::{HeadKey, Known};

/// A head that is news, with all that follows it by one way or another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    pub delivery: Delivery,
    /// To be noted once the delivery is accepted, or is known to wake nobody.
    pub noted: Vec<(HeadKey, Known)>,
}

/// What is followed by name, as the default branch or as the latest version may be one and the same ref:
/// whoever follows it is told once.
#[derive(Debug)]
struct Group {
    reference: PushedRef,
    commit: CommitId,
    news: HeadNews,
    members: Vec<(HeadKey, Known, HeadNews)>,
}

/// Makes a delivery for each ref that is news.
pub fn news(
    repository: &Arc<RepositoryIdentity>,
    heads: &RepositoryHeads,
    steps: Vec<(HeadKey, Known, HeadNews)>,
    now: Timestamp,
) -> Vec<News> {
    let mut groups: Vec<Group> = Vec::new();
    for (key, known, news) in steps {
        let same = groups
            .iter_mut()
            .find(|group| group.reference == known.reference && group.commit == known.commit);
        let group = match same {
            Some(group) => group,
            None => {
                groups.push(Group {
                    reference: known.reference.clone(),
                    commit: known.commit.clone(),
                    news: news.clone(),
                    members: Vec::new(),
                });
                groups.last_mut().expect("one was pushed just now")
            }
        };
        // Of one ref it is more to have moved than to be seen first.
        if group.news == HeadNews::First {
            group.news = news.clone();
        }
        group.members.push((key, known, news));
    }
    let groups = groups.into_iter();
    groups
        .map(|group| News {
            delivery: delivery(repository, heads, &group, now),
            noted: group
                .members
                .into_iter()
                .map(|(key, known, _)| (key, known))
                .collect(),
        })
        .collect()
}

fn delivery(
    repository: &RepositoryIdentity,
    heads: &RepositoryHeads,
    group: &Group,
    now: Timestamp,
) -> Delivery {
    // Objects may name it as it was called before, and are found by that.
    let full_name = if heads
        .name_with_owner
        .eq_ignore_ascii_case(repository.path())
    {
        &heads.name_with_owner
    } else {
        repository.path()
    };
    Delivery {
        key: DeliveryKey {
            webhook: WebhookName::ourselves(),
            guid: guid(repository, group, heads.pushed_at),
        },
        received_at: now,
        repository: Some(Repository {
            id: heads.number,
            full_name: full_name.to_owned(),
            host: repository.host().to_owned(),
            html_url: None,
            clone_url: None,
            ssh_url: None,
            default_branch: heads.default_branch.clone(),
        }),
        organization: None,
        installation: None,
        event: Event::Head(HeadSeen {
            reference: group.reference.clone(),
            commit: group.commit.clone(),
            news: group.news.clone(),
            pushed_at: heads.pushed_at,
        }),
    }
}

/// The same for the same news, whoever sees it how often; another where a ref comes back to a commit, be it
/// that all was forgotten in between.
fn guid(repository: &RepositoryIdentity, group: &Group, pushed_at: Option<Timestamp>) -> Guid {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update(text.as_bytes());
        digest.update([0]);
    };
    add(repository.host());
    add(repository.path());
    add(&group.reference.full());
    add(group.commit.as_str());
    if let Some(pushed_at) = pushed_at {
        add(&pushed_at.to_string());
    }
    let mut members: Vec<_> = group.members.iter().collect();
    members.sort_by(|one, other| one.0.cmp(&other.0));
    for (key, known, news) in members {
        add(&key.follow.to_string());
        add(&known.moves.to_string());
        if let HeadNews::Moved { before } = news {
            add(before.as_str());
        }
    }
    let mut text = String::from("head-");
    for byte in digest.finalize().iter().take(20) {
        let _ = write!(text, "{byte:02x}");
    }
    Guid::read(&text).expect("letters, digits and `-` make a GUID")
}

#[cfg(test)]
mod tests {
    use crate::flux::RepositoryUrl;

    use super::super::follow::Follow;
    use super::*;

    fn commit(letter: &str) -> CommitId {
        CommitId::read(&letter.repeat(40)).unwrap().unwrap()
    }

    fn web() -> Arc<RepositoryIdentity> {
        let url = RepositoryUrl::read("https://github.com/Acme/Web").unwrap();
        Arc::new(url.identity(|_| None))
    }

    fn heads(name: &str) -> RepositoryHeads {
        RepositoryHeads {
            number: 42,
            name_with_owner: name.into(),
            is_archived: false,
            is_disabled: false,
            pushed_at: None,
            default_branch: Some("main".into()),
            refs: Vec::new(),
        }
    }

    fn step(follow: &str, letter: &str, moves: u64, news: HeadNews) -> (HeadKey, Known, HeadNews) {
        let key = HeadKey {
            repository: web(),
            follow: Follow::read(follow).unwrap(),
        };
        let known = Known {
            reference: PushedRef::branch("main").unwrap(),
            commit: commit(letter),
            moves,
            gone: false,
            pushed_at: None,
        };
        (key, known, news)
    }

    fn moved(before: &str) -> HeadNews {
        HeadNews::Moved {
            before: commit(before),
        }
    }

    fn one(steps: Vec<(HeadKey, Known, HeadNews)>) -> News {
        let now = Timestamp::UNIX_EPOCH;
        let mut news = news(&web(), &heads("Acme/Web"), steps, now);
        assert_eq!(news.len(), 1);
        news.remove(0)
    }

    #[test]
    fn what_is_the_default_branch_and_followed_by_name_is_told_once() {
        let both = one(vec![
            step("HEAD", "b", 0, HeadNews::First),
            step("refs/heads/main", "b", 7, moved("a")),
        ]);
        assert_eq!(both.noted.len(), 2);
        let Event::Head(seen) = &both.delivery.event else {
            panic!("{both:?}")
        };
        assert_eq!(seen.news, moved("a"));
        let repository = both.delivery.repository.unwrap();
        assert_eq!((repository.id, repository.owner()), (42, "Acme"));
        assert_eq!(repository.default_branch.as_deref(), Some("main"));
    }

    #[test]
    fn the_same_news_has_the_same_guid_and_a_commit_that_comes_back_another() {
        let guid = |letter: &str, moves, news| {
            let steps = vec![step("refs/heads/main", letter, moves, news)];
            one(steps).delivery.key.guid
        };
        assert_eq!(guid("b", 1, moved("a")), guid("b", 1, moved("a")));
        let all = [
            guid("b", 1, moved("a")),
            guid("b", 3, moved("a")),
            guid("a", 2, moved("b")),
            guid("b", 1, HeadNews::Returned),
        ];
        for (place, guid) in all.iter().enumerate() {
            assert!(!all[..place].contains(guid));
        }
    }

    #[test]
    fn what_is_first_seen_again_after_a_push_has_another_guid() {
        let guid = |second| {
            let heads = RepositoryHeads {
                pushed_at: Some(Timestamp::from_second(second).unwrap()),
                ..heads("Acme/Web")
            };
            let steps = vec![step("refs/heads/main", "b", 0, HeadNews::First)];
            let mut news = news(&web(), &heads, steps, Timestamp::UNIX_EPOCH);
            news.remove(0).delivery.key.guid
        };
        assert_eq!(guid(1), guid(1));
        assert_ne!(guid(1), guid(2));
    }

    #[test]
    fn a_repository_that_was_renamed_is_told_by_the_name_that_objects_have() {
        let steps = vec![step("refs/heads/main", "b", 1, moved("a"))];
        let now = Timestamp::UNIX_EPOCH;
        let told = news(&web(), &heads("acme/site"), steps, now).remove(0);
        assert_eq!(told.delivery.repository.unwrap().full_name, "acme/web");
    }
}

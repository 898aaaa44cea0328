//! The heads that were seen before, as they are kept from one run to the next, and what is new.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::delivery::{CommitId, HeadNews, PushedRef};
use crate::flux::{RepositoryIdentity, RepositoryUrl};

use super::follow::{Follow, Found};

/// Under which heads are noted in the store.
pub const SUBJECT: &str = "head";

/// What is followed of which repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeadKey {
    pub repository: Arc<RepositoryIdentity>,
    pub follow: Follow,
}

/// A head as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    pub reference: PushedRef,
    pub commit: CommitId,
    /// How often it was news, so that a commit which comes back is news again.
    pub moves: u64,
    /// The ref was gone when it was asked for last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// When its repository was pushed to last, as far as GitHub told then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_at: Option<Timestamp>,
}

/// What is to be done about what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is as it was.
    Nothing,
    /// It is to be noted, and is no news to anybody.
    Note(Known),
    News(Known, HeadNews),
}

impl Known {
    /// Holds what was found against what is known. `pushed_at`: when GitHub says that the repository was
    /// pushed to last.
    pub fn step(known: Option<&Self>, found: &Found, pushed_at: Option<Timestamp>) -> Step {
        let (reference, commit) = match (found, known) {
            (Found::At { reference, commit }, _) => (reference.clone(), commit.clone()),
            (Found::Absent, Some(known)) if !known.gone => {
                return Step::Note(Self {
                    gone: true,
                    ..known.clone()
                });
            }
            _ => return Step::Nothing,
        };
        let now = |moves| Self {
            reference,
            commit,
            moves,
            gone: false,
            pushed_at,
        };
        let Some(known) = known else {
            return Step::News(now(0), HeadNews::First);
        };
        let mut now = now(known.moves);
        // What comes late from GitHub makes nothing older.
        now.pushed_at = pushed_at.max(known.pushed_at);
        if now == *known {
            return Step::Nothing;
        }
        let news = if known.gone {
            HeadNews::Returned
        } else if now.commit != known.commit {
            HeadNews::Moved {
                before: known.commit.clone(),
            }
        } else if now.reference != known.reference {
            // Another branch is the default one, or another tag was put onto the same commit. Whether it
            // was pushed to is found the next time.
            now.pushed_at = known.pushed_at;
            return Step::Note(now);
        } else {
            // It may have been somewhere else in between, as far as a push told.
            HeadNews::First
        };
        now.moves += 1;
        Step::News(now, news)
    }
}

impl HeadKey {
    /// Under which it is noted.
    pub fn name(&self) -> String {
        format!("{} {}", self.repository, self.follow)
    }

    fn read(name: &str) -> Option<Self> {
        let (repository, follow) = name.split_once(' ')?;
        let url = RepositoryUrl::read(&format!("https://{repository}")).ok()?;
        Some(Self {
            repository: Arc::new(url.identity(|_| None)),
            follow: Follow::read(follow)?,
        })
    }
}

/// Reads what was noted; names of notes that cannot be read are told beside.
pub fn read_notes(notes: Vec<(String, String)>) -> (HashMap<HeadKey, Known>, Vec<String>) {
    let mut known = HashMap::with_capacity(notes.len());
    let mut unread = Vec::new();
    for (name, content) in notes {
        match (HeadKey::read(&name), serde_json::from_str(&content)) {
            (Some(key), Ok(head)) => {
                known.insert(key, head);
            }
            _ => unread.push(name),
        }
    }
    (known, unread)
}

/// A note of a head.
pub fn note(key: &HeadKey, known: &Known) -> (String, String) {
    let content = serde_json::to_string(known).expect("a ref, a hash and a number are JSON");
    (key.name(), content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(letter: &str) -> CommitId {
        CommitId::read(&letter.repeat(40)).unwrap().unwrap()
    }

    fn at(branch: &str, letter: &str) -> Found {
        Found::At {
            reference: PushedRef::branch(branch).unwrap(),
            commit: commit(letter),
        }
    }

    fn known(letter: &str, moves: u64, gone: bool) -> Known {
        Known {
            reference: PushedRef::branch("main").unwrap(),
            commit: commit(letter),
            moves,
            gone,
            pushed_at: None,
        }
    }

    fn step(known: Option<&Known>, found: &Found) -> Step {
        Known::step(known, found, None)
    }

    #[test]
    fn a_head_at_the_same_commit_is_asked_of_its_objects_again_once_it_was_pushed_to() {
        let second = |second| Some(Timestamp::from_second(second).unwrap());
        let since = |moves, pushed_at| Known {
            pushed_at,
            ..known("a", moves, false)
        };
        let found = at("main", "a");
        let first = Known::step(None, &found, second(10));
        assert_eq!(first, Step::News(since(0, second(10)), HeadNews::First));
        let now = since(0, second(10));
        for same in [None, second(9), second(10)] {
            assert_eq!(Known::step(Some(&now), &found, same), Step::Nothing);
        }
        let again = Step::News(since(1, second(11)), HeadNews::First);
        assert_eq!(Known::step(Some(&now), &found, second(11)), again);
        // As it was noted before times were.
        let untimed = known("a", 0, false);
        assert_eq!(Known::step(Some(&untimed), &found, second(11)), again);
        // Under another name it is noted first, and asked of its objects after.
        let Step::Note(noted) = Known::step(Some(&now), &at("trunk", "a"), second(11)) else {
            panic!("it is news")
        };
        let then = Known::step(Some(&noted), &at("trunk", "a"), second(11));
        assert!(matches!(then, Step::News(_, HeadNews::First)));
    }

    #[test]
    fn a_head_that_was_noted_without_its_time_is_read() {
        let note = format!(
            r#"{{"reference":{},"commit":"{}","moves":3}}"#,
            serde_json::to_string(&PushedRef::branch("main").unwrap()).unwrap(),
            "a".repeat(40)
        );
        let read: Known = serde_json::from_str(&note).unwrap();
        assert_eq!(read, known("a", 3, false));
        assert_eq!(serde_json::to_string(&read).unwrap(), note);
    }

    #[test]
    fn a_head_is_news_when_it_moves_also_back_and_is_noted_when_it_is_first_seen() {
        let first = step(None, &at("main", "a"));
        assert_eq!(first, Step::News(known("a", 0, false), HeadNews::First));
        let now = known("a", 0, false);
        assert_eq!(step(Some(&now), &at("main", "a")), Step::Nothing);
        let moved = |before| HeadNews::Moved { before };
        assert_eq!(
            step(Some(&now), &at("main", "b")),
            Step::News(known("b", 1, false), moved(commit("a")))
        );
        let then = known("b", 1, false);
        assert_eq!(
            step(Some(&then), &at("main", "a")),
            Step::News(known("a", 2, false), moved(commit("b")))
        );
    }

    #[test]
    fn a_ref_that_is_gone_is_kept_and_is_news_when_it_returns() {
        let now = known("a", 3, false);
        let gone = known("a", 3, true);
        assert_eq!(step(Some(&now), &Found::Absent), Step::Note(gone.clone()));
        assert_eq!(step(Some(&gone), &Found::Absent), Step::Nothing);
        assert_eq!(step(None, &Found::Absent), Step::Nothing);
        for letter in ["a", "b"] {
            assert_eq!(
                step(Some(&gone), &at("main", letter)),
                Step::News(known(letter, 4, false), HeadNews::Returned)
            );
        }
        let unanswered = Found::Unanswered("cut off".into());
        assert_eq!(step(Some(&now), &unanswered), Step::Nothing);
    }

    #[test]
    fn another_default_branch_at_the_same_commit_is_no_news() {
        let Step::Note(noted) = step(Some(&known("a", 1, false)), &at("trunk", "a")) else {
            panic!("it is news")
        };
        assert_eq!(noted.reference.to_string(), "refs/heads/trunk");
        assert_eq!(noted.moves, 1);
    }

    #[test]
    fn what_was_noted_is_read_again_and_what_cannot_be_read_is_named() {
        let url = RepositoryUrl::read("https://ghe.acme.io:8443/acme/web").unwrap();
        let repository = Arc::new(url.identity(|_| None));
        let follows = [
            "refs/heads/main",
            "HEAD",
            "semver:>=1, <2 || 3",
            "refs/pull/7/merge",
        ];
        let keys = follows.map(|follow| HeadKey {
            repository: Arc::clone(&repository),
            follow: Follow::read(follow).unwrap(),
        });
        let mut notes: Vec<_> = keys
            .iter()
            .map(|key| note(key, &known("a", 1, true)))
            .collect();
        assert_eq!(notes[2].0, "ghe.acme.io:8443/acme/web semver:>=1, <2 || 3");
        notes.push(("odd".into(), "{}".into()));
        let (read, unread) = read_notes(notes);
        assert_eq!(read.len(), 4);
        assert!(keys.iter().all(|key| read[key] == known("a", 1, true)));
        assert_eq!(unread, ["odd"]);
    }
}

//! What an object is to fetch so that a delivery has arrived at it.

use crate::flux::revision;

use super::commit_name::CommitName;
use super::event::Event;
use super::pushed_ref::{CommitId, PushedRef};

/// What the revision of a source has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Commit {
        commit: CommitId,
        /// The tag that was put on it, where one was.
        tag: Option<String>,
    },
    /// A commit as a person names it.
    Named(CommitName),
    /// Of an artifact in a registry: `sha256:…`.
    Digest(String),
    /// Nobody knows more than that there may be something new.
    Whatever,
}

impl Wanted {
    pub fn of(event: &Event) -> Self {
        let found = match event {
            Event::Push(change) => change.commit().map(|commit| (commit, &change.reference)),
            Event::Head(seen) => Some((&seen.commit, &seen.reference)),
            Event::Package(package) => {
                return package.digest.clone().map_or(Self::Whatever, Self::Digest);
            }
            _ => None,
        };
        let Some((commit, reference)) = found else {
            return Self::Whatever;
        };
        Self::Commit {
            commit: commit.clone(),
            tag: match reference {
                PushedRef::Tag(tag) => Some(tag.clone()),
                _ => None,
            },
        }
    }

    /// Whether a revision is what is wanted; of whatever may be new nothing can be told by it.
    pub fn is_in(&self, revision: &str) -> bool {
        match self {
            Self::Commit { commit, .. } => revision::commit(revision) == Some(commit.as_str()),
            Self::Named(commit) => commit.is_in(revision),
            Self::Digest(digest) => {
                let found = revision
                    .rsplit_once('@')
                    .map_or(revision, |(_, found)| found);
                found == digest
            }
            Self::Whatever => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::delivery::{ChangedPaths, CutOff, Package, RefChange};

    use super::*;

    fn id(letter: &str) -> CommitId {
        CommitId::read(&letter.repeat(40)).unwrap().unwrap()
    }

    fn pushed(reference: &str) -> Event {
        Event::Push(RefChange {
            reference: PushedRef::read(reference).unwrap(),
            before: None,
            after: Some(id("b")),
            head_commit: Some(id("a")),
            created: true,
            deleted: false,
            forced: false,
            paths: ChangedPaths::CutOff(CutOff::NewRef),
            pushed_at: None,
        })
    }

    #[test]
    fn a_push_wants_its_commit_and_of_an_annotated_tag_what_it_tags() {
        let wanted = Wanted::of(&pushed("refs/tags/v1"));
        let expected = Wanted::Commit {
            commit: id("a"),
            tag: Some("v1".into()),
        };
        assert_eq!(wanted, expected);
        assert!(wanted.is_in(&format!("v1@sha1:{}", id("a"))));
        assert!(!wanted.is_in(&format!("v1@sha1:{}", id("b"))));
        let branch = Wanted::of(&pushed("refs/heads/main"));
        assert!(branch.is_in(&format!("main/{}", id("a"))));
    }

    #[test]
    fn a_package_wants_its_digest_where_it_is_told_and_a_gap_whatever_there_is() {
        let mut package = Package {
            action: "published".into(),
            name: "web".into(),
            owner: None,
            kind: None,
            image: None,
            tag: Some("1".into()),
            digest: Some("sha256:aa".into()),
        };
        let wanted = Wanted::of(&Event::Package(package.clone()));
        assert!(wanted.is_in("1@sha256:aa") && wanted.is_in("sha256:aa"));
        assert!(!wanted.is_in("1@sha256:ab"));
        package.digest = None;
        assert_eq!(Wanted::of(&Event::Package(package)), Wanted::Whatever);
        let gap = Event::Gap {
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(Wanted::of(&gap), Wanted::Whatever);
        assert!(!Wanted::Whatever.is_in("main@sha1:aa"));
    }
}

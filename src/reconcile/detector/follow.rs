//! What objects follow of a repository, how often it is asked for, and what was found of it.

use std::fmt;
use std::sync::Arc;

use crate::catalog::Reference;
use crate::config::EnvironmentKind;
use crate::delivery::{CommitId, PushedRef};
use crate::flux::semver::{self, Constraint};
use crate::github::heads::{Asked, RefAnswer};

/// The ref that Flux takes where an object names none.
const UNSET: &str = "refs/heads/master";

/// What an object follows. What several objects follow is the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Follow {
    Ref(Asked),
    /// The latest tag that this constraint takes.
    Versions(Arc<str>),
}

/// How often something is asked for. The first is the most often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cadence {
    /// No webhook tells of it.
    Every,
    /// A webhook should tell of it, or its owner is asked for what was pushed to.
    Sweep,
}

/// How much it matters that it is known soon, by the environments that follow it. The first matters most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Weight {
    Production,
    /// Also whatever is of no known kind.
    Staging,
    Development,
}

/// What was found of something that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    At {
        reference: PushedRef,
        commit: CommitId,
    },
    Absent,
    Unanswered(String),
}

impl Follow {
    /// `None`: it never moves, or is nothing that GitHub can be asked for.
    pub fn of(reference: &Reference) -> Option<Self> {
        Some(Self::Ref(match reference {
            Reference::Unset => Asked::named(UNSET)?,
            Reference::Branch(name) => Asked::named(&format!("refs/heads/{name}"))?,
            Reference::Tag(name) => Asked::named(&format!("refs/tags/{name}"))?,
            Reference::Name(name) => Asked::named(name)?,
            Reference::Semver(constraint) => {
                // Flux refuses it, and no tag is the right one.
                Constraint::parse(constraint).ok()?;
                return Some(Self::Versions(Arc::clone(constraint)));
            }
            Reference::Commit(_) | Reference::Digest(_) => return None,
        }))
    }

    pub fn asked(&self) -> Asked {
        match self {
            Self::Ref(asked) => asked.clone(),
            Self::Versions(_) => Asked::Tags,
        }
    }

    /// Whether no webhook ever tells of it.
    pub fn is_untold(&self) -> bool {
        matches!(self, Self::Ref(Asked::PullHead(_) | Asked::PullMerge(_)))
    }

    /// What an answer to [`Self::asked`] says of it.
    pub fn found(&self, answer: &RefAnswer) -> Found {
        match (self, answer) {
            (_, RefAnswer::At { reference, commit }) => Found::At {
                reference: reference.clone(),
                commit: commit.clone(),
            },
            (_, RefAnswer::Absent) => Found::Absent,
            (_, RefAnswer::Unanswered(reason)) => Found::Unanswered(reason.clone()),
            (Self::Ref(_), RefAnswer::Tags { .. }) => Found::Absent,
            (Self::Versions(constraint), RefAnswer::Tags { tags, .. }) => {
                let Ok(constraint) = Constraint::parse(constraint) else {
                    return Found::Absent;
                };
                let names = tags.iter().map(|tagged| tagged.tag.as_str());
                let latest = semver::latest(&constraint, names);
                let tagged = tags.iter().find(|tagged| Some(&*tagged.tag) == latest);
                let found = tagged.and_then(|tagged| {
                    Some(Found::At {
                        reference: PushedRef::tag(&tagged.tag).ok()?,
                        commit: tagged.commit.clone(),
                    })
                });
                found.unwrap_or(Found::Absent)
            }
        }
    }

    /// Reads what [`fmt::Display`] wrote.
    pub fn read(text: &str) -> Option<Self> {
        match text.strip_prefix("semver:") {
            Some(constraint) => Some(Self::Versions(constraint.into())),
            None => Asked::named(text).map(Self::Ref),
        }
    }
}

impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ref(asked) => asked.fmt(f),
            Self::Versions(constraint) => write!(f, "semver:{constraint}"),
        }
    }
}

impl Cadence {
    pub fn name(self) -> &'static str {
        match self {
            Self::Every => "every",
            Self::Sweep => "sweep",
        }
    }
}

impl Weight {
    pub fn name(self) -> &'static str {
        self.kind().name()
    }

    pub fn kind(self) -> EnvironmentKind {
        match self {
            Self::Production => EnvironmentKind::Production,
            Self::Staging => EnvironmentKind::Staging,
            Self::Development => EnvironmentKind::Development,
        }
    }

    pub fn of(kind: Option<EnvironmentKind>) -> Self {
        match kind {
            Some(EnvironmentKind::Production) => Self::Production,
            Some(EnvironmentKind::Development) => Self::Development,
            Some(EnvironmentKind::Staging | EnvironmentKind::None) | None => Self::Staging,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::github::heads::TaggedCommit;

    use super::*;

    fn commit(letter: &str) -> CommitId {
        CommitId::read(&letter.repeat(40)).unwrap().unwrap()
    }

    #[test]
    fn what_is_followed_is_asked_for_as_flux_resolves_it_and_a_commit_never() {
        for (reference, expected) in [
            (Reference::Unset, Some("refs/heads/master")),
            (Reference::Branch("a/b".into()), Some("refs/heads/a/b")),
            (Reference::Tag("v1".into()), Some("refs/tags/v1")),
            (Reference::Name("HEAD".into()), Some("HEAD")),
            (
                Reference::Name("refs/pull/7/head".into()),
                Some("refs/pull/7/head"),
            ),
            (Reference::Semver(">=1".into()), Some("semver:>=1")),
            (Reference::Semver("newest".into()), None),
            (Reference::Branch("a b".into()), None),
            (Reference::Commit("ab".into()), None),
            (Reference::Digest("ab".into()), None),
        ] {
            let follow = Follow::of(&reference);
            let shown = follow.as_ref().map(ToString::to_string);
            assert_eq!(shown.as_deref(), expected);
            assert_eq!(shown.as_deref().and_then(Follow::read), follow);
        }
    }

    #[test]
    fn of_tags_the_one_is_found_that_flux_takes() {
        let tags = [
            ("v2.0.0", "b"),
            ("v1.10.0", "c"),
            ("v1.9.0", "d"),
            ("x", "e"),
        ];
        let answer = RefAnswer::Tags {
            tags: tags
                .map(|(tag, letter)| TaggedCommit {
                    tag: tag.to_owned(),
                    commit: commit(letter),
                })
                .to_vec(),
            total: 4,
        };
        let found = |constraint: &str| Follow::Versions(constraint.into()).found(&answer);
        assert_eq!(
            found("1.x"),
            Found::At {
                reference: PushedRef::tag("v1.10.0").unwrap(),
                commit: commit("c"),
            }
        );
        assert_eq!(found(">=3"), Found::Absent);
    }
}

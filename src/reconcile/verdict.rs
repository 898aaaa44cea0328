//! Whether an object is woken, and why, in words for people.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::flux::duration;

/// What becomes of an object of the repository that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Wake {
        follows: Follows,
        paths: Paths,
        /// How long to wait first, as the environment asks for; zero: at once.
        after: Duration,
        /// The object names the repository as it was called before.
        by_former_name: bool,
    },
    Leave(LeaveReason),
}

/// Why what was pushed is what an object follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follows {
    Branch(Arc<str>),
    /// It names no ref; what Flux takes then.
    Default(&'static str),
    Tag(Arc<str>),
    Semver {
        constraint: Arc<str>,
        tag: Box<str>,
    },
    /// It follows versions by a constraint that we cannot read.
    UnreadSemver(Arc<str>),
    Name(Arc<str>),
    /// It follows `HEAD`, and this is the default branch, or nobody says which one is.
    Head,
    /// Under which tags a package was published is not told.
    SomeTag,
    /// It names the workflow that has succeeded; its entry.
    Workflow(Box<str>),
    /// Nobody listened for a while, so a push to it may have been missed.
    Whatever,
}

/// What the paths that an object watches say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paths {
    /// It has no list.
    All,
    Touched(Box<str>),
    /// Why not all changed paths are known.
    Incomplete(Box<str>),
    /// The list is empty or has a pattern that is none.
    Unread(Box<str>),
}

/// What an object asks for that was not pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Branch(Arc<str>),
    Default(&'static str),
    Tag(Arc<str>),
    Name(Arc<str>),
    Head {
        default_branch: Box<str>,
    },
    /// Versions, and no tag was pushed.
    Versions(Arc<str>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaveReason {
    Other {
        asked: Asked,
        pushed: Box<str>,
    },
    /// A commit or digest, which never moves.
    Pinned(Arc<str>),
    /// `refs/pull/…`, of which no push tells.
    Untold(Arc<str>),
    NoVersion {
        constraint: Arc<str>,
        tag: Box<str>,
    },
    Unsatisfied {
        constraint: Arc<str>,
        tag: Box<str>,
    },
    Deleted(Box<str>),
    Suspended,
    OptedOut,
    Environment(Arc<str>),
    Unwatched(Box<str>),
    /// What was seen is what it has fetched.
    Fetched(Box<str>),
    /// What came later has woken it, and this was pushed before that.
    Overtaken(Box<str>),
    /// It has fetched nothing, and nobody knows whether there is news for it.
    NothingFetched,
    /// It has fetched a version that is not older, as its revision names it.
    NotOlder(Box<str>),
    /// Its repository was renamed or moved, and it still names it as before.
    FormerName {
        now: Box<str>,
    },
}

impl Verdict {
    pub fn is_wake(&self) -> bool {
        matches!(self, Self::Wake { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leave(reason) => reason.fmt(f),
            Self::Wake {
                follows,
                paths,
                after,
                by_former_name,
            } => {
                write!(f, "{follows}{paths}")?;
                if *by_former_name {
                    f.write_str("; it names the repository as it was called before")?;
                }
                if !after.is_zero() {
                    let after = duration::write(*after);
                    write!(f, "; its environment is woken {after} later")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Follows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(branch) => write!(f, "it follows branch `{branch}`"),
            Self::Default(default) => write!(f, "it names no ref, so Flux follows {default}"),
            Self::Tag(tag) => write!(f, "it follows tag `{tag}`"),
            Self::Semver { constraint, tag } => write!(
                f,
                "tag `{tag}` satisfies its `semver: {constraint}`; Flux takes it if no newer one does"
            ),
            Self::UnreadSemver(constraint) => write!(
                f,
                "a tag was pushed, and whether `semver: {constraint}` takes it cannot be said"
            ),
            Self::Name(name) => write!(f, "it follows `{name}`"),
            Self::Head => f.write_str("it follows `HEAD`"),
            Self::SomeTag => {
                f.write_str("which tags were published is not told, so it may be its own")
            }
            Self::Workflow(entry) => {
                write!(f, "it names the workflow `{entry}`, which has succeeded")
            }
            Self::Whatever => f.write_str("a push to what it follows may have been missed"),
        }
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Touched(path) => write!(f, ", and `{path}`, which it watches, was changed"),
            Self::Incomplete(why) => {
                write!(f, ", and what was changed is not known in full: {why}")
            }
            Self::Unread(text) => {
                write!(f, ", and its list of watched paths `{text}` says nothing")
            }
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(branch) => write!(f, "it follows branch `{branch}`"),
            Self::Default(default) => write!(f, "it names no ref, so Flux follows {default}"),
            Self::Tag(tag) => write!(f, "it follows tag `{tag}`"),
            Self::Name(name) => write!(f, "it follows `{name}`"),
            Self::Head { default_branch } => {
                write!(f, "it follows `HEAD`, which is branch `{default_branch}`")
            }
            Self::Versions(constraint) => {
                write!(f, "it follows tags by `semver: {constraint}`")
            }
        }
    }
}

impl fmt::Display for LeaveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { asked, pushed } => write!(f, "{asked}; pushed was `{pushed}`"),
            Self::Pinned(what) => write!(f, "it is pinned to `{what}`, which never moves"),
            Self::Untold(name) => write!(
                f,
                "it follows `{name}`, of which no push tells; its interval finds what is new"
            ),
            Self::NoVersion { constraint, tag } => write!(
                f,
                "it follows tags by `semver: {constraint}`, and `{tag}` is no version"
            ),
            Self::Unsatisfied { constraint, tag } => {
                write!(f, "tag `{tag}` does not satisfy its `semver: {constraint}`")
            }
            Self::Deleted(reference) => write!(
                f,
                "`{reference}` was deleted, so there is nothing to fetch; it keeps what it has until its interval"
            ),
            Self::Suspended => f.write_str("it is suspended; resume it to have it follow pushes"),
            Self::OptedOut => f.write_str("its annotation `flux-setup.dev/webhook` is `disabled`"),
            Self::FormerName { now } => write!(
                f,
                "it names the repository as it was called before; write `{now}` in its URL"
            ),
            Self::Environment(environment) => write!(
                f,
                "environment `{environment}` is not woken by pushes (`webhook: false`)"
            ),
            Self::Fetched(commit) => write!(f, "it has fetched commit `{commit}` already"),
            Self::Overtaken(reference) => write!(
                f,
                "it was woken since for what `{reference}` leads to, of which this told no later"
            ),
            Self::NothingFetched => f.write_str(
                "it has fetched nothing yet, and a ref that is seen for the first time is no news to it",
            ),
            Self::NotOlder(version) => {
                write!(f, "it has fetched `{version}` already, which is not older")
            }
            Self::Unwatched(list) => {
                write!(f, "nothing that it watches was changed: `{list}`")
            }
        }
    }
}

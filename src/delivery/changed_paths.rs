//! The paths that a push changed, where its lists surely hold all of them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The paths that a push added, changed or removed; renamed ones under both names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangedPaths {
    All(BTreeSet<String>),
    /// Some may be missing, so nothing can be concluded from those that are there.
    CutOff(CutOff),
}

/// Why the paths of a push are not all known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CutOff {
    /// The ref is new, and GitHub lists what no other ref had, not what differs.
    NewRef,
    Deleted,
    /// Commits were taken away, and what they had changed is not listed.
    Forced,
    /// GitHub lists no more than 2,048 commits a push.
    Commits,
    /// GitHub lists no more than 3,000 files a commit.
    Files,
    /// More paths, or longer ones, than we keep.
    Kept,
    /// A commit without its lists, or the lists end before the pushed commit.
    Unlisted,
}

impl CutOff {
    /// The reason in words.
    pub fn text(self) -> &'static str {
        match self {
            Self::NewRef => "the ref is new",
            Self::Deleted => "the ref was deleted",
            Self::Forced => "the push was forced",
            Self::Commits => "GitHub lists at most 2,048 commits of a push",
            Self::Files => "GitHub lists at most 3,000 files of a commit",
            Self::Kept => "the push changed more paths than are kept",
            Self::Unlisted => "the push does not list all that it changed",
        }
    }
}

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

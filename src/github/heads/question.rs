//! What is asked of a repository.

use std::fmt;
use std::sync::Arc;

/// A repository, and what of it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryQuestion {
    pub owner: String,
    pub name: String,
    pub asked: Vec<Asked>,
}

/// What of a repository is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Asked {
    /// A branch or a tag, by its full name.
    Ref(Arc<str>),
    /// The branch that `HEAD` stands for.
    Default,
    /// `refs/pull/N/head`; where refs are asked for by name, GitHub does not know it.
    PullHead(u32),
    /// `refs/pull/N/merge`.
    PullMerge(u32),
    /// The tags whose commits are newest, at most [`Asked::TAGS`].
    Tags,
}

impl Asked {
    /// Tags that are asked for at once: the most that GitHub gives.
    pub const TAGS: u32 = 100;

    /// What a full name is asked as. `None`: it is no name that can be asked for.
    pub fn named(full: &str) -> Option<Self> {
        if full == "HEAD" {
            return Some(Self::Default);
        }
        let full = full.strip_suffix("^{}").unwrap_or(full);
        if let Some(pull) = full.strip_prefix("refs/pull/") {
            let (number, what) = pull.split_once('/')?;
            // GitHub's numbers are those of a signed integer.
            let number = number.parse::<u32>().ok()?;
            i32::try_from(number).ok()?;
            return match what {
                "head" => Some(Self::PullHead(number)),
                "merge" => Some(Self::PullMerge(number)),
                _ => None,
            };
        }
        crate::flux::git_ref::full_name(full).ok()?;
        Some(Self::Ref(full.into()))
    }

    /// How many refs it weighs in a query of at most a hundred. GitHub looks at all tags to order them.
    pub fn weight(&self) -> usize {
        match self {
            Self::Tags => 10,
            _ => 1,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ref(name) => f.write_str(name),
            Self::Default => f.write_str("HEAD"),
            Self::PullHead(number) => write!(f, "refs/pull/{number}/head"),
            Self::PullMerge(number) => write!(f, "refs/pull/{number}/merge"),
            Self::Tags => f.write_str("refs/tags"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_is_asked_for_as_github_knows_it() {
        for (name, expected) in [
            ("HEAD", Some(Asked::Default)),
            (
                "refs/heads/main",
                Some(Asked::Ref("refs/heads/main".into())),
            ),
            ("refs/tags/v1^{}", Some(Asked::Ref("refs/tags/v1".into()))),
            ("refs/pull/7/head", Some(Asked::PullHead(7))),
            ("refs/pull/7/merge", Some(Asked::PullMerge(7))),
            ("refs/pull/7/other", None),
            ("refs/pull/4294967295/head", None),
            ("refs/pull/x/head", None),
            ("main", None),
            ("refs/heads/a b", None),
        ] {
            assert_eq!(Asked::named(name), expected, "{name}");
        }
        let shown = Asked::named("refs/pull/7/merge").unwrap().to_string();
        assert_eq!(shown, "refs/pull/7/merge");
    }
}

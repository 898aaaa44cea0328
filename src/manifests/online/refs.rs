//! What a repository has, and whether what is followed is among it.

use crate::flux::nearest;
use crate::flux::semver::{Constraint, latest};
use crate::flux::yaml::{Node, Span};

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

/// What source-controller follows where nothing is said.
const DEFAULT_BRANCH: &str = "master";

/// The refs of a repository, as `git ls-remote` lists them.
#[derive(Debug, Default)]
pub(super) struct Refs {
    names: Vec<String>,
}

/// What a GitRepository follows, the first that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Followed {
    Branch(String),
    Tag(String),
    Semver {
        range: String,
        filter: Option<String>,
    },
    Name(String),
    /// Of which no server says whether it has it.
    Commit(String),
}

/// Why it cannot be followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotThere {
    pub(super) message: String,
    pub(super) hint: String,
}

impl Refs {
    pub(super) fn read(text: &str) -> Self {
        let names = text.lines().filter_map(|line| line.split_once('\t'));
        let names = names.map(|(_, name)| name.trim_end().to_owned());
        Self {
            names: names.filter(|name| !name.ends_with("^{}")).collect(),
        }
    }

    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self.names.iter();
        names.filter_map(move |name| name.strip_prefix(prefix))
    }

    /// The full name of what is followed; `None` for a commit.
    pub(super) fn find(&self, followed: &Followed) -> Result<Option<String>, NotThere> {
        match followed {
            Followed::Branch(name) => self.named("branch", BRANCHES, name).map(Some),
            Followed::Tag(name) => self.named("tag", TAGS, name).map(Some),
            Followed::Name(name) if self.names.contains(name) => Ok(Some(name.clone())),
            Followed::Name(name) => Err(self.missing("ref", "", name)),
            Followed::Semver { range, filter } => self.version(range, filter.as_deref()),
            Followed::Commit(_) => Ok(None),
        }
    }

    fn named(&self, what: &str, prefix: &str, name: &str) -> Result<String, NotThere> {
        if self.below(prefix).any(|known| known == name) {
            return Ok(format!("{prefix}{name}"));
        }
        Err(self.missing(what, prefix, name))
    }

    fn missing(&self, what: &str, prefix: &str, name: &str) -> NotThere {
        let other = [("branch", BRANCHES), ("tag", TAGS)];
        let mut other = other.iter().filter(|(kind, _)| *kind != what);
        let other = other.find(|(_, prefix)| self.below(prefix).any(|known| known == name));
        let hint = match (other, nearest(name, self.below(prefix))) {
            (Some((kind, _)), _) => {
                format!("there is a {kind} of that name: write `{kind}: {name}`")
            }
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("push it, or name a {what} that is there"),
        };
        NotThere {
            message: format!("the repository has no {what} `{name}`"),
            hint,
        }
    }

    /// The highest tag in the range. Its filter is left to source-controller: what it lets through
    /// is a part of all.
    fn version(&self, range: &str, filter: Option<&str>) -> Result<Option<String>, NotThere> {
        let Ok(constraint) = Constraint::parse(range) else {
            // that is said already
            return Ok(None);
        };
        match latest(&constraint, self.below(TAGS)) {
            Some(_) if filter.is_some() => Ok(None),
            Some(tag) => Ok(Some(format!("{TAGS}{tag}"))),
            None => {
                let any = Constraint::parse("*").ok();
                let highest = any.and_then(|any| latest(&any, self.below(TAGS)));
                Err(NotThere {
                    message: format!("the repository has no tag within `{range}`"),
                    hint: match highest {
                        Some(tag) => format!("its highest version is `{tag}`"),
                        None => "none of its tags is a version".to_owned(),
                    },
                })
            }
        }
    }
}

impl Followed {
    /// What counts of a `spec`, with where it stands. Source: `GitRepositoryRef` in
    /// source-controller, `api/v1`.
    pub(super) fn of(spec: &Node) -> (Self, Span) {
        let reference = spec.get("ref");
        let text = |key: &str| {
            let node = reference?.get(key)?;
            let text = node.as_str().filter(|text| !text.is_empty())?;
            Some((text.to_owned(), node.span))
        };
        let branch = text("branch");
        if let Some((commit, span)) = text("commit") {
            // a branch beside it is where the commit is looked for
            return match branch {
                Some((branch, span)) => (Self::Branch(branch), span),
                None => (Self::Commit(commit), span),
            };
        }
        if let Some((name, span)) = text("name") {
            return (Self::Name(name), span);
        }
        if let Some((range, span)) = text("semver") {
            let filter = text("semverFilter").map(|(filter, _)| filter);
            return (Self::Semver { range, filter }, span);
        }
        if let Some((tag, span)) = text("tag") {
            return (Self::Tag(tag), span);
        }
        let (branch, span) = branch.unwrap_or_else(|| {
            let span = reference.unwrap_or(spec).span;
            (DEFAULT_BRANCH.to_owned(), span)
        });
        (Self::Branch(branch), span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flux::yaml::read;

    fn refs() -> Refs {
        Refs::read(
            "1\tHEAD\n1\trefs/heads/main\n1\trefs/heads/dev\n2\trefs/tags/v1.2.0\n2\trefs/tags/v1.2.0^{}\n3\trefs/tags/v2.0.0\n4\trefs/pull/7/head\n",
        )
    }

    #[test]
    fn what_is_there_is_found_by_its_full_name() {
        let range = |range: &str| Followed::Semver {
            range: range.to_owned(),
            filter: None,
        };
        for (followed, name) in [
            (Followed::Branch("main".into()), Some("refs/heads/main")),
            (Followed::Tag("v1.2.0".into()), Some("refs/tags/v1.2.0")),
            (
                Followed::Name("refs/pull/7/head".into()),
                Some("refs/pull/7/head"),
            ),
            (range("1.x"), Some("refs/tags/v1.2.0")),
            (range(">=1"), Some("refs/tags/v2.0.0")),
            (Followed::Commit("a".into()), None),
        ] {
            assert_eq!(
                refs().find(&followed).unwrap().as_deref(),
                name,
                "{followed:?}"
            );
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let said = |followed: Followed| {
            let NotThere { message, hint } = refs().find(&followed).unwrap_err();
            format!("{message} ({hint})")
        };
        assert_eq!(
            said(Followed::Branch("mian".into())),
            "the repository has no branch `mian` (did you mean `main`?)"
        );
        assert_eq!(
            said(Followed::Branch("v2.0.0".into())),
            "the repository has no branch `v2.0.0` (there is a tag of that name: write `tag: v2.0.0`)"
        );
        assert_eq!(
            said(Followed::Tag("nothing".into())),
            "the repository has no tag `nothing` (push it, or name a tag that is there)"
        );
        let range = Followed::Semver {
            range: ">=3".into(),
            filter: None,
        };
        assert_eq!(
            said(range),
            "the repository has no tag within `>=3` (its highest version is `v2.0.0`)"
        );
    }

    #[test]
    fn the_first_that_counts_is_followed_and_master_where_nothing_is_said() {
        let of = |text: &str| Followed::of(&read(text, 0).0[0]).0;
        assert_eq!(
            of("ref: {tag: a, semver: b}"),
            Followed::Semver {
                range: "b".into(),
                filter: None
            }
        );
        assert_eq!(of("ref: {tag: a, branch: b}"), Followed::Tag("a".into()));
        assert_eq!(
            of("ref: {commit: a, branch: b}"),
            Followed::Branch("b".into())
        );
        assert_eq!(of("ref: {commit: a, tag: b}"), Followed::Commit("a".into()));
        assert_eq!(of("url: x"), Followed::Branch("master".into()));
    }
}

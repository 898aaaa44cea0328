//! Which objects follow what was pushed.
//!
//! ```text
//! push -> repository, also as it was called before -> its items in every cluster (by the index)
//!      -> the ref that each follows? -> deleted? -> suspended, opted out, environment? -> paths? -> verdict
//! ```

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{Cache, Item, Kind, Reference, WatchPaths, Watched};
use crate::config::Webhook;
use crate::flux::RepositoryIdentity;
use crate::flux::semver::{Constraint, Version};

use super::policy::Policies;
use super::push::{Changed, Package, Push};
use super::verdict::{Asked, Follows, LeaveReason, Paths, Verdict};

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";
const DEFAULT_BRANCH: &str = "master";
const DEFAULT_TAG: &str = "latest";

/// An object that fetches from what was pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub item: Arc<Item>,
    pub verdict: Verdict,
}

/// Every GitRepository of the repository that was pushed to, in all clusters, with what becomes of
/// it; in no particular order within a cluster.
pub fn push<'c>(
    push: &Push<'_>,
    clusters: impl IntoIterator<Item = &'c Cache>,
    policies: &Policies,
) -> Vec<Candidate> {
    let mut found = Vec::new();
    for cluster in clusters {
        for (identity, by_former_name) in push.identities() {
            let items = cluster.of_repository(identity);
            found.extend(
                items
                    .filter(|item| item.key.kind == Kind::GitRepository)
                    .map(|item| Candidate {
                        item: Arc::clone(item),
                        verdict: of_push(item, push, by_former_name, policies),
                    }),
            );
        }
    }
    found
}

/// Every OCIRepository of the package that was published, in all clusters, with what becomes of it.
pub fn package<'c>(
    package: &Package<'_>,
    clusters: impl IntoIterator<Item = &'c Cache>,
    policies: &Policies,
) -> Vec<Candidate> {
    let clusters = clusters.into_iter();
    let items = clusters.flat_map(|cluster| cluster.of_repository(&package.repository));
    items
        .filter(|item| item.key.kind == Kind::OciRepository)
        .map(|item| Candidate {
            item: Arc::clone(item),
            verdict: of_package(item, package, policies),
        })
        .collect()
}

impl Push<'_> {
    /// Each identity once, and whether it is a former one.
    fn identities(&self) -> impl Iterator<Item = (&RepositoryIdentity, bool)> {
        let current = self.repositories.iter().enumerate();
        let current = current
            .filter(|(at, identity)| !self.repositories[..*at].contains(identity))
            .map(|(_, identity)| (identity, false));
        let former = self.former.iter().enumerate();
        let former = former
            .filter(|(at, identity)| {
                !self.repositories.contains(identity) && !self.former[..*at].contains(identity)
            })
            .map(|(_, identity)| (identity, true));
        current.chain(former)
    }
}

fn of_push(item: &Item, push: &Push<'_>, by_former_name: bool, policies: &Policies) -> Verdict {
    let follows = match follows_ref(&item.reference, push) {
        Ok(follows) => follows,
        Err(reason) => return Verdict::Leave(reason),
    };
    // Flux would fail on a branch that is gone, and of versions fall back to an older one: neither
    // is to be hurried.
    if push.deleted {
        return Verdict::Leave(LeaveReason::Deleted(push.reference.into()));
    }
    let after = match wait(item, policies) {
        Ok(after) => after,
        Err(reason) => return Verdict::Leave(reason),
    };
    match item
        .watch_paths
        .as_deref()
        .map_or(Ok(Paths::All), |list| concerned(list, &push.changed))
    {
        Ok(paths) => Verdict::Wake {
            follows,
            paths,
            after,
            by_former_name,
        },
        Err(reason) => Verdict::Leave(reason),
    }
}

/// What becomes of a source after a gap in which pushes to it may have been missed.
pub(super) fn after_gap(item: &Item, policies: &Policies) -> Verdict {
    if let Reference::Commit(what) | Reference::Digest(what) = &item.reference {
        return Verdict::Leave(LeaveReason::Pinned(Arc::clone(what)));
    }
    match wait(item, policies) {
        Ok(after) => Verdict::Wake {
            follows: Follows::Whatever,
            paths: Paths::All,
            after,
            by_former_name: false,
        },
        Err(reason) => Verdict::Leave(reason),
    }
}

fn of_package(item: &Item, package: &Package<'_>, policies: &Policies) -> Verdict {
    let decided = follows_tag(&item.reference, &package.tags)
        .and_then(|follows| Ok((follows, wait(item, policies)?)));
    match decided {
        Ok((follows, after)) => Verdict::Wake {
            follows,
            paths: Paths::All,
            after,
            by_former_name: false,
        },
        Err(reason) => Verdict::Leave(reason),
    }
}

/// Whether a GitRepository follows the ref, and as what.
fn follows_ref(reference: &Reference, push: &Push<'_>) -> Result<Follows, LeaveReason> {
    let pushed = push.reference;
    let branch = pushed.strip_prefix(BRANCHES);
    let tag = pushed.strip_prefix(TAGS);
    let (asked, follows) = match reference {
        Reference::Commit(what) | Reference::Digest(what) => {
            return Err(LeaveReason::Pinned(Arc::clone(what)));
        }
        Reference::Unset if branch == Some(DEFAULT_BRANCH) => {
            return Ok(Follows::Default("branch `master`"));
        }
        Reference::Unset => (Asked::Default("branch `master`"), None),
        Reference::Branch(name) => (
            Asked::Branch(Arc::clone(name)),
            (branch == Some(name)).then(|| Follows::Branch(Arc::clone(name))),
        ),
        Reference::Tag(name) => (
            Asked::Tag(Arc::clone(name)),
            (tag == Some(name)).then(|| Follows::Tag(Arc::clone(name))),
        ),
        Reference::Semver(constraint) => match tag {
            Some(tag) => return satisfies(constraint, tag),
            None => (Asked::Versions(Arc::clone(constraint)), None),
        },
        Reference::Name(name) => return follows_name(name, branch, push),
    };
    follows.ok_or_else(|| LeaveReason::Other {
        asked,
        pushed: pushed.into(),
    })
}

/// Whether a GitRepository follows a ref that a person names: in full, or as a branch or tag by its short name.
pub(super) fn follows_ref_named(reference: &Reference, named: &str) -> bool {
    let is_full = named.starts_with("refs/") || named == "HEAD";
    let folders: &[&str] = if is_full { &[""] } else { &[BRANCHES, TAGS] };
    folders.iter().any(|folder| {
        let push = Push {
            repositories: Vec::new(),
            former: Vec::new(),
            reference: &format!("{folder}{named}"),
            default_branch: None,
            deleted: false,
            changed: Changed::Incomplete(""),
        };
        follows_ref(reference, &push).is_ok()
    })
}

/// Whether an OCIRepository follows a tag that a person names.
pub(super) fn follows_tag_named(reference: &Reference, named: &str) -> bool {
    follows_tag(reference, &[named]).is_ok()
}

fn follows_name(
    name: &Arc<str>,
    branch: Option<&str>,
    push: &Push<'_>,
) -> Result<Follows, LeaveReason> {
    let other = |asked| {
        Err(LeaveReason::Other {
            asked,
            pushed: push.reference.into(),
        })
    };
    if &**name == "HEAD" {
        return match (branch, push.default_branch) {
            (Some(_), None) => Ok(Follows::Head),
            (Some(branch), Some(default)) if branch == default => Ok(Follows::Head),
            (_, Some(default)) => other(Asked::Head {
                default_branch: default.into(),
            }),
            (None, None) => other(Asked::Name(Arc::clone(name))),
        };
    }
    // `^{}` stands for the commit of an annotated tag.
    if name.strip_suffix("^{}").unwrap_or(name) == push.reference {
        return Ok(Follows::Name(Arc::clone(name)));
    }
    if name.starts_with("refs/pull/") {
        return Err(LeaveReason::Untold(Arc::clone(name)));
    }
    other(Asked::Name(Arc::clone(name)))
}

/// Whether an OCIRepository follows one of the tags, and as what.
fn follows_tag(reference: &Reference, tags: &[&str]) -> Result<Follows, LeaveReason> {
    let other = |asked| LeaveReason::Other {
        asked,
        pushed: tags.join("`, `").into(),
    };
    match reference {
        Reference::Commit(what) | Reference::Digest(what) => {
            Err(LeaveReason::Pinned(Arc::clone(what)))
        }
        _ if tags.is_empty() => Ok(Follows::SomeTag),
        Reference::Unset if tags.contains(&DEFAULT_TAG) => Ok(Follows::Default("tag `latest`")),
        Reference::Unset => Err(other(Asked::Default("tag `latest`"))),
        Reference::Tag(tag) if tags.contains(&&**tag) => Ok(Follows::Tag(Arc::clone(tag))),
        Reference::Tag(tag) => Err(other(Asked::Tag(Arc::clone(tag)))),
        Reference::Semver(constraint) => {
            let mut verdicts = tags.iter().map(|tag| satisfies(constraint, tag));
            let first = verdicts.next().unwrap_or(Ok(Follows::SomeTag));
            verdicts.fold(first, Result::or)
        }
        Reference::Branch(name) | Reference::Name(name) => {
            Err(other(Asked::Name(Arc::clone(name))))
        }
    }
}

/// Whether a tag could be chosen. One that is older than what the object has could be too: the
/// newer tag may have been deleted, or the constraint changed since.
fn satisfies(constraint: &Arc<str>, tag: &str) -> Result<Follows, LeaveReason> {
    let constraint = Arc::clone(constraint);
    let tag_text = Box::from(tag);
    let Ok(wanted) = Constraint::parse(&constraint) else {
        return Ok(Follows::UnreadSemver(constraint));
    };
    match Version::parse(tag) {
        None => Err(LeaveReason::NoVersion {
            constraint,
            tag: tag_text,
        }),
        Some(version) if wanted.matches(&version) => Ok(Follows::Semver {
            constraint,
            tag: tag_text,
        }),
        Some(_) => Err(LeaveReason::Unsatisfied {
            constraint,
            tag: tag_text,
        }),
    }
}

/// How long to wait before an object is woken, or why it is not to be touched at all.
pub(super) fn wait(item: &Item, policies: &Policies) -> Result<Duration, LeaveReason> {
    if item.suspended {
        return Err(LeaveReason::Suspended);
    }
    if item.opted_out {
        return Err(LeaveReason::OptedOut);
    }
    match policies.of(item) {
        Webhook::On => Ok(Duration::ZERO),
        Webhook::After(after) => Ok(after),
        Webhook::Off => Err(LeaveReason::Environment(
            item.environment.clone().unwrap_or_else(|| "".into()),
        )),
    }
}

/// What a list of watched paths says of what was changed.
fn concerned(list: &WatchPaths, changed: &Changed<'_>) -> Result<Paths, LeaveReason> {
    if !list.is_sound() {
        return Ok(Paths::Unread(list.text().into()));
    }
    match changed {
        Changed::Incomplete(why) => Ok(Paths::Incomplete((*why).into())),
        Changed::All(paths) => paths
            .iter()
            .find(|path| list.watches(path) == Watched::Yes)
            .map(|path| Paths::Touched((*path).into()))
            .ok_or_else(|| LeaveReason::Unwatched(list.text().into())),
    }
}

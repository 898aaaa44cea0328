//! The events that we act on, with what matters of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::changed_paths::ChangedPaths;
use super::pushed_ref::{CommitId, PushedRef};

/// What happened, as GitHub says it. Actions that GitHub may add later are texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    Ping,
    Push(RefChange),
    /// A branch or tag came to be; a push tells the same.
    #[serde(rename_all = "camelCase")]
    Create {
        reference: PushedRef,
    },
    /// A branch or tag is gone; a push tells the same.
    #[serde(rename_all = "camelCase")]
    Delete {
        reference: PushedRef,
    },
    /// `package` and `registry_package` alike.
    Package(Package),
    Release(Release),
    Repository(RepositoryChange),
    WorkflowRun(WorkflowRun),
    /// Nobody listened for a while, so pushes may have been missed. GitHub tells nothing of the kind:
    /// it is ours, kept and worked as if it had been delivered.
    Gap {
        since: Timestamp,
        until: Timestamp,
    },
    /// An API server was put back to an earlier state, so that what was asked of its objects since is
    /// forgotten there. It is ours, as a gap is.
    Restored {
        cluster: String,
        /// Of which its watch has seen it.
        kind: String,
    },
    /// A ref was seen at a commit of which nobody had told. It is ours too.
    Head(HeadSeen),
    /// All else: `issues`, a repository that was starred, what GitHub invents next.
    Other {
        name: String,
        action: Option<String>,
    },
}

/// How a push changed one ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefChange {
    pub reference: PushedRef,
    /// `None` where the ref is new.
    pub before: Option<CommitId>,
    /// `None` where the ref was deleted. Of an annotated tag it is the tag's object, not a commit.
    pub after: Option<CommitId>,
    /// The commit that the ref leads to; `None` where the ref was deleted.
    pub head_commit: Option<CommitId>,
    pub created: bool,
    pub deleted: bool,
    pub forced: bool,
    pub paths: ChangedPaths,
    /// As [`HeadSeen::pushed_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_at: Option<Timestamp>,
}

/// A ref that we asked for ourselves, where no push told that it was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeadSeen {
    pub reference: PushedRef,
    /// What Flux will see, through an annotated tag.
    pub commit: CommitId,
    pub news: HeadNews,
    /// When the repository was pushed to last as GitHub had it then, to the second; `None` where it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_at: Option<Timestamp>,
}

/// What is new about a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "camelCase")]
pub enum HeadNews {
    /// It was never seen before, so nobody knows since when it is there.
    First,
    /// It was seen at another commit before.
    #[serde(rename_all = "camelCase")]
    Moved { before: CommitId },
    /// It was gone for a while.
    Returned,
}

impl RefChange {
    /// The commit that Flux will see: through an annotated tag to what it tags.
    pub fn commit(&self) -> Option<&CommitId> {
        match (&self.head_commit, &self.reference) {
            (Some(commit), _) => Some(commit),
            // Without a commit of its own the hash of a tag says nothing.
            (None, PushedRef::Tag(_)) => None,
            (None, _) => self.after.as_ref(),
        }
    }
}

/// A version of a package in GitHub's registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// `published`, `updated`.
    pub action: String,
    pub name: String,
    /// The user or organisation that it belongs to.
    pub owner: Option<String>,
    /// In small letters: `container`, `docker`, `npm`.
    pub kind: Option<String>,
    /// As the registry calls it, without scheme, tag and digest: `ghcr.io/acme/web`.
    pub image: Option<String>,
    pub tag: Option<String>,
    /// Of its manifest: `sha256:…`.
    pub digest: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// `published`, `released`, `edited`, `deleted` and others.
    pub action: String,
    /// Always a tag; of a draft it may not be there yet.
    pub tag: PushedRef,
    pub draft: bool,
    pub prerelease: bool,
}

/// How a repository itself changed; its name and owner are the new ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum RepositoryChange {
    /// `old_full_name` is `owner/name`.
    #[serde(rename_all = "camelCase")]
    Renamed {
        old_full_name: String,
    },
    #[serde(rename_all = "camelCase")]
    Transferred {
        old_full_name: String,
    },
    Archived,
    Unarchived,
    #[serde(rename_all = "camelCase")]
    DefaultBranch {
        old: String,
    },
}

impl RepositoryChange {
    /// What the repository was called before, where it is called otherwise now.
    pub fn old_full_name(&self) -> Option<&str> {
        match self {
            Self::Renamed { old_full_name } | Self::Transferred { old_full_name } => {
                Some(old_full_name)
            }
            Self::Archived | Self::Unarchived | Self::DefaultBranch { .. } => None,
        }
    }
}

/// A run of a workflow of GitHub Actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowRun {
    /// `requested`, `in_progress`, `completed`.
    pub action: String,
    /// The workflow's name; where it gives itself none, its file's path.
    pub workflow: Option<String>,
    /// The workflow's file: `.github/workflows/build.yaml`.
    pub path: Option<String>,
    /// `success`, `failure` and others; `None` while it runs.
    pub conclusion: Option<String>,
    pub head_branch: Option<String>,
    pub head_commit: Option<CommitId>,
}

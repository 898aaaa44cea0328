//! GitHub's payloads, as little of them as matters; whatever else they hold is skipped.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire_commits::Commits;

/// What every payload may have.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct About {
    pub action: Option<String>,
    pub repository: Option<Repository>,
    pub organization: Option<Account>,
    pub installation: Option<Installation>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Repository {
    pub id: Option<u64>,
    pub full_name: Option<String>,
    pub html_url: Option<String>,
    pub clone_url: Option<String>,
    pub ssh_url: Option<String>,
    pub default_branch: Option<String>,
}

/// A user or an organisation.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Account {
    pub login: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Installation {
    pub id: Option<u64>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Push<'p> {
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub created: Option<bool>,
    pub deleted: Option<bool>,
    pub forced: Option<bool>,
    pub head_commit: Option<Commit>,
    #[serde(default)]
    pub commits: Commits,
    #[serde(borrow)]
    pub repository: Option<PushedRepository<'p>>,
}

/// What a push alone says of its repository.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct PushedRepository<'p> {
    /// Seconds; in other events it is a text.
    #[serde(borrow)]
    pub pushed_at: Option<&'p RawValue>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Commit {
    pub id: Option<String>,
}

/// Of `create` and `delete`: the ref by its short name.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct NamedRef {
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub ref_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct PackageEvent {
    #[serde(alias = "registry_package")]
    pub package: Option<Package>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Package {
    pub name: Option<String>,
    pub owner: Option<Account>,
    pub package_type: Option<String>,
    pub package_version: Option<PackageVersion>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct PackageVersion {
    pub package_url: Option<String>,
    pub container_metadata: Option<ContainerMetadata>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ContainerMetadata {
    pub tag: Option<ContainerTag>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ContainerTag {
    pub name: Option<String>,
    pub digest: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ReleaseEvent {
    pub release: Option<Release>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Release {
    pub tag_name: Option<String>,
    pub draft: Option<bool>,
    pub prerelease: Option<bool>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct RepositoryEvent {
    pub changes: Option<Changes>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Changes {
    pub repository: Option<RenamedRepository>,
    pub owner: Option<TransferredOwner>,
    pub default_branch: Option<Was<String>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Was<T> {
    pub from: Option<T>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct RenamedRepository {
    pub name: Option<Was<String>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct TransferredOwner {
    pub from: Option<FormerOwner>,
}

/// One of the two.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct FormerOwner {
    pub user: Option<Account>,
    pub organization: Option<Account>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct WorkflowRunEvent {
    pub workflow_run: Option<WorkflowRun>,
    pub workflow: Option<Workflow>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct WorkflowRun {
    pub path: Option<String>,
    pub conclusion: Option<String>,
    pub head_branch: Option<String>,
    pub head_sha: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Workflow {
    pub name: Option<String>,
    pub path: Option<String>,
}

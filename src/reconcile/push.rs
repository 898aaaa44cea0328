//! What of a push and of a package decides whom it concerns.

use crate::flux::RepositoryIdentity;

/// A ref of a repository that was moved.
#[derive(Debug, Clone)]
pub struct Push<'d> {
    /// All identities that its URLs have.
    pub repositories: Vec<RepositoryIdentity>,
    /// What it was called before; see [`super::FormerNames`].
    pub former: Vec<RepositoryIdentity>,
    /// In full: `refs/heads/main`.
    pub reference: &'d str,
    pub default_branch: Option<&'d str>,
    pub deleted: bool,
    pub changed: Changed<'d>,
}

/// The paths that a push changed.
#[derive(Debug, Clone)]
pub enum Changed<'d> {
    All(Vec<&'d str>),
    /// Some may be missing: lists that were cut off, a forced push, a new ref.
    Incomplete(&'d str),
}

/// An artifact that was put into a registry.
#[derive(Debug, Clone)]
pub struct Package<'d> {
    /// `ghcr.io/acme/web`, as an `oci://` URL would name it.
    pub repository: RepositoryIdentity,
    /// Those of its version; empty where they are not told.
    pub tags: Vec<&'d str>,
}

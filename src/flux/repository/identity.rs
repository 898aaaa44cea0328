//! When two URLs name one repository.

use std::fmt;

/// A repository, however its URL is spelt: equal are `https://github.com/Acme/web` and
/// `git@github.com:acme/web.git`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryIdentity {
    pub(super) host: String,
    pub(super) path: String,
}

impl RepositoryIdentity {
    /// The host in small letters, with its port where that is not the usual one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `acme/web`: in small letters, without slashes around it and without `.git`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for RepositoryIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

//! Names of refs and commits, as pushes carry them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::flux::git_ref;

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

/// A ref by its full name; in JSON it is that name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PushedRef {
    /// Without `refs/heads/`.
    Branch(String),
    /// Without `refs/tags/`.
    Tag(String),
    /// With all of it: `refs/notes/commits`.
    Other(String),
}

impl PushedRef {
    /// Reads a full name.
    ///
    /// # Errors
    /// Why Git takes no ref of this name.
    pub fn read(full: &str) -> Result<Self, String> {
        if full == "HEAD" {
            return Err("`HEAD` is no ref that can be pushed".to_owned());
        }
        git_ref::full_name(full)?;
        Ok(if let Some(name) = full.strip_prefix(BRANCHES) {
            Self::Branch(name.to_owned())
        } else if let Some(name) = full.strip_prefix(TAGS) {
            Self::Tag(name.to_owned())
        } else {
            Self::Other(full.to_owned())
        })
    }

    /// Reads the short name of a branch.
    ///
    /// # Errors
    /// Why Git takes no branch of this name.
    pub fn branch(name: &str) -> Result<Self, String> {
        Self::read(&format!("{BRANCHES}{name}"))
    }

    /// Reads the short name of a tag.
    ///
    /// # Errors
    /// Why Git takes no tag of this name.
    pub fn tag(name: &str) -> Result<Self, String> {
        Self::read(&format!("{TAGS}{name}"))
    }

    /// The full name: `refs/heads/main`.
    pub fn full(&self) -> Cow<'_, str> {
        match self {
            Self::Branch(name) => Cow::Owned(format!("{BRANCHES}{name}")),
            Self::Tag(name) => Cow::Owned(format!("{TAGS}{name}")),
            Self::Other(full) => Cow::Borrowed(full),
        }
    }
}

impl fmt::Display for PushedRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full())
    }
}

impl TryFrom<String> for PushedRef {
    type Error = String;

    fn try_from(full: String) -> Result<Self, String> {
        Self::read(&full)
    }
}

impl From<PushedRef> for String {
    fn from(pushed: PushedRef) -> Self {
        pushed.full().into_owned()
    }
}

/// The hash of a Git object in small letters; of a push of an annotated tag `after` is the tag's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// Reads a hash; `None` is what GitHub writes with zeros alone: there is no such object.
    ///
    /// # Errors
    /// Why it is no hash.
    pub fn read(hash: &str) -> Result<Option<Self>, String> {
        git_ref::commit(hash)?;
        let exists = hash.bytes().any(|digit| digit != b'0');
        Ok(exists.then(|| Self(hash.to_owned())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CommitId {
    type Error = String;

    fn try_from(hash: String) -> Result<Self, String> {
        Self::read(&hash)?.ok_or_else(|| "it has only zeros, which name no commit".to_owned())
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_is_told_apart_by_its_folder_and_keeps_its_full_name() {
        let cases = [
            ("refs/heads/main", PushedRef::Branch("main".into())),
            (
                "refs/heads/refs/tags/x",
                PushedRef::Branch("refs/tags/x".into()),
            ),
            ("refs/tags/v1.0/rc", PushedRef::Tag("v1.0/rc".into())),
            (
                "refs/notes/commits",
                PushedRef::Other("refs/notes/commits".into()),
            ),
        ];
        for (full, expected) in cases {
            let read = PushedRef::read(full).unwrap();
            assert_eq!(read, expected);
            assert_eq!(read.to_string(), full);
            let json = serde_json::to_string(&read).unwrap();
            assert_eq!(json, format!("\"{full}\""));
            assert_eq!(serde_json::from_str::<PushedRef>(&json).unwrap(), read);
        }
    }

    #[test]
    fn what_is_no_ref_is_refused() {
        for (name, reason) in [
            ("HEAD", "`HEAD` is no ref that can be pushed"),
            ("main", "it does not start with `refs/`"),
            ("refs/heads/", "it starts or ends with `/`"),
            ("refs/heads/a b", "it has a space, which Git does not allow"),
        ] {
            assert_eq!(PushedRef::read(name), Err(reason.to_owned()));
        }
    }

    #[test]
    fn zeros_alone_name_no_commit() {
        assert_eq!(CommitId::read(&"0".repeat(40)), Ok(None));
        assert_eq!(CommitId::read(&"0".repeat(64)), Ok(None));
        let id = CommitId::read(&"0a".repeat(20)).unwrap().unwrap();
        assert_eq!(id.as_str(), "0a".repeat(20));
        assert_eq!(
            CommitId::read("main").unwrap_err(),
            "it has `m`, where a commit has only the digits 0-9 and a-f"
        );
        let zeros = serde_json::to_string(&"0".repeat(40)).unwrap();
        let error = serde_json::from_str::<CommitId>(&zeros).unwrap_err();
        assert_eq!(error.to_string(), "it has only zeros, which name no commit");
    }
}

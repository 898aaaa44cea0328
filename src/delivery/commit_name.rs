//! A commit as people name it: by as many of its first digits as tell it apart.

use std::fmt;

use crate::flux::revision;

/// The beginning of a commit's name, in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitName(String);

impl CommitName {
    /// At least seven digits.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        if let Some(c) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(format!("`{c}` is no digit of a commit"));
        }
        if !(7..=64).contains(&text.len()) {
            return Err(format!("it has {} digits, not 7 to 64", text.len()));
        }
        if text.bytes().all(|digit| digit == b'0') {
            return Err("it has only zeros, which name no commit".to_owned());
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The commit of a revision, where its name begins so.
    pub fn commit_of<'r>(&self, revision: &'r str) -> Option<&'r str> {
        revision::commit(revision).filter(|commit| commit.starts_with(&self.0))
    }

    pub fn is_in(&self, revision: &str) -> bool {
        self.commit_of(revision).is_some()
    }
}

impl fmt::Display for CommitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_named_by_seven_digits_or_more() {
        assert!(CommitName::read("ABCDEF1").is_ok_and(|it| it.as_str() == "abcdef1"));
        for (text, reason) in [
            ("abcdef", "it has 6 digits, not 7 to 64"),
            ("main", "`m` is no digit of a commit"),
            ("", "it has 0 digits, not 7 to 64"),
            ("0000000", "it has only zeros, which name no commit"),
        ] {
            assert_eq!(CommitName::read(text), Err(reason.to_owned()));
        }
    }

    #[test]
    fn a_revision_has_the_commit_whose_name_begins_so() {
        let name = CommitName::read("abababa").unwrap();
        let sha = "ab".repeat(20);
        assert_eq!(name.commit_of(&format!("main@sha1:{sha}")), Some(&*sha));
        assert!(!name.is_in(&format!("main@sha1:{}", "cd".repeat(20))));
        assert!(!name.is_in("abababa"));
    }
}

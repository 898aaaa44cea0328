//! The `ETag`s of answers that were kept, by whom they were given to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Answers that are remembered of one identity; the one that was used longest ago is forgotten.
const MOST: usize = 4_096;
/// A longer one is not kept; GitHub's have 70 bytes.
const LONGEST_BYTES: usize = 512;

/// By which token an answer was given: GitHub gives each token `ETag`s of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Generation {
    pub(super) name: Arc<str>,
    /// It is the same after a restart.
    pub(super) lasts: bool,
}

/// One `ETag`, for the store. It has nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtagRow {
    pub identity: String,
    /// Of the token; another token has other `ETag`s.
    pub generation: String,
    /// Path and query below the root of the API.
    pub path: String,
    pub etag: String,
}

/// Where an answer is kept, and by what it is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) generation: Generation,
    pub(super) path: String,
    pub(super) etag: String,
}

#[derive(Debug)]
struct Row {
    etag: String,
    used: u64,
    kept: u64,
}

/// The `ETag`s of one identity.
#[derive(Debug, Default)]
pub(super) struct Etags {
    rows: HashMap<(Generation, String), Row>,
    by_use: BTreeMap<u64, (Generation, String)>,
    uses: u64,
}

impl Etags {
    pub(super) fn find(&mut self, generation: &Generation, path: &str) -> Option<String> {
        let key = (generation.clone(), path.to_owned());
        let row = self.rows.get_mut(&key)?;
        self.by_use.remove(&row.used);
        self.uses += 1;
        row.used = self.uses;
        let etag = row.etag.clone();
        self.by_use.insert(self.uses, key);
        Some(etag)
    }

    pub(super) fn keep(&mut self, kept: Kept) {
        if kept.etag.len() > LONGEST_BYTES || kept.path.len() > LONGEST_BYTES {
            return;
        }
        let key = (kept.generation, kept.path);
        self.uses += 1;
        let row = Row {
            etag: kept.etag,
            used: self.uses,
            kept: self.uses,
        };
        if let Some(before) = self.rows.insert(key.clone(), row) {
            self.by_use.remove(&before.used);
        }
        self.by_use.insert(self.uses, key);
        if self.rows.len() > MOST
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.rows.remove(&oldest);
        }
    }

    /// What holds after a restart, the one that was used longest ago first.
    pub(super) fn rows(&self, identity: &str) -> Vec<EtagRow> {
        self.rows_since(identity, 0)
    }

    /// How often one was used or kept.
    pub(super) fn uses(&self) -> u64 {
        self.uses
    }

    /// As [`Self::rows`], those that were kept after so many uses.
    pub(super) fn rows_since(&self, identity: &str, since: u64) -> Vec<EtagRow> {
        let lasting = self
            .by_use
            .values()
            .filter(|(generation, _)| generation.lasts);
        let row = |key: &(Generation, String)| {
            let row = self.rows.get(key).filter(|row| row.kept > since)?;
            Some(EtagRow {
                identity: identity.to_owned(),
                generation: (*key.0.name).to_owned(),
                path: key.1.clone(),
                etag: row.etag.clone(),
            })
        };
        lasting.filter_map(row).collect()
    }
}

impl From<EtagRow> for Kept {
    fn from(row: EtagRow) -> Self {
        Self {
            generation: Generation {
                name: row.generation.into(),
                lasts: true,
            },
            path: row.path,
            etag: row.etag,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(name: &str, lasts: bool) -> Generation {
        Generation {
            name: name.into(),
            lasts,
        }
    }

    fn kept(generation: &Generation, path: &str, etag: &str) -> Kept {
        Kept {
            generation: generation.clone(),
            path: path.to_owned(),
            etag: etag.to_owned(),
        }
    }

    #[test]
    fn an_etag_is_of_one_token_and_one_path() {
        let mut etags = Etags::default();
        let (one, two) = (generation("one", true), generation("two", true));
        etags.keep(kept(&one, "/a", "x"));
        etags.keep(kept(&one, "/a", "y"));
        assert_eq!(etags.find(&one, "/a").as_deref(), Some("y"));
        assert_eq!(etags.find(&one, "/b"), None);
        assert_eq!(etags.find(&two, "/a"), None);
        assert_eq!(etags.by_use.len(), 1);
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten_first() {
        let mut etags = Etags::default();
        let one = generation("one", true);
        for number in 0..MOST {
            etags.keep(kept(&one, &format!("/{number}"), "x"));
        }
        assert!(etags.find(&one, "/0").is_some());
        etags.keep(kept(&one, "/more", "x"));
        assert!(etags.find(&one, "/0").is_some());
        assert!(etags.find(&one, "/1").is_none());
        assert_eq!((etags.rows.len(), etags.by_use.len()), (MOST, MOST));
    }

    #[test]
    fn an_etag_that_is_too_long_is_not_kept() {
        let mut etags = Etags::default();
        let one = generation("one", true);
        etags.keep(kept(&one, "/a", &"x".repeat(LONGEST_BYTES)));
        etags.keep(kept(&one, "/b", &"x".repeat(LONGEST_BYTES + 1)));
        assert!(etags.find(&one, "/a").is_some() && etags.find(&one, "/b").is_none());
    }

    #[test]
    fn only_etags_of_tokens_that_last_are_handed_out() {
        let mut etags = Etags::default();
        let lasting = generation("one", true);
        etags.keep(kept(&lasting, "/a", "x"));
        etags.keep(kept(&generation("two", false), "/a", "y"));
        let rows = etags.rows("bot");
        let mut again = Etags::default();
        assert_eq!(rows.len(), 1);
        for row in rows {
            again.keep(row.into());
        }
        assert_eq!(again.find(&lasting, "/a").as_deref(), Some("x"));
    }
}

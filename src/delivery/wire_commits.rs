//! Reads the commits of a push as a stream, so that no list in it takes more memory than what is kept.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::changed_paths::{ChangedPaths, CutOff};

/// From this many on GitHub may have left some out.
const COMMITS_LISTED: usize = 2_048;
/// From this many in one commit on GitHub may have left some out.
const FILES_LISTED: usize = 3_000;
/// Of a delivery; more are a push that concerns nearly everything anyway.
const PATHS_KEPT: usize = 1_000;
/// The length of all of them together.
const PATHS_KEPT_BYTES: usize = 64 * 1024;

/// What the commits of a push say together.
#[derive(Debug, Default)]
pub(super) struct Commits {
    count: usize,
    /// The newest: GitHub lists the oldest first.
    last: Option<String>,
    paths: BTreeSet<String>,
    paths_bytes: usize,
    /// The first reason for which paths may be missing.
    cut_off: Option<CutOff>,
}

impl Commits {
    /// The paths, if these commits list all between the ref's old commit and its new one.
    pub(super) fn changed_paths(self, after: Option<&str>) -> ChangedPaths {
        let ends_there = self.last.is_some() && self.last.as_deref() == after;
        match self.cut_off {
            Some(why) => ChangedPaths::CutOff(why),
            None if self.count >= COMMITS_LISTED => ChangedPaths::CutOff(CutOff::Commits),
            None if !ends_there => ChangedPaths::CutOff(CutOff::Unlisted),
            None => ChangedPaths::All(self.paths),
        }
    }

    fn cut(&mut self, why: CutOff) {
        self.cut_off.get_or_insert(why);
        self.paths.clear();
    }

    fn add(&mut self, path: &str) {
        if self.cut_off.is_some() || self.paths.contains(path) {
            return;
        }
        self.paths_bytes += path.len();
        if self.paths.len() >= PATHS_KEPT || self.paths_bytes > PATHS_KEPT_BYTES {
            self.cut(CutOff::Kept);
        } else {
            self.paths.insert(path.to_owned());
        }
    }
}

impl<'de> Deserialize<'de> for Commits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CommitsVisitor)
    }
}

struct CommitsVisitor;

impl<'de> Visitor<'de> for CommitsVisitor {
    type Value = Commits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of commits")
    }

    fn visit_unit<E>(self) -> Result<Commits, E> {
        Ok(Commits::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut commits: A) -> Result<Commits, A::Error> {
        let mut read = Commits::default();
        while commits.next_element_seed(Commit(&mut read))?.is_some() {
            read.count += 1;
        }
        Ok(read)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Id,
    Added,
    Modified,
    Removed,
    #[serde(other)]
    Other,
}

struct Commit<'c>(&'c mut Commits);

impl<'de> DeserializeSeed<'de> for Commit<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Commit<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a commit")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut commit: A) -> Result<(), A::Error> {
        let mut lists = [None; 3];
        let mut id = None;
        while let Some(key) = commit.next_key()? {
            let list = match key {
                Key::Id => {
                    id = commit.next_value::<Option<String>>()?;
                    continue;
                }
                Key::Added => 0,
                Key::Modified => 1,
                Key::Removed => 2,
                Key::Other => {
                    commit.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            lists[list] = commit.next_value_seed(Paths(self.0))?;
        }
        match lists {
            [Some(added), Some(modified), Some(removed)] => {
                if added + modified + removed >= FILES_LISTED {
                    self.0.cut(CutOff::Files);
                }
            }
            _ => self.0.cut(CutOff::Unlisted),
        }
        self.0.last = id;
        Ok(())
    }
}

struct Paths<'c>(&'c mut Commits);

/// How many paths there are; `None` where there is no list.
impl<'de> DeserializeSeed<'de> for Paths<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Paths<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of paths")
    }

    fn visit_unit<E>(self) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut paths: A) -> Result<Option<usize>, A::Error> {
        let mut count = 0;
        while paths.next_element_seed(Path(self.0))?.is_some() {
            count += 1;
        }
        Ok(Some(count))
    }
}

struct Path<'c>(&'c mut Commits);

impl<'de> DeserializeSeed<'de> for Path<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Path<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path")
    }

    fn visit_str<E>(self, path: &str) -> Result<(), E> {
        self.0.add(path);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn commit(id: &str, added: &[String]) -> Value {
        json!({"id": id, "message": "m", "author": {"email": null},
               "added": added, "modified": ["both"], "removed": ["gone"]})
    }

    fn paths(commits: &Value) -> ChangedPaths {
        let commits: Commits = serde_json::from_value(commits.clone()).unwrap();
        commits.changed_paths(Some("last"))
    }

    fn numbered(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("f{number}")).collect()
    }

    #[test]
    fn paths_of_all_commits_are_kept_once() {
        let commits = json!([
            commit("first", &["a".into()]),
            commit("last", &["b".into()])
        ]);
        let expected = ["a", "b", "both", "gone"].map(str::to_owned).into();
        assert_eq!(paths(&commits), ChangedPaths::All(expected));
    }

    #[test]
    fn lists_that_may_be_cut_off_conclude_nothing() {
        let cut = |why| ChangedPaths::CutOff(why);
        let many = |count| Value::from(vec![commit("last", &[]); count]);
        assert!(matches!(paths(&many(2_047)), ChangedPaths::All(_)));
        assert_eq!(paths(&many(2_048)), cut(CutOff::Commits));

        assert!(matches!(
            paths(&json!([commit("last", &numbered(998))])),
            ChangedPaths::All(kept) if kept.len() == 1_000
        ));
        assert_eq!(
            paths(&json!([commit("last", &numbered(999))])),
            cut(CutOff::Kept)
        );
        let repeated = |count| json!([commit("last", &vec!["same".to_owned(); count])]);
        assert!(matches!(paths(&repeated(2_997)), ChangedPaths::All(_)));
        assert_eq!(paths(&repeated(2_998)), cut(CutOff::Files));
        let long = vec!["x".repeat(PATHS_KEPT_BYTES)];
        assert_eq!(paths(&json!([commit("last", &long)])), cut(CutOff::Kept));

        for unlisted in [
            json!([]),
            json!(null),
            json!([commit("other", &[])]),
            json!([{"added": [], "modified": [], "removed": []}]),
            json!([{"id": "last", "added": [], "modified": null, "removed": []}]),
            json!([{"id": "last", "added": []}]),
        ] {
            assert_eq!(paths(&unlisted), cut(CutOff::Unlisted), "{unlisted}");
        }
    }

    #[test]
    fn what_is_no_list_of_commits_is_refused() {
        for (commits, reason) in [
            (
                json!(7),
                "invalid type: integer `7`, expected a list of commits",
            ),
            (json!([7]), "invalid type: integer `7`, expected a commit"),
            (
                json!([{"added": "x"}]),
                "invalid type: string \"x\", expected a list of paths",
            ),
            (
                json!([{"added": [7]}]),
                "invalid type: integer `7`, expected a path",
            ),
        ] {
            let error = serde_json::from_value::<Commits>(commits).unwrap_err();
            assert_eq!(error.to_string(), reason);
        }
    }
}

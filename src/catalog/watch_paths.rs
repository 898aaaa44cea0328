//! The paths of a repository that concern an object, where somebody listed them.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The patterns of the annotation `flux-setup.dev/watch-paths`, separated by commas.
///
/// `*` stays within a folder, `**` does not; a pattern that names a folder means all below it, since
/// a push that is missed costs more than one too many.
#[derive(Debug)]
pub struct WatchPaths {
    text: Box<str>,
    /// `None`: one of them is no pattern, so nothing can be said.
    globs: OnceLock<Option<GlobSet>>,
}

/// What a list of paths says of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    Yes,
    No,
    /// The list is empty or cannot be read.
    Unsaid,
}

impl WatchPaths {
    pub fn read(text: &str) -> Self {
        Self {
            text: text.into(),
            globs: OnceLock::new(),
        }
    }

    /// As it stands in the annotation.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a path, relative to the root of the repository, concerns the object.
    pub fn watches(&self, path: &str) -> Watched {
        match self.globs.get_or_init(|| globs(&self.text)) {
            None => Watched::Unsaid,
            Some(globs) if globs.is_match(path) => Watched::Yes,
            Some(_) => Watched::No,
        }
    }

    /// Whether the list can be read and says something.
    pub fn is_sound(&self) -> bool {
        self.watches("") != Watched::Unsaid
    }
}

/// `None` where one is no pattern, or where there is none.
fn globs(text: &str) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    let mut is_empty = true;
    for pattern in text.split(',').map(str::trim) {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        let pattern = pattern.trim_matches('/');
        if pattern.is_empty() {
            continue;
        }
        is_empty = false;
        for pattern in [pattern, &format!("{pattern}/**")] {
            let glob = GlobBuilder::new(pattern)
                .literal_separator(true)
                .build()
                .ok()?;
            set.add(glob);
        }
    }
    if is_empty { None } else { set.build().ok() }
}

impl PartialEq for WatchPaths {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for WatchPaths {}

impl Hash for WatchPaths {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_watched_by_one_pattern_or_by_none() {
        let list = WatchPaths::read("deploy/**, ./base/, charts/*.yaml,/infra");
        for path in [
            "deploy/a.yaml",
            "deploy/a/b.yaml",
            "base/x",
            "base",
            "charts/a.yaml",
            "infra/a/b",
        ] {
            assert_eq!(list.watches(path), Watched::Yes, "{path}");
        }
        for path in [
            "deployment/a",
            "src/base/x",
            "charts/a/b.yml",
            "README.md",
            "Deploy/a",
        ] {
            assert_eq!(list.watches(path), Watched::No, "{path}");
        }
    }

    #[test]
    fn a_list_that_is_empty_or_faulty_says_nothing() {
        for text in ["", " , ", "/", "deploy/**,a[", "{a"] {
            let list = WatchPaths::read(text);
            assert!(!list.is_sound(), "{text}");
            assert_eq!(list.watches("deploy/a"), Watched::Unsaid, "{text}");
        }
        assert!(WatchPaths::read("a").is_sound());
    }
}

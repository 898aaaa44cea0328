//! Texts that many objects share, kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use crate::flux::RepositoryIdentity;

use super::{WatchPaths, Workflows};

/// How many values are kept at least before those that nobody uses any more are looked for.
const SWEPT_FROM: usize = 1024;

/// What objects have in common: namespaces, URLs, refs, revisions, reasons.
#[derive(Debug, Default)]
pub struct Texts {
    texts: Shared<str>,
    repositories: Shared<RepositoryIdentity>,
    watch_paths: Shared<WatchPaths>,
    workflows: Shared<Workflows>,
}

impl Texts {
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        match self.texts.values.get(text) {
            Some(kept) => Arc::clone(kept),
            None => self.texts.keep(text.into()),
        }
    }

    pub(super) fn repository(&mut self, identity: RepositoryIdentity) -> Arc<RepositoryIdentity> {
        match self.repositories.values.get(&identity) {
            Some(kept) => Arc::clone(kept),
            None => self.repositories.keep(identity.into()),
        }
    }

    pub(super) fn watch_paths(&mut self, text: &str) -> Arc<WatchPaths> {
        let paths = WatchPaths::read(text);
        match self.watch_paths.values.get(&paths) {
            Some(kept) => Arc::clone(kept),
            None => self.watch_paths.keep(paths.into()),
        }
    }

    pub(super) fn workflows(&mut self, text: &str) -> Arc<Workflows> {
        let workflows = Workflows::read(text);
        match self.workflows.values.get(&workflows) {
            Some(kept) => Arc::clone(kept),
            None => self.workflows.keep(workflows.into()),
        }
    }
}

#[derive(Debug)]
struct Shared<T: ?Sized> {
    values: HashSet<Arc<T>>,
    /// Values that nobody uses are dropped when there are this many.
    sweep_at: usize,
}

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self {
            values: HashSet::new(),
            sweep_at: SWEPT_FROM,
        }
    }
}

impl<T: ?Sized + Eq + Hash> Shared<T> {
    fn keep(&mut self, value: Arc<T>) -> Arc<T> {
        if self.values.len() >= self.sweep_at {
            self.values.retain(|kept| Arc::strong_count(kept) > 1);
            self.sweep_at = SWEPT_FROM.max(self.values.len() * 2);
        }
        self.values.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_kept_once() {
        let mut texts = Texts::default();
        assert!(Arc::ptr_eq(&texts.text("main"), &texts.text("main")));
        assert!(!Arc::ptr_eq(&texts.text("main"), &texts.text("dev")));
        assert!(Arc::ptr_eq(
            &texts.watch_paths("a/**"),
            &texts.watch_paths("a/**")
        ));
    }

    #[test]
    fn texts_that_nobody_uses_any_more_are_dropped() {
        let mut texts = Texts::default();
        let used = texts.text("used");
        for number in 0..10 * SWEPT_FROM {
            texts.text(&number.to_string());
        }
        assert!(texts.texts.values.len() <= SWEPT_FROM);
        assert!(Arc::ptr_eq(&used, &texts.text("used")));
    }
}

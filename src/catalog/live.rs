//! The items of one cluster as its watches see them now, shared by whoever asks.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::watch;

use super::cache::Cache;
use super::change::Change;
use super::kind::Kind;

/// One cluster. Watches write it, matching reads it.
pub struct LiveCluster {
    name: Arc<str>,
    cache: RwLock<Cache>,
    progress: watch::Sender<Progress>,
}

/// How far a cluster has come since the program started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Its first list is on the way.
    Starting,
    /// It was tried, and this went wrong; it is tried again.
    Failed { reason: String },
    /// Every kind of source was listed once, so that pushes need not wait.
    Listed,
    /// It was listed, and was lost since.
    Lost { reason: String },
}

impl LiveCluster {
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
            cache: RwLock::default(),
            progress: watch::Sender::new(Progress::Starting),
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What is known now. Not to be held across an await.
    pub fn read(&self) -> RwLockReadGuard<'_, Cache> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known, and tells who waits once every kind of source was listed.
    pub fn update(&self, change: impl FnOnce(&mut Cache) -> Vec<Change>) -> Vec<Change> {
        let (changes, is_listed) = {
            let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
            let changes = change(&mut cache);
            (changes, is_listed(&cache))
        };
        if is_listed {
            self.tell(Progress::Listed);
        }
        changes
    }

    /// A connection to the cluster failed. What was listed once stays so, and is lost.
    pub fn failed(&self, reason: &str) {
        let reason = reason.to_owned();
        let is_known = self.is_listed();
        self.tell(if is_known {
            Progress::Lost { reason }
        } else {
            Progress::Failed { reason }
        });
    }

    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Whether every kind of source was listed once.
    pub fn is_listed(&self) -> bool {
        matches!(
            *self.progress.borrow(),
            Progress::Listed | Progress::Lost { .. }
        )
    }

    /// Hears of each change of the progress.
    pub fn watch_progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    fn tell(&self, progress: Progress) {
        self.progress.send_if_modified(|known| {
            let differs = *known != progress;
            *known = progress;
            differs
        });
    }
}

fn is_listed(cache: &Cache) -> bool {
    let mut sources = Kind::ALL.into_iter().filter(|kind| kind.is_source());
    sources.all(|kind| cache.scope(kind).is_known())
}

impl fmt::Debug for LiveCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveCluster")
            .field("name", &self.name)
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

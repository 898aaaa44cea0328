//! The items of one cluster as its watches see them now, shared by whoever asks.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use tokio::sync::watch;

use super::cache::Cache;
use super::change::Change;
use super::kind::Kind;
use super::scope::ScopeState;

/// One cluster. Watches write it, matching reads it.
pub struct LiveCluster {
    name: Arc<str>,
    known: RwLock<Known>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Default)]
struct Known {
    cache: Cache,
    /// What went wrong with a kind and was not mended since.
    faults: BTreeMap<Kind, Arc<str>>,
}

/// How far a cluster has come since the program started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Its first list is on the way.
    Starting,
    /// It was tried, and this went wrong; it is tried again.
    Failed { reason: String },
    /// Every kind of source was listed once, so that pushes need not wait, and no watch is lost.
    Listed,
    /// It was listed, and not all of it is seen now.
    Lost { reason: String },
}

impl LiveCluster {
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
            known: RwLock::default(),
            progress: watch::Sender::new(Progress::Starting),
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What is known now. Not to be held across an await.
    pub fn read(&self) -> impl Deref<Target = Cache> + '_ {
        Reading(self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what is known, and tells who waits where that mends or completes it.
    pub fn update(&self, change: impl FnOnce(&mut Cache) -> Vec<Change>) -> Vec<Change> {
        self.changed(|known| {
            let changes = change(&mut known.cache);
            let cache = &known.cache;
            known
                .faults
                .retain(|kind, _| !cache.scope(*kind).is_current());
            changes
        })
    }

    /// The whole cluster cannot be reached. What was listed once stays so, and is lost.
    pub fn failed(&self, reason: &str) {
        self.changed(|known| {
            let reason: Arc<str> = reason.into();
            known.faults = Kind::ALL
                .into_iter()
                .map(|kind| (kind, Arc::clone(&reason)))
                .collect();
        });
    }

    /// A kind can be neither listed nor watched; others may be.
    pub fn lost(&self, kind: Kind, reason: &str, now: SystemTime) {
        self.changed(|known| {
            known.cache.lost(kind, now);
            known.faults.insert(kind, reason.into());
        });
    }

    /// The cluster does not let us see a kind, and that will not mend itself: pushes wait for it no longer.
    pub fn forbidden(&self, kind: Kind, reason: &str, now: SystemTime) {
        self.changed(|known| {
            known.cache.is_forbidden(kind, now);
            known.faults.insert(kind, reason.into());
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

    fn changed<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut known);
        let progress = known.progress();
        // Still under the lock: else of two changes the later could be told first.
        self.progress.send_if_modified(|told| {
            let differs = *told != progress;
            *told = progress;
            differs
        });
        result
    }
}

impl Known {
    fn progress(&self) -> Progress {
        let reason = self.faults.values().next().map(|reason| reason.to_string());
        match (self.is_listed(), reason) {
            (true, None) => Progress::Listed,
            (true, Some(reason)) => Progress::Lost { reason },
            (false, None) => Progress::Starting,
            (false, Some(reason)) => Progress::Failed { reason },
        }
    }

    /// A kind that we may not see is passed over, unless we may see none.
    fn is_listed(&self) -> bool {
        let sources = Kind::ALL.into_iter().filter(|kind| kind.is_source());
        let scopes: Vec<_> = sources.map(|kind| self.cache.scope(kind)).collect();
        let is_settled = |scope: &ScopeState| *scope != ScopeState::NeverListed;
        scopes.iter().all(is_settled) && scopes.iter().any(|scope| scope.is_known())
    }
}

struct Reading<'l>(RwLockReadGuard<'l, Known>);

impl Deref for Reading<'_> {
    type Target = Cache;

    fn deref(&self) -> &Cache {
        &self.0.cache
    }
}

impl fmt::Debug for LiveCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveCluster")
            .field("name", &self.name)
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

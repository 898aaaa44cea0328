//! The items of one cluster as its watches see them now, shared by whoever asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use tokio::sync::{Notify, broadcast, watch};

use super::cache::Cache;
use super::change::Change;
use super::item::Item;
use super::kind::Kind;
use super::scope::ScopeState;

/// Changes that wait for one who listens; who is slower looks at everything once.
const NEWS: usize = 1_024;

/// One cluster. Watches write it, matching reads it.
pub struct LiveCluster {
    name: Arc<str>,
    known: RwLock<Known>,
    progress: watch::Sender<Progress>,
    news: broadcast::Sender<News>,
    /// How often something was changed.
    changes: watch::Sender<u64>,
    went_back: Mutex<BTreeSet<Kind>>,
    went_back_told: Notify,
    awaited: Mutex<BTreeSet<Kind>>,
    awaited_told: Notify,
}

#[derive(Debug, Default)]
struct Known {
    cache: Cache,
    /// What went wrong with a kind and was not mended since.
    faults: BTreeMap<Kind, Arc<str>>,
    /// Nobody watches it here.
    is_elsewhere: bool,
}

/// What is other than before.
#[derive(Debug, Clone)]
pub enum News {
    /// As it is now, or was before it was deleted.
    Item(Arc<Item>),
    /// A kind was listed, lost or seen again.
    Scopes,
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
    /// Another replica watches it: nothing is known of it here.
    Elsewhere,
}

impl LiveCluster {
    pub fn new(name: Arc<str>) -> Self {
        Self {
            name,
            known: RwLock::default(),
            progress: watch::Sender::new(Progress::Starting),
            news: broadcast::Sender::new(NEWS),
            changes: watch::Sender::new(0),
            went_back: Mutex::default(),
            went_back_told: Notify::new(),
            awaited: Mutex::default(),
            awaited_told: Notify::new(),
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
        let scopes = |cache: &Cache| Kind::ALL.map(|kind| cache.scope(kind));
        let (changes, is_other) = self.changed(|known| {
            let before = scopes(&known.cache);
            let changes = change(&mut known.cache);
            let cache = &known.cache;
            known
                .faults
                .retain(|kind, _| !cache.scope(*kind).is_current());
            (changes, scopes(cache) != before)
        });
        if self.news.receiver_count() > 0 {
            // Without one who listens nobody is told; that is no fault.
            for change in &changes {
                let _ = self.news.send(News::Item(Arc::clone(change.item())));
            }
            if is_other {
                let _ = self.news.send(News::Scopes);
            }
        }
        changes
    }

    /// Hears of each change from now on.
    pub fn listen(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
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

    /// Nobody watches it here from now on, and all that was known is forgotten.
    pub fn forget(&self) {
        self.changed(|known| {
            *known = Known {
                is_elsewhere: true,
                ..Known::default()
            };
        });
        self.kinds_that_went_back().clear();
    }

    /// It is watched here from now on.
    pub fn begin(&self) {
        self.changed(|known| known.is_elsewhere = false);
    }

    /// A kind can be neither listed nor watched; others may be.
    pub fn lost(&self, kind: Kind, reason: &str, now: SystemTime) {
        self.changed(|known| {
            known.cache.lost(kind, now);
            known.faults.insert(kind, reason.into());
        });
    }

    /// The watch over a kind ended, be it for a moment: it is not known now what there is.
    pub fn unwatched(&self, kind: Kind, now: SystemTime) {
        self.changed(|known| known.cache.lost(kind, now));
    }

    /// The watch over a kind goes on from where it ended. Where its list is awaited it stays as it is: what the watch
    /// has missed comes one after the other, and nobody can say when it was all.
    pub fn resumed(&self, kind: Kind) {
        self.update(|cache| {
            if !self.is_awaited(kind) {
                cache.resumed(kind);
            }
            Vec::new()
        });
    }

    /// Of a kind that may be old somebody needs to know what there is: it is listed before it counts as current.
    /// To be said while it is read that it may be old.
    pub fn await_list(&self, kind: Kind) {
        self.awaited_kinds().insert(kind);
    }

    /// Whether its list is still to come.
    pub fn is_awaited(&self, kind: Kind) -> bool {
        self.awaited_kinds().contains(&kind)
    }

    /// Until a kind is awaited no more, for it was listed, or will not be. For one who waits.
    pub async fn until_one_came(&self) {
        self.awaited_told.notified().await;
    }

    fn awaited_kinds(&self) -> MutexGuard<'_, BTreeSet<Kind>> {
        let kinds = self.awaited.lock();
        kinds.unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster does not let us see a kind, and that will not mend itself: pushes wait for it no longer.
    pub fn forbidden(&self, kind: Kind, reason: &str, now: SystemTime) {
        self.changed(|known| {
            known.cache.is_forbidden(kind, now);
            known.faults.insert(kind, reason.into());
        });
    }

    /// Whether this went wrong with some kind already and was not mended since.
    pub fn has_fault(&self, reason: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.faults.values().any(|fault| &**fault == reason)
    }

    /// Whether each kind was listed, is absent, or was tried in vain.
    pub fn is_tried(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_tried = |kind: &Kind| {
            known.faults.contains_key(kind) || known.cache.scope(*kind) != ScopeState::NeverListed
        };
        Kind::ALL.iter().all(is_tried)
    }

    /// What went wrong with each kind and was not mended since.
    pub fn faults(&self) -> BTreeMap<Kind, Arc<str>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.faults.clone()
    }

    /// The objects of a kind are as they were some time ago: the cluster was restored from a backup.
    pub fn went_back(&self, kind: Kind) {
        self.kinds_that_went_back().insert(kind);
        self.went_back_told.notify_one();
    }

    /// The next kind whose objects went back. For one who waits; of two each would hear of some.
    pub async fn next_that_went_back(&self) -> Kind {
        loop {
            if let Some(kind) = self.kinds_that_went_back().pop_first() {
                return kind;
            }
            self.went_back_told.notified().await;
        }
    }

    fn kinds_that_went_back(&self) -> MutexGuard<'_, BTreeSet<Kind>> {
        let kinds = self.went_back.lock();
        kinds.unwrap_or_else(PoisonError::into_inner)
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

    /// Hears that something was changed, whatever it is.
    pub fn watch_changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut known);
        let mut awaited = self.awaited_kinds();
        let before = awaited.len();
        awaited.retain(|kind| known.cache.scope(*kind).may_be_old());
        if awaited.len() < before {
            self.awaited_told.notify_one();
        }
        drop(awaited);
        let progress = known.progress();
        // Still under the lock: else of two changes the later could be told first.
        self.progress.send_if_modified(|told| {
            let differs = *told != progress;
            *told = progress;
            differs
        });
        self.changes.send_modify(|count| *count += 1);
        result
    }
}

impl Known {
    fn progress(&self) -> Progress {
        if self.is_elsewhere {
            return Progress::Elsewhere;
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::catalog::Listing;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn cluster() -> LiveCluster {
        LiveCluster::new("prod".into())
    }

    fn listed(live: &LiveCluster, kind: Kind) {
        let listing = Listing {
            kind,
            items: Vec::new(),
            broken: Vec::new(),
        };
        live.update(|cache| cache.replace(listing, at(1)));
    }

    fn all_listed() -> LiveCluster {
        let live = cluster();
        for kind in Kind::ALL {
            listed(&live, kind);
        }
        live
    }

    fn sources() -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| kind.is_source())
    }

    fn lost(reason: &str) -> Progress {
        Progress::Lost {
            reason: reason.to_owned(),
        }
    }

    fn failed(reason: &str) -> Progress {
        Progress::Failed {
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn pushes_wait_until_the_last_kind_of_source_was_listed_or_is_absent_and_for_no_other_kind() {
        let live = cluster();
        listed(&live, Kind::Kustomization);
        for kind in sources().filter(|kind| *kind != Kind::Bucket) {
            listed(&live, kind);
            assert_eq!(live.progress(), Progress::Starting);
        }
        live.update(|cache| cache.is_absent(Kind::Bucket, at(1)));
        assert_eq!(live.progress(), Progress::Listed);
    }

    #[test]
    fn who_listens_hears_of_each_kind_that_is_listed_and_of_no_more_than_is_new() {
        let live = cluster();
        listed(&live, Kind::Bucket);
        let mut news = live.listen();
        live.resumed(Kind::Bucket);
        assert!(news.try_recv().is_err());
        listed(&live, Kind::Kustomization);
        assert!(matches!(news.try_recv(), Ok(News::Scopes)));
        assert!(news.try_recv().is_err());
    }

    #[test]
    fn a_cluster_that_was_never_listed_has_failed_until_it_is_listed() {
        let live = cluster();
        live.failed("no kubeconfig");
        assert_eq!(live.progress(), failed("no kubeconfig"));
        assert!(!live.is_listed());
        for kind in sources() {
            assert_eq!(live.progress(), failed("no kubeconfig"), "{kind}");
            listed(&live, kind);
        }
        assert_eq!(live.progress(), lost("no kubeconfig"));
        assert!(live.is_listed());
        listed(&live, Kind::Kustomization);
        listed(&live, Kind::HelmRelease);
        assert_eq!(live.progress(), Progress::Listed);
    }

    #[test]
    fn a_lost_cluster_is_listed_again_once_no_kind_is_stale() {
        let live = all_listed();
        live.lost(Kind::GitRepository, "it hangs", at(2));
        live.lost(Kind::Kustomization, "it hangs still", at(3));
        assert_eq!(live.progress(), lost("it hangs"));
        assert!(live.is_listed());
        live.resumed(Kind::GitRepository);
        assert_eq!(live.progress(), lost("it hangs still"));
        // What happens to other kinds mends nothing.
        live.resumed(Kind::HelmRelease);
        assert_eq!(live.progress(), lost("it hangs still"));
        listed(&live, Kind::Kustomization);
        assert_eq!(live.progress(), Progress::Listed);
    }

    #[test]
    fn a_kind_that_is_forbidden_keeps_no_push_waiting_and_is_told() {
        let live = cluster();
        for kind in sources().filter(|kind| *kind != Kind::Bucket) {
            listed(&live, kind);
        }
        live.lost(Kind::Bucket, "may not list buckets", at(1));
        assert_eq!(live.progress(), failed("may not list buckets"));
        live.forbidden(Kind::Bucket, "may not list buckets", at(2));
        assert_eq!(live.progress(), lost("may not list buckets"));
        live.resumed(Kind::Bucket);
        assert_eq!(live.progress(), lost("may not list buckets"));
        listed(&live, Kind::Bucket);
        assert_eq!(live.progress(), Progress::Listed);
        // Forbidden later, it is stale, as all that was known and is not seen.
        live.forbidden(Kind::Bucket, "may not watch buckets", at(3));
        let stale = ScopeState::Stale {
            listed_at: at(1),
            since: at(3),
            is_forbidden: true,
        };
        assert_eq!(live.read().scope(Kind::Bucket), stale);
    }

    #[test]
    fn a_cluster_that_lets_us_see_nothing_is_not_listed() {
        let live = cluster();
        for kind in Kind::ALL {
            live.forbidden(kind, "may not list", at(1));
        }
        assert_eq!(live.progress(), failed("may not list"));
        listed(&live, Kind::GitRepository);
        assert!(live.is_listed());
    }

    #[test]
    fn a_cluster_is_tried_once_each_kind_was_listed_or_went_wrong_and_says_what_did() {
        let live = cluster();
        for kind in Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::HelmRelease)
        {
            assert!(!live.is_tried(), "{kind}");
            listed(&live, kind);
        }
        assert!(!live.is_tried());
        live.lost(Kind::HelmRelease, "it hangs", at(1));
        assert!(live.is_tried());
        assert_eq!(
            live.faults(),
            [(Kind::HelmRelease, "it hangs".into())].into()
        );
        listed(&live, Kind::HelmRelease);
        assert!(live.is_tried() && live.faults().is_empty());
    }

    #[test]
    fn of_what_another_watches_by_now_nothing_is_known() {
        let live = all_listed();
        live.went_back(Kind::GitRepository);
        live.forget();
        assert_eq!(live.progress(), Progress::Elsewhere);
        assert!(!live.is_listed() && !live.read().scope(Kind::Bucket).is_known());
        assert!(live.kinds_that_went_back().is_empty());
        live.begin();
        assert_eq!(live.progress(), Progress::Starting);
        for kind in Kind::ALL {
            listed(&live, kind);
        }
        assert_eq!(live.progress(), Progress::Listed);
    }

    #[tokio::test]
    async fn a_list_that_is_awaited_comes_by_being_listed_and_not_by_a_watch_that_goes_on() {
        let live = all_listed();
        let (git, bucket) = (Kind::GitRepository, Kind::Bucket);
        let may_be_old = |kind| live.read().scope(kind).may_be_old();
        let came = || {
            let waits = tokio::time::timeout(Duration::ZERO, live.until_one_came());
            async { waits.await.is_ok() }
        };
        live.unwatched(git, at(2));
        live.unwatched(bucket, at(2));
        assert_eq!(live.progress(), Progress::Listed);
        live.await_list(git);
        live.resumed(git);
        live.resumed(bucket);
        assert!(may_be_old(git) && live.is_awaited(git));
        assert!(!may_be_old(bucket));
        assert!(!came().await);
        listed(&live, git);
        assert!(!may_be_old(git) && !live.is_awaited(git));
        assert!(came().await && !came().await);
        // What will not be seen is not waited for.
        live.lost(git, "it hangs", at(3));
        live.await_list(git);
        live.forbidden(git, "may not list", at(4));
        assert!(!may_be_old(git) && !live.is_awaited(git));
        assert!(came().await);
    }

    #[test]
    fn progress_is_told_once_while_it_stays_the_same() {
        let live = all_listed();
        let mut progress = live.watch_progress();
        live.lost(Kind::GitRepository, "it hangs", at(2));
        assert!(progress.has_changed().unwrap());
        assert_eq!(*progress.borrow_and_update(), lost("it hangs"));
        live.lost(Kind::GitRepository, "it hangs", at(3));
        assert!(!progress.has_changed().unwrap());
        live.resumed(Kind::GitRepository);
        assert_eq!(*progress.borrow_and_update(), Progress::Listed);
        listed(&live, Kind::GitRepository);
        assert!(!progress.has_changed().unwrap());
    }
}

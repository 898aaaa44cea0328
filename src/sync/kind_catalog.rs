//! Takes what a cluster tells of one kind into the catalog, and knows how far that goes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tracing::{debug, info, warn};

use crate::catalog::{
    Broken, Event, ItemKey, Kind, Listing, LiveCluster, Projector, ResourceVersion, ScopeState,
};
use crate::cluster::{Cause, Failure, Named, Piece, Told};

#[derive(Debug)]
pub(super) struct KindCatalog {
    kind: Kind,
    live: Arc<LiveCluster>,
    projector: Arc<Mutex<Projector>>,
    /// What is known is as of this version; `None`: it was never listed.
    version: Option<ResourceVersion>,
    /// It must be listed before a watch can go on.
    is_incomplete: bool,
}

/// Why a watch ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server ended it, or it was silent; it is resumed.
    Orderly,
    /// What is known may not be all: it must be listed.
    Incomplete(&'static str),
    Failed(Failure),
}

impl KindCatalog {
    pub(super) fn new(
        kind: Kind,
        live: Arc<LiveCluster>,
        projector: Arc<Mutex<Projector>>,
    ) -> Self {
        Self {
            kind,
            live,
            projector,
            version: None,
            is_incomplete: false,
        }
    }

    pub(super) fn version(&self) -> Option<&ResourceVersion> {
        self.version.as_ref().filter(|_| !self.is_incomplete)
    }

    /// A list with nothing in it yet.
    pub(super) fn listing(&self) -> Listing {
        Listing {
            kind: self.kind,
            items: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// Takes an object of a list.
    pub(super) fn take(&self, piece: Piece<'_>, listing: &mut Listing) {
        let projected = match piece {
            Piece::Whole(object) => self.projector().project(self.kind, object),
            Piece::TooLong => Err(self.projector().too_long(self.kind)),
        };
        match projected {
            Ok(item) => {
                let known = self.live.read().item(&item.key).cloned();
                // The same again takes no memory of its own.
                let known = known.filter(|known| **known == item);
                listing.items.push(known.unwrap_or_else(|| Arc::new(item)));
            }
            Err(broken) => listing.broken.push(broken),
        }
    }

    /// Puts a whole list in the place of what was known.
    pub(super) fn replace(&mut self, listing: Listing, version: ResourceVersion) {
        let (kind, objects) = (self.kind, listing.items.len());
        for broken in &listing.broken {
            self.log_broken(broken);
        }
        let now = SystemTime::now();
        let changes = self.live.update(|cache| cache.replace(listing, now)).len();
        debug!(cluster = %self.live.name(), kind = %kind, objects, changes, "listed");
        let known = self.version.as_ref();
        if known.is_some_and(|known| version.is_before(known)) {
            info!(cluster = %self.live.name(), kind = %kind, "cluster {} went back to an earlier state", self.live.name());
            self.live.went_back(kind);
        }
        self.version = Some(version);
        self.is_incomplete = false;
    }

    /// The cluster has no such kind.
    pub(super) fn is_absent(&mut self) {
        let (kind, now) = (self.kind, SystemTime::now());
        self.is_incomplete = true;
        self.live.update(|cache| cache.is_absent(kind, now));
    }

    /// The watch goes on from the version that is known.
    pub(super) fn resumed(&self) {
        self.live.resumed(self.kind);
    }

    /// What is known cannot be gone on from.
    pub(super) fn forget_version(&mut self) {
        self.is_incomplete = true;
    }

    pub(super) fn scope(&self) -> ScopeState {
        self.live.read().scope(self.kind)
    }

    pub(super) fn has_objects(&self) -> bool {
        let cache = self.live.read();
        cache.items().any(|item| item.key.kind == self.kind)
    }

    /// Takes a line of a watch, which ends with what is returned.
    pub(super) fn hear(&mut self, line: &[u8]) -> Option<End> {
        match Told::read(self.kind, line) {
            Told::Applied(object) => self.applied(object),
            Told::Deleted(named) => self.deleted(named),
            Told::Bookmark(version) => self.advance(version),
            Told::Failed(failure) if failure.cause == Cause::Expired => {
                Some(End::Incomplete("its version is forgotten"))
            }
            Told::Failed(failure) => Some(End::Failed(failure)),
            Told::Unreadable(reason) => {
                debug!(cluster = %self.live.name(), kind = %self.kind, reason, "unreadable line");
                Some(End::Incomplete("a line cannot be read"))
            }
        }
    }

    fn applied(&mut self, object: &[u8]) -> Option<End> {
        let projected = self.projector().project(self.kind, object);
        let (event, version) = match projected {
            Ok(item) => {
                let version = item.version.clone();
                (Event::Applied(Arc::new(item)), Some(version))
            }
            Err(broken) => {
                self.log_broken(&broken);
                let named = Named::read(object);
                (Event::Broken(broken), named.map(|named| named.version))
            }
        };
        self.apply(event, version)
    }

    fn deleted(&mut self, named: Named<'_>) -> Option<End> {
        let key = ItemKey {
            kind: self.kind,
            namespace: (*named.namespace).into(),
            name: (*named.name).into(),
        };
        let version = named.version.clone();
        let event = Event::Deleted {
            key,
            version: named.version,
        };
        self.apply(event, Some(version))
    }

    fn apply(&mut self, event: Event, version: Option<ResourceVersion>) -> Option<End> {
        if let Some(version) = version
            && let Some(end) = self.advance(version)
        {
            return Some(end);
        }
        self.live.update(|cache| cache.apply(event));
        None
    }

    /// Notes how far the watch has come. Versions grow, unless the cluster was restored from a backup.
    fn advance(&mut self, version: ResourceVersion) -> Option<End> {
        let known = self.version.as_ref();
        if known.is_some_and(|known| version.is_before(known)) {
            return Some(End::Incomplete("its versions went back"));
        }
        self.version = Some(version);
        None
    }

    /// Once, however often the object is told of.
    fn log_broken(&self, broken: &Broken) {
        let is_known = self.live.read().broken().any(|known| known == broken);
        if !is_known {
            warn!(cluster = %self.live.name(), kind = %self.kind, "{broken}");
        }
    }

    fn projector(&self) -> MutexGuard<'_, Projector> {
        self.projector
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use tokio::time::timeout;

    use crate::catalog::HostNames;

    use super::*;

    fn catalog() -> KindCatalog {
        let projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
        let live = Arc::new(LiveCluster::new("prod".into()));
        KindCatalog::new(Kind::GitRepository, live, Arc::new(Mutex::new(projector)))
    }

    fn object(name: &str, version: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "apps", "resourceVersion": version}})
    }

    fn hear(catalog: &mut KindCatalog, what: &str, object: &Value) -> Option<End> {
        catalog.hear(
            json!({"type": what, "object": object})
                .to_string()
                .as_bytes(),
        )
    }

    fn known(catalog: &KindCatalog) -> (Vec<String>, String) {
        let cache = catalog.live.read();
        let mut names: Vec<_> = cache
            .items()
            .map(|item| item.key.name.to_string())
            .collect();
        names.sort();
        let version = catalog.version().map(ToString::to_string);
        (names, version.unwrap_or_default())
    }

    fn names(names: &[&str], version: &str) -> (Vec<String>, String) {
        (
            names.iter().map(|name| (*name).to_owned()).collect(),
            version.to_owned(),
        )
    }

    #[test]
    fn each_event_takes_the_version_on() {
        let mut catalog = catalog();
        assert_eq!(hear(&mut catalog, "ADDED", &object("a", "5")), None);
        assert_eq!(known(&catalog), names(&["a"], "5"));
        assert_eq!(hear(&mut catalog, "BOOKMARK", &object("", "9")), None);
        assert_eq!(hear(&mut catalog, "MODIFIED", &object("b", "10")), None);
        assert_eq!(known(&catalog), names(&["a", "b"], "10"));
        assert_eq!(hear(&mut catalog, "DELETED", &object("a", "11")), None);
        assert_eq!(known(&catalog), names(&["b"], "11"));
    }

    #[test]
    fn a_version_from_before_ends_the_watch_and_changes_nothing() {
        let back = Some(End::Incomplete("its versions went back"));
        for what in ["ADDED", "DELETED", "BOOKMARK"] {
            let mut catalog = catalog();
            hear(&mut catalog, "ADDED", &object("a", "5"));
            assert_eq!(hear(&mut catalog, what, &object("a", "4")), back, "{what}");
            assert_eq!(known(&catalog), names(&["a"], "5"), "{what}");
        }
    }

    #[tokio::test]
    async fn a_list_from_before_what_was_known_means_that_the_cluster_went_back() {
        let mut catalog = catalog();
        let listed = |catalog: &mut KindCatalog, version| {
            let listing = catalog.listing();
            catalog.replace(listing, ResourceVersion::Number(version));
        };
        let went_back = |catalog: &KindCatalog| {
            let live = Arc::clone(&catalog.live);
            async move {
                timeout(Duration::ZERO, live.next_that_went_back())
                    .await
                    .ok()
            }
        };
        listed(&mut catalog, 5);
        catalog.forget_version();
        listed(&mut catalog, 5);
        catalog.is_absent();
        listed(&mut catalog, 9);
        assert_eq!(went_back(&catalog).await, None);
        hear(&mut catalog, "BOOKMARK", &object("", "12"));
        hear(&mut catalog, "ADDED", &object("a", "11"));
        catalog.forget_version();
        listed(&mut catalog, 11);
        assert_eq!(went_back(&catalog).await, Some(catalog.kind));
        assert_eq!(went_back(&catalog).await, None);
        listed(&mut catalog, 12);
        assert_eq!(went_back(&catalog).await, None);
    }

    #[test]
    fn a_broken_object_takes_the_version_on_too_and_can_be_deleted() {
        let mut catalog = catalog();
        hear(&mut catalog, "ADDED", &object("a", "5"));
        let mut broken = object("a", "6");
        broken["spec"] = json!({"url": 7});
        assert_eq!(hear(&mut catalog, "MODIFIED", &broken), None);
        assert_eq!(known(&catalog), names(&["a"], "6"));
        assert_eq!(catalog.live.read().broken().count(), 1);
        broken["metadata"]["resourceVersion"] = json!("7");
        assert_eq!(hear(&mut catalog, "DELETED", &broken), None);
        assert_eq!(known(&catalog), names(&[], "7"));
        assert_eq!(catalog.live.read().broken().count(), 0);
    }

    #[test]
    fn what_is_no_event_ends_the_watch() {
        let mut catalog = catalog();
        let unreadable = || Some(End::Incomplete("a line cannot be read"));
        assert_eq!(catalog.hear(b"<html>"), unreadable());
        assert_eq!(hear(&mut catalog, "OTHER", &object("a", "1")), unreadable());
        assert_eq!(hear(&mut catalog, "BOOKMARK", &json!({})), unreadable());
        assert_eq!(
            hear(&mut catalog, "DELETED", &object("", "1")),
            unreadable()
        );
        let status = json!({"kind": "Status", "code": 410});
        let expired = Some(End::Incomplete("its version is forgotten"));
        assert_eq!(hear(&mut catalog, "ERROR", &status), expired);
        let Some(End::Failed(failure)) =
            hear(&mut catalog, "ERROR", &json!({"code": 500, "message": "x"}))
        else {
            panic!("it is a failure");
        };
        assert_eq!(failure.cause, Cause::Failing);
    }

    #[test]
    fn a_list_shares_what_is_known_already() {
        let mut catalog = catalog();
        hear(&mut catalog, "ADDED", &object("a", "5"));
        let mut listing = catalog.listing();
        for object in [object("a", "5"), object("b", "6")] {
            catalog.take(Piece::Whole(object.to_string().as_bytes()), &mut listing);
        }
        catalog.take(Piece::TooLong, &mut listing);
        assert_eq!((listing.items.len(), listing.broken.len()), (2, 1));
        let before = catalog.live.read().item(&listing.items[0].key).cloned();
        assert!(Arc::ptr_eq(&listing.items[0], &before.unwrap()));
        catalog.replace(listing, ResourceVersion::Number(3));
        assert_eq!(known(&catalog), names(&["a", "b"], "3"));
    }
}

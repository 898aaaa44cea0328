//! What is known of one cluster, with its index by repository.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use crate::flux::RepositoryIdentity;

use super::by_key::{ByKey, Users};
use super::change::Change;
use super::item::{Item, ItemKey};
use super::kind::Kind;
use super::project::Broken;
use super::scope::ScopeState;
use super::version::ResourceVersion;

/// The items of one cluster.
///
/// An object that cannot be read any more stays as it was last known and is told by
/// [`Cache::broken`].
#[derive(Debug, Default)]
pub struct Cache {
    items: HashSet<ByKey>,
    by_repository: HashMap<Arc<RepositoryIdentity>, HashSet<ByKey>>,
    /// Those that name workflows; few do.
    with_workflows: HashSet<ByKey>,
    users: Users,
    broken: BTreeMap<ItemKey, Broken>,
    scopes: BTreeMap<Kind, ScopeState>,
}

/// What a watch tells.
#[derive(Debug)]
pub enum Event {
    /// Added or modified, which a watch does not reliably tell apart.
    Applied(Arc<Item>),
    /// With the version at which it was deleted.
    Deleted {
        key: ItemKey,
        version: ResourceVersion,
    },
    Broken(Broken),
}

/// A complete list of one kind in one cluster.
#[derive(Debug)]
pub struct Listing {
    pub kind: Kind,
    /// What is known already may be the very same, so that a list takes little memory of its own.
    pub items: Vec<Arc<Item>>,
    pub broken: Vec<Broken>,
}

impl Cache {
    /// Takes in what a watch tells. No change: it is older than what is known, or nothing that is
    /// kept of the object is another. Two: an object was made anew under the name of a deleted one.
    pub fn apply(&mut self, event: Event) -> Vec<Change> {
        match event {
            Event::Applied(item) => {
                let is_late = |known: &Arc<Item>| item.version.is_before(&known.version);
                if self.item(&item.key).is_some_and(is_late) {
                    return Vec::new();
                }
                self.put(item)
            }
            Event::Deleted { key, version } => {
                let is_late = |known: &Arc<Item>| version.is_before(&known.version);
                if self.item(&key).is_some_and(is_late) {
                    return Vec::new();
                }
                self.broken.remove(&key);
                self.remove(&key).map(Change::Deleted).into_iter().collect()
            }
            Event::Broken(broken) => {
                if let Some(key) = broken.key.clone() {
                    self.broken.insert(key, broken);
                }
                Vec::new()
            }
        }
    }

    /// Takes a complete list in the place of all that was known of its kind, whatever the versions:
    /// a store that was restored from a backup counts from an earlier number.
    ///
    /// An object in it that cannot be read is not gone; with one whose name cannot be read, none is.
    pub fn replace(&mut self, listing: Listing, now: SystemTime) -> Vec<Change> {
        let Listing {
            kind,
            items,
            broken,
        } = listing;
        let is_complete = broken.iter().all(|broken| broken.key.is_some());
        let mut here: BTreeSet<ItemKey> = BTreeSet::new();
        self.broken.retain(|key, _| key.kind != kind);
        for broken in broken {
            if let Some(key) = broken.key.clone() {
                here.insert(key.clone());
                self.broken.insert(key, broken);
            }
        }
        let mut changes = Vec::new();
        for item in items {
            here.insert(item.key.clone());
            changes.extend(self.put(item));
        }
        let is_gone = |key: &ItemKey| is_complete && key.kind == kind && !here.contains(key);
        let keys = self.items().map(|item| &item.key);
        let gone: Vec<ItemKey> = keys.filter(|key| is_gone(key)).cloned().collect();
        let gone = gone.iter().filter_map(|key| self.remove(key));
        let mut gone: Vec<_> = gone.map(Change::Deleted).collect();
        gone.sort_by(|a, b| a.item().key.cmp(&b.item().key));
        changes.extend(gone);
        self.scopes
            .insert(kind, ScopeState::Current { listed_at: now });
        changes
    }

    /// The cluster was asked and has no such kind: whatever was known of it is gone.
    pub fn is_absent(&mut self, kind: Kind, now: SystemTime) -> Vec<Change> {
        let nothing = Listing {
            kind,
            items: Vec::new(),
            broken: Vec::new(),
        };
        let before = self.scope(kind);
        let changes = self.replace(nothing, now);
        let absent = match before {
            ScopeState::Absent { since } => ScopeState::Absent { since },
            _ => ScopeState::Absent { since: now },
        };
        self.scopes.insert(kind, absent);
        changes
    }

    /// The watch over a kind was lost.
    pub fn lost(&mut self, kind: Kind, now: SystemTime) {
        let state = self.scope(kind).lost(now);
        self.scopes.insert(kind, state);
    }

    /// The cluster lets us not see a kind.
    pub fn is_forbidden(&mut self, kind: Kind, now: SystemTime) {
        let state = self.scope(kind).forbidden(now);
        self.scopes.insert(kind, state);
    }

    /// The watch over a kind goes on from where it ended.
    pub fn resumed(&mut self, kind: Kind) {
        let state = self.scope(kind).resumed();
        self.scopes.insert(kind, state);
    }

    pub fn scope(&self, kind: Kind) -> ScopeState {
        self.scopes.get(&kind).copied().unwrap_or_default()
    }

    pub fn item(&self, key: &ItemKey) -> Option<&Arc<Item>> {
        self.items.get(key).map(|item| &item.0)
    }

    /// All items, in no particular order.
    pub fn items(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.items.iter().map(|item| &item.0)
    }

    /// What fetches from a repository, of whatever kind and ref, in no particular order.
    pub fn of_repository(&self, identity: &RepositoryIdentity) -> impl Iterator<Item = &Arc<Item>> {
        let items = self.by_repository.get(identity).into_iter().flatten();
        items.map(|item| &item.0)
    }

    /// What names workflows that wake it, in no particular order.
    pub fn with_workflows(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.with_workflows.iter().map(|item| &item.0)
    }

    /// What is made from an object, in the order of their keys.
    pub fn users_of<'s>(&'s self, source: &'s ItemKey) -> impl Iterator<Item = &'s Arc<Item>> {
        self.users.of(source)
    }

    /// Objects that could not be read when they were last told of.
    pub fn broken(&self) -> impl Iterator<Item = &Broken> {
        self.broken.values()
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// One change, none, or two: an object that was made anew under its name was deleted first.
    fn put(&mut self, item: Arc<Item>) -> Vec<Change> {
        self.broken.remove(&item.key);
        let old = self.remove(&item.key);
        self.add(&item);
        match old {
            None => vec![Change::Added(item)],
            Some(old) if old.uid != item.uid => vec![Change::Deleted(old), Change::Added(item)],
            Some(old) => {
                let fields = old.differences(&item);
                let is_other = !fields.is_empty();
                let change = is_other.then_some(Change::Updated { item, fields });
                change.into_iter().collect()
            }
        }
    }

    fn add(&mut self, item: &Arc<Item>) {
        if let Some(identity) = &item.repository {
            let items = self.by_repository.entry(Arc::clone(identity));
            items.or_default().insert(ByKey(Arc::clone(item)));
        }
        if item.workflows.is_some() {
            self.with_workflows.insert(ByKey(Arc::clone(item)));
        }
        self.users.add(item);
        self.items.insert(ByKey(Arc::clone(item)));
    }

    fn remove(&mut self, key: &ItemKey) -> Option<Arc<Item>> {
        let ByKey(item) = self.items.take(key)?;
        if let Some(identity) = &item.repository
            && let Some(items) = self.by_repository.get_mut(identity)
        {
            items.remove(key);
            if items.is_empty() {
                self.by_repository.remove(identity);
            }
        }
        self.with_workflows.remove(key);
        self.users.remove(&item);
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::catalog::{HostNames, Projector};
    use crate::flux::RepositoryUrl;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// A GitRepository of `github.com/acme/<repository>`, with a uid of its own name.
    fn source(name: &str, repository: &str, version: u64) -> Item {
        made(name, name, repository, version)
    }

    fn made(name: &str, uid: &str, repository: &str, version: u64) -> Item {
        let object = json!({
            "metadata": {"name": name, "namespace": "apps", "uid": uid, "resourceVersion": version.to_string()},
            "spec": {"url": format!("https://github.com/acme/{repository}")},
        });
        let mut projector = Projector::new("c".into(), Arc::new(HostNames::of([])));
        let json = object.to_string();
        projector
            .project(Kind::GitRepository, json.as_bytes())
            .unwrap()
    }

    fn key(name: &str) -> ItemKey {
        source(name, "x", 1).key
    }

    fn broken(name: Option<&str>) -> Broken {
        Broken {
            cluster: "c".into(),
            kind: Kind::GitRepository,
            key: name.map(key),
            reason: "it is broken".to_owned(),
        }
    }

    fn listing(items: Vec<Item>) -> Listing {
        Listing {
            kind: Kind::GitRepository,
            items: items.into_iter().map(Arc::new).collect(),
            broken: Vec::new(),
        }
    }

    fn applied(cache: &mut Cache, item: Item) -> Vec<String> {
        shown(&cache.apply(Event::Applied(Arc::new(item))))
    }

    fn deleted(cache: &mut Cache, name: &str, version: u64) -> Vec<String> {
        shown(&cache.apply(Event::Deleted {
            key: key(name),
            version: ResourceVersion::Number(version),
        }))
    }

    fn shown(changes: &[Change]) -> Vec<String> {
        let shown = changes.iter().map(|change| match change {
            Change::Added(item) => format!("+{}", item.key.name),
            Change::Updated { item, fields } => format!("{} {}", item.key.name, fields.join(",")),
            Change::Deleted(item) => format!("-{}", item.key.name),
        });
        shown.collect()
    }

    fn found(cache: &Cache, repository: &str) -> Vec<String> {
        let url = format!("git@github.com:Acme/{repository}.git");
        let identity = RepositoryUrl::read(&url).unwrap().identity(|_| None);
        let items = cache.of_repository(&identity);
        let mut names: Vec<_> = items.map(|item| item.key.name.to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_change_names_the_fields_that_are_others() {
        let mut cache = Cache::default();
        assert_eq!(applied(&mut cache, source("a", "web", 1)), ["+a"]);
        assert_eq!(applied(&mut cache, source("a", "web", 2)), [""; 0]);
        assert_eq!(
            applied(&mut cache, source("a", "shop", 3)),
            ["a url,repository"]
        );
        assert_eq!(deleted(&mut cache, "a", 4), ["-a"]);
        assert_eq!(deleted(&mut cache, "a", 4), [""; 0]);
        assert!(cache.is_empty());
    }

    #[test]
    fn what_is_older_than_what_is_known_is_passed_over() {
        let mut cache = Cache::default();
        applied(&mut cache, source("a", "web", 10));
        assert_eq!(applied(&mut cache, source("a", "shop", 9)), [""; 0]);
        assert_eq!(deleted(&mut cache, "a", 9), [""; 0]);
        assert_eq!(found(&cache, "web"), ["a"]);
        assert_eq!(
            applied(&mut cache, source("a", "shop", 10)),
            ["a url,repository"]
        );
    }

    #[test]
    fn an_object_made_anew_under_its_name_was_deleted_first() {
        let mut cache = Cache::default();
        applied(&mut cache, made("a", "1", "web", 1));
        assert_eq!(applied(&mut cache, made("a", "2", "web", 2)), ["-a", "+a"]);
        assert_eq!(found(&cache, "web"), ["a"]);
    }

    #[test]
    fn the_index_follows_items_from_repository_to_repository() {
        let mut cache = Cache::default();
        for item in [
            source("a", "web", 1),
            source("b", "web", 1),
            source("c", "shop", 1),
        ] {
            applied(&mut cache, item);
        }
        assert_eq!(found(&cache, "web"), ["a", "b"]);
        applied(&mut cache, source("a", "shop", 2));
        deleted(&mut cache, "c", 2);
        assert_eq!(
            (found(&cache, "web"), found(&cache, "shop")),
            (vec!["b".into()], vec!["a".into()])
        );
        deleted(&mut cache, "b", 3);
        assert_eq!(cache.by_repository.len(), 1);
    }

    #[test]
    fn what_is_made_from_an_object_is_found_until_it_is_made_from_another_or_gone() {
        let user = |name: &str, kind: Kind, from: &str| {
            let spec =
                json!({"sourceRef": {"kind": "GitRepository", "name": from, "namespace": "apps"}});
            let object = json!({"metadata": {"name": name, "namespace": "x"}, "spec": spec});
            let mut projector = Projector::new("c".into(), Arc::new(HostNames::of([])));
            projector
                .project(kind, object.to_string().as_bytes())
                .unwrap()
        };
        let mut cache = Cache::default();
        for item in [
            user("b", Kind::Kustomization, "web"),
            user("a", Kind::Kustomization, "web"),
            user("c", Kind::HelmChart, "web"),
            user("a", Kind::HelmRelease, "webs"),
            user("d", Kind::Kustomization, "we"),
        ] {
            applied(&mut cache, item);
        }
        let users = |cache: &Cache, source: &str| {
            let source = key(source);
            let users = cache.users_of(&source);
            users.map(|item| item.key.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            users(&cache, "web"),
            ["HelmChart x/c", "Kustomization x/a", "Kustomization x/b"]
        );
        applied(&mut cache, user("a", Kind::Kustomization, "we"));
        assert_eq!(
            users(&cache, "we"),
            ["Kustomization x/a", "Kustomization x/d"]
        );
        let listing = Listing {
            kind: Kind::Kustomization,
            items: Vec::new(),
            broken: Vec::new(),
        };
        cache.replace(listing, at(1));
        assert_eq!(users(&cache, "web"), ["HelmChart x/c"]);
        assert_eq!(users(&cache, "we"), [""; 0]);
    }

    #[test]
    fn a_list_tells_how_it_differs_and_what_is_gone_whatever_the_versions() {
        let mut cache = Cache::default();
        let first = vec![
            source("a", "web", 100),
            source("b", "web", 100),
            source("c", "web", 100),
        ];
        let changes = cache.replace(listing(first), at(1));
        assert_eq!(shown(&changes), ["+a", "+b", "+c"]);
        let second = vec![
            source("a", "web", 5),
            source("b", "shop", 6),
            source("d", "web", 7),
        ];
        let changes = cache.replace(listing(second), at(2));
        assert_eq!(shown(&changes), ["b url,repository", "+d", "-c"]);
        assert_eq!(
            cache.item(&key("a")).unwrap().version,
            ResourceVersion::Number(5)
        );
        let other = Listing {
            kind: Kind::Bucket,
            items: Vec::new(),
            broken: Vec::new(),
        };
        assert_eq!(cache.replace(other, at(3)), []);
        assert_eq!(cache.len(), 3);
    }

    #[test]
    fn a_broken_object_is_kept_as_it_was_until_it_can_be_read_or_is_gone() {
        let mut cache = Cache::default();
        applied(&mut cache, source("a", "web", 1));
        cache.apply(Event::Broken(broken(Some("a"))));
        assert_eq!(
            (found(&cache, "web"), cache.broken().count()),
            (vec!["a".into()], 1)
        );
        let list = Listing {
            broken: vec![broken(Some("a"))],
            ..listing(Vec::new())
        };
        assert_eq!(cache.replace(list, at(1)), []);
        assert_eq!((cache.len(), cache.broken().count()), (1, 1));
        applied(&mut cache, source("a", "web", 2));
        assert_eq!(cache.broken().count(), 0);
        cache.apply(Event::Broken(broken(Some("a"))));
        assert_eq!(shown(&cache.replace(listing(Vec::new()), at(2))), ["-a"]);
        assert_eq!(cache.broken().count(), 0);
    }

    #[test]
    fn a_list_with_an_object_without_name_takes_none_away() {
        let mut cache = Cache::default();
        applied(&mut cache, source("a", "web", 1));
        let list = Listing {
            broken: vec![broken(None)],
            ..listing(Vec::new())
        };
        assert_eq!(cache.replace(list, at(1)), []);
    }

    #[test]
    fn a_scope_is_current_from_its_list_until_its_watch_is_lost() {
        let mut cache = Cache::default();
        let kind = Kind::GitRepository;
        cache.lost(kind, at(0));
        assert_eq!(cache.scope(kind), ScopeState::NeverListed);
        assert!(!cache.scope(kind).is_known());
        cache.replace(listing(vec![source("a", "web", 1)]), at(1));
        assert_eq!(cache.scope(kind), ScopeState::Current { listed_at: at(1) });
        let stale = ScopeState::Stale {
            is_forbidden: false,
            listed_at: at(1),
            since: at(2),
        };
        cache.lost(kind, at(2));
        cache.lost(kind, at(3));
        assert_eq!(cache.scope(kind), stale);
        assert!(stale.is_known());
        cache.resumed(kind);
        assert_eq!(cache.scope(kind), ScopeState::Current { listed_at: at(1) });
        assert_eq!(cache.scope(Kind::Bucket), ScopeState::NeverListed);
    }

    #[test]
    fn of_a_kind_that_a_cluster_lacks_nothing_is_left() {
        let mut cache = Cache::default();
        applied(&mut cache, source("a", "web", 1));
        let kind = Kind::GitRepository;
        assert_eq!(shown(&cache.is_absent(kind, at(1))), ["-a"]);
        assert_eq!(cache.is_absent(kind, at(2)), []);
        assert_eq!(cache.scope(kind), ScopeState::Absent { since: at(1) });
    }
}

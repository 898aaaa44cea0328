//! What runs where: how each object of a cluster stands, and where a commit has come.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Cache, Item, ItemKey, Kind};
use crate::delivery::CommitName;

use super::proof::users;

/// An object as its cluster has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub item: Arc<Item>,
    /// What a source has fetched, what another has applied.
    pub revision: Option<Arc<str>>,
    /// Since when; `None` where nobody says.
    pub since: Option<Timestamp>,
    pub health: Health,
    /// What it is made from last of all: a GitRepository, an OCIRepository and the like.
    pub origin: Option<Arc<Item>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    Ready,
    /// Its controller is at work, or has not come to it yet.
    Working,
    Failed,
}

/// How an object stands to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// It has nothing at all.
    Nothing,
    /// It has another, and nobody says which of the two is the older one.
    Another,
    /// Its source has it.
    Fetched,
    /// It has applied it.
    Runs,
}

impl Standing {
    pub fn of(item: &Arc<Item>, cluster: &Cache) -> Self {
        let origin = origin(item, cluster);
        let revision = if item.key.kind.is_source() {
            item.artifact.clone()
        } else {
            item.applied.clone()
        };
        // A Kustomization does not say when it came to its revision; its source says when that was there.
        let since = item.revision_at.or_else(|| {
            let source = origin.as_ref()?;
            let is_same = source.artifact.is_some() && source.artifact == revision;
            source.revision_at.filter(|_| is_same)
        });
        let health = match (item.is_ready() && !item.reconciling, item.failure()) {
            (true, _) => Health::Ready,
            (false, Some(_)) => Health::Failed,
            (false, None) => Health::Working,
        };
        Self {
            item: Arc::clone(item),
            revision,
            since,
            health,
            origin,
        }
    }

    /// How it stands to a commit.
    pub fn place(&self, commit: &CommitName, cluster: &Cache) -> Place {
        let has = |revision: Option<&Arc<str>>| revision.is_some_and(|it| commit.is_in(it));
        let item = &self.item;
        let chart = item.source_key();
        let chart = chart.and_then(|key| cluster.item(&key));
        let chart = chart.filter(|chart| chart.key.kind == Kind::HelmChart);
        let runs = match chart {
            // A chart has a version of its own, and says from which revision it was built.
            Some(chart) => {
                // It names a revision before it is built from it.
                has(chart.attempted.as_ref())
                    && chart.is_ready()
                    && chart.artifact.is_some()
                    && chart.artifact == item.applied
            }
            None => has(item.applied.as_ref()),
        };
        let origin = self.origin.as_ref().unwrap_or(item);
        if runs {
            Place::Runs
        } else if has(origin.artifact.as_ref()) {
            Place::Fetched
        } else if self.revision.is_some() {
            Place::Another
        } else {
            Place::Nothing
        }
    }
}

/// What fetches what an object is made from: itself, where it does.
fn origin(item: &Arc<Item>, cluster: &Cache) -> Option<Arc<Item>> {
    let mut at = item;
    // No chain is longer: release, chart, repository.
    for _ in 0..3 {
        if at.key.kind.is_source() && at.key.kind != Kind::HelmChart {
            return Some(Arc::clone(at));
        }
        at = cluster.item(&at.source.as_ref()?.key()?)?;
    }
    None
}

/// What was found, and all that is made from it; each once, in the order of their keys.
pub fn with_users(found: &[Arc<Item>], cluster: &Cache) -> Vec<Arc<Item>> {
    let mut all: BTreeMap<ItemKey, Arc<Item>> = BTreeMap::new();
    for item in found {
        all.insert(item.key.clone(), Arc::clone(item));
        if item.key.kind.is_source() {
            let users = users(cluster, &item.key).into_iter();
            all.extend(users.map(|user| (user.item.key.clone(), user.item)));
        }
    }
    all.into_values().collect()
}

/// What a group of objects comes to: those that apply something count, where there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Together {
    pub place: Place,
    pub run: usize,
    pub of: usize,
}

impl Together {
    /// `places` are those of the objects, each with whether it applies something.
    pub fn of(places: &[(Place, bool)]) -> Self {
        let applying: Vec<Place> = places
            .iter()
            .filter(|(_, applies)| *applies)
            .map(|(place, _)| *place)
            .collect();
        let run = applying.iter().filter(|place| **place == Place::Runs);
        let run = run.count();
        let best = places.iter().map(|(place, _)| *place).max();
        Self {
            place: best.unwrap_or(Place::Nothing),
            run,
            of: applying.len(),
        }
    }

    /// Whether it runs wherever something is applied.
    pub fn runs(&self) -> bool {
        self.of > 0 && self.run == self.of
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::reconcile::by_hand::scene::Scene;

    use super::*;

    fn revision(letter: &str) -> String {
        format!("main@sha1:{}", letter.repeat(40))
    }

    fn object(kind: &str, name: &str, spec: Value, status: Value) -> Value {
        json!({"kind": kind, "metadata": {"name": name, "namespace": "apps"}, "spec": spec, "status": status})
    }

    fn git(letter: &str) -> Value {
        let spec = json!({"url": "https://github.com/acme/web"});
        let artifact =
            json!({"revision": revision(letter), "lastUpdateTime": "2026-01-02T03:04:05Z"});
        object("GitRepository", "web", spec, json!({"artifact": artifact}))
    }

    fn kustomization(status: Value) -> Value {
        let source = json!({"kind": "GitRepository", "name": "web"});
        object("Kustomization", "web", json!({"sourceRef": source}), status)
    }

    fn standing(scene: &Scene, kind: Kind, name: &str) -> Standing {
        let mut items = scene.cluster.items();
        let item = items.find(|item| item.key.kind == kind && &*item.key.name == name);
        Standing::of(item.unwrap(), &scene.cluster)
    }

    #[test]
    fn a_kustomization_has_its_revision_since_its_source_has_it() {
        let applied = |letter| json!({"lastAppliedRevision": revision(letter)});
        let scene = Scene::new([git("a"), kustomization(applied("a"))]);
        let at: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(standing(&scene, Kind::Kustomization, "web").since, Some(at));
        let scene = Scene::new([git("b"), kustomization(applied("a"))]);
        let behind = standing(&scene, Kind::Kustomization, "web");
        assert_eq!(
            (behind.revision.as_deref(), behind.since),
            (Some(&*revision("a")), None)
        );
        let bare = Scene::new([kustomization(json!({}))]);
        assert_eq!(standing(&bare, Kind::Kustomization, "web").since, None);
    }

    #[test]
    fn what_is_at_work_is_neither_ready_nor_failed() {
        let health = |conditions: Value| {
            let scene = Scene::new([kustomization(json!({"conditions": conditions}))]);
            standing(&scene, Kind::Kustomization, "web").health
        };
        let ready = json!({"type": "Ready", "status": "True"});
        let busy = json!({"type": "Reconciling", "status": "True"});
        assert_eq!(health(json!([ready])), Health::Ready);
        assert_eq!(health(json!([ready, busy])), Health::Working);
        assert_eq!(health(json!([])), Health::Working);
        let failed = json!({"type": "Ready", "status": "False"});
        assert_eq!(health(json!([failed, busy])), Health::Failed);
    }

    #[test]
    fn a_commit_runs_or_is_fetched_or_another_is_there_or_nothing() {
        let commit = CommitName::read("aaaaaaa").unwrap();
        let place = |source: &str, applied: Option<&str>| {
            let applied = applied.map(revision);
            let status = json!({"lastAppliedRevision": applied});
            let scene = Scene::new([git(source), kustomization(status)]);
            standing(&scene, Kind::Kustomization, "web").place(&commit, &scene.cluster)
        };
        assert_eq!(place("a", Some("a")), Place::Runs);
        assert_eq!(place("b", Some("a")), Place::Runs);
        assert_eq!(place("a", Some("b")), Place::Fetched);
        assert_eq!(place("b", Some("b")), Place::Another);
        assert_eq!(place("b", None), Place::Nothing);
        let scene = Scene::new([git("a")]);
        let source = standing(&scene, Kind::GitRepository, "web");
        assert_eq!(source.place(&commit, &scene.cluster), Place::Fetched);
    }

    #[test]
    fn a_release_runs_a_commit_where_its_chart_was_built_from_it_and_is_deployed() {
        let commit = CommitName::read("aaaaaaa").unwrap();
        let chart_is = |built: &str, deployed: &str, ready: &str| {
            let source = json!({"kind": "GitRepository", "name": "web"});
            let chart = json!({"observedSourceArtifactRevision": revision(built),
                "artifact": {"revision": "1.2.3"}, "conditions": [{"type": "Ready", "status": ready}]});
            let history = json!([{"chartVersion": deployed, "status": "deployed"}]);
            let release = json!({"helmChart": "apps/apps-web", "history": history});
            let scene = Scene::new([
                git("a"),
                object("HelmChart", "apps-web", json!({"sourceRef": source}), chart),
                object("HelmRelease", "web", json!({}), release),
            ]);
            standing(&scene, Kind::HelmRelease, "web").place(&commit, &scene.cluster)
        };
        let place = |built: &str, deployed: &str| chart_is(built, deployed, "True");
        assert_eq!(place("a", "1.2.3"), Place::Runs);
        assert_eq!(chart_is("a", "1.2.3", "False"), Place::Fetched);
        assert_eq!(place("a", "1.2.2"), Place::Fetched);
        assert_eq!(place("b", "1.2.3"), Place::Fetched);
    }

    #[test]
    fn a_group_runs_where_all_that_apply_something_do() {
        use Place::{Another, Fetched, Nothing, Runs};
        let together = |places: &[(Place, bool)]| {
            let together = Together::of(places);
            (together.place, together.run, together.of, together.runs())
        };
        let source = (Fetched, false);
        assert_eq!(together(&[source, (Runs, true)]), (Runs, 1, 1, true));
        assert_eq!(
            together(&[source, (Runs, true), (Another, true)]),
            (Runs, 1, 2, false)
        );
        assert_eq!(together(&[source]), (Fetched, 0, 0, false));
        assert_eq!(together(&[]), (Nothing, 0, 0, false));
    }
}

//! Which objects of one cluster are woken for what was named, and in which order.
//!
//! ```text
//! found ─┬─ sources ──────────────> woken first
//!        └─ what is made from them > woken after its source, and after what it depends on: where that is asked
//!                                    for, or it has failed
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::{Cache, Item, ItemKey, Kind};

use super::target::Target;

/// What is asked beside the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// What is made from the sources is woken as well.
    pub with_dependants: bool,
    /// The sources of a Kustomization or HelmRelease that is named are woken as well.
    pub with_sources: bool,
    /// HelmReleases are woken as well, for what they are asked beside concerns no other kind.
    pub with_releases: bool,
}

/// What becomes of the objects of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// Those that are annotated, each behind what it comes after.
    pub wakes: Vec<Wake>,
    /// Those that are not touched though they were asked for.
    pub left: Vec<Left>,
    /// Those that come to follow by themselves, as their sources are woken.
    pub follow: Vec<Arc<Item>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    pub item: Arc<Item>,
    pub why: Why,
    /// What it is made from and what it depends on, as far as that is woken as well.
    pub after: Vec<ItemKey>,
}

/// Of two reasons the earlier one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    Named,
    /// What was named is made from it.
    Source,
    /// It is made from what was named.
    Dependant,
    /// So is it, and it has failed: at the revision that it has, no source wakes it.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub item: Arc<Item>,
    pub why: WhyLeft,
}

/// Why an object is not touched, with how to have it touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhyLeft {
    #[error("it is suspended; resume it by taking `spec.suspend` away")]
    Suspended,
    #[error("it has opted out; take its annotation `flux-setup.dev/webhook` away")]
    OptedOut,
}

impl Round {
    /// Decides for the targets, each with what it names in this cluster.
    pub fn of(named: &[(&Target, Vec<Arc<Item>>)], cluster: &Cache, wanted: Wanted) -> Self {
        let mut chosen = Chosen::default();
        for (target, items) in named {
            let of_project = matches!(target, Target::Project { .. });
            let own: BTreeSet<&ItemKey> = items.iter().map(|item| &item.key).collect();
            let mut sources = Vec::new();
            for item in items {
                if item.key.kind.is_source() {
                    chosen.wake(item, Why::Named);
                    sources.push(Arc::clone(item));
                } else if of_project {
                    sources.extend(origins_of(item, cluster));
                } else {
                    chosen.wake(item, Why::Named);
                    if wanted.with_sources {
                        sources.extend(origins_of(item, cluster));
                    }
                }
            }
            for source in &sources {
                chosen.wake(source, Why::Source);
                below(cluster, &source.key, &mut |user| {
                    // Others may share the source of a project.
                    let is_meant =
                        !of_project || own.contains(&user.key) || user.key.kind.is_source();
                    if is_meant {
                        chosen.consider(user, wanted);
                    }
                    is_meant
                });
            }
        }
        chosen.ordered(cluster)
    }
}

#[derive(Default)]
struct Chosen {
    wakes: BTreeMap<ItemKey, (Arc<Item>, Why)>,
    follow: BTreeMap<ItemKey, Arc<Item>>,
}

impl Chosen {
    fn wake(&mut self, item: &Arc<Item>, why: Why) {
        let entry = self.wakes.entry(item.key.clone());
        let (_, known) = entry.or_insert_with(|| (Arc::clone(item), why));
        *known = why.min(*known);
    }

    /// What is made from something that is woken.
    fn consider(&mut self, item: &Arc<Item>, wanted: Wanted) {
        let is_asked =
            wanted.with_dependants || wanted.with_releases && item.key.kind == Kind::HelmRelease;
        if is_asked {
            self.wake(item, Why::Dependant);
        } else if item.failure().is_some() {
            self.wake(item, Why::Failed);
        } else {
            self.follow.insert(item.key.clone(), Arc::clone(item));
        }
    }

    fn ordered(self, cluster: &Cache) -> Round {
        let Self { wakes, follow } = self;
        let mut round = Round::default();
        let mut woken: BTreeMap<&ItemKey, (&Arc<Item>, Why)> = BTreeMap::new();
        for (item, why) in wakes.values() {
            if let Some(why) = why_left(item) {
                let item = Arc::clone(item);
                round.left.push(Left { item, why });
                continue;
            }
            woken.insert(&item.key, (item, *why));
        }
        let among: BTreeSet<ItemKey> = woken.keys().map(|key| (*key).clone()).collect();
        let wakes_of = woken.into_values().map(|(item, why)| Wake {
            item: Arc::clone(item),
            why,
            after: before(item, cluster, &among),
        });
        round.wakes = in_order(wakes_of.collect());
        let rest = follow
            .into_iter()
            .filter(|(key, _)| !wakes.contains_key(key));
        round.follow = rest.map(|(_, item)| item).collect();
        round
    }
}

/// Tells of all that is made from an object, and from that again where `tell` says so.
fn below(cluster: &Cache, key: &ItemKey, tell: &mut impl FnMut(&Arc<Item>) -> bool) {
    let mut keys = vec![key.clone()];
    let mut seen = BTreeSet::from([key.clone()]);
    while let Some(key) = keys.pop() {
        for user in cluster.users_of(&key) {
            if seen.insert(user.key.clone()) && tell(user) {
                keys.push(user.key.clone());
            }
        }
    }
}

/// What an object is made from, and what that is made from, as far as it is there.
fn sources_of(item: &Item, cluster: &Cache) -> Vec<Arc<Item>> {
    let mut found: Vec<Arc<Item>> = Vec::new();
    let mut above = item.source_key();
    while let Some(source) = above
        .and_then(|key| cluster.item(&key))
        .filter(|source| found.iter().all(|known| known.key != source.key))
    {
        found.push(Arc::clone(source));
        above = source.source_key();
    }
    found
}

/// Those of them that fetch from elsewhere: a HelmChart follows what it is made from by itself.
fn origins_of(item: &Item, cluster: &Cache) -> Vec<Arc<Item>> {
    let mut sources = sources_of(item, cluster);
    sources.retain(|source| source.key.kind != Kind::HelmChart);
    sources
}

/// What an object comes after of these: the nearest of the things that it is made from, and all that it depends on.
fn before(item: &Item, cluster: &Cache, among: &BTreeSet<ItemKey>) -> Vec<ItemKey> {
    let is_among = |key: &&ItemKey| among.contains(*key) && **key != item.key;
    let sources = sources_of(item, cluster);
    let source = sources.iter().map(|source| &source.key).find(is_among);
    let others = item.depends_on.iter().filter(is_among);
    source.into_iter().chain(others).cloned().collect()
}

/// Each behind all that it comes after, else in the order of their keys. Where they wait for each other in a circle,
/// the first of them waits for none that comes later.
fn in_order(mut left: Vec<Wake>) -> Vec<Wake> {
    let mut placed: BTreeSet<ItemKey> = BTreeSet::new();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |wake: &Wake| wake.after.iter().all(|key| placed.contains(key));
        let (mut free, rest): (Vec<Wake>, Vec<Wake>) = left.into_iter().partition(is_free);
        left = rest;
        if free.is_empty() {
            let mut first = left.remove(0);
            first.after.retain(|key| placed.contains(key));
            free.push(first);
        }
        placed.extend(free.iter().map(|wake| wake.item.key.clone()));
        order.extend(free);
    }
    order
}

fn why_left(item: &Item) -> Option<WhyLeft> {
    if item.suspended {
        return Some(WhyLeft::Suspended);
    }
    item.opted_out.then_some(WhyLeft::OptedOut)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::catalog::HostNames;
    use crate::reconcile::by_hand::scene::Scene;

    use super::*;

    /// Of the project `project` in production.
    fn object(kind: &str, name: &str, project: &str, spec: Value) -> Value {
        json!({"kind": kind, "spec": spec, "metadata": {"name": name, "namespace": "apps", "labels": {
            "flux-setup.dev/project": project, "flux-setup.dev/environment": "production"}}})
    }

    fn git(name: &str) -> Value {
        let spec =
            json!({"url": format!("https://github.com/acme/{name}"), "ref": {"branch": "main"}});
        object("GitRepository", name, name, spec)
    }

    fn kustomization(name: &str, project: &str, source: &str) -> Value {
        let source = json!({"kind": "GitRepository", "name": source});
        object("Kustomization", name, project, json!({"sourceRef": source}))
    }

    fn failed(mut object: Value) -> Value {
        object["status"] = json!({"conditions": [{"type": "Ready", "status": "False"}]});
        object
    }

    /// A GitRepository `web` with two Kustomizations, one of them another project's, and a HelmRelease by its chart.
    fn fleet() -> Vec<Value> {
        let mut release = object("HelmRelease", "shop", "web", json!({}));
        release["status"] = json!({"helmChart": "apps/apps-shop"});
        let source = json!({"kind": "GitRepository", "name": "web"});
        let mut chart = object("HelmChart", "apps-shop", "-", json!({"sourceRef": source}));
        chart["metadata"]["labels"] = json!(null);
        vec![
            git("web"),
            kustomization("web", "web", "web"),
            kustomization("docs", "docs", "web"),
            chart,
            release,
        ]
    }

    fn round(scene: &Scene, target: &str, wanted: Wanted) -> Round {
        let target = Target::read(target, &HostNames::of([])).unwrap();
        let found = target.find(&scene.cluster);
        Round::of(&[(&target, found)], &scene.cluster, wanted)
    }

    fn woken(round: &Round) -> Vec<String> {
        let shown = round.wakes.iter().map(|wake| {
            let after = wake.after.iter().map(|key| format!(" after {key}"));
            let after: String = after.collect();
            format!("{:?} {}{after}", wake.why, wake.item.key)
        });
        shown.collect()
    }

    fn following(round: &Round) -> Vec<String> {
        let shown = round.follow.iter().map(|item| item.key.to_string());
        shown.collect()
    }

    const NOTHING_MORE: Wanted = Wanted {
        with_dependants: false,
        with_sources: false,
        with_releases: false,
    };
    const DEPENDANTS: Wanted = Wanted {
        with_dependants: true,
        ..NOTHING_MORE
    };

    #[test]
    fn a_source_is_woken_alone_and_what_is_made_from_it_follows() {
        let scene = Scene::new(fleet());
        let round = round(&scene, "acme/web@main", NOTHING_MORE);
        assert_eq!(woken(&round), ["Named GitRepository apps/web"]);
        assert_eq!(
            following(&round),
            [
                "HelmChart apps/apps-shop",
                "Kustomization apps/docs",
                "Kustomization apps/web",
                "HelmRelease apps/shop"
            ]
        );
    }

    #[test]
    fn with_dependants_each_is_woken_after_what_it_is_made_from() {
        let scene = Scene::new(fleet());
        let round = round(&scene, "gitrepo/apps/web", DEPENDANTS);
        assert_eq!(
            woken(&round),
            [
                "Named GitRepository apps/web",
                "Dependant HelmChart apps/apps-shop after GitRepository apps/web",
                "Dependant Kustomization apps/docs after GitRepository apps/web",
                "Dependant Kustomization apps/web after GitRepository apps/web",
                "Dependant HelmRelease apps/shop after HelmChart apps/apps-shop",
            ]
        );
        assert_eq!(following(&round), [""; 0]);
    }

    #[test]
    fn a_project_that_shares_its_source_does_not_wake_what_others_make_from_it() {
        let scene = Scene::new(fleet());
        let alone = round(&scene, "docs/production", NOTHING_MORE);
        assert_eq!(woken(&alone), ["Source GitRepository apps/web"]);
        assert_eq!(
            following(&alone),
            ["HelmChart apps/apps-shop", "Kustomization apps/docs"]
        );
        let round = round(&scene, "docs/production", DEPENDANTS);
        assert_eq!(
            woken(&round)[2..],
            ["Dependant Kustomization apps/docs after GitRepository apps/web"]
        );
        assert_eq!(round.wakes.len(), 3);
    }

    #[test]
    fn what_has_failed_is_woken_as_its_source_would_not_wake_it_at_the_same_revision() {
        let mut scene = Scene::new(fleet());
        scene.put(failed(kustomization("web", "web", "web")));
        let round = round(&scene, "web/production", NOTHING_MORE);
        assert_eq!(
            woken(&round),
            [
                "Named GitRepository apps/web",
                "Failed Kustomization apps/web after GitRepository apps/web"
            ]
        );
    }

    #[test]
    fn a_kustomization_that_is_named_is_woken_alone_unless_its_source_is_wanted() {
        let scene = Scene::new(fleet());
        let alone = round(&scene, "ks/apps/web", NOTHING_MORE);
        assert_eq!(woken(&alone), ["Named Kustomization apps/web"]);
        assert_eq!(following(&alone), [""; 0]);
        let wanted = Wanted {
            with_sources: true,
            ..NOTHING_MORE
        };
        let release = round(&scene, "hr/apps/shop", wanted);
        assert_eq!(
            woken(&release),
            [
                "Source GitRepository apps/web",
                "Named HelmRelease apps/shop after GitRepository apps/web",
            ]
        );
    }

    #[test]
    fn releases_are_woken_where_something_is_asked_that_concerns_them_alone() {
        let scene = Scene::new(fleet());
        let wanted = Wanted {
            with_releases: true,
            ..NOTHING_MORE
        };
        let round = round(&scene, "web/production", wanted);
        assert_eq!(
            woken(&round),
            [
                "Named GitRepository apps/web",
                "Dependant HelmRelease apps/shop after GitRepository apps/web"
            ]
        );
    }

    #[test]
    fn what_is_suspended_or_opted_out_is_left_and_says_how_to_have_it_woken() {
        let mut scene = Scene::new(fleet());
        let mut asleep = git("web");
        asleep["spec"]["suspend"] = json!(true);
        scene.put(asleep);
        let mut out = kustomization("web", "web", "web");
        out["metadata"]["annotations"] = json!({"flux-setup.dev/webhook": "disabled"});
        scene.put(out);
        let round = round(&scene, "web/production", DEPENDANTS);
        let left: Vec<String> = round
            .left
            .iter()
            .map(|left| format!("{}: {}", left.item.key, left.why))
            .collect();
        assert_eq!(
            left,
            [
                "GitRepository apps/web: it is suspended; resume it by taking `spec.suspend` away",
                "Kustomization apps/web: it has opted out; take its annotation `flux-setup.dev/webhook` away",
            ]
        );
        assert_eq!(
            woken(&round),
            [
                "Dependant HelmChart apps/apps-shop",
                "Dependant HelmRelease apps/shop after HelmChart apps/apps-shop"
            ]
        );
    }

    #[test]
    fn of_several_targets_each_object_is_woken_once_for_the_best_reason() {
        let scene = Scene::new(fleet());
        let targets = [
            "web/production",
            "git/apps/web",
            "ks/apps/web",
            "ks/apps/docs",
        ];
        let targets = targets.map(|text| Target::read(text, &HostNames::of([])).unwrap());
        let named: Vec<_> = targets
            .iter()
            .map(|target| (target, target.find(&scene.cluster)))
            .collect();
        let round = Round::of(&named, &scene.cluster, NOTHING_MORE);
        assert_eq!(
            woken(&round),
            [
                "Named GitRepository apps/web",
                "Named Kustomization apps/docs after GitRepository apps/web",
                "Named Kustomization apps/web after GitRepository apps/web",
            ]
        );
    }

    #[test]
    fn objects_that_are_made_from_each_other_end_nothing() {
        let charts = [("a", "b"), ("b", "a")].map(|(name, source)| {
            let source = json!({"kind": "HelmChart", "name": source});
            object("HelmChart", name, "x", json!({"sourceRef": source}))
        });
        let scene = Scene::new(charts);
        let round = round(&scene, "x/production", DEPENDANTS);
        assert_eq!(
            woken(&round),
            [
                "Named HelmChart apps/a",
                "Named HelmChart apps/b after HelmChart apps/a"
            ]
        );
    }

    #[test]
    fn with_dependants_each_is_woken_after_what_it_depends_on() {
        let depending = |name: &str, on: &str| {
            let mut object = kustomization(name, "web", "web");
            object["spec"]["dependsOn"] = json!([{"name": on}, {"name": "elsewhere"}]);
            object
        };
        let scene = Scene::new([
            git("web"),
            depending("a", "b"),
            depending("b", "c"),
            kustomization("c", "web", "web"),
            depending("x", "y"),
            depending("y", "x"),
        ]);
        let round = round(&scene, "web/production", DEPENDANTS);
        let source = "after GitRepository apps/web";
        assert_eq!(
            woken(&round),
            [
                "Named GitRepository apps/web".to_owned(),
                format!("Dependant Kustomization apps/c {source}"),
                format!("Dependant Kustomization apps/b {source} after Kustomization apps/c"),
                format!("Dependant Kustomization apps/a {source} after Kustomization apps/b"),
                format!("Dependant Kustomization apps/x {source}"),
                format!("Dependant Kustomization apps/y {source} after Kustomization apps/x"),
            ]
        );
    }
}

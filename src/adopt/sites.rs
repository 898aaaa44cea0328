//! Finds out where each object is: in which environment, and in which cluster.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::environments::{Class, Hints, Spelling};
use super::found::Found;
use super::names::unused;
use super::unit::Unit;

/// An environment, and a cluster where it has any: numbers of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Site {
    pub(super) environment: usize,
    pub(super) cluster: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Environment {
    pub(super) name: String,
    /// In order of their names.
    pub(super) clusters: Vec<usize>,
}

/// What the name of an environment is that no word names.
const NAMELESS: &str = "fleet";

/// The name of the cluster of what names none, where others do and share environments.
const UNNAMED_CLUSTER: &str = "unnamed";

/// Environments, clusters, the place of each object and its class.
type Places = (
    Vec<Environment>,
    Vec<Arc<str>>,
    Vec<Site>,
    Vec<Option<Class>>,
);

/// The class of each object: of a Kustomization that of its source, of a source that says none that of
/// all its Kustomizations.
fn classes_by(
    found: &[Found],
    source_of: &[Option<usize>],
    class: impl Fn(&Hints<'_>) -> Option<Class>,
) -> Vec<Option<Class>> {
    let classes = found.iter().map(|one| class(&hints(one)));
    let mut classes: Vec<Option<Class>> = classes.collect();
    let mut of_users: HashMap<usize, BTreeSet<&Option<Class>>> = HashMap::new();
    for (index, source) in source_of.iter().enumerate() {
        if let Some(source) = source {
            of_users.entry(*source).or_default().insert(&classes[index]);
        }
    }
    let agreed: Vec<(usize, Option<Class>)> = of_users
        .iter()
        .filter(|(source, classes_of)| classes[**source].is_none() && classes_of.len() == 1)
        .filter_map(|(source, classes_of)| Some((*source, (*classes_of.first()?).clone())))
        .collect();
    for (source, class) in agreed {
        classes[source] = class;
    }
    for (index, source) in source_of.iter().enumerate() {
        if let Some(source) = source {
            classes[index] = classes[*source].clone();
        }
    }
    classes
}

/// Whether one repository is there in several classes.
fn tells_sources_apart(found: &[Found], classes: &[Option<Class>]) -> bool {
    let mut known: HashMap<&str, &Option<Class>> = HashMap::new();
    let mut sources = found
        .iter()
        .zip(classes)
        .filter(|(one, _)| !one.url.is_empty());
    sources.any(|(one, class)| *known.entry(&one.url).or_insert(class) != class)
}

/// Where each object is: a Kustomization where its source is.
pub(super) fn places(found: &[Found], source_of: &[Option<usize>]) -> Places {
    let mut spelling = Spelling::default();
    for one in found {
        spelling.hear(&hints(one));
    }
    let mut classes = classes_by(found, source_of, |hints| hints.class());
    if classes.contains(&None) && !tells_sources_apart(found, &classes) {
        classes = classes_by(found, source_of, |hints| hints.clear_class());
    }
    let known: BTreeSet<&Class> = classes.iter().flatten().collect();
    if let (Some(only), 1) = (known.first().map(|only| (*only).clone()), known.len()) {
        // what says nothing is of the one that there is, and of the same clusters
        let all = found.iter().zip(&classes);
        let there: HashSet<&Option<Arc<str>>> = all
            .filter(|(_, class)| class.is_some())
            .map(|(one, _)| &one.cluster)
            .collect();
        let is_there = found.iter().map(|one| there.contains(&one.cluster));
        let is_there: Vec<bool> = is_there.collect();
        for (class, _) in classes.iter_mut().zip(is_there).filter(|(_, there)| *there) {
            *class = Some(only.clone());
        }
    }
    let has_some = found.iter().any(|one| one.cluster.is_some());
    let mut names: BTreeSet<Arc<str>> =
        found.iter().filter_map(|one| one.cluster.clone()).collect();
    let has_all = found.iter().all(|one| one.cluster.is_some());
    if has_some && !has_all {
        names.insert(UNNAMED_CLUSTER.into());
    }
    let clusters: Vec<Arc<str>> = names.into_iter().collect();
    let number = |name: &str| clusters.iter().position(|one| &**one == name);
    let known: BTreeSet<&Option<Class>> = classes.iter().collect();
    let mut used = HashSet::new();
    let mut environments: Vec<Environment> = Vec::new();
    for class in &known {
        let name = match class {
            Some(class) => spelling.name(class),
            None => NAMELESS.to_owned(),
        };
        environments.push(Environment {
            name: unused(&mut used, vec![name]),
            clusters: Vec::new(),
        });
    }
    let mut sites = Vec::with_capacity(found.len());
    for (one, class) in found.iter().zip(&classes) {
        let environment = known
            .iter()
            .position(|known| *known == class)
            .unwrap_or_default();
        let name = one.cluster.as_deref().unwrap_or(UNNAMED_CLUSTER);
        let cluster = number(name).filter(|_| has_some);
        environments[environment].clusters.extend(cluster);
        sites.push(Site {
            environment,
            cluster,
        });
    }
    for environment in &mut environments {
        environment.clusters.sort_unstable();
        environment.clusters.dedup();
    }
    (environments, clusters, sites, classes)
}

fn hints(one: &Found) -> Hints<'_> {
    let text = |key: &'static str, inner: Option<&str>| {
        let unit = inner.map_or_else(|| Unit::key(key), |inner| Unit::of(key, inner));
        one.wanted.get(&unit).and_then(|value| value.as_str())
    };
    let branch = one
        .wanted
        .get(&Unit::key("ref"))
        .and_then(|it| it.get("branch"));
    let names = ["ENVIRONMENT", "environment", "ENV", "env", "STAGE", "stage"];
    let substitutions = names
        .iter()
        .filter_map(|name| text("substitutions", Some(name)));
    Hints {
        labelled: one.labelled.as_deref(),
        name: if one.name.contains('-') {
            &one.name
        } else {
            ""
        },
        cluster: one.cluster.as_deref(),
        file: &one.file,
        path: text("path", None).unwrap_or_default(),
        namespace: &one.namespace,
        substitutions: substitutions.collect(),
        branch: branch
            .and_then(|branch| branch.as_str())
            .unwrap_or_default(),
    }
}

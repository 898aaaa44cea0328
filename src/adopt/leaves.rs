//! What each object that is to be rendered wants of every key.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::Pattern;

use super::found::{Found, Kind};
use super::projects::{Fleet, Origin, Project};
use super::sites::Site;
use super::unit::{Unit, Wanted};

/// An object that is to be rendered.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) project: usize,
    /// The number of the object in its project; `None`: its source.
    pub(super) object: Option<usize>,
    pub(super) site: Site,
    pub(super) is_oci: bool,
    pub(super) found: usize,
    pub(super) wanted: Wanted,
}

/// Where a Kustomization is: its cluster, namespace and name.
type Key<'f> = (Option<&'f Arc<str>>, &'f str, &'f str);

/// Every object with what it wants.
pub(super) fn leaves(fleet: &Fleet<'_>) -> Vec<Leaf> {
    let mut known: HashMap<Key<'_>, (usize, usize, Site)> = HashMap::new();
    for (number, project) in fleet.projects.iter().enumerate() {
        for (object, one) in project.objects.iter().enumerate() {
            for (site, index) in &one.at {
                known.insert(key(&fleet.found[*index]), (number, object, *site));
            }
        }
    }
    let mut leaves = Vec::new();
    for (number, project) in fleet.projects.iter().enumerate() {
        let is_oci = matches!(project.origin, Origin::Own { is_oci: true, .. });
        for (site, index) in &project.sources {
            let mut wanted = fleet.found[*index].wanted.clone();
            let pattern = fleet.taken[*index].pattern_for(&project.name);
            wanted.insert(Unit::key("names"), Value::from(pattern));
            leaves.push(Leaf {
                project: number,
                object: None,
                site: *site,
                is_oci,
                found: *index,
                wanted,
            });
        }
        for (object, one) in project.objects.iter().enumerate() {
            for (site, index) in &one.at {
                let found = &fleet.found[*index];
                let mut wanted = found.wanted.clone();
                let own = fleet.taken[*index].pattern_for(&one.name);
                let pattern = of_source(fleet, number, object, *site).unwrap_or(own);
                wanted.insert(Unit::key("names"), Value::from(pattern));
                let waits = found.waits_for.iter().map(|(namespace, name)| {
                    let target = known.get(&(found.cluster.as_ref(), &**namespace, &**name));
                    match target.filter(|(_, _, there)| there == site) {
                        Some((there, object, _)) => {
                            Value::from(called(fleet, number, *there, *object))
                        }
                        None if *namespace == found.namespace => json!({"external": name}),
                        None => json!({"external": name, "namespace": namespace}),
                    }
                });
                let waits: Vec<Value> = waits.collect();
                if !waits.is_empty() {
                    wanted.insert(Unit::key("dependsOn"), Value::from(waits));
                }
                leaves.push(Leaf {
                    project: number,
                    object: Some(object),
                    site: *site,
                    is_oci: false,
                    found: *index,
                    wanted,
                });
            }
        }
    }
    leaves
}

/// The pattern of a source of the project that names this object too.
fn of_source(fleet: &Fleet<'_>, number: usize, object: usize, site: Site) -> Option<String> {
    let project = &fleet.projects[number];
    let source = project.sources.get(&site)?;
    let pattern = fleet.taken[*source].pattern_for(&project.name);
    let filling = fleet.filling(number, Some(object), site);
    let filled = Pattern::read(&pattern).ok()?.fill(filling);
    let found = &fleet.found[*project.objects[object].at.get(&site)?];
    (filled == found.name).then_some(pattern)
}

fn key(found: &Found) -> Key<'_> {
    debug_assert_eq!(found.kind, Kind::Kustomization);
    (found.cluster.as_ref(), &found.namespace, &found.name)
}

/// How an object of one project names one of another, or of the same.
fn called(fleet: &Fleet<'_>, from: usize, project: usize, object: usize) -> String {
    let target: &Project = &fleet.projects[project];
    let name = &target.objects[object].name;
    let own = &fleet.projects[from];
    let means_own = |name: &str| own.objects.iter().any(|one| one.name == name);
    if from == project {
        name.clone()
    } else if target.is_simple && !means_own(&target.name) {
        target.name.clone()
    } else {
        format!("{}/{name}", target.name)
    }
}

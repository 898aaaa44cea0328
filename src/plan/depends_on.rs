//! What objects wait for: names become objects, and rings are found.

use std::collections::HashMap;

use crate::config::{Configuration, DependsOn, Finding, Project};
use crate::flux::yaml::Span;

use super::depends_on_names::{has_object, is_its_own};
use super::model::{Dependency, Identity, LocationKey, PlannedObject, Role};
use super::problems::Problems;
use super::rings::rings;

/// Resolves what each object waits for; `false` where some of it is not there.
pub(super) fn resolve(
    configuration: &Configuration,
    objects: &[PlannedObject<'_>],
    problems: &mut Problems,
) -> Vec<(Vec<Dependency>, bool)> {
    if !objects
        .iter()
        .any(|object| !object.layers.dependencies().is_empty())
    {
        return vec![(Vec::new(), true); objects.len()];
    }
    let mut by_location: HashMap<LocationKey<'_>, Vec<&PlannedObject<'_>>> = HashMap::new();
    for object in objects.iter().filter(|object| object.role != Role::Source) {
        by_location
            .entry(object.location())
            .or_default()
            .push(object);
    }
    let projects: HashMap<&str, &Project> = configuration
        .projects
        .iter()
        .map(|project| (&*project.name.value, project))
        .collect();
    let mut lookup = Lookup {
        by_location,
        projects,
        problems,
    };
    objects
        .iter()
        .map(|object| {
            if object.role == Role::Source {
                return (Vec::new(), true);
            }
            let mut dependencies: Vec<Dependency> = Vec::new();
            let mut sound = true;
            for wanted in object.layers.dependencies() {
                match lookup.find(object, &wanted.on, wanted.span) {
                    Some(found) => {
                        for one in found {
                            let is_new = !dependencies.iter().any(|known| {
                                known.name == one.name && known.namespace == one.namespace
                            });
                            if is_new {
                                dependencies.push(one);
                            }
                        }
                    }
                    None => sound = false,
                }
            }
            (dependencies, sound)
        })
        .collect()
}

struct Lookup<'a, 'c> {
    by_location: HashMap<LocationKey<'a>, Vec<&'a PlannedObject<'c>>>,
    projects: HashMap<&'c str, &'c Project>,
    problems: &'a mut Problems,
}

impl<'a> Lookup<'a, '_> {
    /// What is waited for; `None` where it is not there, with a finding unless nothing has that name.
    fn find(
        &mut self,
        object: &'a PlannedObject<'_>,
        on: &DependsOn,
        span: Span,
    ) -> Option<Vec<Dependency>> {
        let (environment, cluster, own) = object.location();
        match on {
            DependsOn::External { name, namespace } => Some(vec![Dependency {
                name: name.clone(),
                namespace: namespace
                    .clone()
                    .unwrap_or_else(|| object.namespace.clone()),
                span,
            }]),
            DependsOn::Name(name) => {
                let is_own = |project: &&Project| has_object(project, name);
                if self.projects.get(own).is_some_and(is_own) {
                    return self.one(object, (environment, cluster, own), name, span);
                }
                let project = self.projects.get(&**name).copied()?;
                let found: Vec<_> = self
                    .by_location
                    .get(&(environment, cluster, &*project.name.value))
                    .into_iter()
                    .flatten()
                    .filter(|other| other.kind == Some("Kustomization"))
                    .map(|other| dependency(other, span))
                    .collect();
                if found.is_empty() {
                    self.absent(
                        object,
                        &format!("project `{name}` has no Kustomization"),
                        span,
                    );
                    return None;
                }
                Some(found)
            }
            DependsOn::ProjectObject {
                project,
                object: name,
            } => {
                let known = self.projects.get(&**project).copied()?;
                if !has_object(known, name) && !is_its_own(known, name) {
                    return None;
                }
                let project = &*known.name.value;
                self.one(object, (environment, cluster, project), name, span)
            }
        }
    }

    fn one(
        &mut self,
        object: &PlannedObject<'_>,
        (environment, cluster, project): (&str, Option<&str>, &str),
        name: &str,
        span: Span,
    ) -> Option<Vec<Dependency>> {
        let found = self
            .by_location
            .get(&(environment, cluster, project))
            .and_then(|objects| objects.iter().find(|other| &**other.object() == name))
            .copied();
        let Some(found) = found else {
            self.absent(
                object,
                &format!("object `{name}` of project `{project}` is not there"),
                span,
            );
            return None;
        };
        if found.kind != object.kind || found.kind.is_none() && found.template != object.template {
            self.problems.add(
                Finding::error(
                    span,
                    "",
                    format!("`{name}` is an object of another kind; Flux waits only for objects of the same kind"),
                )
                .hint("wait for a Kustomization; a template of yours says plainly that it writes one, in the lines `apiVersion: …` and `kind: Kustomization`"),
            );
            return None;
        }
        Some(vec![dependency(found, span)])
    }

    fn absent(&mut self, object: &PlannedObject<'_>, message: &str, span: Span) {
        self.problems.add_in(
            &object.environment,
            object.cluster.as_ref(),
            Finding::error(span, "", message)
                .hint("leave the dependency out there, or write `{external: NAME}`"),
        );
    }
}

fn dependency(object: &PlannedObject<'_>, span: Span) -> Dependency {
    Dependency {
        name: object.name.clone(),
        namespace: object.namespace.clone(),
        span,
    }
}

/// Objects that wait for each other in a ring would never start.
pub(super) fn find_rings(objects: &[PlannedObject<'_>], problems: &mut Problems) {
    if objects.iter().all(|object| object.depends_on.is_empty()) {
        return;
    }
    let index: HashMap<Identity<'_>, usize> = objects
        .iter()
        .enumerate()
        .map(|(index, object)| (object.identity(), index))
        .collect();
    let next = |at: usize| {
        let object = &objects[at];
        object.depends_on.iter().filter_map(|dependency| {
            let (cluster, kind, ..) = object.identity();
            index
                .get(&(cluster, kind, &*dependency.namespace, &*dependency.name))
                .map(|to| (*to, dependency.span))
        })
    };
    rings(objects.len(), next, |ring, span| {
        report_ring(objects, ring, span, problems);
    });
}

/// The most names of a ring that a message holds.
const MOST_NAMES: usize = 12;

fn report_ring(objects: &[PlannedObject<'_>], ring: &[usize], span: Span, problems: &mut Problems) {
    let first = &objects[ring[0]];
    problems.add_in(
        &first.environment,
        first.cluster.as_ref(),
        Finding::error(
            span,
            "",
            ring_message(ring.iter().map(|index| &objects[*index])),
        )
        .hint(RING_HINT),
    );
}

pub const RING_HINT: &str = "take one `dependsOn` of the ring away";

/// Objects that wait for each other, the first one again at the end.
pub fn ring_message<'o>(ring: impl Iterator<Item = &'o PlannedObject<'o>>) -> String {
    let mut names: Vec<String> = ring.map(PlannedObject::label).collect();
    let first = names.first().cloned();
    if names.len() > MOST_NAMES {
        names.truncate(MOST_NAMES);
        names.push("…".to_owned());
    }
    names.extend(first);
    format!(
        "objects wait for each other in a ring: {}",
        names.join(" → ")
    )
}

//! What Kustomizations of the user's templates refer to: it must be there, and nothing waits in a ring.
//!
//! Of our own templates the plan says it; what a template of the user's refers to only its text shows.

use std::collections::{HashMap, HashSet};

use crate::config::Finding;
use crate::flux::yaml::Span;
use crate::flux::{Fault, ObjectKey};
use crate::plan::{Plan, PlannedObject, RING_HINT, ring_message, rings};

use super::Templates;
use super::configured::of_users;
use super::written::{KUSTOMIZE, Reference, SOURCE, Written, document};

/// An object in its cluster.
type Place<'p> = (Option<&'p str>, ObjectKey);

/// Checks the references of objects that the user's templates write; `written` are those, by their
/// numbers in the plan.
pub(super) fn check(
    plan: &Plan<'_>,
    templates: &Templates,
    written: &HashMap<usize, Written>,
) -> Vec<Finding> {
    let referring = |one: &Written| !one.references.is_empty();
    if !written.values().any(referring) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    if plan.whole {
        missing(plan, templates, written, &mut findings);
    }
    in_rings(plan, templates, written, &mut findings);
    findings
}

/// References to what neither the plan writes nor somebody else manages.
fn missing(
    plan: &Plan<'_>,
    templates: &Templates,
    written: &HashMap<usize, Written>,
    findings: &mut Vec<Finding>,
) {
    let known = known(plan, written);
    let mut seen = HashSet::new();
    for (object, one) in in_order(plan, written) {
        let cluster = object.cluster.as_deref();
        for reference in &one.references {
            if known.contains(&(cluster, reference.to.clone())) {
                continue;
            }
            // what many objects have in common is said once
            if !seen.insert((&object.template, &object.environment, &reference.to)) {
                continue;
            }
            let message = format!(
                "refers to {}, which is not there in `{}`",
                reference.to, object.environment
            );
            let hint = if &*reference.to.group == KUSTOMIZE {
                "name a Kustomization of the same cluster, or write `dependsOn: [{external: NAME}]` \
                 where the object is configured"
            } else {
                "name a source of the same cluster, or one that somebody else manages as the \
                 `source: {external: NAME, kind: KIND}` of a project"
            };
            findings.extend(said(object, templates, reference, message, hint));
        }
    }
}

/// Everything that may be referred to: what is written, and what is said to be managed by others.
fn known<'p>(plan: &'p Plan<'_>, written: &HashMap<usize, Written>) -> HashSet<Place<'p>> {
    let mut known = HashSet::new();
    for (index, object) in plan.objects.iter().enumerate() {
        let cluster = object.cluster.as_deref();
        let planned = object.kind.map(|_| planned_key(object));
        let key = written.get(&index).map(|one| one.key.clone());
        let source = object.source.iter().map(|source| ObjectKey {
            group: SOURCE.into(),
            kind: source.kind.clone(),
            namespace: Some(source.namespace.clone()),
            name: source.name.clone(),
        });
        let dependencies = object.depends_on.iter().map(|one| ObjectKey {
            group: KUSTOMIZE.into(),
            kind: "Kustomization".into(),
            namespace: Some(one.namespace.clone()),
            name: one.name.clone(),
        });
        let all = key
            .or(planned)
            .into_iter()
            .chain(source)
            .chain(dependencies);
        known.extend(all.map(|key| (cluster, key)));
    }
    known
}

/// The key of an object whose kind the plan knows.
pub(super) fn planned_key(object: &PlannedObject<'_>) -> ObjectKey {
    let kind = object.kind.unwrap_or_default();
    let group = if kind == "Kustomization" {
        KUSTOMIZE
    } else {
        SOURCE
    };
    ObjectKey {
        group: group.into(),
        kind: kind.into(),
        namespace: Some(object.namespace.clone()),
        name: object.name.clone(),
    }
}

/// Objects that wait for each other, where the plan alone does not show it.
fn in_rings(
    plan: &Plan<'_>,
    templates: &Templates,
    written: &HashMap<usize, Written>,
    findings: &mut Vec<Finding>,
) {
    let objects = &plan.objects;
    let kustomizations = objects.iter().enumerate().filter_map(|(index, object)| {
        let key = match written.get(&index) {
            Some(one) => one.key.clone(),
            None => planned_key(object),
        };
        let is_one = &*key.kind == "Kustomization";
        is_one.then_some(((object.cluster.as_deref(), key), index))
    });
    let numbers: HashMap<Place<'_>, usize> = kustomizations.collect();
    let next = |index: usize| {
        let object = &objects[index];
        let keys: Vec<(ObjectKey, Span)> = match written.get(&index) {
            Some(one) => {
                let dependencies = one
                    .references
                    .iter()
                    .filter(|one| &*one.to.group == KUSTOMIZE);
                dependencies.map(|one| (one.to.clone(), one.span)).collect()
            }
            None => {
                let dependencies = object.depends_on.iter().map(|one| {
                    let mut key = planned_key(object);
                    key.namespace = Some(one.namespace.clone());
                    key.name = one.name.clone();
                    (key, one.span)
                });
                dependencies.collect()
            }
        };
        let cluster = object.cluster.as_deref();
        let found = keys.into_iter();
        let found = found.filter_map(|(key, span)| Some((*numbers.get(&(cluster, key))?, span)));
        found.collect::<Vec<_>>().into_iter()
    };
    rings(objects.len(), next, |ring, _| {
        // the first of them that waits by its text alone: else the plan has said it
        let steps = ring.iter().zip(ring.iter().cycle().skip(1));
        let by_text = steps.filter_map(|(from, to)| {
            let (object, target) = (&objects[*from], &objects[*to]);
            let planned = object.depends_on.iter();
            let mut planned = planned.map(|one| (&one.namespace, &one.name));
            let target = (&target.namespace, &target.name);
            let one = written.get(from)?;
            let mut references = one.references.iter();
            let reference = references.find(|one| {
                &*one.to.group == KUSTOMIZE
                    && (one.to.namespace.as_ref(), &one.to.name) == (Some(target.0), target.1)
            })?;
            (!planned.any(|one| one == target)).then_some((object, reference))
        });
        if let Some((object, reference)) = by_text.into_iter().next() {
            let names = ring_message(ring.iter().map(|index| &objects[*index]));
            let message = format!("{names} in `{}`", object.environment);
            findings.extend(said(object, templates, reference, message, RING_HINT));
        }
    });
}

/// Says what is wrong with a reference, where the template writes it or it was configured.
fn said(
    object: &PlannedObject<'_>,
    templates: &Templates,
    reference: &Reference,
    message: String,
    hint: &str,
) -> Vec<Finding> {
    let Some(document) = document(object, templates) else {
        return Vec::new();
    };
    let fault = Fault::flux(reference.span, reference.path.clone(), message).hint(hint);
    of_users(object, vec![fault], &document, templates)
}

/// What was written, in the plan's order.
fn in_order<'p>(
    plan: &'p Plan<'p>,
    written: &'p HashMap<usize, Written>,
) -> impl Iterator<Item = (&'p PlannedObject<'p>, &'p Written)> {
    let objects = plan.objects.iter().enumerate();
    objects.filter_map(|(index, object)| Some((object, written.get(&index)?)))
}

//! Objects of the user's templates that would be the same as another, or refer to what is not there:
//! only their texts show it.

use std::collections::HashMap;

use rayon::prelude::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::config::Finding;
use crate::flux::ObjectKey;
use crate::plan::{Plan, PlannedObject};

use super::Templates;
use super::references::{self, planned_key};
use super::written::{Written, document, written};

/// Finds what is wrong between objects where one of them is written by a template of the user's: those
/// that would share cluster, kind, namespace and name, and references to what is not there; among ours
/// the plan has looked.
pub fn relations(plan: &Plan, templates: &Templates) -> Vec<Finding> {
    let users = plan.objects.par_iter().enumerate();
    let users = users.filter(|(_, object)| object.users_template && object.complete);
    let written: HashMap<usize, Written> = users
        .filter_map(|(index, object)| Some((index, written(&document(object, templates)?)?)))
        .collect();
    if written.is_empty() {
        return Vec::new();
    }
    let mut findings = shared_identities(plan, &written);
    findings.extend(references::check(plan, templates, &written));
    findings
}

fn shared_identities(plan: &Plan, written: &HashMap<usize, Written>) -> Vec<Finding> {
    let mut seen: HashMap<(Option<&str>, ObjectKey), &PlannedObject> = HashMap::new();
    let mut findings = Vec::new();
    for (index, object) in plan.objects.iter().enumerate() {
        let written = written.get(&index).map(|one| one.key.clone());
        let Some(key) = written.or_else(|| object.kind.map(|_| planned_key(object))) else {
            continue;
        };
        let cluster = object.cluster.as_deref();
        let Some(other) = seen.get(&(cluster, key.clone())) else {
            seen.insert((cluster, key), object);
            continue;
        };
        if object.kind.is_some() && other.kind.is_some() {
            continue;
        }
        let cluster = cluster.map_or_else(
            || "the one cluster that has no name".to_owned(),
            |cluster| format!("cluster `{cluster}`"),
        );
        let message = format!(
            "{key} would be there twice in {cluster}: for `{}` in `{}` and for `{}` in `{}`",
            other.label(),
            other.environment,
            object.label(),
            object.environment
        );
        findings.push(
            Finding::error(object.span, "", message)
                .hint("give one of the two another name or namespace"),
        );
    }
    findings
}

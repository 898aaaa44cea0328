//! Objects of the user's templates that would be the same as another: only their texts show it.

use std::collections::HashMap;

use crate::config::Finding;
use crate::flux::ObjectKey;
use crate::flux::yaml::Node;
use crate::plan::{Plan, PlannedObject};

use super::engine::into_text;
use super::{Templates, identity};

/// Finds objects that would share cluster, kind, namespace and name where one of them is written by
/// a template of the user's own kind; among ours the plan has looked.
pub fn shared_identities(plan: &Plan, templates: &Templates) -> Vec<Finding> {
    if plan.objects.iter().all(|object| object.kind.is_some()) {
        return Vec::new();
    }
    let mut seen: HashMap<(Option<&str>, ObjectKey), &PlannedObject> = HashMap::new();
    let mut findings = Vec::new();
    for object in &plan.objects {
        let Some(key) = key(object, templates) else {
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

fn key(object: &PlannedObject, templates: &Templates) -> Option<ObjectKey> {
    let group = match object.kind {
        Some("Kustomization") => "kustomize.toolkit.fluxcd.io",
        Some(_) => "source.toolkit.fluxcd.io",
        None => return written_key(object, templates),
    };
    Some(ObjectKey {
        group: group.into(),
        kind: object.kind.unwrap_or_default().into(),
        namespace: Some(object.namespace.clone()),
        name: object.name.clone(),
    })
}

/// What the object's template writes; `None` where it cannot, which the proof says.
fn written_key(object: &PlannedObject, templates: &Templates) -> Option<ObjectKey> {
    if !templates.contains(&object.template) {
        return None;
    }
    let mut out = Vec::new();
    templates.render(object, &mut out).ok()?;
    let document = identity::one_document(&into_text(out), u32::MAX).ok()?;
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let api_version = text(&document, "apiVersion")?;
    let metadata = document.get("metadata")?;
    Some(ObjectKey {
        group: api_version
            .rsplit_once('/')
            .map_or("", |(group, _)| group)
            .into(),
        kind: text(&document, "kind")?.into(),
        namespace: text(metadata, "namespace").map(Into::into),
        name: text(metadata, "name")?.into(),
    })
}

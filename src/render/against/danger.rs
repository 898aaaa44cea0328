//! What a difference does to workloads that run.

use crate::flux::yaml::Node;

use super::super::folder::{is_pruning, steps_to_rename};
use super::manifest::Manifest;

/// Why a difference is dangerous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Danger {
    /// What happens: starts small, no full stop.
    pub message: String,
    /// How it is done without harm, one after the other.
    pub steps: Vec<String>,
}

/// Fields of a Kustomization that say which objects it applies, with what becomes of those from before.
const APPLIES: [(&str, &str); 5] = [
    ("path", "path"),
    ("sourceRef", "source"),
    ("targetNamespace", "target namespace"),
    ("namePrefix", "name prefix"),
    ("nameSuffix", "name suffix"),
];

pub(super) fn of_removal(old: &Manifest) -> Option<Danger> {
    let by = is_pruning(&old.document)?;
    Some(Danger {
        message: format!(
            "removes {} with {by}: Flux deletes its workloads",
            old.object
        ),
        steps: Vec::new(),
    })
}

pub(super) fn of_rename(old: &Manifest, new: &Manifest) -> Option<Danger> {
    let by = is_pruning(&old.document)?;
    let is_moved = old.object.namespace != new.object.namespace;
    let (old_name, new_name, verb) = if is_moved {
        let full = |one: &Manifest| format!("{}/{}", one.object.namespace, one.object.name);
        (full(old), full(new), "moves")
    } else {
        let name = |one: &Manifest| one.object.name.to_string();
        (name(old), name(new), "renames")
    };
    Some(Danger {
        message: format!(
            "{verb} {} to {new_name} with {by}: Flux deletes the workloads of `{old_name}`, also those that `{new_name}` applies",
            old.object
        ),
        steps: if is_moved {
            Vec::new()
        } else {
            steps_to_rename(&old.document, &new_name)
        },
    })
}

/// Of the fields that changed, by the paths of their differences.
pub(super) fn of_change<'p>(
    old: &Manifest,
    new: &Manifest,
    paths: impl Iterator<Item = &'p str> + Clone,
) -> Vec<Danger> {
    if &*old.object.kind != "Kustomization" {
        return Vec::new();
    }
    let pruning = is_pruning(&old.document).filter(|_| is_pruning(&new.document).is_some());
    let shown = |manifest: &Manifest, field: &str| match manifest.spec(field) {
        Some(node) if node.as_mapping().is_some() => {
            let text = |key| node.get(key).and_then(Node::as_str).unwrap_or_default();
            format!("`{} {}`", text("kind"), text("name"))
        }
        Some(node) => format!("`{}`", node.as_str().unwrap_or_default()),
        None if field == "path" => "the root".to_owned(),
        None => "none".to_owned(),
    };
    let changed = |field: &str| {
        let full = format!("spec.{field}");
        let below = format!("{full}.");
        paths
            .clone()
            .any(|path| path == full || path.starts_with(&below))
    };
    let fields = APPLIES.iter().filter(|(field, _)| changed(field));
    fields
        .map(|(field, word)| Danger {
            message: format!(
                "changes the {word} of {} from {} to {}: {}",
                old.object,
                shown(old, field),
                shown(new, field),
                match pruning {
                    Some(by) => format!("with {by} Flux deletes what only the old one has"),
                    None => "what only the old one has stays, and nobody looks after it".to_owned(),
                }
            ),
            steps: Vec::new(),
        })
        .collect()
}

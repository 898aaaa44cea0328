//! What a difference does to workloads that run.

use std::collections::HashSet;

use crate::flux::yaml::Node;

use super::super::folder::{is_pruning, steps_to_rename};
use super::manifest::{Manifest, ObjectName};
use super::pairs::source_of;
use super::release;

/// Why a difference is dangerous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Danger {
    /// What happens: starts small, no full stop.
    pub message: String,
    /// How it is done without harm, one after the other.
    pub steps: Vec<String>,
}

/// Fields of a Kustomization that say which objects it applies, with what becomes of those from before.
const APPLIES: [(&str, &str); 6] = [
    ("path", "path"),
    ("components", "components"),
    ("sourceRef", "source"),
    ("targetNamespace", "target namespace"),
    ("namePrefix", "name prefix"),
    ("nameSuffix", "name suffix"),
];

/// Fields of a source that say what it fetches, and what of it its followers see.
const FETCHES: [&str; 7] = [
    "url",
    "ref",
    "ignore",
    "include",
    "sparseCheckout",
    "recurseSubmodules",
    "layerSelector",
];

/// Fields of a Kustomization that change what it applies, in all versions of its API.
const PATCHES: [&str; 3] = ["patches", "patchesStrategicMerge", "patchesJson6902"];

/// Kinds that take more with them when they go, and what.
const TAKES_ALONG: [(&str, &str, &str); 6] = [
    (HELM, "HelmRelease", "Flux uninstalls its release"),
    ("", "Namespace", "all that is in it is deleted"),
    ("", "PersistentVolumeClaim", "its data may be deleted"),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "all objects of its kind are deleted",
    ),
    (OPERATOR, "ResourceSet", "all that it made is deleted"),
    (OPERATOR, "FluxInstance", "Flux itself is uninstalled"),
];
const HELM: &str = "helm.toolkit.fluxcd.io";
const OPERATOR: &str = "fluxcd.controlplane.io";

/// What goes with it.
fn goes_along(old: &Manifest) -> Option<&'static str> {
    let ObjectName { group, kind, .. } = &old.object;
    let mut kinds = TAKES_ALONG.iter();
    let found = kinds.find(|(of, name, _)| **of == **group && **name == **kind);
    found.map(|(_, _, what)| *what)
}

pub(super) fn of_removal(old: &Manifest) -> Option<Danger> {
    let message = match (is_pruning(&old.document), goes_along(old)) {
        (Some(by), _) => format!(
            "removes {} with {by}: Flux deletes its workloads",
            old.object
        ),
        (None, what) => format!("removes {}: {}", old.object, what?),
    };
    Some(Danger {
        message,
        steps: Vec::new(),
    })
}

pub(super) fn of_rename(old: &Manifest, new: &Manifest) -> Option<Danger> {
    if let Some(what) = goes_along(old) {
        return Some(Danger {
            message: format!("makes {} anew as {}: {what}", old.object, new.object),
            steps: Vec::new(),
        });
    }
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

/// Of the fields that changed, by the paths of their differences; `followers` are the Kustomizations that
/// apply what it fetches and prune.
pub(super) fn of_change<'p>(
    old: &Manifest,
    new: &Manifest,
    paths: impl Iterator<Item = &'p str> + Clone,
    followers: &[&ObjectName],
) -> Vec<Danger> {
    let changed = |field: &str| {
        let full = format!("spec.{field}");
        paths.clone().any(|path| {
            let rest = path.strip_prefix(&full);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    };
    let object = &old.object;
    let from_to = |field: &str, word: &str| {
        let (before, after) = (shown(old, field), shown(new, field));
        format!("changes the {word} of {object} from {before} to {after}")
    };
    let mut messages = Vec::new();
    if &*object.kind == "Kustomization" {
        let rest = if prunes(new) {
            "with prune: true Flux deletes what only the old one has"
        } else {
            "what only the old one has stays, and nobody looks after it"
        };
        for (field, word) in APPLIES.iter().filter(|(field, _)| changed(field)) {
            let what = match *field {
                "sourceRef" => {
                    let (before, after) = sources(old, new);
                    format!("changes the source of {object} from `{before}` to `{after}`")
                }
                field => from_to(field, word),
            };
            messages.push(format!("{what}: {rest}"));
        }
        for field in PATCHES.into_iter().filter(|field| changed(field)) {
            if takes_out(old, new, field) {
                messages.push(format!(
                    "changes `{field}` of {object}, which take out or rename what it applies: {rest}"
                ));
            }
        }
        if changed("kubeConfig") {
            messages.push(format!(
                "{}: its workloads are applied to another cluster, and in the old one they stay, and nobody looks after them",
                from_to("kubeConfig", "kubeConfig")
            ));
        }
        if newly(old, new, "force", true) {
            messages.push(format!(
                "sets `force` of {object}: Flux deletes and makes anew what it cannot change in place"
            ));
        }
    }
    if &*object.kind == "HelmRelease" && &*object.group == HELM {
        messages.extend(release::dangers(old, new, &changed));
        if changed("kubeConfig") {
            messages.push(format!(
                "{}: its release is installed in another cluster, and in the old one it stays, and nobody looks after it",
                from_to("kubeConfig", "kubeConfig")
            ));
        }
    }
    if let Some(first) = followers.first() {
        let who = match followers.len() {
            1 => format!("{first} follows it"),
            count => format!("{count} Kustomizations follow it"),
        };
        for field in FETCHES.iter().filter(|field| changed(field)) {
            // a URL may hold a credential
            let what = match *field {
                "url" => format!("changes the URL of {object}"),
                "ref" => from_to("ref", "ref"),
                field => format!("changes `{field}` of {object}"),
            };
            messages.push(format!(
                "{what}: {who} with prune: true, and Flux deletes what only the old one has"
            ));
        }
    }
    if newly(old, new, "suspend", false) {
        messages.push(format!(
            "resumes {object}: somebody suspended it, and Flux applies all that came since"
        ));
    }
    let dangers = messages.into_iter().map(|message| Danger {
        message,
        steps: Vec::new(),
    });
    dangers.collect()
}

/// Whether it deletes what it applies no more.
pub(super) fn prunes(manifest: &Manifest) -> bool {
    is_set(manifest, "prune")
}

fn is_set(manifest: &Manifest, flag: &str) -> bool {
    manifest.spec(flag).and_then(Node::as_bool) == Some(true)
}

fn newly(old: &Manifest, new: &Manifest, flag: &str, value: bool) -> bool {
    is_set(old, flag) != value && is_set(new, flag) == value
}

/// Whether a patch that is new takes out what is applied, or one of either renames it.
fn takes_out(old: &Manifest, new: &Manifest, field: &str) -> bool {
    let all = |one: &Manifest| -> HashSet<String> {
        let items = one.spec(field).and_then(Node::as_sequence);
        let items = items.unwrap_or_default().iter();
        items.map(|item| item.to_json().to_string()).collect()
    };
    let (before, after) = (all(old), all(new));
    let deletes = |patch: &String| patch.contains("$patch") && patch.contains("delete");
    after.difference(&before).any(deletes)
        || before
            .symmetric_difference(&after)
            .any(|patch| patch.contains("/metadata/name"))
}

/// The sources that two Kustomizations name, with the namespaces where these are two.
fn sources(old: &Manifest, new: &Manifest) -> (String, String) {
    let (before, after) = (source_of(old), source_of(new));
    let shown = |one: &ObjectName| match before.namespace == after.namespace {
        true => format!("{} {}", one.kind, one.name),
        false => format!("{} {}/{}", one.kind, one.namespace, one.name),
    };
    (shown(&before), shown(&after))
}

/// What a field says, in few words.
fn shown(manifest: &Manifest, field: &str) -> String {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or_default().to_owned();
    match manifest.spec(field) {
        None if field == "path" => "the root".to_owned(),
        None => "none".to_owned(),
        Some(node) => match node.as_mapping() {
            None if node.as_sequence().is_some_and(<[_]>::is_empty) => "none".to_owned(),
            None => {
                let items = node.as_sequence().unwrap_or(std::slice::from_ref(node));
                let words: Vec<String> = items.iter().map(|item| text(Some(item))).collect();
                format!("`{}`", words.join(", "))
            }
            Some(entries) => {
                let words = entries.iter().map(|entry| match entry.node.get("name") {
                    // of a reference to a Secret or a ConfigMap
                    Some(name) => format!("{} {}", entry.key, text(Some(name))),
                    None => format!("{} {}", entry.key, text(Some(&entry.node))),
                });
                format!("`{}`", words.collect::<Vec<_>>().join(", "))
            }
        },
    }
}

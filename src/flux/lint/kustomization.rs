//! What kustomize-controller fails on.

use super::spec::Spec;
use crate::flux::fault::{Fault, Path};
use crate::flux::names;
use crate::flux::yaml::{Entry, Node};

pub(super) fn check(spec: &mut Spec<'_>) {
    spec.source_name();
    substitutions(spec);
    own_dependency(spec);
    path(spec);
}

/// kustomize-controller joins the path so that it stays in the source: `../x` is `x` there.
fn path(spec: &mut Spec<'_>) {
    let mut depth = 0_usize;
    for part in spec.text(&["path"]).split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => {
                return spec.warning(
                    &["path"],
                    "the path leads out of the repository, where Flux does not follow it",
                    "write the path from the root of the repository",
                );
            }
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
}

/// A name that is none fails the whole build.
fn substitutions(spec: &mut Spec<'_>) {
    let Some(entries) = spec
        .find(&["postBuild", "substitute"])
        .and_then(Node::as_mapping)
    else {
        return;
    };
    for Entry { key, key_span, .. } in entries {
        if names::variable(key).is_ok() {
            continue;
        }
        let root = Path::ROOT.key("spec");
        let build = root.key("postBuild");
        let path = build.key("substitute");
        let message = format!("`{key}` is no name of a variable");
        let hint = "use letters, digits and `_`, and no digit first";
        spec.faults
            .push(Fault::flux(*key_span, path.key(key).to_string(), message).hint(hint));
    }
}

/// kustomize-controller waits until each dependency is ready, and this one never is. An
/// expression (`readyExpr`) may stand in the place of that.
fn own_dependency(spec: &mut Spec<'_>) {
    let metadata = |key: &str| {
        let node = spec.document.get("metadata").and_then(|node| node.get(key));
        node.and_then(Node::as_str).unwrap_or("")
    };
    let (name, namespace) = (metadata("name"), metadata("namespace"));
    let items = spec
        .find(&["dependsOn"])
        .and_then(Node::as_sequence)
        .unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        let text = |key: &str| item.get(key).and_then(Node::as_str).unwrap_or("");
        if text("name") == name
            && (text("namespace").is_empty() || text("namespace") == namespace)
            && text("readyExpr").is_empty()
        {
            let path = format!("spec.dependsOn[{index}]");
            let message = format!("`{name}` depends on itself and would never run");
            spec.faults
                .push(Fault::flux(item.span, path, message).hint("take it out of `dependsOn`"));
        }
    }
}

//! What the API server takes and Flux, or a reader of YAML, then chokes on.

mod artifacts;
mod durations;
mod expressions;
mod kustomization;
mod namespaces;
mod others;
mod sources;
mod spec;

#[cfg(test)]
mod tests;

pub use namespaces::references_to_other_namespaces;

use super::fault::{Fault, Path};
use super::yaml::{Entry, Node, Resolved, Value};
use spec::Spec;

/// The kinds that are looked at, all with a `spec`; lists of them have none.
const KINDS: [&str; 14] = [
    "GitRepository",
    "OCIRepository",
    "HelmRepository",
    "HelmChart",
    "Bucket",
    "ExternalArtifact",
    "Kustomization",
    "HelmRelease",
    "ImageRepository",
    "ImagePolicy",
    "ImageUpdateAutomation",
    "Alert",
    "Provider",
    "Receiver",
];

/// Keys under which only texts may stand.
const TEXTS: [&str; 4] = ["data", "stringData", "metadata", "spec.postBuild"];

/// All that is wrong with a document that the API server takes: errors where Flux cannot work with
/// it, or readers on its way take it for different things; warnings where it can and hardly should.
pub fn lint(document: &Node) -> Vec<Fault> {
    let mut faults = Vec::new();
    ambiguous(document, &Path::ROOT, &mut faults);
    let text = |key: &str| document.get(key).and_then(Node::as_str).unwrap_or("");
    let group = text("apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    if !group.ends_with(".toolkit.fluxcd.io") {
        return faults;
    }
    let kind = text("kind");
    // Of what is no object of Flux, the API server says so.
    if !KINDS.contains(&kind) {
        return faults;
    }
    let Some(spec) = document.get("spec") else {
        let article = if kind.starts_with(['A', 'E', 'I', 'O']) {
            "an"
        } else {
            "a"
        };
        let message = format!("{article} {kind} without `spec` does nothing");
        faults.push(
            Fault::flux(document.span, "spec", message)
                .hint("say in `spec` what it fetches or applies"),
        );
        return faults;
    };
    let mut spec = Spec {
        kind,
        document,
        spec,
        faults,
    };
    durations::check(&mut spec);
    match kind {
        "GitRepository" => sources::git_repository(&mut spec),
        "OCIRepository" => artifacts::check(&mut spec),
        "HelmRepository" => {
            sources::credentials(&mut spec);
            others::helm_repository(&mut spec);
        }
        "HelmChart" => sources::helm_chart(&mut spec),
        "HelmRelease" => {
            sources::helm_release(&mut spec);
            others::post_renderers(&mut spec);
            expressions::of_dependencies(&mut spec);
        }
        "Bucket" => others::bucket(&mut spec),
        "ImageRepository" => others::image_repository(&mut spec),
        "ImagePolicy" => {
            sources::semver(&mut spec, &["policy", "semver", "range"]);
            others::image_policy(&mut spec);
        }
        "Receiver" => others::receiver(&mut spec),
        "Kustomization" => {
            kustomization::check(&mut spec);
            let list = spec.find(&["patches"]);
            others::patches(&mut spec, list, "spec.patches");
            expressions::of_dependencies(&mut spec);
            expressions::of_health_checks(&mut spec);
        }
        _ => {}
    }
    spec.faults
}

/// Plain scalars that readers take differently: what Flux runs is then not what others see.
fn ambiguous(node: &Node, path: &Path<'_>, faults: &mut Vec<Fault>) {
    match &node.value {
        Value::Scalar(scalar) if scalar.ambiguous() => {
            let message = format!("readers of YAML differ over a bare `{}`", scalar.text);
            let quoted = format!("quote it if it is text: `\"{}\"`", scalar.text);
            let hint = match scalar.resolve() {
                Resolved::Bool(value) => format!("write `{value}`, or {quoted}"),
                Resolved::Integer(value) => format!("write `{value}`, or {quoted}"),
                _ => quoted,
            };
            let path = path.to_string();
            let is_text = TEXTS.iter().any(|keys| path.starts_with(keys));
            let fault = Fault::flux(node.span, path, message).hint(hint);
            faults.push(match scalar.is_old_octal() && !is_text {
                true => fault.warning(),
                false => fault,
            });
        }
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                ambiguous(item, &path.index(index), faults);
            }
        }
        Value::Mapping(entries) => {
            for Entry { key, node, .. } in entries {
                ambiguous(node, &path.key(key), faults);
            }
        }
    }
}

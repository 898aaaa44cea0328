//! What an object asks for, without what says the same in another way and without what others wrote
//! into it: two documents that ask Flux for the same are equal here.

use super::yaml::{Entry, Node, Value};

/// What the API server and controllers write below `metadata`.
const WRITTEN_BY_THE_SERVER: [&str; 8] = [
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "uid",
];

/// Labels and annotations that kubectl and Flux write onto what they apply or are asked to reconcile.
const WRITTEN_BY_TOOLS: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/name",
    "kustomize.toolkit.fluxcd.io/namespace",
    "reconcile.fluxcd.io/forceAt",
    "reconcile.fluxcd.io/requestedAt",
    "reconcile.fluxcd.io/resetAt",
];

/// Flags of which Flux takes `false` for left out.
const FLAGS: [&str; 6] = [
    "force",
    "ignoreMissingComponents",
    "insecure",
    "recurseSubmodules",
    "suspend",
    "wait",
];

/// The keys of a Git `ref`, the one that Flux follows first.
///
/// Source: `checkoutStrategy` in source-controller's `gitrepository_controller.go` and the
/// documentation of `.spec.ref`.
const GIT_REFS: [&str; 5] = ["commit", "name", "semver", "tag", "branch"];

/// The same of an OCI artifact.
const OCI_REFS: [&str; 3] = ["digest", "semver", "tag"];

/// A document without status, without what the server and tools wrote, and, of Flux's sources and
/// Kustomizations, in the one form of all that mean the same.
pub fn canonical(document: &Node) -> Node {
    let mut whole = document.clone();
    let text = |key: &str| document.get(key).and_then(Node::as_str).unwrap_or_default();
    let group = text("apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    let kind = text("kind").to_owned();
    let namespace = document.get("metadata").and_then(|it| it.get("namespace"));
    let namespace = namespace.and_then(Node::as_str).map(str::to_owned);
    let Some(entries) = whole.as_mapping_mut() else {
        return whole;
    };
    entries.retain(|one| one.key != "status");
    if let Some(metadata) = mapping(entries, "metadata") {
        metadata.retain(|one| !WRITTEN_BY_THE_SERVER.contains(&&*one.key));
        for key in ["labels", "annotations"] {
            if let Some(all) = mapping(metadata, key) {
                all.retain(|one| !WRITTEN_BY_TOOLS.contains(&&*one.key));
            }
            drop_empty(metadata, key);
        }
    }
    let is_of_flux = matches!(
        group,
        "source.toolkit.fluxcd.io" | "kustomize.toolkit.fluxcd.io"
    );
    if is_of_flux && let Some(spec) = mapping(entries, "spec") {
        spec.retain(|one| {
            let is_off = FLAGS.contains(&&*one.key) && one.node.as_bool() == Some(false);
            !is_off && !one.node.is_null()
        });
        match kind.as_str() {
            "GitRepository" => follow(spec, &GIT_REFS, ("branch", "master"), document),
            "OCIRepository" => follow(spec, &OCI_REFS, ("tag", "latest"), document),
            "Kustomization" => kustomization(spec, namespace.as_deref()),
            _ => {}
        }
    }
    whole
}

/// A document in another version of its API.
pub fn with_version(document: &Node, group: &str, version: &str) -> Node {
    let mut whole = document.clone();
    let entries = whole.as_mapping_mut();
    let mut entries = entries.into_iter().flatten();
    if let Some(entry) = entries.find(|entry| entry.key == "apiVersion") {
        let text = match group {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        };
        entry.node = Node::string(entry.node.span, text);
    }
    whole
}

/// Keeps of a `ref` what Flux follows, which it does also where there is none.
fn follow(spec: &mut Vec<Entry>, order: &[&str], default: (&'static str, &'static str), at: &Node) {
    let is_said = |one: &Entry| one.node.as_str().is_none_or(|text| !text.is_empty());
    let said = mapping(spec, "ref");
    let keys = said.map(|reference| {
        reference.retain(is_said);
        let first = order.iter().find(|key| has(reference, key)).copied();
        // these say how the first is found
        let beside = match first {
            Some("commit") => "branch",
            Some("semver") => "semverFilter",
            _ => "",
        };
        reference.retain(|one| Some(&*one.key) == first || one.key == beside);
        first
    });
    if keys.flatten().is_none() {
        let (key, value) = default;
        let reference = [Entry::new(key, Node::string(at.span, value))];
        spec.retain(|one| one.key != "ref");
        spec.push(Entry::new("ref", Node::mapping(at.span, reference)));
    }
}

fn kustomization(spec: &mut Vec<Entry>, namespace: Option<&str>) {
    let is_own = |one: &Entry| {
        one.key == "namespace" && namespace.is_some() && one.node.as_str() == namespace
    };
    if let Some(source) = mapping(spec, "sourceRef") {
        source.retain(|one| !is_own(one) && one.key != "apiVersion");
    }
    for one in spec.iter_mut() {
        match (&*one.key, &mut one.node.value) {
            ("dependsOn", Value::Sequence(items)) => {
                for item in items.iter_mut().filter_map(Node::as_mapping_mut) {
                    item.retain(|one| !is_own(one));
                }
            }
            ("path", Value::Scalar(path)) => {
                let parts = path.text.split('/');
                let parts: Vec<_> = parts.filter(|part| !matches!(*part, "" | ".")).collect();
                path.text = format!("./{}", parts.join("/")).into();
            }
            _ => {}
        }
    }
    if let Some(post_build) = mapping(spec, "postBuild") {
        drop_empty(post_build, "substitute");
    }
    spec.retain(|one| one.key != "path" || one.node.as_str() != Some("./"));
}

fn has(entries: &[Entry], key: &str) -> bool {
    entries.iter().any(|one| one.key == key)
}

fn mapping<'n>(entries: &'n mut [Entry], key: &str) -> Option<&'n mut Vec<Entry>> {
    let entry = entries.iter_mut().find(|one| one.key == key)?;
    entry.node.as_mapping_mut()
}

fn drop_empty(entries: &mut Vec<Entry>, key: &str) {
    entries.retain(|one| one.key != key || one.node.as_mapping().is_none_or(|all| !all.is_empty()));
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use crate::flux::yaml::read;

    fn json(text: &str) -> serde_json::Value {
        let (documents, faults) = read(text, 0);
        assert_eq!(faults, []);
        canonical(&documents[0]).to_json()
    }

    fn same(kind: &str, one: &str, other: &str) {
        let group = match kind {
            "Kustomization" => "kustomize",
            _ => "source",
        };
        let whole = |rest: &str| {
            json(&format!(
                "{{apiVersion: {group}.toolkit.fluxcd.io/v1, kind: {kind}, {rest}}}"
            ))
        };
        assert_eq!(whole(one), whole(other));
    }

    #[test]
    fn what_the_server_and_tools_wrote_is_left_out() {
        same(
            "Bucket",
            "metadata: {name: a, uid: x, generation: 2, managedFields: [], labels: {kustomize.toolkit.fluxcd.io/name: b}, annotations: {reconcile.fluxcd.io/requestedAt: c, team: d}}, status: {x: 1}",
            "metadata: {name: a, annotations: {team: d}}",
        );
    }

    #[test]
    fn of_a_ref_what_flux_follows_is_kept() {
        let git = |one, other| same("GitRepository", one, other);
        git("spec: {}", "spec: {ref: {branch: master}}");
        git("spec: {ref: {branch: ''}}", "spec: {ref: {branch: master}}");
        git("spec: {ref: {branch: a, tag: b}}", "spec: {ref: {tag: b}}");
        git(
            "spec: {ref: {branch: a, tag: b, commit: c}}",
            "spec: {ref: {branch: a, commit: c}}",
        );
        let oci = |one, other| same("OCIRepository", one, other);
        oci("spec: {}", "spec: {ref: {tag: latest}}");
        oci(
            "spec: {ref: {tag: a, semver: b, semverFilter: c}}",
            "spec: {ref: {semver: b, semverFilter: c}}",
        );
    }

    #[test]
    fn a_namespace_that_is_the_own_one_and_a_path_in_another_form_say_nothing() {
        let kustomization = |one, other| same("Kustomization", one, other);
        kustomization(
            "metadata: {namespace: x}, spec: {path: /deploy//a/, wait: false, sourceRef: {name: a, namespace: x}, dependsOn: [{name: b, namespace: x}, {name: c, namespace: y}], postBuild: {substitute: {}, substituteFrom: [1]}}",
            "metadata: {namespace: x}, spec: {path: ./deploy/a, sourceRef: {name: a}, dependsOn: [{name: b}, {name: c, namespace: y}], postBuild: {substituteFrom: [1]}}",
        );
        kustomization("spec: {path: ./}", "spec: {}");
        let whole = json(
            "{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, spec: {prune: false, path: ../a}}",
        );
        assert_eq!(
            whole["spec"],
            serde_json::json!({"prune": false, "path": "./../a"})
        );
    }

    #[test]
    fn of_other_kinds_only_what_others_wrote_is_left_out() {
        let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, uid: b}, spec: {path: a//b, suspend: false}}";
        assert_eq!(
            json(text),
            serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "spec": {"path": "a//b", "suspend": false}})
        );
    }
}

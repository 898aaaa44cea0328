//! What the judge says, by its messages.

mod crds;
mod metadata;

use super::*;
use crate::flux::yaml;

const GIT_REPOSITORY: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: web
  namespace: flux-system
spec:
  interval: 1m
  url: https://github.com/acme/web
  ref:
    branch: main
";

const KUSTOMIZATION: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: web
spec:
  interval: 1m
  prune: true
  sourceRef:
    kind: GitRepository
    name: web
";

fn node(text: &str) -> Node {
    let (mut documents, faults) = yaml::read(text, 0);
    assert!(faults.is_empty(), "{faults:?}");
    documents.remove(0)
}

/// `path: message (hint)` of each fault.
fn judged_by(crds: &Crds, text: &str) -> Vec<String> {
    let line = |fault: Fault| {
        let hint = fault
            .hint
            .map(|hint| format!(" ({hint})"))
            .unwrap_or_default();
        format!("{}: {}{hint}", fault.path, fault.message)
    };
    judge(crds, &node(text)).into_iter().map(line).collect()
}

fn judged(text: &str) -> Vec<String> {
    judged_by(Crds::embedded(), text)
}

fn edited(text: &str, from: &str, to: &str) -> Vec<String> {
    assert!(text.contains(from), "{from}");
    judged(&text.replacen(from, to, 1))
}

fn git(from: &str, to: &str) -> Vec<String> {
    edited(GIT_REPOSITORY, from, to)
}

fn kustomization(from: &str, to: &str) -> Vec<String> {
    edited(KUSTOMIZATION, from, to)
}

/// A CRD of `example.com/v1` whose `spec` has this schema, in JSON.
fn crd(spec: &str) -> Crds {
    let text = format!(
        r#"{{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {{
            "group": "example.com", "scope": "Namespaced", "names": {{"kind": "Foo"}}, "versions": [{{
            "name": "v1", "served": true, "schema": {{"openAPIV3Schema": {{"type": "object", "properties": {{
            "spec": {spec}}}}}}}}}]}}}}"#
    );
    let (crds, faults) = Crds::from_documents(&[node(&text)]);
    assert!(faults.is_empty(), "{faults:?}");
    crds
}

fn foo(schema: &str, spec: &str) -> Vec<String> {
    let text = format!(
        r#"{{"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {{"name": "a"}}, "spec": {spec}}}"#
    );
    judged_by(&crd(schema), &text)
}

const NONE: [&str; 0] = [];

#[test]
fn good_objects_have_no_fault() {
    assert_eq!(judged(GIT_REPOSITORY), NONE);
    assert_eq!(judged(KUSTOMIZATION), NONE);
}

#[test]
fn an_unknown_field_is_refused_even_when_null_and_the_nearest_is_named() {
    assert_eq!(
        git("branch: main", "brnach: null"),
        ["spec.ref.brnach: unknown field `brnach` (did you mean `branch`?)"]
    );
    assert_eq!(
        git("name: web", "name: web\n  foo: 1"),
        [
            "metadata.foo: unknown field `foo` (leave it out: the kind has no key that is spelt like it)"
        ]
    );
}

#[test]
fn a_missing_field_is_named_where_it_should_stand() {
    assert_eq!(
        kustomization("  prune: true\n", ""),
        ["spec.prune: `prune` is required (add `prune:` with a boolean)"]
    );
    assert_eq!(
        git("  name: web\n", ""),
        [
            "metadata.name: `name` is required (add `name:` with a name of small letters, digits and `-`)"
        ]
    );
    assert_eq!(
        git("kind: GitRepository\n", ""),
        ["kind: `kind` is required (add it, as in `kind: Kustomization`)"]
    );
}

#[test]
fn types_are_those_that_the_reader_makes_of_the_text() {
    assert_eq!(
        git("branch: main", "branch: on"),
        ["spec.ref.branch: must be a string, not a boolean (quote it: `\"on\"`)"]
    );
    assert_eq!(
        git("interval: 1m", "interval: 60"),
        [
            "spec.interval: must be a string, not an integer (write numbers with the units h, m, s or ms, as in `1h30m`)"
        ]
    );
    assert_eq!(
        kustomization("prune: true", "prune: 'true'"),
        ["spec.prune: must be a boolean, not a string (write it without quotes: `true`)"]
    );
    assert_eq!(
        git("    branch: main", "  - main"),
        ["spec.ref: must be a map, not a list (write `key: value` pairs below it)"]
    );
    assert_eq!(
        kustomization("prune: true", "prune: true\n  dependsOn: {name: a}"),
        [
            "spec.dependsOn: must be a list, not a map (write each item on a line of its own, behind `- `)"
        ]
    );
}

#[test]
fn null_is_refused_unless_there_is_a_default() {
    assert_eq!(git("interval: 1m", "interval: 1m\n  timeout: null"), NONE);
    assert_eq!(
        git("interval: 1m", "interval: null"),
        ["spec.interval: must be a string, not null (give it a value, or leave the key out)"]
    );
    assert_eq!(git("namespace: flux-system", "labels: {a: null}"), NONE);
}

#[test]
fn bounds_patterns_and_enums_are_held() {
    assert_eq!(
        git("interval: 1m", "interval: 1d"),
        [
            "spec.interval: `1d` does not match the pattern `^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$` (write numbers with the units h, m, s or ms, as in `1h30m`)"
        ]
    );
    assert_eq!(
        git("interval: 1m", "interval: 1m\n  timeout: 2h"),
        [
            "spec.timeout: `2h` does not match the pattern `^([0-9]+(\\.[0-9]+)?(ms|s|m))+$` (write numbers with the units m, s or ms, as in `90m`: hours are not taken here)"
        ]
    );
    assert_eq!(
        git("https://github.com/acme/web", "git@github.com:acme/web"),
        [
            "spec.url: `git@github.com:acme/web` does not match the pattern `^(http|https|ssh)://.*$` (write `ssh://git@github.com/acme/web`)"
        ]
    );
    assert_eq!(
        git("https://github.com/", "ftp://me:secret@github.com/"),
        [
            "spec.url: `ftp://***@github.com/acme/web` does not match the pattern `^(http|https|ssh)://.*$` (begin it with `http://` or `https://` or `ssh://`)"
        ]
    );
    assert_eq!(
        kustomization("kind: GitRepository", "kind: GitRepo"),
        [
            "spec.sourceRef.kind: must be one of `OCIRepository`, `GitRepository`, `Bucket`, `ExternalArtifact`, not `GitRepo` (did you mean `GitRepository`?)"
        ]
    );
    assert_eq!(
        kustomization("prune: true", "prune: true\n  targetNamespace: ''"),
        ["spec.targetNamespace: must not be empty (write something, or leave the key out)"]
    );
}

#[test]
fn a_rule_says_its_message() {
    assert_eq!(
        git("interval: 1m", "interval: 1m\n  serviceAccountName: a"),
        [
            "spec: serviceAccountName can only be set when provider is 'azure' or 'aws' (the rule is `!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))`)"
        ]
    );
    assert_eq!(
        git(
            "interval: 1m",
            "interval: 1m\n  serviceAccountName: a\n  provider: aws"
        ),
        NONE
    );
}

#[test]
fn of_a_status_only_names_and_types_count() {
    let with = |status: &str| judged(&format!("{GIT_REPOSITORY}status: {status}\n"));
    assert_eq!(
        with("{observedGeneration: 1.5, conditions: [{status: Bogus, lastTransitionTime: 5}]}"),
        NONE
    );
    assert_eq!(with("null"), NONE);
    assert_eq!(
        with("{x: null}"),
        ["status.x: unknown field `x` (leave it out: the kind has no key that is spelt like it)"]
    );
    assert_eq!(
        with("[]"),
        ["status: must be a map, not a list (write `key: value` pairs below it)"]
    );
}

#[test]
fn kinds_of_kubernetes_live_where_they_do_and_custom_ones_where_their_crds_say() {
    for (api_version, kind, scope) in [
        ("v1", "ConfigMap", Scope::Namespaced),
        ("v1", "Namespace", Scope::Cluster),
        ("rbac.authorization.k8s.io/v1", "Role", Scope::Namespaced),
        (
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            Scope::Cluster,
        ),
        ("storage.k8s.io/v1", "StorageClass", Scope::Cluster),
        ("storage.k8s.io/v1", "CSIStorageCapacity", Scope::Namespaced),
        ("networking.k8s.io/v1", "Ingress", Scope::Namespaced),
        ("gateway.networking.k8s.io/v1", "Gateway", Scope::Unknown),
        ("example.com/v1", "Thing", Scope::Unknown),
        (
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            Scope::Namespaced,
        ),
    ] {
        let text = format!("apiVersion: {api_version}\nkind: {kind}\n");
        let found = Crds::embedded().scope(&crate::flux::yaml::read(&text, 0).0[0]);
        assert_eq!(found, scope, "{text}");
    }
}

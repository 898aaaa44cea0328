//! What the judge says, by its messages.

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
        ["metadata.foo: unknown field `foo`"]
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
        ["spec.ref: must be a map, not a list"]
    );
    assert_eq!(
        kustomization("prune: true", "prune: true\n  dependsOn: {name: a}"),
        ["spec.dependsOn: must be a list, not a map"]
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
        ["spec.targetNamespace: must not be empty"]
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
    assert_eq!(with("{x: null}"), ["status.x: unknown field `x`"]);
    assert_eq!(with("[]"), ["status: must be a map, not a list"]);
}

#[test]
fn metadata_has_rules_of_its_own() {
    assert_eq!(
        git("name: web", "name: Web"),
        [
            "metadata.name: the name `Web`: it has `W`, where only small letters, digits, `-` and `.` may stand"
        ]
    );
    assert_eq!(
        git("namespace: flux-system", "namespace: a.b"),
        [
            "metadata.namespace: the namespace `a.b`: it has `.`, where only small letters, digits and `-` may stand"
        ]
    );
    assert_eq!(
        git("namespace: flux-system", "labels: {x/y/z: a}"),
        ["metadata.labels[\"x/y/z\"]: the label key `x/y/z`: it has more than one `/`"]
    );
    assert_eq!(
        git("namespace: flux-system", "annotations: {UP/x: a}"),
        NONE
    );
    assert_eq!(
        git("namespace: flux-system", "uid: a"),
        ["metadata.uid: the uid `a` is no object's: the API server gives it (leave the key out)"]
    );
    assert_eq!(
        git("namespace: flux-system", "resourceVersion: a"),
        ["metadata.resourceVersion: `a` is no resource version (leave the key out)"]
    );
    assert_eq!(
        git("namespace: flux-system", "managedFields: []"),
        ["metadata.managedFields: must not be given in an apply (leave the key out)"]
    );
    assert_eq!(
        git(
            "namespace: flux-system",
            "finalizers: [orphan, foregroundDeletion]"
        ),
        ["metadata.finalizers[1]: `orphan` and `foregroundDeletion` exclude each other"]
    );
    assert_eq!(
        git(
            "namespace: flux-system",
            "ownerReferences: [{apiVersion: v1, kind: Pod, name: a}]"
        ),
        ["metadata.ownerReferences[0].uid: `uid` is required"]
    );
}

#[test]
fn annotations_hold_exactly_262144_bytes() {
    let with = |bytes: usize| {
        git(
            "namespace: flux-system",
            &format!("annotations: {{a: {}}}", "x".repeat(bytes)),
        )
    };
    assert_eq!(with(262_143), NONE);
    assert_eq!(
        with(262_144),
        ["metadata.annotations: must be at most 262144 bytes in all, not 262145"]
    );
}

#[test]
fn kinds_and_versions_that_the_group_does_not_have_are_refused() {
    assert_eq!(
        git("toolkit.fluxcd.io/v1", "toolkit.fluxcd.io/v1beta2"),
        [
            "apiVersion: `source.toolkit.fluxcd.io/v1beta2` has no kind `GitRepository`: it is served as `v1` (write `apiVersion: source.toolkit.fluxcd.io/v1`)"
        ]
    );
    assert_eq!(
        git("kind: GitRepository", "kind: GitRepo"),
        [
            "kind: `source.toolkit.fluxcd.io/v1` has no kind `GitRepo` (did you mean `GitRepository`?)"
        ]
    );
}

#[test]
fn a_kind_without_a_crd_is_told_and_its_metadata_is_judged() {
    let coverage = |text: &str| Crds::embedded().coverage(&node(text));
    let foo = "apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: a, labels: {'': b}}\n";
    assert_eq!(
        coverage(foo).to_string(),
        "not checked: no CRD for Foo example.com/v1"
    );
    assert_eq!(
        judged(foo),
        ["metadata.labels[\"\"]: the label key ``: it is empty"]
    );
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n";
    assert_eq!(coverage(namespace), Coverage::BuiltIn);
    assert_eq!(judged(namespace).len(), 1);
    assert_eq!(coverage(GIT_REPOSITORY), Coverage::Whole);
}

#[test]
fn whole_numbers_count_as_integers_and_2_to_the_63_does_not() {
    let schema = r#"{"type": "object", "properties": {"m": {"type": "integer", "minimum": 1, "maximum": 2000}}}"#;
    for good in ["1", "1.0", "1e3", "2000"] {
        assert_eq!(foo(schema, &format!("{{m: {good}}}")), NONE, "{good}");
    }
    assert_eq!(
        foo(schema, "{m: 1.5}"),
        ["spec.m: must be an integer, not a number"]
    );
    assert_eq!(
        foo(schema, "{m: 9223372036854775808}"),
        ["spec.m: must be an integer, not a number"]
    );
    assert_eq!(foo(schema, "{m: 0}"), ["spec.m: must be at least 1"]);
    assert_eq!(foo(schema, "{m: 2001}"), ["spec.m: must be at most 2000"]);
}

#[test]
fn an_int_or_string_is_one_of_both() {
    let schema = r#"{"type": "object", "properties": {"m": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}}}"#;
    assert_eq!(foo(schema, "{m: 1}"), NONE);
    assert_eq!(foo(schema, "{m: a}"), NONE);
    assert_eq!(
        foo(schema, "{m: 1.5}"),
        ["spec.m: must be an integer or a string, not a number (quote it: `\"1.5\"`)"]
    );
    assert_eq!(
        foo(schema, "{m: true}"),
        ["spec.m: must be an integer or a string, not a boolean (quote it: `\"true\"`)"]
    );
}

#[test]
fn below_a_node_that_keeps_unknown_fields_types_still_count() {
    let schema = r#"{"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}}}"#;
    assert_eq!(foo(schema, "{x: {w: [1]}, a: {z: 1}}"), NONE);
    assert_eq!(
        foo(schema, "{a: {b: true}}"),
        ["spec.a.b: must be a string, not a boolean (quote it: `\"true\"`)"]
    );
}

#[test]
fn elements_of_sets_and_keyed_lists_differ_after_defaults() {
    let set = r#"{"type": "object", "properties": {"l": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}}}"#;
    assert_eq!(foo(set, "{l: [a, b]}"), NONE);
    assert_eq!(
        foo(set, "{l: [a, b, a]}"),
        ["spec.l[2]: is in the set already (take it out: each may stand there once)"]
    );
    let map = r#"{"type": "object", "properties": {"l": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"], "items": {"type": "object", "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}}}}}}"#;
    assert_eq!(foo(map, "{l: [{port: 1}, {port: 1, protocol: UDP}]}"), NONE);
    assert_eq!(
        foo(map, "{l: [{port: 1}, {port: 1, protocol: TCP}]}"),
        ["spec.l[1]: another element has the same `port` and `protocol`"]
    );
    assert_eq!(
        foo(map, "{l: [{port: 1, protocol: null}, {port: 1}]}"),
        ["spec.l[1]: another element has the same `port` and `protocol`"]
    );
    assert_eq!(
        foo(map, "{l: [null]}"),
        [
            "spec.l[0]: must be a map with its keys, not null",
            "spec.l[0]: must be a map, not null (give it a value, or leave the key out)"
        ]
    );
}

#[test]
fn an_embedded_resource_needs_its_type_and_sound_metadata() {
    let schema = r#"{"type": "object", "properties": {"t": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true}}}"#;
    assert_eq!(
        foo(
            schema,
            "{t: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}}"
        ),
        NONE
    );
    assert_eq!(
        foo(schema, "{t: {}}"),
        [
            "spec.t.apiVersion: `apiVersion` is required",
            "spec.t.kind: `kind` is required"
        ]
    );
    assert_eq!(
        foo(
            schema,
            "{t: {apiVersion: v1, kind: Pod, metadata: {foo: a}}}"
        ),
        ["spec.t.metadata.foo: unknown field `foo`"]
    );
    assert_eq!(
        foo(
            schema,
            "{t: {apiVersion: v1, kind: Pod, metadata: {generation: -1}}}"
        ),
        ["spec.t.metadata.generation: must be at least 0"]
    );
}

#[test]
fn alternatives_see_defaults() {
    let schema = r#"{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string", "default": "x"}, "c": {"type": "string"}}, "oneOf": [{"required": ["a"]}, {"required": ["c"]}], "anyOf": [{"required": ["b"]}], "not": {"required": ["a"], "properties": {"a": {"enum": ["no"]}}}}"#;
    assert_eq!(foo(schema, "{a: yes1}"), NONE);
    assert_eq!(
        foo(schema, "{a: yes1, c: z}"),
        ["spec: fits 2 of the forms of which it must have exactly one"]
    );
    assert_eq!(
        foo(schema, "{}"),
        [
            "spec: fits none of the forms of which it must have one (`spec.a` `a` is required; or `spec.c` `c` is required)"
        ]
    );
    assert_eq!(
        foo(schema, "{a: 'no'}"),
        ["spec: has a form that it must not have"]
    );
}

#[test]
fn a_number_that_is_nearly_an_integer_is_none_to_a_rule() {
    let schema = |rule: &str| {
        format!(
            r#"{{"type": "object", "properties": {{"m": {{"type": "integer"}}}}, "x-kubernetes-validations": [{{"rule": "{rule}"}}]}}"#
        )
    };
    let compared = "!has(self.m) || self.m > 2";
    assert_eq!(
        foo(&schema(compared), r#"{"m": 12345678901.5}"#),
        [format!(
            "spec.m: must be an integer without a fraction for the rule `{compared}`"
        )]
    );
    assert_eq!(foo(&schema(compared), r#"{"m": 12345678901.0}"#), NONE);
    assert_eq!(foo(&schema("has(self.m)"), r#"{"m": 12345678901.5}"#), NONE);
}

#[test]
fn rules_on_the_old_object_do_not_count() {
    let schema = r#"{"type": "object", "properties": {"m": {"type": "integer", "default": 3}}, "x-kubernetes-validations": [{"rule": "self.m >= oldSelf.m"}, {"rule": "self.m > 2", "message": "too few"}]}"#;
    assert_eq!(foo(schema, "{}"), NONE);
    assert_eq!(
        foo(schema, "{m: 2}"),
        ["spec: too few (the rule is `self.m > 2`)"]
    );
}

#[test]
fn lengths_are_counted_in_characters() {
    let schema = r#"{"type": "object", "properties": {"s": {"type": "string", "maxLength": 2, "minLength": 2}}}"#;
    assert_eq!(foo(schema, "{s: äö}"), NONE);
    assert_eq!(
        foo(schema, "{s: äöü}"),
        ["spec.s: must be at most 2 characters long, not 3"]
    );
    assert_eq!(
        foo(schema, "{s: ä}"),
        ["spec.s: must be at least 2 characters long, not 1"]
    );
}

#[test]
fn what_is_no_crd_is_told_with_its_place() {
    let faults = |text: &str| {
        let (_, faults) = Crds::from_documents(&[node(text)]);
        let line = |fault: &Fault| format!("{}: {}", fault.path, fault.message);
        faults.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        faults("kind: Deployment\n"),
        [": holds no CustomResourceDefinition"]
    );
    assert_eq!(
        faults("apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\n"),
        ["apiVersion: must be `apiextensions.k8s.io/v1`"]
    );
    let no_scope = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {group: a.b, names: {kind: A}, versions: []}\n";
    assert_eq!(
        faults(no_scope),
        ["spec.scope: must be one of `Namespaced`, `Cluster`"]
    );
    let no_version = no_scope.replace("group", "scope: Cluster, group");
    assert_eq!(
        faults(&no_version),
        ["spec.versions: has no version that is served"]
    );
}

#[test]
fn crds_of_a_cluster_count_instead_of_ours() {
    let own = crd(r#"{"type": "object"}"#).over(Crds::embedded());
    assert_eq!(judged_by(&own, GIT_REPOSITORY), NONE);
    let older = r#"{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {
        "group": "source.toolkit.fluxcd.io", "scope": "Namespaced", "names": {"kind": "GitRepository"}, "versions": [{
        "name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"url": {"type": "string"}, "interval": {"type": "string"}}}}}}}]}}"#;
    let (older, _) = Crds::from_documents(&[node(older)]);
    assert_eq!(
        judged_by(&older.over(Crds::embedded()), GIT_REPOSITORY),
        ["spec.ref: unknown field `ref` (the keys here are `interval`, `url`)"]
    );
}

#[test]
fn a_document_without_version_and_kind_is_refused_once() {
    let (documents, _) = crate::flux::yaml::read("replicas: 2\n", 0);
    let faults = judge(Crds::embedded(), &documents[0]);
    let messages: Vec<_> = faults.into_iter().map(|fault| fault.message).collect();
    assert_eq!(
        messages,
        ["no Kubernetes object: neither `apiVersion` nor `kind` is given"]
    );
}

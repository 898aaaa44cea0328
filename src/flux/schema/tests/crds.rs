//! What the schemas of other CRDs can say.

use super::{GIT_REPOSITORY, NONE, crd, foo, judged_by, node};
use crate::flux::schema::{Crds, Fault};

#[test]
fn whole_numbers_count_as_integers_and_2_to_the_63_does_not() {
    let schema = r#"{"type": "object", "properties": {"m": {"type": "integer", "minimum": 1, "maximum": 2000}}}"#;
    for good in ["1", "1.0", "1e3", "2000"] {
        assert_eq!(foo(schema, &format!("{{m: {good}}}")), NONE, "{good}");
    }
    assert_eq!(
        foo(schema, "{m: 1.5}"),
        ["spec.m: must be an integer, not a number (write a whole number)"]
    );
    assert_eq!(
        foo(schema, "{m: 9223372036854775808}"),
        ["spec.m: must be an integer, not a number (write a whole number)"]
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
        [
            "spec.t.metadata.foo: unknown field `foo` (leave it out: the kind has no key that is spelt like it)"
        ]
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
        ["spec.s: must be at most 2 characters long, not 3 (shorten it)"]
    );
    assert_eq!(
        foo(schema, "{s: ä}"),
        ["spec.s: must be at least 2 characters long, not 1 (write more, or leave the key out)"]
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

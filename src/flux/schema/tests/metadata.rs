//! What is said of metadata, and of the version and kind of a document.

use super::{GIT_REPOSITORY, NONE, git, judged, node};
use crate::flux::schema::{Coverage, Crds, judge};

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
fn a_document_without_version_and_kind_is_refused_once() {
    let (documents, _) = crate::flux::yaml::read("replicas: 2\n", 0);
    let faults = judge(Crds::embedded(), &documents[0]);
    let messages: Vec<_> = faults.into_iter().map(|fault| fault.message).collect();
    assert_eq!(
        messages,
        ["no Kubernetes object: neither `apiVersion` nor `kind` is given"]
    );
}

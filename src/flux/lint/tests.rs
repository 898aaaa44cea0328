//! What is said about documents, and about which nothing is.

use super::*;
use crate::flux::fault::FaultSeverity;
use crate::flux::schema::{Crds, judge};
use crate::flux::yaml;

const NONE: [&str; 0] = [];

fn linted(kind: &str, spec: &str) -> Vec<String> {
    let group = match kind {
        "Kustomization" => "kustomize",
        "HelmRelease" => "helm",
        kind if kind.starts_with("Image") => "image",
        _ => "source",
    };
    let text = format!(
        "apiVersion: {group}.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: web, namespace: apps}}\n{spec}\n"
    );
    let (documents, faults) = yaml::read(&text, 0);
    assert!(faults.is_empty(), "{faults:?}");
    let line = |fault: Fault| {
        let mark = if fault.severity == FaultSeverity::Warning {
            "warning: "
        } else {
            ""
        };
        format!("{mark}{}: {}", fault.path, fault.message)
    };
    lint(&documents[0]).into_iter().map(line).collect()
}

fn git(rest: &str) -> Vec<String> {
    linted(
        "GitRepository",
        &format!("spec: {{interval: 1m, ref: {{branch: main}}, {rest}}}"),
    )
}

fn kustomization(interval: &str, rest: &str) -> Vec<String> {
    linted(
        "Kustomization",
        &format!(
            "spec: {{interval: {interval}, sourceRef: {{kind: GitRepository, name: web}}, {rest}}}"
        ),
    )
}

#[test]
fn good_objects_have_no_fault() {
    assert_eq!(git("url: https://github.com/acme/web"), NONE);
    assert_eq!(kustomization("1m", "prune: true"), NONE);
}

#[test]
fn what_is_no_object_of_flux_is_left_to_the_api_server() {
    for kind in ["KustomizationList", "''", "GitRepositry"] {
        assert_eq!(linted(kind, "items: []"), NONE, "{kind}");
    }
    assert_eq!(
        linted("GitRepository", "items: []"),
        ["spec: a GitRepository without `spec` does nothing"]
    );
}

#[test]
fn an_artifact_has_its_tag_in_ref_and_a_tag_is_one() {
    let oci = |rest: &str| linted("OCIRepository", &format!("spec: {{interval: 1m, {rest}}}"));
    assert_eq!(oci("url: 'oci://host:5000/a/b', ref: {tag: v1.2_3}"), NONE);
    assert_eq!(
        oci("url: 'oci://ghcr.io/a/b', ref: {tag: '+', semver: '1.x'}"),
        NONE
    );
    assert_eq!(
        oci("url: 'oci://ghcr.io/a/b:latest'"),
        ["spec.url: the URL has a tag in it, which source-controller refuses"]
    );
    assert_eq!(
        oci("url: 'oci://ghcr.io/a/b@sha256:00'"),
        ["spec.url: the URL has a digest in it, which source-controller refuses"]
    );
    let faults = oci("url: 'oci://ghcr.io/a/b', ref: {tag: '1.0+2'}");
    assert!(
        faults[0].starts_with("spec.ref.tag: `1.0+2` is no tag of an artifact: it has "),
        "{faults:?}"
    );
}

#[test]
fn the_address_of_an_artifact_is_read_as_source_controller_reads_it() {
    let of = |url: &str| {
        let spec = format!("spec: {{interval: 1m, url: '{url}', ref: {{tag: v1}}}}");
        linted("OCIRepository", &spec)
    };
    for sound in [
        "oci://ghcr.io/a/b",
        "oci://localhost:5000/app",
        "oci://docker.io/library/app_1.x",
        "oci://ghcr.io/ab",
    ] {
        assert_eq!(of(sound), NONE, "{sound}");
    }
    for (url, message) in [
        (
            "oci://bot:hunter2@ghcr.io/a/b",
            "spec.url: the URL has a user in it, which source-controller refuses",
        ),
        (
            "oci://ghcr.io/Acme/b",
            "spec.url: the name of the artifact has `A`, which source-controller refuses",
        ),
        (
            "oci://ghcr.io/a",
            "spec.url: the name of the artifact has 1 characters, where source-controller takes 2 to 255",
        ),
        (
            "oci://harbor/acme/app",
            "warning: spec.url: without a `.` or `:` in its first part the URL names an artifact at Docker Hub",
        ),
    ] {
        assert_eq!(of(url), [message], "{url}");
    }
    let name = |length: usize| of(&format!("oci://ghcr.io/{}", "a".repeat(length)));
    assert_eq!(name(255), NONE);
    assert_eq!(name(256).len(), 1);
}

#[test]
fn what_an_artifact_is_chosen_by_is_read_as_source_controller_reads_it() {
    let of = |reference: &str| {
        let spec =
            format!("spec: {{interval: 1m, url: 'oci://ghcr.io/a/b', ref: {{{reference}}}}}");
        linted("OCIRepository", &spec)
    };
    assert_eq!(of("semver: '>=1', semverFilter: '^v[0-9]'"), NONE);
    assert_eq!(
        of("semver: '>=1', semverFilter: '(v'"),
        ["spec.ref.semverFilter: `(v` is no pattern"]
    );
    assert_eq!(of("tag: v1, semverFilter: '(v'"), NONE);
    let sha256 = format!("digest: 'sha256:{}'", "a1".repeat(32));
    assert_eq!(of(&format!("{sha256}, semver: x, semverFilter: '('")), NONE);
    assert_eq!(
        of("digest: 'sha512:00', tag: v1"),
        [
            "spec.ref.digest: `sha512:00` is no digest: Flux reads no digest by `sha512`, only by `sha256`"
        ]
    );
}

#[test]
fn notation_needs_its_keys_and_cosign_does_not() {
    let of = |verify: &str| {
        let spec = format!(
            "spec: {{interval: 1m, url: 'oci://ghcr.io/a/b', ref: {{tag: v1}}, verify: {{{verify}}}}}"
        );
        linted("OCIRepository", &spec)
    };
    assert_eq!(of("provider: cosign"), NONE);
    assert_eq!(of("provider: notation, secretRef: {name: a}"), NONE);
    assert_eq!(
        of("provider: notation"),
        ["spec.verify: the provider `notation` verifies nothing without a `secretRef`"]
    );
}

#[test]
fn a_path_stays_in_the_repository() {
    for path in ["./a/../b", "/a", "a/..", "''"] {
        assert_eq!(kustomization("1m", &format!("path: {path}")), NONE);
    }
    for path in ["../x", "a/../../x"] {
        assert_eq!(
            kustomization("1m", &format!("path: {path}")),
            [
                "warning: spec.path: the path leads out of the repository, where Flux does not follow it"
            ]
        );
    }
}

#[test]
fn a_kustomization_needs_a_minute_and_a_source_more_than_nothing() {
    assert_eq!(kustomization("60s", ""), NONE);
    assert_eq!(
        kustomization("59s", ""),
        ["spec.interval: `59s` is under the 60s that a Kustomization needs"]
    );
    assert_eq!(
        kustomization("0s", ""),
        ["spec.interval: `0s` is under the 60s that a Kustomization needs"]
    );
    assert_eq!(linted("Bucket", "spec: {interval: 1s}"), NONE);
    assert_eq!(
        linted("Bucket", "spec: {interval: 0h}"),
        [
            "spec.interval: with `0h` the source is never polled: only a change of it or an annotation fetches"
        ]
    );
    assert_eq!(
        linted("HelmRepository", "spec: {interval: 0s, type: oci}"),
        NONE
    );
}

#[test]
fn a_duration_that_go_cannot_hold_is_refused_in_every_field() {
    assert_eq!(kustomization("2562047h", ""), NONE);
    for key in ["retryInterval", "timeout"] {
        assert_eq!(
            kustomization("1m", &format!("{key}: 2562048h")),
            [format!(
                "spec.{key}: `2562048h` is longer than Go can hold: the controller would then read no Kustomization at all"
            )]
        );
    }
    assert_eq!(
        kustomization("99999999999999999999h", ""),
        [
            "spec.interval: `99999999999999999999h` is longer than Go can hold: the controller would then read no Kustomization at all"
        ]
    );
}

#[test]
fn a_range_that_is_none_is_refused() {
    let faults = linted(
        "OCIRepository",
        "spec: {interval: 1m, ref: {semver: not a range}}",
    );
    assert!(
        faults[0].starts_with("spec.ref.semver: `not a range` is no range of versions: "),
        "{faults:?}"
    );
    assert_eq!(
        linted(
            "OCIRepository",
            "spec: {interval: 1m, ref: {semver: '>=1.4'}}"
        ),
        NONE
    );
    let chart = |kind: &str| {
        linted(
            "HelmChart",
            &format!("spec: {{interval: 1m, version: a b, sourceRef: {{kind: {kind}, name: a}}}}"),
        )
    };
    assert_eq!(chart("HelmRepository").len(), 1);
    assert_eq!(chart("Bucket"), NONE);
}

#[test]
fn an_object_without_spec_is_refused() {
    assert_eq!(
        linted("GitRepository", ""),
        ["spec: a GitRepository without `spec` does nothing"]
    );
}

#[test]
fn a_ref_that_is_left_out_is_a_warning() {
    let warning = ["warning: spec.ref: without a ref Flux follows the branch `master`"];
    assert_eq!(linted("GitRepository", "spec: {interval: 1m}"), warning);
    assert_eq!(
        linted("GitRepository", "spec: {interval: 1m, ref: {}}"),
        warning
    );
    assert_eq!(
        linted("GitRepository", "spec: {interval: 1m, ref: {branch: ''}}"),
        warning
    );
}

#[test]
fn a_ref_that_git_refuses_is_refused() {
    let faults = linted("GitRepository", "spec: {interval: 1m, ref: {branch: a..b}}");
    assert!(
        faults[0].starts_with("spec.ref.branch: `a..b` names nothing in Git: "),
        "{faults:?}"
    );
}

#[test]
fn only_the_ref_that_counts_is_looked_at() {
    let with = |reference: &str| {
        linted(
            "GitRepository",
            &format!("spec: {{interval: 1m, ref: {{{reference}}}}}"),
        )
        .len()
    };
    assert_eq!(with("tag: a..b, semver: '1.x'"), 0);
    assert_eq!(with("semver: not a range, tag: v1"), 1);
    assert_eq!(with("semver: not a range, commit: abc"), 0);
    assert_eq!(with("branch: a..b, commit: abc"), 1);
    assert_eq!(with("name: main"), 1);
    assert_eq!(
        linted(
            "OCIRepository",
            &format!(
                "spec: {{interval: 1m, ref: {{semver: not a range, digest: 'sha256:{}'}}}}",
                "a1".repeat(32)
            )
        ),
        NONE
    );
}

#[test]
fn scalars_that_readers_take_differently_are_named_everywhere() {
    let found = |text: &str| {
        vec![format!(
            "spec.path: readers of YAML differ over a bare `{text}`"
        )]
    };
    assert_eq!(kustomization("1m", "path: yes"), found("yes"));
    assert_eq!(kustomization("1m", "path: 1_000"), found("1_000"));
    assert_eq!(kustomization("1m", "path: 'yes'"), NONE);
    let (documents, _) = yaml::read("apiVersion: v1\nkind: ConfigMap\ndata: {a: [off]}\n", 0);
    let fault = &lint(&documents[0])[0];
    assert_eq!(fault.path, "data.a[0]");
    let hint = |text: &str| {
        let (documents, _) = yaml::read(&format!("a: {text}\n"), 0);
        lint(&documents[0])[0].hint.clone().unwrap()
    };
    assert_eq!(
        hint("yes"),
        "write `true`, or quote it if it is text: `\"yes\"`"
    );
    assert_eq!(
        hint("off"),
        "write `false`, or quote it if it is text: `\"off\"`"
    );
    assert_eq!(
        hint("1_000"),
        "write `1000`, or quote it if it is text: `\"1_000\"`"
    );
}

#[test]
fn credentials_in_a_url_are_a_warning_that_does_not_show_them() {
    assert_eq!(
        git("url: 'https://user:secret@github.com/a/b'"),
        ["warning: spec.url: the URL has credentials in it, for all to read"]
    );
    for password in ["sec/ret", "sec#ret", "secret@x"] {
        let spec = format!("url: 'https://user:{password}@github.com/a/b'");
        assert_eq!(git(&spec).len(), 1, "{spec}");
    }
    assert_eq!(
        git("url: 'https://abcdefghij0123456789@github.com/a/b'").len(),
        1
    );
    assert_eq!(git("url: 'https://acme@dev.azure.com/acme/a/_git/b'"), NONE);
    assert_eq!(git("url: 'https://github.com/a@b/c'"), NONE);
    assert_eq!(
        git("url: 'ssh://git@github.com/a/b', secretRef: {name: key}"),
        NONE
    );
}

#[test]
fn what_only_works_together_is_refused_alone() {
    assert_eq!(
        git("provider: github"),
        ["spec.provider: the provider `github` needs a `secretRef` with a GitHub App"]
    );
    assert_eq!(
        git("url: 'ssh://git@github.com/a/b'"),
        ["spec.url: a URL of ssh needs a `secretRef` with a key and known hosts"]
    );
    assert_eq!(
        git("verify: {mode: TagAndHEAD}"),
        ["spec.verify.mode: the mode `TagAndHEAD` needs a tag, and `ref` follows none"]
    );
    assert_eq!(git("verify: {mode: HEAD}"), NONE);
    let tagged = |reference: &str| {
        linted(
            "GitRepository",
            &format!("spec: {{interval: 1m, ref: {{{reference}}}, verify: {{mode: Tag}}}}"),
        )
    };
    assert_eq!(tagged("branch: main, tag: v1"), NONE);
    assert_eq!(tagged("name: refs/tags/v1"), NONE);
    assert_eq!(tagged("name: refs/heads/v1").len(), 1);
    assert_eq!(tagged("tag: v1, commit: abc").len(), 1);
}

#[test]
fn a_source_without_a_name_is_refused() {
    assert_eq!(
        linted(
            "Kustomization",
            "spec: {interval: 1m, sourceRef: {kind: Bucket, name: ''}}"
        ),
        ["spec.sourceRef.name: must not be empty: no source has that name"]
    );
}

#[test]
fn names_of_substitutions_are_those_of_variables() {
    assert_eq!(
        kustomization("1m", "postBuild: {substitute: {_A1: a}}"),
        NONE
    );
    assert_eq!(
        kustomization("1m", "postBuild: {substitute: {a-b: a}}"),
        ["spec.postBuild.substitute.a-b: `a-b` is no name of a variable"]
    );
    assert_eq!(
        kustomization("1m", "postBuild: {substitute: {'1a': a}}"),
        ["spec.postBuild.substitute.1a: `1a` is no name of a variable"]
    );
}

#[test]
fn what_depends_on_itself_never_runs() {
    let message = "spec.dependsOn[1]: `web` depends on itself and would never run";
    assert_eq!(
        kustomization("1m", "dependsOn: [{name: a}, {name: web}]"),
        [message]
    );
    assert_eq!(
        kustomization("1m", "dependsOn: [{name: a}, {name: web, namespace: apps}]"),
        [message]
    );
    assert_eq!(
        kustomization("1m", "dependsOn: [{name: web, namespace: other}]"),
        NONE
    );
}

/// In the form in which `flux bootstrap` and `flux create … --export` write objects.
const EXPORTED: &str = "\
# This manifest was generated by flux. DO NOT EDIT.
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 1m0s
  ref:
    branch: main
  secretRef:
    name: flux-system
  url: ssh://git@github.com/acme/fleet
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 10m0s
  path: ./clusters/production
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: podinfo
  namespace: flux-system
spec:
  ignore: |
    /*
    !/kustomize
  interval: 30s
  ref:
    semver: '>=1.0.0 <2.0.0'
  timeout: 1m0s
  url: https://github.com/acme/podinfo
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: podinfo
  namespace: flux-system
spec:
  interval: 10m0s
  provider: generic
  ref:
    tag: 6.1.6
  url: oci://ghcr.io/acme/manifests/podinfo
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata:
  name: podinfo
  namespace: flux-system
spec:
  interval: 1m0s
  type: oci
  url: oci://ghcr.io/acme/charts
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: Bucket
metadata:
  name: podinfo
  namespace: flux-system
spec:
  bucketName: podinfo
  endpoint: minio.minio.svc.cluster.local:9000
  insecure: true
  interval: 1m0s
  provider: generic
  secretRef:
    name: podinfo
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  labels:
    app.kubernetes.io/part-of: podinfo
  name: podinfo
  namespace: flux-system
spec:
  decryption:
    provider: sops
    secretRef:
      name: sops-age
  dependsOn:
  - name: infra
  - name: base
    namespace: default
  force: false
  healthChecks:
  - kind: Deployment
    name: frontend
    namespace: apps
  interval: 5m0s
  path: ./kustomize
  prune: true
  retryInterval: 2m0s
  sourceRef:
    kind: Bucket
    name: podinfo
    namespace: default
  targetNamespace: apps
  timeout: 3m0s
  wait: true
---
apiVersion: v1
kind: Namespace
metadata:
  labels:
    app.kubernetes.io/instance: flux-system
    pod-security.kubernetes.io/warn: restricted
    pod-security.kubernetes.io/warn-version: latest
  name: flux-system
";

#[test]
fn what_the_command_line_of_flux_writes_has_no_fault() {
    let (documents, faults) = yaml::read(EXPORTED, 0);
    assert_eq!(faults, []);
    assert_eq!(documents.len(), 8);
    for document in &documents {
        assert_eq!(judge(Crds::embedded(), document), []);
        assert_eq!(lint(document), []);
    }
}

#[test]
fn of_releases_and_images_go_reads_the_durations_and_ranges_too() {
    let release = |chart: &str| {
        linted(
            "HelmRelease",
            &format!(
                "spec: {{interval: 9999999h, chart: {{spec: {{version: 1.y.z, sourceRef: {{kind: {chart}}}}}}}}}"
            ),
        )
    };
    let too_long = "spec.interval: `9999999h` is longer than Go can hold: the controller would then read no HelmRelease at all";
    assert_eq!(release("GitRepository"), [too_long]);
    let found = release("HelmRepository");
    assert_eq!(found[0], too_long);
    assert!(
        found[1].starts_with("spec.chart.spec.version: `1.y.z` is no range of versions: "),
        "{found:?}"
    );
    let policy = linted("ImagePolicy", "spec: {policy: {semver: {range: v1.x.y}}}");
    assert!(
        policy[0].starts_with("spec.policy.semver.range: `v1.x.y` is no range of versions: "),
        "{policy:?}"
    );
    assert_eq!(linted("ImageRepository", "spec: {interval: 0s}"), NONE);
    assert_eq!(
        linted("ImageRepository", "status: {}"),
        ["spec: an ImageRepository without `spec` does nothing"]
    );
}

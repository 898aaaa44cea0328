//! What is applied together, and what each cluster has of it.

use tempfile::TempDir;

use crate::binary::run_in;
use crate::folders::folder;

use super::kustomize::build;
use super::manifests::{SOUND, SOURCE};

/// What is said, by place, with its hint.
fn said(folder: &TempDir) -> String {
    let arguments = ["validate", "--manifests", ".", "--format", "json"];
    let run = run_in(folder.path(), &arguments);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let findings = answer["findings"].as_array().expect("it has findings");
    let said = findings.iter().map(|one| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let (severity, file, message) = (text("severity"), text("file"), text("message"));
        format!(
            "{severity} {file}:{} {message} ({})",
            one["line"],
            text("hint")
        )
    });
    said.collect::<Vec<_>>().join("\n")
}

fn applies(name: &str, path: &str) -> String {
    let spec = format!("path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}");
    SOUND
        .replace("name: web, n", &format!("name: {name}, n"))
        .replace("sourceRef: {kind: GitRepository, name: web}", &spec)
}

const OWN: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: https://github.com/acme/fleet, ref: {branch: main}}
";

#[test]
fn one_object_twice_in_what_one_kustomization_applies_is_an_error() {
    let all = folder(&[
        (
            "clusters/prod/flux-system/gotk-sync.yaml",
            &format!("{OWN}---\n{}", applies("flux-system", "./clusters/prod")),
        ),
        (
            "clusters/prod/a/shop.yaml",
            &SOURCE.replace("name: web", "name: shop"),
        ),
        (
            "clusters/prod/b/shop.yaml",
            &SOURCE.replace("name: web", "name: shop"),
        ),
    ]);
    insta::assert_snapshot!(said(&all), @"
    error clusters/prod/b/shop.yaml:3 GitRepository `flux-system/shop` is there twice (the other stands at clusters/prod/a/shop.yaml:3:18; Kustomization `flux-system/flux-system` takes in both, which kustomize refuses: keep one of them)
    ");
}

#[test]
fn one_object_twice_in_what_kustomize_lists_is_an_error_but_not_where_names_become_others() {
    let listed = folder(&[
        (
            "apps/kustomization.yaml",
            "resources: [a/web.yaml, b/web.yaml]\n",
        ),
        ("apps/a/web.yaml", SOURCE),
        ("apps/b/web.yaml", SOURCE),
    ]);
    insta::assert_snapshot!(said(&listed), @"
    error apps/b/web.yaml:3 GitRepository `flux-system/web` is there twice (the other stands at apps/a/web.yaml:3:18; `apps/kustomization.yaml` takes in both, which kustomize refuses: keep one of them)
    ");
    let unnamed = SOURCE.replace(", namespace: flux-system", "");
    let apart = folder(&[
        ("apps/kustomization.yaml", "resources: [a, b]\n"),
        (
            "apps/a/kustomization.yaml",
            "namespace: a\nresources: [web.yaml]\n",
        ),
        (
            "apps/b/kustomization.yaml",
            "namespace: b\nresources: [web.yaml]\n",
        ),
        ("apps/a/web.yaml", &unnamed),
        ("apps/b/web.yaml", &unnamed),
    ]);
    assert!(!said(&apart).contains("is there twice"), "{}", said(&apart));
}

#[test]
fn what_two_kustomizations_of_one_cluster_apply_is_a_warning_and_of_two_clusters_nothing() {
    let (one, other) = (applies("one", "./one"), applies("other", "./other"));
    let with = |first: &str, second: &str| {
        folder(&[
            ("clusters/eu/source.yaml", OWN),
            (first, &*one),
            (second, &*other),
            ("one/web.yaml", SOURCE),
            ("other/web.yaml", SOURCE),
            ("clusters/us/source.yaml", OWN),
        ])
    };
    let same = with("clusters/eu/one.yaml", "clusters/eu/other.yaml");
    insta::assert_snapshot!(said(&same), @"
    warning other/web.yaml:3 GitRepository `flux-system/web` is there twice (the other stands at one/web.yaml:3:18; Kustomization `flux-system/one` and Kustomization `flux-system/other` apply it in turn: keep one of them)
    ");
    let two = with("clusters/eu/one.yaml", "clusters/us/other.yaml");
    assert_eq!(said(&two), "");
}

#[test]
fn what_a_shared_file_refers_to_has_to_be_in_each_of_its_clusters() {
    let apps = applies("apps", "./apps");
    let with = |also: &str| {
        folder(&[
            ("clusters/prod/source.yaml", OWN),
            ("clusters/stage/source.yaml", OWN),
            ("clusters/prod/apps.yaml", &*apps),
            ("clusters/stage/apps.yaml", &*apps),
            ("clusters/stage/web.yaml", SOURCE),
            (also, SOURCE),
            ("apps/web.yaml", SOUND),
        ])
    };
    let missing = with("elsewhere.txt");
    insta::assert_snapshot!(said(&missing), @"
    warning apps/web.yaml:7 `sourceRef` refers to GitRepository `flux-system/web`, which is not there for `prod` (the one in `clusters/stage/web.yaml` is for another cluster)
    ");
    assert_eq!(said(&with("clusters/prod/web.yaml")), "");
}

#[test]
fn a_path_that_is_not_in_the_repository_is_told_with_the_nearest_one() {
    let with = |path: &str| {
        folder(&[
            (
                "clusters/prod/flux-system/gotk-sync.yaml",
                &format!("{OWN}---\n{}", applies("flux-system", "./clusters/prod")),
            ),
            ("clusters/prod/infra.yaml", &applies("infra", "./infra")),
            ("clusters/prod/apps.yaml", &applies("apps", path)),
            ("infra/a.yaml", SOURCE),
            (
                "apps/production/b.yaml",
                &SOURCE.replace("name: web", "name: b"),
            ),
            ("apps/charts/notes.txt", ""),
        ])
    };
    insta::assert_snapshot!(said(&with("./apps/productoin")), @"
    warning clusters/prod/apps.yaml:7 `./apps/productoin` is not there, in the repository that this lies in (did you mean `./apps/production`?)
    ");
    for there in ["./apps/production", "./apps/charts", "./apps/${CLUSTER}"] {
        assert_eq!(said(&with(there)), "", "{there}");
    }
    // of another repository nobody knows
    let other = with("./apps/productoin");
    let file = other.path().join("clusters/prod/apps.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let of_another = text.replace("name: flux-system}", "name: web}");
    std::fs::write(&file, of_another).unwrap();
    assert_eq!(said(&other), "");
}

#[test]
fn what_kustomize_cannot_read_is_told_without_a_build() {
    let folder = folder(&[
        ("a/kustomization.yaml", "resources: web.yaml\n"),
        ("a/web.yaml", SOURCE),
        (
            "b/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1\nkind: Kustomization\nresources: [../c]\n",
        ),
        (
            "c/kustomization.yaml",
            "resources: [../d]\nconfigMapGenerator: [{name: a, literals: [bad]}]\n",
        ),
        ("d/kustomization.yaml", "resources: [../c]\n"),
    ]);
    insta::assert_snapshot!(said(&folder), @"
    error a/kustomization.yaml:1 `resources` is a list of texts, and this is text (write each on a line of its own, as `- …` below `resources:`)
    warning a/web.yaml:1 no kustomization lists it, and so Flux passes over it (list it in `a/kustomization.yaml`, or keep it out of the folder)
    error b/kustomization.yaml:1 kustomize reads no Kustomization of `kustomize.config.k8s.io/v1` (write `kustomize.config.k8s.io/v1beta1`)
    error c/kustomization.yaml:2 `bad` is no `key=value` (write it as `key=value`)
    error d/kustomization.yaml:1 kustomizations list each other in a ring: `c/kustomization.yaml`, `d/kustomization.yaml` (take one of the lines away: kustomize refuses all of them)
    ");
}

#[test]
fn files_of_generators_are_read_by_nobody_and_a_tag_is_marked_where_it_stands() {
    let values = "ha: !secret foo\nb: [\n";
    let data = folder(&[
        (
            "kustomization.yaml",
            "resources: [web.yaml]\nconfigMapGenerator: [{name: a, files: [values.yaml, x=more.yaml]}]\n",
        ),
        ("web.yaml", SOURCE),
        ("values.yaml", values),
        ("more.yaml", values),
    ]);
    assert_eq!(said(&data), "");
    let marked = folder(&[(
        "web.yaml",
        &SOURCE.replace("branch: main", "branch: !secret main"),
    )]);
    let run = run_in(marked.path(), &["validate", "--manifests", "."]);
    assert!(run.stderr.contains("--> web.yaml:7:17\n"), "{}", run.stderr);
}

#[test]
fn objects_that_wait_by_an_expression_make_no_ring() {
    let waits = |name: &str, on: &str, more: &str| {
        let depends = format!("{SOUND}  dependsOn: [{{name: {on}{more}}}]\n");
        depends.replace("name: web, namespace", &format!("name: {name}, namespace"))
    };
    let with = |more: &str| {
        folder(&[
            ("source.yaml", SOURCE),
            ("a.yaml", &waits("a", "b", more)),
            ("b.yaml", &waits("b", "a", more)),
            ("c.yaml", &waits("c", "c", more)),
        ])
    };
    assert_eq!(said(&with(", readyExpr: \"true\"")), "");
    assert!(said(&with("")).contains("wait for each other in a ring"));
}

#[test]
fn what_the_api_server_and_flux_take_is_no_error() {
    let folder = folder(&[
        ("a.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a, namespace: b}\n"),
        ("b.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b}\nspec: {template: {spec: {volumes: [{name: a, secret: {defaultMode: 0644}}]}}}\n"),
        ("c.yaml", "apiVersion: a.b/v1\nkind: Thing\nmetadata: {name: a, namespace: b}\n"),
        ("crd.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.a.b}\nspec:\n  group: a.b\n  scope: Cluster\n  names: {kind: Thing, plural: things}\n  versions:\n  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n"),
        ("live.yaml", &SOURCE.replace("{name: web,", "{uid: 7f2a0c1e-1111-2222-3333-444455556666, resourceVersion: \"12\", creationTimestamp: \"2024-01-01T00:00:00Z\", name: web,")),
    ]);
    insta::assert_snapshot!(said(&folder), @r#"
    warning b.yaml:4 readers of YAML differ over a bare `0644` (write `420`, or quote it if it is text: `"0644"`)
    warning live.yaml:3 the uid `7f2a0c1e-1111-2222-3333-444455556666` is no object's: the API server gives it (leave the key out)
    "#);
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {mode: 0644}\n";
    let data = crate::folders::folder(&[("a.yaml", text)]);
    assert!(said(&data).starts_with("error"), "{}", said(&data));
}

#[test]
fn other_kinds_of_flux_are_judged_as_their_controllers_do() {
    let of = |group: &str, kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: {group}\nkind: {kind}\nmetadata: {{name: {name}, namespace: x}}\nspec: {{{spec}}}\n---\n"
        )
    };
    let source = "source.toolkit.fluxcd.io/v1";
    let all = [
        of(
            source,
            "HelmRepository",
            "a",
            "url: 'oci://ghcr.io/x', interval: 5m",
        ),
        of(
            source,
            "HelmRepository",
            "b",
            "url: 'https://x/y', type: oci",
        ),
        of(source, "HelmRepository", "c", "url: 'https://x/y'"),
        of(
            source,
            "Bucket",
            "d",
            "interval: 5m, endpoint: 'http://minio:9000', bucketName: ''",
        ),
        of(
            "notification.toolkit.fluxcd.io/v1",
            "Receiver",
            "e",
            "type: github, secretRef: {name: a}, resources: [{kind: Kustomization, name: k1}, {kind: Bucket, name: '*'}, {kind: Bucket, name: d}]",
        ),
        of(
            "image.toolkit.fluxcd.io/v1",
            "ImageRepository",
            "f",
            "image: 'https://ghcr.io/x', interval: 5m, exclusionList: ['[']",
        ),
        of(
            "image.toolkit.fluxcd.io/v1",
            "ImagePolicy",
            "g",
            "imageRepositoryRef: {name: f}, policy: {alphabetical: {}}, filterTags: {pattern: '(['}",
        ),
        of(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "k1",
            "interval: 5m, prune: true, sourceRef: {kind: Bucket, name: d}, patches: [{patch: 'not: [yaml'}], healthCheckExprs: [{apiVersion: v1, kind: X, current: 'status.('}], dependsOn: [{name: k2, readyExpr: 'dep.('}]",
        ),
        of(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "k2",
            "interval: 5m, prune: true, sourceRef: {kind: Bucket, name: d}, patches: [{patch: '[{op: remove, path: /a}]'}], healthCheckExprs: [{apiVersion: v1, kind: X, current: \"status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True' && e.observedGeneration == metadata.generation)\", failed: \"has(status.x) && status.x.exists(y, y == 'a')\"}], dependsOn: [{name: k3, readyExpr: \"dep.metadata.labels['a/b'] == self.metadata.labels['a/b'] && dep.status.?conditions.orValue([]) != []\"}]",
        ),
        of(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "k3",
            "interval: 5m, prune: true, sourceRef: {kind: Bucket, name: d}",
        ),
        of(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "h",
            "interval: 5m, chart: {spec: {chart: a, sourceRef: {kind: HelmRepository, name: a}}}, postRenderers: [{kustomize: {patches: [{patch: 'a: [', target: {kind: X}}]}}]",
        ),
    ];
    let folder = folder(&[("all.yaml", &all.concat())]);
    insta::assert_snapshot!(said(&folder), @"
    error all.yaml:4 a URL of `oci://` needs `type: oci`: source-controller refuses it without (write `type: oci` beside it)
    error all.yaml:9 with `type: oci` the URL is read as a registry's, and this is none (write it as `oci://…`, or leave `type` out)
    warning all.yaml:14 without `interval` the source is never polled: only a change of it or an annotation fetches (write one, as `interval: 1h`)
    error all.yaml:19 an endpoint is a host with a port, and this is a URL (leave out what stands before `//`, and write `insecure: true` for http)
    error all.yaml:19 must not be empty: no bucket has that name (name the bucket)
    error all.yaml:24 a Kustomization is found by a Receiver only with its `apiVersion` (write `apiVersion: kustomize.toolkit.fluxcd.io/v1` beside it)
    error all.yaml:24 all objects of a kind (`*`) are only taken by their `matchLabels` (write `matchLabels`, or name each object)
    error all.yaml:29 an image has no `https://` before it (write it as `ghcr.io/acme/web`)
    error all.yaml:29 `[` is no pattern (write a regular expression as Go reads it)
    error all.yaml:34 `([` is no pattern (write a regular expression as Go reads it)
    error all.yaml:39 the patch is no YAML: `[` is opened here and never closed (write an object, or a list of operations)
    error all.yaml:39 this is no expression of CEL (close what is open, and write it as in `status.phase == 'Ready'`)
    error all.yaml:39 this is no expression of CEL (close what is open, and write it as in `status.phase == 'Ready'`)
    error all.yaml:54 the patch is no YAML: `[` is opened here and never closed (write an object, or a list of operations)
    ");
}

#[test]
#[ignore = "needs kubectl of a Kubernetes API server"]
fn a_build_says_what_kustomize_refuses_of_those_that_only_list() {
    let refused = folder(&[
        (
            "a/kustomization.yaml",
            "resources: [one.yaml]\nconfigMapGenerator: [{name: a, files: [none.txt]}]\n",
        ),
        ("a/one.yaml", SOURCE),
    ]);
    let programs = std::env::var_os("KUBEBUILDER_ASSETS")
        .expect("KUBEBUILDER_ASSETS names the folder that `tests/kubernetes/build` prints");
    let programs = std::path::Path::new(&programs);
    let run = build(&refused, programs);
    assert!(
        run.stderr.contains("kustomize cannot build it"),
        "{}",
        run.stderr
    );
    let made = folder(&[(
        "kustomization.yaml",
        "configMapGenerator: [{name: a, namespace: x, literals: [a=b]}]\n",
    )]);
    let run = build(&made, programs);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn files_are_called_in_hints_as_beside_them() {
    let folder = folder(&[
        ("a/kustomization.yaml", "resources: [web.yaml]\n"),
        ("a/web.yaml", SOURCE),
        ("a/more.yaml", &SOURCE.replace("name: web", "name: more")),
    ]);
    let run = run_in(folder.path(), &["validate", "--manifests", "a"]);
    assert!(
        run.stderr.contains("list it in `a/kustomization.yaml`"),
        "{}",
        run.stderr
    );
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_text_is_said_to_be_that() {
    use std::os::unix::ffi::OsStrExt;

    let folder = folder(&[("web.yaml", SOURCE)]);
    let name = std::ffi::OsStr::from_bytes(b"bad\xff.yaml");
    std::fs::write(folder.path().join(name), SOURCE).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr
            .contains("has a name that is no UTF-8, and is not read"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_a_component_renames_or_flux_may_not_fetch_is_no_error() {
    let shop = SOURCE.replace("name: web", "name: shop");
    let component = |namespace: &str| {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamespace: {namespace}\n"
        )
    };
    let with = "resources: [shop.yaml]\ncomponents: [./own]\n";
    let apart = folder(&[
        ("kustomization.yaml", "resources: [a, b]\n"),
        ("a/kustomization.yaml", with),
        ("a/own/kustomization.yaml", &component("a")),
        ("a/shop.yaml", &shop),
        ("b/kustomization.yaml", with),
        ("b/own/kustomization.yaml", &component("b")),
        ("b/shop.yaml", &shop),
    ]);
    assert!(!said(&apart).contains("is there twice"), "{}", said(&apart));
    let sync = format!("{OWN}---\n{}", applies("flux-system", "./clusters/prod"));
    let both = [
        ("clusters/prod/flux-system/gotk-sync.yaml", &*sync),
        ("clusters/prod/a/shop.yaml", &*shop),
        ("clusters/prod/b/shop.yaml", &*shop),
    ];
    let told = said(&folder(&both));
    assert!(
        told.contains("error clusters/prod/b/shop.yaml:3 "),
        "{told}"
    );
    let ignored = [&both[..], &[(".sourceignore", "/clusters/prod/b\n")]].concat();
    let told = said(&folder(&ignored));
    assert!(
        told.contains("warning clusters/prod/b/shop.yaml:3 "),
        "{told}"
    );
    let sync = sync.replacen("ref: {", "ignore: /clusters/prod/b, ref: {", 1);
    let told = said(&folder(&[(both[0].0, &*sync), both[1], both[2]]));
    assert!(
        told.contains("warning clusters/prod/b/shop.yaml:3 "),
        "{told}"
    );
}

#[test]
fn defaults_within_defaults_have_an_end() {
    let deep = format!("{}x{}", "${A:=".repeat(20_000), "}".repeat(20_000));
    let applier =
        applies("web", "./apps").replace("  path:", "  postBuild: {substitute: {B: b}}\n  path:");
    let all = folder(&[
        ("clusters/prod/flux-system/gotk-sync.yaml", OWN),
        ("clusters/prod/web.yaml", &applier),
        (
            "apps/a.yaml",
            &format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: '{deep}'}}\n"
            ),
        ),
    ]);
    let run = run_in(all.path(), &["validate", "--manifests", "."]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

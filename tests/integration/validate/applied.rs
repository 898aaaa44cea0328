//! Manifests that the Kustomization which applies them, or an overlay, makes something else of.

use tempfile::TempDir;

use crate::binary::{Run, run_in};
use crate::folders::folder;

/// A Kustomization of the repository's own that applies a folder.
fn applies(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec:\n  interval: 10m\n  prune: true\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
    )
}

/// A Kustomization of other apps; what is left out stands nowhere.
fn child(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{{spec}}}\n"
    )
}

const SHOP: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: \"shop-${ENV}\", namespace: \"${NS:=flux-system}\", labels: {env: \"${ENV}\"}}
spec:
  interval: ${INTERVAL}
  suspend: ${SUSPEND}
  url: https://github.com/${ORG:-acme}/shop
  ref: {semver: \"${RANGE:=1.x}\"}
";

fn run(folder: &TempDir) -> Run {
    run_in(
        folder.path(),
        &["validate", "--manifests", ".", "--format", "json"],
    )
}

/// What is said of each place, and how many documents were not wholly judged.
fn said(folder: &TempDir) -> (Vec<String>, u64) {
    let answer: serde_json::Value = serde_json::from_str(&run(folder).stdout).expect("it is JSON");
    let findings = answer["findings"].as_array().expect("it has findings");
    let said = findings.iter().map(|one| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let (severity, file, message) = (text("severity"), text("file"), text("message"));
        format!("{severity} {file}:{} {message}", one["line"])
    });
    let partly = answer["documents"]["partly"].as_u64();
    (said.collect(), partly.expect("it is counted"))
}

const SUBSTITUTE: &str =
    "  postBuild:\n    substitute: {ENV: prod, INTERVAL: 10m, SUSPEND: \"false\"}\n";

#[test]
fn variables_that_are_known_are_put_in_and_what_comes_of_them_is_judged() {
    let follows = child(
        "web",
        "interval: 10m, prune: true, sourceRef: {kind: GitRepository, name: shop-prod}",
    );
    let with = |substitute: &str| {
        folder(&[
            (
                "clusters/prod/apps.yaml",
                &applies("apps", "./apps", substitute),
            ),
            ("clusters/prod/web.yaml", &follows),
            ("apps/shop.yaml", SHOP),
        ])
    };
    assert_eq!(said(&with(SUBSTITUTE)), (vec![], 0));
    let wrong = SUBSTITUTE
        .replace("10m", "10 minutes")
        .replace("prod", "Prod");
    let (said, partly) = said(&with(&wrong));
    insta::assert_snapshot!(said.join("\n"), @r"
    error apps/shop.yaml:3 the name `shop-Prod`: it has `P`, where only small letters, digits, `-` and `.` may stand
    error apps/shop.yaml:5 `10 minutes` does not match the pattern `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
    warning clusters/prod/web.yaml:4 `sourceRef` refers to GitRepository `flux-system/shop-prod`, which is not there
    ");
    assert_eq!(partly, 0);
}

#[test]
fn of_variables_that_are_not_known_nothing_is_wrong_and_it_is_said() {
    let from = "  postBuild:\n    substituteFrom: [{kind: ConfigMap, name: settings}]\n";
    let waits = child(
        "web",
        "interval: 10m, prune: true, sourceRef: {kind: GitRepository, name: shop-prod}",
    );
    let known = folder(&[
        ("clusters/prod/apps.yaml", &applies("apps", "./apps", from)),
        ("clusters/prod/web.yaml", &waits),
        ("apps/shop.yaml", SHOP),
        (
            "apps/more.yaml",
            &child("\"${APP}\"", "interval: 1m, \"${KEY}\": 1, prun: true"),
        ),
    ]);
    let (findings, partly) = said(&known);
    insta::assert_snapshot!(findings.join("\n"), @"
    error apps/more.yaml:4 unknown field `prun`
    warning clusters/prod/apps.yaml:9 values of 2 documents are not judged: what stands for `${…}` in them is not known here
    ");
    assert_eq!(partly, 2);
    // where nobody puts anything in, it stays as it is written
    let plain = folder(&[
        ("clusters/prod/apps.yaml", &applies("apps", "./apps", "")),
        ("apps/shop.yaml", SHOP),
    ]);
    let (findings, partly) = said(&plain);
    insta::assert_snapshot!(findings.join("\n"), @r"
    error apps/shop.yaml:3 the name `shop-${ENV}`: it has `$`, where only small letters, digits, `-` and `.` may stand
    error apps/shop.yaml:3 the namespace `${NS:=flux-system}`: it has `$`, where only small letters, digits and `-` may stand
    error apps/shop.yaml:3 the label value `${ENV}`: it has `$`, where only letters, digits, `-`, `_` and `.` may stand
    error apps/shop.yaml:5 `${INTERVAL}` does not match the pattern `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
    error apps/shop.yaml:6 must be a boolean, not a string
    error apps/shop.yaml:8 `${RANGE:=1.x}` is no range of versions: a version was expected at `${RANGE:=1.x}`, as in `>=1.4`, `1.x` or `~2.0.1`
    ");
    assert_eq!(partly, 0);
    let disabled = SHOP.replace(
        "labels: {",
        "labels: {kustomize.toolkit.fluxcd.io/substitute: disabled, ",
    );
    let disabled = folder(&[
        ("clusters/prod/apps.yaml", &applies("apps", "./apps", from)),
        ("apps/shop.yaml", &disabled),
    ]);
    assert_eq!(run(&disabled).code, Some(2));
}

#[test]
fn what_two_clusters_put_in_is_judged_as_each_of_them_does() {
    let eu = applies("apps", "./apps", SUBSTITUTE);
    let us = applies("apps", "./apps", &SUBSTITUTE.replace("10m", "soon"));
    let both = folder(&[
        ("clusters/eu/apps.yaml", &eu),
        ("clusters/us/apps.yaml", &us),
        ("apps/shop.yaml", SHOP),
    ]);
    let (findings, _) = said(&both);
    insta::assert_snapshot!(findings.join("\n"), @r"
    error apps/shop.yaml:5 `soon` does not match the pattern `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
    ");
}

#[test]
fn what_patches_of_the_kustomization_above_add_is_not_missing() {
    let patches = "  patches:\n  - target: {kind: Kustomization}\n    patch: |\n      - {op: add, path: /spec/prune, value: true}\n";
    let web = child(
        "web",
        "interval: 10m, sourceRef: {kind: GitRepository, name: flux-system}, timeout: never",
    );
    let patched = folder(&[
        (
            "clusters/prod/apps.yaml",
            &applies("apps", "./apps", patches),
        ),
        ("apps/web.yaml", &web),
        (
            "elsewhere/api.yaml",
            &child(
                "api",
                "interval: 10m, sourceRef: {kind: GitRepository, name: flux-system}",
            ),
        ),
    ]);
    let (findings, partly) = said(&patched);
    insta::assert_snapshot!(findings.join("\n"), @r"
        error apps/web.yaml:4 `never` does not match the pattern `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
        warning clusters/prod/apps.yaml:9 what is missing in 1 document is not judged: this may add it
        error elsewhere/api.yaml:4 `prune` is required
        ");
    assert_eq!(partly, 1);
    // of the ones that are of other objects nothing is taken
    let of_others = patches.replace("kind: Kustomization", "kind: Deployment");
    let others = folder(&[
        (
            "clusters/prod/apps.yaml",
            &applies("apps", "./apps", &of_others),
        ),
        ("apps/web.yaml", &web),
    ]);
    assert_eq!(said(&others).0.len(), 2, "{:?}", said(&others));
}

#[test]
fn variables_that_a_patch_from_above_gives_are_not_known() {
    let patches = "  patches:\n  - target: {kind: Kustomization}\n    patch: |\n      kind: Kustomization\n      metadata: {name: any}\n      spec: {postBuild: {substituteFrom: [{kind: Secret, name: settings}]}}\n";
    let patched = folder(&[
        (
            "clusters/prod/flux.yaml",
            &applies("flux", "./apps", patches),
        ),
        ("apps/shop.yaml", &applies("shop", "./shop", "")),
        ("shop/shop.yaml", SHOP),
    ]);
    let (findings, partly) = said(&patched);
    insta::assert_snapshot!(findings.join("\n"), @"
    warning clusters/prod/flux.yaml:9 values of 1 document are not judged: what stands for `${…}` in them is not known here
    warning clusters/prod/flux.yaml:9 what is missing in 1 document is not judged: this may add it
    ");
    assert_eq!(partly, 1);
}

#[test]
fn what_an_overlay_completes_is_not_missing_and_names_may_become_others() {
    let web = child("Web", "interval: never");
    let with = |overlay: &str| {
        folder(&[
            ("base/web.yaml", &*web),
            ("base/kustomization.yaml", "resources: [web.yaml]\n"),
            ("prod/kustomization.yaml", overlay),
        ])
    };
    let (findings, partly) = said(&with(
        "resources: [../base]\npatches: [{patch: '[{op: add, path: /spec/prune, value: true}]', target: {kind: Kustomization}}]\n",
    ));
    insta::assert_snapshot!(findings.join("\n"), @r"
            error base/web.yaml:4 `never` does not match the pattern `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
            warning prod/kustomization.yaml:2 what `patches` makes of these files is not checked
            ");
    assert_eq!(partly, 1);
    let (findings, _) = said(&with("resources: [../base]\nnamePrefix: x-\n"));
    insta::assert_snapshot!(findings.join("\n"), @r"
    error base/web.yaml:4 `prune` is required
    error base/web.yaml:4 `sourceRef` is required
    error base/web.yaml:4 `never` does not match the pattern `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
    warning prod/kustomization.yaml:2 what `namePrefix` makes of these files is not checked
    ");
    let (findings, partly) = said(&with("resources: [../base]\nlabels: [{pairs: {a: b}}]\n"));
    assert_eq!((findings.len(), partly), (5, 0), "{findings:?}");
}

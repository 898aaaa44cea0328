//! `--against` tells what a change does to Helm releases, to what patches take out, and to sources.

use tempfile::TempDir;

use super::fleets::{against, fleet, manifests, project};
use crate::folders::write;

const CHARTS: &str = "sourceRef: {kind: HelmRepository, name: charts}";

const TEMPLATE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {{ name }}
  namespace: {{ namespace }}
  labels: {{ labels | yaml(indent=4) }}
spec: {{ vars.spec | yaml(indent=2) }}
";

/// A fleet of a Kustomization and of a release in one cluster; each was there with what `more` and `spec`
/// say of it.
fn changed(more: &str, spec: &str) -> TempDir {
    let release = ", objects: [{name: web}, {name: redis, template: helm-release, vars: {spec: {interval: 10m, chart: {spec: {chart: redis, sourceRef: {kind: HelmRepository, name: charts}}}}}}]";
    let web = manifests("web").replace("name: web}}\n", &format!("name: web{more}\n"));
    let old = format!(
        "{web}---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: redis, namespace: flux-system}}\nspec: {{{spec}}}\n"
    );
    let at = fleet(
        &[("production", "eu")],
        &project("web", release),
        &[("all.yaml", &old)],
    );
    write(
        at.path(),
        "fleet/templates/helm-release.yaml.tera",
        TEMPLATE,
    );
    at
}

fn told(at: &TempDir) -> String {
    let run = against(at, "old", &["--allow", "changed"]);
    let dangers = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("  danger"));
    let dangers: Vec<_> = dangers.collect();
    assert_eq!(
        run.code,
        Some(i32::from(!dangers.is_empty())),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("removed"), "{}", run.stdout);
    dangers.join("\n")
}

#[test]
fn another_chart_or_another_cluster_for_a_release_is_a_danger_and_its_own_name_is_none() {
    let release = |spec: &str| told(&changed("}}", &format!("interval: 10m, {spec}")));
    let chart = |name: &str| format!("chart: {{spec: {{chart: {name}, {CHARTS}}}}}");
    assert_eq!(release(&chart("redis")), "");
    let named = chart("redis") + ", releaseName: redis";
    assert_eq!(release(&named), "");
    insta::assert_snapshot!(release(&chart("valkey")), @"  danger: changes the chart of HelmRelease flux-system/redis on eu from `valkey` to `redis`: Flux uninstalls the release from before");
    insta::assert_snapshot!(release("chartRef: {kind: OCIRepository, name: redis}"), @"  danger: changes the chart of HelmRelease flux-system/redis on eu from that in `OCIRepository redis` to `redis`: if the chart in it has another name, Flux uninstalls the release from before");
    let elsewhere = chart("redis") + ", kubeConfig: {secretRef: {name: k1}}";
    insta::assert_snapshot!(release(&elsewhere), @"  danger: changes the kubeConfig of HelmRelease flux-system/redis on eu from `secretRef k1` to none: its release is installed in another cluster, and in the old one it stays, and nobody looks after it");
}

#[test]
fn patches_that_rename_and_a_source_in_another_namespace_are_told_for_what_they_are() {
    let same = format!("interval: 10m, chart: {{spec: {{chart: redis, {CHARTS}}}}}");
    let web = |more: &str| told(&changed(more, &same));
    assert_eq!(web("}, patches: [{patch: 'kind: Job'}]}"), "");
    insta::assert_snapshot!(web("}, patches: [{patch: '[{op: replace, path: /metadata/name, value: b}]'}]}"), @"  danger: changes `patches` of Kustomization flux-system/web on eu, which take out or rename what it applies: with prune: true Flux deletes what only the old one has");
    insta::assert_snapshot!(web(", namespace: zz}}"), @"  danger: changes the source of Kustomization flux-system/web on eu from `GitRepository zz/web` to `GitRepository flux-system/web`: with prune: true Flux deletes what only the old one has");
}

//! What a change does to workloads that run.

use super::{compared, kustomization, shown};

#[test]
fn another_release_or_another_cluster_for_it_is_a_danger() {
    let release = |spec: &str| {
        format!(
            "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web, namespace: shop}}\nspec: {{interval: 1m, {spec}}}\n"
        )
    };
    let dangers = |old: &str, new: &str| {
        let comparison = compared(&release(old), &release(new));
        let dangers = comparison.differences.iter().flat_map(|one| &one.dangers);
        let told: Vec<_> = dangers.map(|one| one.message.clone()).collect();
        told.join("\n")
    };
    let chart = |name: &str| format!("chart: {{spec: {{chart: {name}, version: 1.x}}}}");
    let in_chart = |name: &str| format!("chartRef: {{kind: OCIRepository, name: {name}}}");
    insta::assert_snapshot!(dangers(&chart("valkey"), &chart("redis")), @"changes the chart of HelmRelease shop/web from `valkey` to `redis`: Flux uninstalls the release from before");
    insta::assert_snapshot!(dangers(&in_chart("a"), &in_chart("b")), @"changes the chart of HelmRelease shop/web from that in `OCIRepository a` to that in `OCIRepository b`: if the chart in it has another name, Flux uninstalls the release from before");
    insta::assert_snapshot!(dangers(&chart("a"), &in_chart("a")), @"changes the chart of HelmRelease shop/web from `a` to that in `OCIRepository a`: if the chart in it has another name, Flux uninstalls the release from before");
    assert_eq!(dangers(&chart("./charts/web"), &chart("./new/web")), "");
    assert_eq!(
        dangers(&chart("web"), &chart("web").replace("1.x", "2.x")),
        ""
    );
    let by = |secret: &str| format!("kubeConfig: {{secretRef: {{name: {secret}}}}}");
    insta::assert_snapshot!(dangers(&by("k2"), &by("k1")), @"changes the kubeConfig of HelmRelease shop/web from `secretRef k2` to `secretRef k1`: its release is installed in another cluster, and in the old one it stays, and nobody looks after it");
    // the name that it has without saying so
    assert_eq!(dangers("wait: 1", "wait: 1, releaseName: web"), "");
    assert_eq!(
        dangers(
            "targetNamespace: a",
            "targetNamespace: a, releaseName: a-web"
        ),
        ""
    );
    insta::assert_snapshot!(dangers("targetNamespace: a", "targetNamespace: a, releaseName: web"), @"changes the release name of HelmRelease shop/web from `a-web` to `web`: Flux uninstalls the release from before");
    insta::assert_snapshot!(dangers("wait: 1", "wait: 1, targetNamespace: a"), @"changes the target namespace of HelmRelease shop/web from `shop` to `a`: Flux uninstalls the release from before");
    assert_eq!(dangers("wait: 1", "wait: 1, storageNamespace: shop"), "");
}

#[test]
fn patches_that_take_out_what_is_applied_are_a_danger() {
    let web = |patches: &str| kustomization("web", "web", "./deploy", patches);
    let patch = |patch: &str| format!(", patches: [{{patch: '{patch}'}}]");
    let removes = patch("{$patch: delete, kind: Job, metadata: {name: a}}");
    let adds = patch("{kind: Job, metadata: {name: a, labels: {b: c}}}");
    let renames = patch("[{op: replace, path: /metadata/name, value: b}]");
    let is_danger = |old: &str, new: &str| {
        let told = shown(&web(old), &web(new));
        told.contains("  ! changes `patches` of Kustomization flux-system/web, which take out or rename what it applies: with prune: true Flux deletes what only the old one has")
    };
    assert!(is_danger("", &removes));
    assert!(!is_danger(&removes, ""));
    assert!(!is_danger("", &adds));
    assert!(!is_danger(&adds, ""));
    assert!(is_danger("", &renames));
    assert!(is_danger(&renames, ""));
}

#[test]
fn a_source_in_another_namespace_is_told_with_both() {
    let web = |more: &str| {
        let web = kustomization("web", "web", "./deploy", "");
        web.replace("name: web}}", &format!("name: web{more}}}}}"))
    };
    insta::assert_snapshot!(shown(&web(", namespace: zz"), &web("")), @"
    Kustomization flux-system/web: changed
      spec.sourceRef.namespace
      ! changes the source of Kustomization flux-system/web from `GitRepository zz/web` to `GitRepository flux-system/web`: with prune: true Flux deletes what only the old one has
    same 0, relabelled 0, left 0
    ");
}

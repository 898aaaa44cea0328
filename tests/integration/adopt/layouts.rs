//! Repositories in which folders share what they apply: each object is adopted for the clusters that take it
//! in, and what is changed on its way there is left alone.

use std::path::Path;

use super::bad_input::{kustomization, source};
use super::{adopted, check, configuration, lines};
use crate::binary::run_in;
use crate::folders::folder;

/// What is rendered for a cluster.
fn rendered(folder: &Path, cluster: &str) -> String {
    let run = run_in(
        folder,
        &["render", "--config", "fleet", "--cluster", cluster],
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

/// What is said of each object that is left alone, without what bootstrap wrote.
fn left_alone(told: &str) -> Vec<&str> {
    let told = told.lines().filter_map(|line| line.strip_prefix("  old/"));
    told.filter(|line| !line.contains("`flux bootstrap`"))
        .collect()
}

#[test]
fn what_every_cluster_takes_from_a_base_is_of_each_of_them() {
    let (folder, run) = adopted("bases");
    let path = folder.path();
    insta::assert_snapshot!(configuration(path), @r#"
    # fleet/flux-setup.yaml
    names: "{object}"
    output: "{cluster}/{environment}/{project}.yaml"
    defaults:
      ref: {branch: main}
      timeouts: {source: 1m, kustomization: 5m}
      namespace: apps
      secretRef: github-token
      path: ./deploy
      prune: true
      wait: true
    clusters:   # how each is reached: kubeconfig, context
      - {name: dev}
      - {name: prod}
    projects:
      - {name: api, repository: https://github.com/acme/api}
      - name: apps
        source: {external: flux-system, kind: GitRepository, namespace: flux-system}
        namespace: flux-system
        path: "./apps/{environment}"
      - {name: reports, repository: https://github.com/acme/reports, environments: {dev: false}}
      - {name: search, repository: https://github.com/acme/search}
      - {name: web, repository: https://github.com/acme/web}
    # fleet/environments/dev.yaml
    cluster: dev
    intervals: {source: 5m, kustomization: 10m}
    # fleet/environments/prod.yaml
    cluster: prod
    intervals: {source: 5m, kustomization: 10m}
    "#);
    assert!(
        run.stdout.contains("rendered again, 16 the same"),
        "{}",
        run.stdout
    );
    let (dev, prod) = (rendered(path, "dev"), rendered(path, "prod"));
    assert!(dev.contains("url: https://github.com/acme/web\n"));
    assert!(prod.contains("url: https://github.com/acme/web\n"));
    assert!(!dev.contains("acme/reports") && prod.contains("acme/reports"));
    let checked = check(path);
    assert_eq!((checked.code, &*checked.stdout), (Some(0), ""));
    assert!(lines(&path.join("fleet")) * 3 <= lines(&path.join("old")));
    // one that only one of the clusters lists still is no longer of the other
    let overlay = path.join("old/apps/dev/kustomization.yaml");
    std::fs::write(overlay, "resources: [../base/web.yaml, ../base/api.yaml]\n").unwrap();
    let checked = check(path);
    assert_eq!(checked.code, Some(1));
    assert!(
        checked
            .stdout
            .contains("added: Kustomization apps/search on dev"),
        "{}",
        checked.stdout
    );
}

#[test]
fn sources_beside_the_clusters_are_of_those_that_list_them_and_what_nobody_lists_of_none() {
    let (folder, run) = adopted("shared");
    let path = folder.path();
    insta::assert_snapshot!(configuration(path), @r#"
    # fleet/flux-setup.yaml
    names: "{object}"
    output: "{cluster}/{environment}/{project}.yaml"
    defaults:
      ref: {branch: main}
      timeouts: {source: 1m, kustomization: 5m}
      secretRef: github-token
      path: "./deploy/{cluster}"
      prune: true
      wait: true
    clusters:   # how each is reached: kubeconfig, context
      - {name: eu}
      - {name: us}
    projects:
      - {name: api, repository: https://github.com/acme/api}
      - {name: search, repository: https://github.com/acme/search}
      - {name: web, repository: https://github.com/acme/web}
    # fleet/environments/fleet.yaml
    clusters: [eu, us]
    intervals: {source: 5m, kustomization: 10m}
    "#);
    let reason =
        "no folder of a cluster lists or applies it, so nobody knows for which of them it is";
    assert_eq!(
        left_alone(&run.stdout),
        [
            format!("notes/old.yaml:1: GitRepository flux-system/old: {reason}"),
            format!("notes/old.yaml:14: Kustomization flux-system/old: {reason}"),
        ]
    );
    assert_eq!(check(path).code, Some(0));
}

#[test]
fn what_a_kustomization_changes_that_applies_it_is_left_alone() {
    let (folder, run) = adopted("nested");
    let path = folder.path();
    assert_eq!(
        left_alone(&run.stdout),
        [
            "apps/api.yaml:1: GitRepository apps/api: Kustomization apps/api, which applies from it, is left alone",
            "apps/api.yaml:14: Kustomization apps/api: `postBuild` of Kustomization flux-system/apps, which applies it, may change it",
            "tenants/forum.yaml:1: GitRepository tenants/forum: `postBuild` of Kustomization flux-system/tenants, which applies it, may change it",
            "tenants/forum.yaml:14: Kustomization tenants/forum: `patches` of Kustomization flux-system/tenants, which applies it, may change it",
            "tenants/shop.yaml:1: GitRepository tenants/shop: Kustomization tenants/shop, which applies from it, is left alone",
            "tenants/shop.yaml:14: Kustomization tenants/shop: `patches` of Kustomization flux-system/tenants, which applies it, may change it",
        ]
    );
    assert!(
        run.stdout.contains("rendered again, 4 the same"),
        "{}",
        run.stdout
    );
    assert_eq!(check(path).code, Some(0));
}

#[test]
fn what_is_applied_by_nobody_who_is_known_is_left_alone_where_it_holds_a_variable() {
    let of = |name: &str| source(name) + &kustomization(name, "");
    let (web, api) = (
        of("web"),
        of("api").replace("path: ./api", "path: './${REGION}'"),
    );
    let folder = folder(&[("old/web.yaml", &web), ("old/api.yaml", &api)]);
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        left_alone(&run.stdout),
        [
            "api.yaml:2: GitRepository flux-system/api: Kustomization flux-system/api, which applies from it, is left alone",
            "api.yaml:7: Kustomization flux-system/api: it holds `${`, which whatever applies it may put a value in place of",
        ]
    );
}

#[test]
fn a_namespace_that_kustomize_sets_is_known_where_it_is_the_same_or_none_is_written() {
    let none = |text: String| text.replace(", namespace: flux-system", "");
    let same = source("web") + &kustomization("web", "");
    let absent = none(source("api") + &kustomization("api", ""));
    let other = source("old") + &kustomization("old", "");
    let other = other.replace("namespace: flux-system", "namespace: other");
    let folder = folder(&[
        ("old/kustomization.yaml", "resources: [web, api]\n"),
        (
            "old/web/kustomization.yaml",
            "namespace: flux-system\nresources: [web.yaml, old.yaml]\n",
        ),
        ("old/web/web.yaml", &same),
        ("old/web/old.yaml", &other),
        (
            "old/api/kustomization.yaml",
            "namespace: apps\nresources: [api.yaml]\n",
        ),
        ("old/api/api.yaml", &absent),
    ]);
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let reason = "`namespace` of old/web/kustomization.yaml may change it; `--build` takes what kustomize makes of it";
    assert_eq!(
        left_alone(&run.stdout),
        [
            format!("web/old.yaml:2: GitRepository other/old: {reason}"),
            format!("web/old.yaml:7: Kustomization other/old: {reason}"),
        ]
    );
    let config = configuration(folder.path());
    assert!(
        config.contains("{name: api, repository: https://github.com/acme/api, namespace: apps"),
        "{config}"
    );
    assert_eq!(check(folder.path()).code, Some(0));
}

#[test]
fn what_another_controller_makes_is_left_alone() {
    let made = |name: &str, metadata: &str| {
        let text = source(name) + &kustomization(name, "");
        text.replace(
            &format!("name: {name}, namespace: flux-system"),
            &format!("name: {name}, namespace: flux-system, {metadata}"),
        )
    };
    let all = source("web")
        + &kustomization("web", "")
        + &made(
            "set",
            "labels: {resourceset.fluxcd.controlplane.io/name: tenants, resourceset.fluxcd.controlplane.io/namespace: apps}",
        )
        + &made(
            "chart",
            "labels: {helm.toolkit.fluxcd.io/name: chart, helm.toolkit.fluxcd.io/namespace: apps}",
        )
        + &made(
            "owned",
            "ownerReferences: [{apiVersion: a/v1, kind: Tenant, name: a, uid: b, controller: true}]",
        );
    let folder = folder(&[("old/all.yaml", &all)]);
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let told = left_alone(&run.stdout);
    assert_eq!(told.len(), 6, "{told:?}");
    for (line, maker) in [
        (0, "ResourceSet apps/tenants"),
        (2, "HelmRelease apps/chart"),
        (4, "Tenant a"),
    ] {
        let reason = format!(": {maker} makes it, and makes it again");
        assert!(told[line].ends_with(&reason), "{told:?}");
    }
    assert!(!configuration(folder.path()).contains("labels"));
}

#[test]
fn an_object_with_a_fault_spoils_no_other() {
    let of = |name: &str, more: &str| source(name) + &kustomization(name, more);
    let ssh = of("key", "").replace("https://github.com", "ssh://git@github.com");
    let all = of("web", "")
        + &of("self", ", dependsOn: [{name: self}]")
        + &of("one", ", dependsOn: [{name: two}]")
        + &of("two", ", dependsOn: [{name: one}]")
        + &ssh
        + &of("fast", "").replace("interval: 5m", "interval: 1s");
    let folder = folder(&[("old/all.yaml", &all)]);
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("rendered again, 5 the same"),
        "{}",
        run.stdout
    );
    let told = left_alone(&run.stdout).join("\n");
    for reason in [
        "Kustomization flux-system/self: Flux cannot work with it: `self` depends on itself and would never run",
        "GitRepository flux-system/key: Flux cannot work with it: ",
        "Kustomization flux-system/two: a configuration that says it has a fault: objects wait for each other in a ring",
    ] {
        assert!(told.contains(reason), "{told}");
    }
    assert!(!told.contains("/tmp/"), "{told}");
}

#[test]
fn the_plan_suspends_what_applies_and_names_the_files() {
    let (folder, _) = adopted("bases");
    let plan = run_in(folder.path(), &["init", "fleet", "--from", "old", "--plan"]);
    let commands = |from: &str, to: &str| {
        let lines = plan
            .stdout
            .lines()
            .skip_while(|line| !line.starts_with(from));
        let lines = lines.take_while(|line| !line.starts_with(to)).skip(1);
        lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        commands("2. ", "3. "),
        [
            "flux suspend kustomization flux-system --context dev",
            "flux suspend kustomization flux-system --context prod",
            "flux suspend kustomization apps --context dev",
            "flux suspend kustomization apps --context prod",
        ]
    );
    assert_eq!(
        commands("4. ", "5. "),
        [
            "flux-setup render --config fleet --output old/clusters",
            "git rm old/apps/base/api.yaml old/apps/base/search.yaml old/apps/base/web.yaml old/apps/prod/reports.yaml old/clusters/dev/apps.yaml old/clusters/prod/apps.yaml",
            "# take the files' entries out of: old/apps/base/kustomization.yaml old/apps/prod/kustomization.yaml",
            "# leave a manifest or a kustomization.yaml where these look, or take them away too: they would find no path: flux-system/apps",
            "git add --update && git add old/clusters && git commit && git push",
        ]
    );
}

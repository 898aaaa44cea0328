//! `init --from`: fleets of every style become configurations that render the same.

mod bad_input;
mod faulty;
mod layouts;
mod left_alone;
mod live;
mod overlays;
mod owners;
mod random;
mod random_folders;
mod unlisted;
mod unreadable;
mod versions;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Run, command, ended, repository, run_in};

fn style(name: &str) -> PathBuf {
    repository().join("tests/fleets/adopt").join(name)
}

/// Lines of all files below a folder but the schemas, which nobody writes.
fn lines(folder: &Path) -> usize {
    let entries = fs::read_dir(folder)
        .expect("a folder of the test")
        .map(|entry| entry.expect("a folder of the test").path());
    let lines = entries.map(|path| match path.is_dir() {
        true if path.ends_with(".flux-setup") => 0,
        true => lines(&path),
        false => fs::read_to_string(&path)
            .expect("a folder of the test")
            .lines()
            .count(),
    });
    lines.sum()
}

/// A copy of a style in `old/`, and what was made of it in `fleet/`.
fn adopted(name: &str) -> (TempDir, Run) {
    let folder = tempfile::tempdir().expect("a folder of the test");
    copy(&style(name), &folder.path().join("old"));
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    (folder, run)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of the test");
    for entry in fs::read_dir(from).expect("a folder of the test") {
        let path = entry.expect("a folder of the test").path();
        let target = to.join(path.file_name().expect("a folder of the test"));
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).expect("a folder of the test")),
        }
    }
}

/// The configuration, file by file, without the lines for editors.
fn configuration(folder: &Path) -> String {
    let mut files = vec![folder.join("fleet/flux-setup.yaml")];
    let environments =
        fs::read_dir(folder.join("fleet/environments")).expect("a folder of the test");
    let mut environments: Vec<_> = environments
        .map(|entry| entry.expect("a folder of the test").path())
        .collect();
    environments.sort();
    files.extend(environments);
    let texts = files.iter().map(|path| {
        let name = path
            .strip_prefix(folder)
            .expect("a folder of the test")
            .display()
            .to_string();
        let text = fs::read_to_string(path).expect("a folder of the test");
        let (first, rest) = text.split_once('\n').expect("it has lines");
        assert!(
            first.starts_with("# yaml-language-server: $schema="),
            "{first}"
        );
        format!("# {name}\n{rest}")
    });
    texts.collect()
}

fn check(folder: &Path) -> Run {
    run_in(
        folder,
        &["render", "--config", "fleet", "--check", "--against", "old"],
    )
}

/// That nothing differs, and that the configuration is at most a third of the lines.
fn is_the_same_in_a_third(name: &str) -> String {
    let (folder, run) = adopted(name);
    let checked = check(folder.path());
    assert_eq!(
        (checked.code, checked.stdout.as_str()),
        (Some(0), ""),
        "{}",
        configuration(folder.path())
    );
    let (before, after) = (
        lines(&folder.path().join("old")),
        lines(&folder.path().join("fleet")),
    );
    assert!(
        after * 3 <= before,
        "{before} lines became {after}:\n{}",
        configuration(folder.path())
    );
    assert!(!run.stdout.contains("left alone:"), "{}", run.stdout);
    configuration(folder.path())
}

#[test]
fn a_monorepo_becomes_one_project_with_its_objects() {
    insta::assert_snapshot!(is_the_same_in_a_third("monorepo"), @r#"
    # fleet/flux-setup.yaml
    projects:
      - name: platform
        repository: https://github.com/acme/platform
        names: "{object}"
        ref: {branch: main}
        timeouts: {source: 1m, kustomization: 5m}
        secretRef: github-token
        path: "./{object}"
        prune: true
        wait: true
        objects:
          - name: api
            targetNamespace: apps
            dependsOn: [redis]
            substitutions: {REPLICAS: "7"}
            kustomization: {postBuild: {substituteFrom: [{kind: ConfigMap, name: cluster-vars}]}}
          - {name: cert-manager, dependsOn: [crds]}
          - {name: crds, dependsOn: [namespaces]}
          - {name: ingress, dependsOn: [cert-manager]}
          - {name: monitoring, dependsOn: [ingress]}
          - {name: namespaces}
          - name: postgres
            dependsOn: [monitoring]
            kustomization:
              decryption: {provider: sops, secretRef: {name: sops-age}}
              healthChecks: [{apiVersion: apps/v1, kind: StatefulSet, name: postgres, namespace: data}]
          - {name: redis, dependsOn: [postgres]}
          - name: web
            targetNamespace: apps
            dependsOn: [api]
            substitutions: {REPLICAS: "8"}
            kustomization: {postBuild: {substituteFrom: [{kind: ConfigMap, name: cluster-vars}]}}
          - name: worker
            targetNamespace: apps
            dependsOn: [web]
            substitutions: {REPLICAS: "9"}
            kustomization: {postBuild: {substituteFrom: [{kind: ConfigMap, name: cluster-vars}]}}
    # fleet/environments/fleet.yaml
    intervals: {source: 2m, kustomization: 10m}
    "#);
}

#[test]
fn a_repository_for_each_project_in_each_environment_is_said_once() {
    insta::assert_snapshot!(is_the_same_in_a_third("repositories"), @r#"
    # fleet/flux-setup.yaml
    defaults:
      timeouts: {source: 1m}
      retryInterval: 30s
      secretRef: github-token
      path: "./deploy/{environment}"
      prune: true
    projects:
      - {name: api, repository: https://github.com/acme/api}
      - name: billing
        repository: https://github.com/acme/billing
        objects: [{name: billing, environments: {prod: {suspend: true}}}]
      - {name: mail, repository: https://github.com/acme/mail}
      - {name: search, repository: https://github.com/acme/search}
      - {name: web, repository: https://github.com/acme/web, dependsOn: [api]}
    # fleet/environments/dev.yaml
    ref: {branch: develop}
    intervals: {source: 1m, kustomization: 1m}
    substitutions: {ENVIRONMENT: dev}
    # fleet/environments/prod.yaml
    ref: {branch: production}
    intervals: {source: 5m, kustomization: 10m}
    substitutions: {ENVIRONMENT: prod}
    # fleet/environments/staging.yaml
    ref: {branch: main}
    intervals: {source: 3m, kustomization: 3m}
    substitutions: {ENVIRONMENT: staging}
    "#);
}

#[test]
fn several_clusters_share_what_is_the_same_in_them() {
    insta::assert_snapshot!(is_the_same_in_a_third("clusters"), @r#"
    # fleet/flux-setup.yaml
    names: "{object}"
    output: "{cluster}/{environment}/{project}.yaml"
    defaults:
      timeouts: {source: 1m, kustomization: 3m}
      secretRef: deploy-key
      path: "./overlays/{environment}"
      prune: true
      wait: true
      substitutions: {REGION: eu}
    clusters:   # how each is reached: kubeconfig, context
      - {name: dev-eu}
      - {name: prod-eu}
      - {name: prod-us}
    projects:
      - name: checkout
        repository: ssh://git@github.com/acme/checkout
        dependsOn: [ingress]
        environments: {dev: false}
      - {name: ingress, repository: ssh://git@github.com/acme/ingress}
      - {name: monitoring, repository: ssh://git@github.com/acme/monitoring}
      - name: shop
        repository: ssh://git@github.com/acme/shop
        dependsOn: [ingress]
        environments: {prod: {clusters: {prod-eu: null, prod-us: {timeouts: {kustomization: 15m}}}}}
    # fleet/environments/dev.yaml
    cluster: dev-eu
    ref: {branch: main}
    intervals: {source: 1m, kustomization: 5m}
    substitutions: {CLUSTER: dev-eu}
    # fleet/environments/prod.yaml
    clusters:
      prod-eu: {substitutions: {CLUSTER: prod-eu}}
      prod-us: {substitutions: {CLUSTER: prod-us, REGION: us}}
    ref: {branch: release}
    intervals: {source: 1m, kustomization: 5m}
    "#);
}

#[test]
fn tenants_keep_their_namespaces_and_names() {
    insta::assert_snapshot!(is_the_same_in_a_third("tenants"), @r#"
    # fleet/flux-setup.yaml
    names: "{object}"
    defaults:
      ref: {branch: main}
      timeouts: {source: 1m, kustomization: 4m}
      namespace: "{project}"
      prune: true
      serviceAccountName: "{project}"
      labels: {acme.example/tenant: "{project}"}
    projects:
      - name: team-a
        repository: https://github.com/acme/team-a
        names: apps
        objects:
          - {name: apps-production, names: "{object}", path: ./production, targetNamespace: team-a-production}
          - {name: apps-staging, names: "{object}", path: ./staging, targetNamespace: team-a-staging}
      - name: team-b
        repository: https://github.com/acme/team-b
        names: apps
        objects:
          - {name: apps-production, names: "{object}", path: ./production, targetNamespace: team-b-production}
          - {name: apps-staging, names: "{object}", path: ./staging, targetNamespace: team-b-staging}
      - name: team-c
        repository: https://github.com/acme/team-c
        names: apps
        objects:
          - {name: apps-production, names: "{object}", path: ./production, targetNamespace: team-c-production}
          - {name: apps-staging, names: "{object}", path: ./staging, targetNamespace: team-c-staging}
      - name: team-d
        repository: https://github.com/acme/team-d
        names: apps
        objects:
          - {name: apps-production, names: "{object}", path: ./production, targetNamespace: team-d-production}
          - {name: apps-staging, names: "{object}", path: ./staging, targetNamespace: team-d-staging}
    # fleet/environments/fleet.yaml
    intervals: {source: 5m, kustomization: 10m}
    "#);
}

#[test]
fn artifacts_keep_what_has_no_key_of_ours() {
    insta::assert_snapshot!(is_the_same_in_a_third("oci"), @r#"
    # fleet/flux-setup.yaml
    defaults:
      timeouts: {source: 1m, kustomization: 5m}
      provider: generic
      prune: true
      wait: true
      ociRepository:
        verify:
          provider: cosign
          matchOIDCIdentity:
            - {issuer: "^https://token.actions.githubusercontent.com$", subject: "^https://github.com/acme/.*$"}
      kustomization: {commonMetadata: {labels: {app.kubernetes.io/part-of: acme}}}
    projects:
      - name: backend
        source: {kind: OCIRepository, url: oci://ghcr.io/acme/backend}
        annotations: {acme.example/owner: platform}
        objects: [{name: backend, annotations: {acme.example/owner: null}}]
      - name: frontend
        source: {kind: OCIRepository, url: oci://ghcr.io/acme/frontend}
        annotations: {acme.example/owner: platform}
        objects: [{name: frontend, annotations: {acme.example/owner: null}}]
      - name: gateway
        source: {kind: OCIRepository, url: oci://ghcr.io/acme/gateway}
        secretRef: ghcr
        annotations: {acme.example/owner: platform}
        objects: [{name: gateway, annotations: {acme.example/owner: null}}]
      - name: jobs
        source: {kind: OCIRepository, url: oci://ghcr.io/acme/jobs}
        annotations: {acme.example/owner: platform}
        objects: [{name: jobs, annotations: {acme.example/owner: null}}]
        environments: {production: {ref: {tag: stable}}}
    # fleet/environments/production.yaml
    ref: {semver: ">=1.0.0"}
    intervals: {source: 10m, kustomization: 1h}
    # fleet/environments/staging.yaml
    ref: {semver: ">=1.0.0-0"}
    intervals: {source: 10m, kustomization: 1h}
    "#);
}

#[test]
fn what_few_share_is_said_where_it_holds_and_a_word_in_a_path_is_no_environment() {
    insta::assert_snapshot!(is_the_same_in_a_third("teams"), @r#"
    # fleet/flux-setup.yaml
    names: "{object}"
    defaults:
      ref: {branch: main}
      timeouts: {source: 1m, kustomization: 3m}
      namespace: "{project}"
      prune: true
    projects:
      - name: auth
        repository: https://gitlab.example.com/shop/auth.git
        ref: {branch: trunk}
        intervals: {source: 15m}
        path: ./k8s
        targetNamespace: auth
        objects: [{name: auth, suspend: true}]
      - name: billing
        repository: https://gitlab.example.com/shop/billing.git
        secretRef: git-token
        path: ./deploy/prod
        kustomization:
          healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: billing, namespace: billing}]
      - name: catalog
        repository: https://gitlab.example.com/shop/catalog.git
        path: ./manifests
        substitutions: {HOST: catalog.example.com, TIER: gold}
      - name: docs
        repository: https://gitlab.example.com/shop/docs.git
        intervals: {source: 15m}
        secretRef: git-token
        path: ./k8s
        targetNamespace: docs
      - name: events
        repository: https://gitlab.example.com/shop/events.git
        ref: {branch: trunk}
        path: ./deploy/prod
      - name: feed
        repository: https://gitlab.example.com/shop/feed.git
        secretRef: git-token
        path: ./manifests
        kustomization: {healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: feed, namespace: feed}]}
        objects: [{name: feed, suspend: true}]
      - name: gateway
        repository: https://gitlab.example.com/shop/gateway.git
        intervals: {source: 15m}
        path: ./k8s
        targetNamespace: gateway
        substitutions: {HOST: gateway.example.com, TIER: silver}
      - name: history
        repository: https://gitlab.example.com/shop/history.git
        secretRef: git-token
        path: ./deploy/prod
    # fleet/environments/fleet.yaml
    intervals: {source: 5m, kustomization: 10m}
    "#);
}

#[test]
fn regions_say_what_is_different_in_each_and_projects_what_is_theirs() {
    insta::assert_snapshot!(is_the_same_in_a_third("regions"), @r#"
    # fleet/flux-setup.yaml
    names: "{object}"
    output: "{cluster}/{environment}/{project}.yaml"
    defaults: {timeouts: {source: 1m}, secretRef: deploy-key, prune: true}
    clusters:   # how each is reached: kubeconfig, context
      - {name: eu-production}
      - {name: eu-staging}
      - {name: us-production}
      - {name: us-staging}
    projects:
      - name: apps
        repository: ssh://git@github.com/acme/apps
        path: "./{object}/overlays/{environment}"
        targetNamespace: "{object}"
        dependsOn: [platform/configs]
        kustomization: {postBuild: {substituteFrom: [{kind: ConfigMap, name: cluster-vars}]}}
        objects: [{name: cart}, {name: search}, {name: users, environments: {staging: {cluster: eu-staging}}}]
        environments:
          production:
            substitutions: {replicas: "3"}
            clusters:
              eu-production: {substitutions: {cluster_name: eu-production}}
              us-production: {substitutions: {cluster_name: us-production}}
          staging:
            substitutions: {replicas: "1"}
            clusters:
              eu-staging: {substitutions: {cluster_name: eu-staging}}
              us-staging: {substitutions: {cluster_name: us-staging}}
      - name: platform
        repository: ssh://git@github.com/acme/platform
        timeouts: {kustomization: 5m}
        retryInterval: 1m
        path: "./infrastructure/{object}"
        wait: true
        objects:
          - name: configs
            path: "./infrastructure/configs/{environment}"
            dependsOn: [controllers]
            environments:
              production:
                clusters:
                  eu-production: {substitutions: {cluster_name: eu-production, region: eu}}
                  us-production: {substitutions: {cluster_name: us-production, region: us}}
              staging:
                clusters:
                  eu-staging: {substitutions: {cluster_name: eu-staging, region: eu}}
                  us-staging: {substitutions: {cluster_name: us-staging, region: us}}
          - {name: controllers, dependsOn: [crds]}
          - {name: crds, prune: false}
    # fleet/environments/production.yaml
    clusters: [eu-production, us-production]
    ref: {branch: release}
    intervals: {source: 5m, kustomization: 30m}
    # fleet/environments/staging.yaml
    clusters: [eu-staging, us-staging]
    ref: {branch: main}
    intervals: {source: 1m, kustomization: 10m}
    "#);
}

#[test]
fn external_sources_stay_with_others_and_what_cannot_be_said_is_named() {
    let (folder, run) = adopted("external");
    insta::assert_snapshot!(configuration(folder.path()), @r#"
    # fleet/flux-setup.yaml
    names: "{object}"
    defaults: {timeouts: {kustomization: 5m}, retryInterval: 1m, prune: true}
    projects:
      - name: flux-system
        source: {external: flux-system, kind: GitRepository}
        path: "./apps/{object}"
        wait: true
        objects:
          - name: configs
            intervals: {kustomization: 1h}
            path: ./infrastructure/configs
            dependsOn: [controllers]
          - {name: controllers, intervals: {kustomization: 1h}, path: ./infrastructure/controllers}
          - {name: grafana, dependsOn: [configs]}
          - {name: matrix, dependsOn: [configs]}
          - {name: podinfo, dependsOn: [configs]}
          - {name: storage, intervals: {kustomization: 1h}, path: ./infrastructure/storage, dependsOn: [configs]}
          - {name: vault, dependsOn: [configs]}
      - {name: models, source: {external: models, kind: Bucket}}
    # fleet/environments/fleet.yaml
    intervals: {source: 10m, kustomization: 10m}
    "#);
    insta::assert_snapshot!(run.stdout, @"
    wrote fleet/flux-setup.yaml
    wrote fleet/environments/fleet.yaml
    wrote fleet/.flux-setup/config.schema.json
    wrote fleet/.flux-setup/environment.schema.json
    wrote fleet/.flux-setup/left-alone

    8 objects in 131 lines became 20 lines
    proved: rendered again, 8 the same; 8 objects would get our labels, which change nothing that Flux does; 1 object is left alone; 2 objects are left to whoever manages them, as Kustomization flux-system/flux-system
    left alone:
      old/flux-system/gotk-sync.yaml:2: GitRepository flux-system/flux-system: `flux bootstrap` wrote it, and writes it again
      old/flux-system/gotk-sync.yaml:15: Kustomization flux-system/flux-system: `flux bootstrap` wrote it, and writes it again
      old/waiting.yaml:1: Kustomization flux-system/reports: `dependsOn[0].readyExpr` has no key of ours
    of kinds that are not written: 1 Bucket, 1 HelmRelease

    The move is yours: `flux-setup init --from … --plan` says how, and how to go back; then:
      flux-setup validate --config fleet  finds what is wrong, with its place
      flux-setup render --config fleet    prints the manifests
    ");
    let checked = check(folder.path());
    assert_eq!(checked.code, Some(0));
    insta::assert_snapshot!(checked.stdout + &checked.stderr, @"
    left alone: Kustomization flux-system/reports (old/waiting.yaml:1)
    compared with `old`: 8 the same; 8 objects would get our labels, which change nothing that Flux does; 1 object is left alone; 2 objects are left to whoever manages them, as Kustomization flux-system/flux-system
    ");
    assert!(lines(&folder.path().join("fleet")) * 3 <= lines(&folder.path().join("old")));
}

#[test]
fn stdin_and_json_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(style("tenants").join("team-a.yaml")).unwrap();
    let arguments = ["init", "fleet", "--from", "-", "--format", "json"];
    let output = command(&arguments)
        .current_dir(folder.path())
        .write_stdin(text)
        .output();
    let run = ended(&output.unwrap());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["objects"], 3);
    assert_eq!(answer["otherKinds"], serde_json::json!({"Namespace": 1}));
    assert_eq!(answer["compared"]["same"], 3);
    assert_eq!(answer["compared"]["differences"], serde_json::json!([]));
    assert_eq!(answer["written"].as_array().map(Vec::len), Some(4));
}

#[test]
fn the_plan_of_the_move_names_the_objects_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    copy(&style("clusters"), &folder.path().join("old"));
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old", "--plan"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!folder.path().join("fleet").exists());
    insta::assert_snapshot!(run.stdout, @r#"
    The safe move; none of it is done by this program.

    The contexts of your kubeconfig are assumed to be called like the clusters; where one is not, put its own name behind `--context`.

    1. Prove that what is rendered is what is there, today and not when it was made
         flux-setup render --config fleet --check --against old
    2. Suspend whatever applies the old manifests, what is above first (of `flux bootstrap` that is the Kustomization flux-system): from here on nobody applies these objects, nor undoes the next step
         flux suspend kustomization flux-system --context dev-eu
         flux suspend kustomization flux-system --context prod-eu
         flux suspend kustomization flux-system --context prod-us
    3. Take prune off, so that Flux deletes no workload whatever goes wrong
         for name in ingress monitoring shop; do kubectl --context dev-eu -n flux-system patch kustomization $name --type merge -p '{"spec":{"prune":false}}'; done
         for name in checkout ingress monitoring shop; do kubectl --context prod-eu -n flux-system patch kustomization $name --type merge -p '{"spec":{"prune":false}}'; done
         for name in checkout ingress monitoring shop; do kubectl --context prod-us -n flux-system patch kustomization $name --type merge -p '{"spec":{"prune":false}}'; done
    4. In one commit, render into the folders that the Flux of each cluster applies (or into the one above them where they are called like the clusters), take the old files of these objects out of them, and leave those that are left alone; the objects keep their names, so Flux sees the same ones with three labels more
         flux-setup render --config fleet --output old/clusters
         git rm old/clusters/dev-eu/ingress.yaml old/clusters/dev-eu/monitoring.yaml old/clusters/dev-eu/shop.yaml old/clusters/prod-eu/checkout.yaml old/clusters/prod-eu/ingress.yaml old/clusters/prod-eu/monitoring.yaml old/clusters/prod-eu/shop.yaml old/clusters/prod-us/checkout.yaml old/clusters/prod-us/ingress.yaml old/clusters/prod-us/monitoring.yaml old/clusters/prod-us/shop.yaml
         git add old/clusters && git commit && git push
    5. See that Flux would change labels and set prune again, and nothing else
         flux diff kustomization flux-system --path old/clusters/dev-eu --context dev-eu
         flux diff kustomization flux-system --path old/clusters/prod-eu --context prod-eu
         flux diff kustomization flux-system --path old/clusters/prod-us --context prod-us
    6. Let Flux apply it, what is above first, and each once the one before it is ready: what that applies is its own from then, and nobody below deletes it
         flux resume kustomization flux-system --context dev-eu
         flux resume kustomization flux-system --context prod-eu
         flux resume kustomization flux-system --context prod-us
    7. See that every object is ready and prunes as before
         kubectl --context dev-eu get kustomizations -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,PRUNE:.spec.prune,POLICY:.spec.deletionPolicy
         kubectl --context prod-eu get kustomizations -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,PRUNE:.spec.prune,POLICY:.spec.deletionPolicy
         kubectl --context prod-us get kustomizations -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,PRUNE:.spec.prune,POLICY:.spec.deletionPolicy

    The way back

    - Before the commit: put prune back and resume
         for name in ingress monitoring shop; do kubectl --context dev-eu -n flux-system patch kustomization $name --type merge -p '{"spec":{"prune":true}}'; done
         for name in checkout ingress monitoring shop; do kubectl --context prod-eu -n flux-system patch kustomization $name --type merge -p '{"spec":{"prune":true}}'; done
         for name in checkout ingress monitoring shop; do kubectl --context prod-us -n flux-system patch kustomization $name --type merge -p '{"spec":{"prune":true}}'; done
         flux resume kustomization flux-system --context dev-eu
         flux resume kustomization flux-system --context prod-eu
         flux resume kustomization flux-system --context prod-us
    - After it: suspend again, revert the commit, resume; the old files name the same objects, so nothing is deleted on the way back either
         flux suspend kustomization flux-system --context dev-eu
         flux suspend kustomization flux-system --context prod-eu
         flux suspend kustomization flux-system --context prod-us
         git revert COMMIT && git push
         flux resume kustomization flux-system --context dev-eu
         flux resume kustomization flux-system --context prod-eu
         flux resume kustomization flux-system --context prod-us
    "#);
    let json = run_in(
        folder.path(),
        &[
            "init", "fleet", "--from", "old", "--plan", "--format", "json",
        ],
    );
    let answer: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(answer["steps"].as_array().map(Vec::len), Some(7));
    assert_eq!(answer["back"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_we_rendered_ourselves_is_adopted_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let rendered = run_in(repository(), &["render"]).stdout;
    fs::write(folder.path().join("old.yaml"), rendered).unwrap();
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old.yaml"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("156 the same\n"), "{}", run.stdout);
    let checked = run_in(
        folder.path(),
        &[
            "render",
            "--config",
            "fleet",
            "--check",
            "--against",
            "old.yaml",
        ],
    );
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), ""));
}

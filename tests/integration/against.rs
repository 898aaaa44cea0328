//! `render --check --against`: what is rendered, compared object by object with manifests from anywhere.

mod clusters;
mod dangers;
mod fleets;
mod parts;

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Run, command, ended, run_in};

const FLEET: &str = "names: '{object}'\nprojects:\n- {name: web, repository: https://github.com/acme/web}\n- {name: api, repository: https://github.com/acme/api}\n";
const ENVIRONMENT: &str = "kind: production\nref: {branch: main}\npath: ./deploy\nprune: true\n";

/// A fleet of one environment, and what it renders in `old/`.
fn fleet() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder of the test");
    let path = folder.path();
    fs::create_dir(path.join("environments")).expect("a folder of the test");
    fs::write(path.join("flux-setup.yaml"), FLEET).expect("a folder of the test");
    fs::write(path.join("environments/production.yaml"), ENVIRONMENT)
        .expect("a folder of the test");
    assert_eq!(run_in(path, &["render", "--output", "old"]).code, Some(0));
    folder
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(file)).expect("a folder of the test");
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(folder.join(file), text.replace(from, to)).expect("a folder of the test");
}

fn against(folder: &Path, more: &[&str]) -> Run {
    run_in(
        folder,
        &[&["render", "--check", "--against", "old"], more].concat(),
    )
}

#[test]
fn manifests_in_another_form_without_our_labels_are_the_same() {
    let folder = fleet();
    let path = folder.path();
    for file in ["old/production/web.yaml", "old/production/api.yaml"] {
        let text = fs::read_to_string(path.join(file)).unwrap();
        let lines = text.lines().filter(|line| {
            !line.starts_with('#') && !line.contains("labels:") && !line.contains("flux-setup")
        });
        let text = lines.collect::<Vec<_>>().join("\n") + "\n";
        fs::write(
            path.join(file),
            text.replace("5m", "300s").replace("./deploy", "deploy/"),
        )
        .unwrap();
    }
    fs::write(
        path.join("old/kustomization.yaml"),
        "resources: [production]\n",
    )
    .unwrap();
    let run = against(path, &[]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), ""),
        "{}",
        run.stderr
    );
    assert_eq!(
        run.stderr,
        "compared with `old`: 4 the same; 4 objects would get our labels, which change nothing that Flux does\n"
    );
}

/// A rename, a removal, an addition, a changed path and a changed interval.
fn much_differs() -> TempDir {
    let folder = fleet();
    let path = folder.path();
    fs::write(
        path.join("flux-setup.yaml"),
        "names: '{object}'\nprojects:\n- {name: shop, repository: https://github.com/acme/web}\n- {name: api, repository: https://github.com/acme/api, path: ./deploy/prod, intervals: {source: 10m}}\n- {name: new, repository: https://github.com/acme/new}\n",
    )
    .expect("a folder of the test");
    fs::write(
        path.join("old/gone.yaml"),
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: gone, namespace: flux-system}\nspec: {interval: 1m, prune: true, path: ./x, sourceRef: {kind: Bucket, name: b}}\n",
    )
    .expect("a folder of the test");
    folder
}

#[test]
fn a_rename_a_removal_a_changed_path_and_a_changed_interval_are_told_apart() {
    let folder = much_differs();
    let run = against(folder.path(), &[]);
    assert_eq!(run.code, Some(1));
    insta::assert_snapshot!(run.stdout + &run.stderr, @"
    changed: Kustomization flux-system/api (old/production/api.yaml:19)
      spec.path: ./deploy → ./deploy/prod
      danger: changes the path of Kustomization flux-system/api from `./deploy` to `./deploy/prod`: with prune: true Flux deletes what only the old one has
    removed: Kustomization flux-system/gone (old/gone.yaml:1)
      danger: removes Kustomization flux-system/gone with prune: true: Flux deletes its workloads
    added: Kustomization flux-system/new
    renamed: Kustomization flux-system/web to Kustomization flux-system/shop (old/production/web.yaml:19)
      spec.sourceRef.name: web → shop
      danger: renames Kustomization flux-system/web to shop with prune: true: Flux deletes the workloads of `web`, also those that `shop` applies
        1. keep the name `web`, set `prune: false` for it, render, and wait until the cluster has it: `kubectl -n flux-system get kustomization web -o jsonpath='{.spec.prune}'` prints `false`
        2. rename it to `shop` and render with `--prune`: Flux removes `web` and leaves its workloads, which `shop` takes over
        3. once `shop` is ready, set `prune: true` again
    changed: GitRepository flux-system/api (old/production/api.yaml:3)
      spec.interval: 5m → 10m
    added: GitRepository flux-system/new
    renamed: GitRepository flux-system/web to GitRepository flux-system/shop (old/production/web.yaml:3)
    compared with `old`: 2 changed, 2 renamed, 2 added, 1 removed, 3 dangers, 0 the same
    ");
}

#[test]
fn the_same_as_a_comment_under_a_pull_request() {
    let folder = much_differs();
    let run = against(folder.path(), &["--format", "markdown"]);
    assert_eq!(run.code, Some(1));
    insta::assert_snapshot!(run.stdout, @"
    ### flux-setup: 2 changed, 2 renamed, 2 added, 1 removed, 3 dangers

    0 objects are the same.

    **Dangers (3)**

    - ⚠️ changes the path of Kustomization flux-system/api from `./deploy` to `./deploy/prod`: with prune: true Flux deletes what only the old one has
    - ⚠️ removes Kustomization flux-system/gone with prune: true: Flux deletes its workloads
    - ⚠️ renames Kustomization flux-system/web to shop with prune: true: Flux deletes the workloads of `web`, also those that `shop` applies
      1. keep the name `web`, set `prune: false` for it, render, and wait until the cluster has it: `kubectl -n flux-system get kustomization web -o jsonpath='{.spec.prune}'` prints `false`
      2. rename it to `shop` and render with `--prune`: Flux removes `web` and leaves its workloads, which `shop` takes over
      3. once `shop` is ready, set `prune: true` again

    **Removed (1)**

    - `Kustomization flux-system/gone` (`old/gone.yaml:1`)

    **Renamed (2)**

    - `Kustomization flux-system/web` → `Kustomization flux-system/shop` (`old/production/web.yaml:19`)
      - `spec.sourceRef.name`: `web` → `shop`
    - `GitRepository flux-system/web` → `GitRepository flux-system/shop` (`old/production/web.yaml:3`)

    **Changed (2)**

    - `Kustomization flux-system/api` (`old/production/api.yaml:19`)
      - `spec.path`: `./deploy` → `./deploy/prod`
    - `GitRepository flux-system/api` (`old/production/api.yaml:3`)
      - `spec.interval`: `5m` → `10m`

    **Added (2)**

    - `Kustomization flux-system/new`
    - `GitRepository flux-system/new`
    ");
    assert_eq!(run.stderr, "");
}

#[test]
fn the_same_for_a_machine() {
    let folder = much_differs();
    let run = against(folder.path(), &["--format", "json"]);
    assert_eq!(run.code, Some(1));
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    let differences = answer["differences"].as_array().unwrap();
    let of = |change: &str| {
        let mut found = differences.iter().filter(|one| one["change"] == change);
        found.next().cloned().unwrap_or_default()
    };
    assert_eq!(of("removed")["object"]["name"], "gone");
    assert_eq!(of("removed")["file"], "old/gone.yaml");
    assert_eq!(of("renamed")["renamedTo"]["name"], "shop");
    assert_eq!(of("changed")["fields"][0]["path"], "spec.path");
    assert_eq!(of("changed")["fields"][0]["old"], "./deploy");
    assert_eq!(answer["findings"].as_array().map(Vec::len), Some(0));
}

#[test]
fn what_is_allowed_is_told_and_changes_no_exit_code() {
    let folder = much_differs();
    let allowed = |kinds: &str| against(folder.path(), &["--allow", kinds]);
    let all = allowed("added,removed,renamed,changed,danger");
    assert_eq!(all.code, Some(0));
    assert!(all.stdout.contains("removed: Kustomization"));
    assert_eq!(allowed("added,removed,renamed,changed").code, Some(1));
    assert_eq!(allowed("added,removed,renamed,danger").code, Some(1));
    let folder = fleet();
    edit(
        folder.path(),
        "flux-setup.yaml",
        "- {name: api",
        "- {name: new, repository: https://github.com/acme/new}\n- {name: api",
    );
    let run = against(folder.path(), &["--allow", "added"]);
    assert_eq!(run.code, Some(0), "{}", run.stdout);
}

#[test]
fn stdin_is_compared_as_well_and_a_part_of_the_fleet_removes_nothing() {
    let folder = fleet();
    let rendered = run_in(folder.path(), &["render"]).stdout;
    let run = |more: &[&str], input: &str| {
        let arguments = [&["render", "--check", "--against", "-"], more].concat();
        let output = command(&arguments)
            .current_dir(folder.path())
            .write_stdin(input)
            .output()
            .unwrap();
        ended(&output)
    };
    let whole = run(&[], &rendered);
    assert_eq!(whole.code, Some(0), "{}", whole.stdout);
    assert_eq!(whole.stderr, "compared with stdin: 4 the same\n");
    let part = run(&["--project", "web"], &rendered);
    assert_eq!(
        (part.code, part.stderr.as_str()),
        (Some(0), "compared with stdin: 2 the same\n")
    );
}

#[test]
fn a_credential_is_shown_in_no_form() {
    let folder = fleet();
    edit(
        folder.path(),
        "old/production/web.yaml",
        "prune: true",
        "prune: true\n  postBuild: {substitute: {DB_PASSWORD: hunter2, URL: 'https://a:hunter2@host/x'}}",
    );
    for format in ["text", "json", "markdown"] {
        let run = against(folder.path(), &["--format", format]);
        assert_eq!(run.code, Some(1));
        let all = run.stdout + &run.stderr;
        assert!(
            all.contains("postBuild") && !all.contains("hunter2"),
            "{all}"
        );
    }
}

#[test]
fn what_cannot_be_compared_is_bad_input() {
    let folder = fleet();
    let path = folder.path();
    let refused = |arguments: &[&str], message: &str| {
        let run = run_in(path, arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}");
        assert!(run.stderr.contains(message), "{}", run.stderr);
    };
    fs::create_dir(path.join("empty")).unwrap();
    fs::write(path.join("broken.yaml"), "a: [\n").unwrap();
    let check = |old| ["render", "--check", "--against", old];
    refused(
        &check("empty"),
        "`empty` holds no .yaml, .yml or .json file",
    );
    refused(&check("broken.yaml"), "broken.yaml:");
    refused(&check("missing"), "cannot find `missing`");
    refused(&["render", "--against", "old"], "--check");
    refused(&["render", "--check"], "--output");
    refused(
        &["render", "--check", "--allow", "added", "--output", "old"],
        "--against",
    );
    refused(
        &["render", "--format", "markdown"],
        "only `validate`, `render --check --against` and `budget --compare` or `--what-if` write Markdown",
    );
    refused(
        &["budget", "--format", "markdown"],
        "only `validate`, `render --check --against` and `budget --compare` or `--what-if` write Markdown",
    );
}

#[test]
fn of_one_cluster_what_is_gone_is_told_and_other_clusters_are_not_looked_at() {
    let folder = fleet();
    let path = folder.path();
    edit(
        path,
        "flux-setup.yaml",
        "projects:",
        "output: '{cluster}/{environment}/{project}.yaml'\nclusters: [{name: eu}, {name: us}]\nprojects:",
    );
    edit(
        path,
        "environments/production.yaml",
        "kind:",
        "clusters: [eu, us]\nkind:",
    );
    fs::remove_dir_all(path.join("old")).expect("a folder of the test");
    assert_eq!(run_in(path, &["render", "--output", "old"]).code, Some(0));
    edit(path, "flux-setup.yaml", "name: web", "name: shop");
    let run = against(path, &["--cluster", "eu"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr
            .contains("`old`: 2 renamed, 1 danger, 2 the same"),
        "{}",
        run.stderr
    );
    assert!(!run.stdout.contains(" on us"), "{}", run.stdout);
}

#[test]
fn files_from_before_a_move_that_lie_beside_those_of_after_it_are_told() {
    let folder = fleet();
    let path = folder.path();
    let before = fs::read_to_string(path.join("old/production/web.yaml")).unwrap();
    let before: Vec<_> = before
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    fs::write(path.join("old/web.yaml"), before.join("\n")).unwrap();
    let run = against(path, &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(run.stderr, @"
    error: GitRepository flux-system/web is there twice
    --> old/web.yaml:1:1
     = help: the other stands at old/production/web.yaml:3; remove the one that counts no more

    error: Kustomization flux-system/web is there twice
      --> old/web.yaml:17:1
       |
    17 | apiVersion: kustomize.toolkit.fluxcd.io/v1
       | ^
       |
       = help: the other stands at old/production/web.yaml:19; remove the one that counts no more

    2 errors
    compared with `old`: 4 the same
    ");
}

#[test]
fn an_object_of_ours_that_somebody_else_is_to_manage_is_removed_with_all_that_it_applied() {
    let folder = fleet();
    let path = folder.path();
    let (web, _) = FLEET.split_once("- {name: api").unwrap();
    let waits = web.replace("acme/web}", "acme/web, dependsOn: [{external: api}]}");
    fs::write(path.join("flux-setup.yaml"), waits).unwrap();
    let run = against(path, &["--allow", "removed,changed"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(
        run.stdout.contains("danger: removes Kustomization flux-system/api with prune: true: Flux deletes its workloads"),
        "{}",
        run.stdout
    );
}

//! Whose an object is: of which cluster and environment, and which Kustomization of Flux applies it.

use std::fs;
use std::path::Path;

use super::bad_input::{kustomization, source};
use crate::binary::run_in;
use crate::folders::folder;

/// A source and what is applied from it.
fn app(name: &str, more: &str) -> String {
    source(name) + &kustomization(name, more)
}

/// What is told of a fleet that is adopted, and its configuration.
fn adopted(path: &Path, from: &str) -> (String, String) {
    let run = run_in(path, &["init", "fleet", "--from", from]);
    assert_eq!(run.code, Some(0), "{}{}", run.stderr, run.stdout);
    let text = fs::read_to_string(path.join("fleet/flux-setup.yaml")).expect("init wrote it");
    (run.stdout, text)
}

#[test]
fn what_an_app_applies_from_its_own_repository_is_not_the_folder_of_the_same_name_here() {
    let of = |name: &str, environment: &str| {
        app(name, ", targetNamespace: apps")
            .replace(&format!("./{name}"), &format!("./{environment}"))
    };
    let mut files = Vec::new();
    for environment in ["production", "staging"] {
        for name in ["web", "api"] {
            files.push((
                format!("old/{environment}/{name}.yaml"),
                of(name, environment),
            ));
        }
    }
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    let folder = folder(&files);
    let (told, _) = adopted(folder.path(), "old");
    assert!(told.contains("rendered again, 8 the same"), "{told}");
    assert!(!told.contains("left alone"), "{told}");
    // what was rendered of it is read again
    let rendered = run_in(
        folder.path(),
        &["render", "--config", "fleet", "--output", "old2"],
    );
    assert_eq!(rendered.code, Some(0), "{}", rendered.stderr);
    fs::remove_dir_all(folder.path().join("fleet")).unwrap();
    let (told, _) = adopted(folder.path(), "old2");
    assert!(told.contains("rendered again, 8 the same"), "{told}");
    let plan = run_in(folder.path(), &["init", "--from", "old2", "--plan"]);
    assert!(
        !plan.stdout.contains("flux suspend kustomization web"),
        "{}",
        plan.stdout
    );
}

#[test]
fn regions_in_the_folders_of_clusters_are_clusters() {
    let web = app("web", "");
    let places = ["production/eu", "production/us", "staging/eu", "staging/us"];
    let files = places.map(|place| format!("old/clusters/{place}/web.yaml"));
    let files: Vec<_> = files.iter().map(|file| (&**file, &*web)).collect();
    let folder = folder(&files);
    let (told, text) = adopted(folder.path(), "old");
    assert!(told.contains("rendered again, 8 the same"), "{told}");
    for name in ["production-eu", "production-us", "staging-eu", "staging-us"] {
        assert!(text.contains(&format!("  - {{name: {name}}}\n")), "{text}");
    }
}

#[test]
fn a_cluster_of_which_nothing_says_the_environment_is_of_no_other_s() {
    let web = app("web", "");
    let folder = folder(&[
        ("old/clusters/prod/web.yaml", &web),
        ("old/clusters/hub/web.yaml", &web),
        ("old/clusters/edge/web.yaml", &web),
    ]);
    adopted(folder.path(), "old");
    let of = |environment: &str| {
        fs::read_to_string(
            folder
                .path()
                .join(format!("fleet/environments/{environment}.yaml")),
        )
    };
    assert!(of("prod").unwrap().contains("cluster: prod\n"));
    assert!(of("fleet").unwrap().contains("clusters: [edge, hub]\n"));
}

#[test]
fn what_a_suspended_kustomization_would_apply_is_left_alone() {
    let root = source("flux-system") + &kustomization("flux-system", "");
    let root = root.replace("./flux-system", "./clusters/one");
    let team =
        kustomization("team", ", suspend: true").replace("name: team}", "name: flux-system}");
    let folder = folder(&[
        ("old/clusters/one/flux-system/gotk-sync.yaml", &root),
        ("old/clusters/one/team.yaml", &team),
        ("old/clusters/one/web.yaml", &app("web", "")),
        ("old/team/api.yaml", &app("api", "")),
    ]);
    let (told, text) = adopted(folder.path(), "old");
    assert!(
        told.contains("Kustomization flux-system/api: Kustomization flux-system/team, which applies it, is suspended"),
        "{told}"
    );
    assert!(
        text.contains("acme/web") && !text.contains("acme/api"),
        "{text}"
    );
}

#[test]
fn what_readers_of_yaml_take_differently_is_left_alone_and_is_not_the_same() {
    let odd = app("odd", ", postBuild: {substitute: {N: '=1', A: b}}");
    let twice = app("twice", ", path: ./other");
    let folder = folder(&[
        ("old/odd.yaml", &odd),
        ("old/twice.yaml", &twice),
        ("old/web.yaml", &app("web", "")),
    ]);
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(
        run.stdout.contains("rendered again, 2 the same"),
        "{}",
        run.stdout
    );
    for reason in [
        "Kustomization flux-system/odd: it cannot be read as Flux does: the key `N` is read as `false` by the API server",
        "Kustomization flux-system/twice: it cannot be read as Flux does: the key `path` is there already",
    ] {
        assert!(run.stdout.contains(reason), "{}", run.stdout);
    }
}

#[test]
fn the_folder_of_clusters_is_known_from_inside() {
    let folder = folder(&[
        ("clusters/eu/web.yaml", &app("web", "")),
        ("clusters/us/api.yaml", &app("api", "")),
    ]);
    let (_, text) = adopted(&folder.path().join("clusters"), ".");
    assert!(text.contains("  - {name: eu}\n  - {name: us}\n"), "{text}");
}

#[test]
fn a_marker_that_is_not_carried_over_is_named() {
    let block = "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: api, namespace: flux-system}\nspec:\n  interval: 5m\n  prune: true\n  path: ./api\n  sourceRef: {kind: GitRepository, name: web}\n  targetNamespace: x # {\"$imagepolicy\": \"flux-system:web:tag\"}\n  # renovate: datasource=docker depName=acme/web\n  patches:\n  - patch: |\n      # renovate: is carried over\n      kind: Deployment\n      metadata: {name: x}\n  # a comment\n";
    let tag = "# renovate: above\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: flux-system}\nspec:\n  interval: 1m\n  url: https://github.com/acme/web\n  ref:\n    tag: v1 # {\"$imagepolicy\": \"flux-system:web:tag\"}\n# renovate: below\n---\n# renovate: of another\nkind: Other\n";
    let folder = folder(&[("old/web.yaml", tag), ("old/api.yaml", block)]);
    let told = "5 markers in comments, by which other tools find what they write, not carried over:\n  old/api.yaml:10: # {\"$imagepolicy\": \"flux-system:web:tag\"}\n  old/api.yaml:11: # renovate: datasource=docker depName=acme/web\n  old/web.yaml:1: # renovate: above\n  old/web.yaml:9: # {\"$imagepolicy\": \"flux-system:web:tag\"}\n  old/web.yaml:10: # renovate: below\n";
    let (stdout, _) = adopted(folder.path(), "old");
    assert!(stdout.contains(told), "{stdout}");
    let plan = run_in(folder.path(), &["init", "--from", "old", "--plan"]);
    assert!(
        plan.stdout.contains(
            "\n1. Write the markers of image automation and Renovate into the configuration"
        ) && plan
            .stdout
            .contains("     # old/api.yaml:10: # {\"$imagepolicy\""),
        "{}",
        plan.stdout
    );
    let json = run_in(
        folder.path(),
        &["init", "other", "--from", "old", "--format", "json"],
    );
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["markers"][1]["line"], 11);
    assert_eq!(json["markers"].as_array().unwrap().len(), 5);
}

/// The commands of the step that renders.
fn rendering(path: &Path, from: &str) -> Vec<String> {
    let plan = run_in(path, &["init", "fleet", "--from", from, "--plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    let step = plan
        .stdout
        .split("In one commit, render")
        .nth(1)
        .unwrap_or_default();
    let lines = step
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("     "));
    let after = step.lines().filter(|line| line.contains("flux diff"));
    let kept = |line: &&str| !line.contains("git rm");
    let lines = lines.chain(after).filter(kept);
    lines.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_plan_renders_into_the_folder_of_each_cluster() {
    let (web, api) = (app("web", ""), app("api", ""));
    let two = folder(&[
        ("old/clusters/prod/web.yaml", &web),
        ("old/clusters/dev/web.yaml", &web),
        (
            "old/clusters/dev/kustomization.yaml",
            "resources: [web.yaml]\n",
        ),
    ]);
    assert_eq!(
        rendering(two.path(), "old"),
        [
            "flux-setup render --config fleet --output old/clusters",
            "# take the files' entries out of: old/clusters/dev/kustomization.yaml",
            "# list what was rendered in: old/clusters/dev/kustomization.yaml",
            "git add --update && git add old/clusters && git commit && git push",
            "flux diff kustomization flux-system --path old/clusters/dev --context dev",
            "flux diff kustomization flux-system --path old/clusters/prod --context prod",
        ]
    );
    let regions = folder(&[
        ("old/clusters/prod/eu/web.yaml", &web),
        ("old/clusters/prod/us/web.yaml", &web),
    ]);
    assert_eq!(
        rendering(regions.path(), "old"),
        [
            "flux-setup render --config fleet --output old/clusters/prod",
            "git add old/clusters/prod && git commit && git push",
            "flux diff kustomization flux-system --path old/clusters/prod/eu --context eu",
            "flux diff kustomization flux-system --path old/clusters/prod/us --context us",
        ]
    );
    let inside = rendering(&two.path().join("old/clusters/prod"), ".");
    assert_eq!(inside[0], "flux-setup render --config fleet --output DIR");
    let above = rendering(&two.path().join("old"), "clusters");
    assert_eq!(
        above[0],
        "flux-setup render --config fleet --output clusters"
    );
    let four = folder(&[
        ("old/clusters/prod/eu 1/web.yaml", &web),
        ("old/clusters/prod/us/web.yaml", &web),
    ]);
    assert_eq!(
        rendering(four.path(), "old"),
        [
            "flux-setup render --config fleet --cluster eu-1 --output 'old/clusters/prod/eu 1'",
            "flux-setup render --config fleet --cluster us --output old/clusters/prod/us",
            "git add 'old/clusters/prod/eu 1' old/clusters/prod/us && git commit && git push",
            "flux diff kustomization flux-system --path 'old/clusters/prod/eu 1' --context eu-1",
            "flux diff kustomization flux-system --path old/clusters/prod/us --context us",
        ]
    );
    let one = folder(&[
        ("old/clusters/prod/web.yaml", &web),
        ("old/clusters/prod/api.yaml", &api),
    ]);
    assert_eq!(
        rendering(one.path(), "old"),
        [
            "flux-setup render --config fleet --output old/clusters/prod",
            "git add old/clusters/prod && git commit && git push",
            "flux diff kustomization flux-system --path old/clusters/prod",
        ]
    );
}

#[test]
fn the_plan_names_the_namespaces_that_what_is_applied_beside_makes() {
    let root = source("flux-system") + &kustomization("flux-system", "");
    let root = root.replace("./flux-system", "./clusters/one");
    let own = |name: &str| {
        kustomization(name, "").replace(&format!("name: {name}}}"), "name: flux-system}")
    };
    let team = app("web", "").replace("namespace: flux-system", "namespace: team");
    let namespace =
        |name: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
    let folder = folder(&[
        ("old/clusters/one/flux-system/gotk-sync.yaml", &root),
        ("old/clusters/one/team.yaml", &own("team")),
        (
            "old/clusters/one/held.yaml",
            &own("held").replace("prune: true", "prune: true, suspend: true"),
        ),
        ("old/clusters/one/other.yaml", &namespace("other")),
        ("old/team/namespace.yaml", &namespace("team")),
        ("old/team/more.yaml", &namespace("more")),
        ("old/team/web.yaml", &team),
    ]);
    let commands = rendering(folder.path(), "old");
    let told: Vec<_> = commands
        .iter()
        .filter(|line| line.contains("Namespaces"))
        .collect();
    assert_eq!(
        told,
        [
            "# put these Namespaces beside what was rendered: on a new cluster it comes before what makes them, and waits for them for ever: team (old/team/namespace.yaml:1)"
        ]
    );
    let plan = run_in(folder.path(), &["init", "--from", "old", "--plan"]).stdout;
    assert!(plan.contains("flux resume kustomization team\n"), "{plan}");
    assert!(!plan.contains("kustomization held"), "{plan}");
}

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
    let folder = folder(&[("old/web.yaml", &app("web", "")), ("old/api.yaml", block)]);
    let told = "2 markers in comments, by which other tools find what they write, not carried over:\n  old/api.yaml:10: # {\"$imagepolicy\": \"flux-system:web:tag\"}\n  old/api.yaml:11: # renovate: datasource=docker depName=acme/web\n";
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
    assert_eq!(json["markers"].as_array().unwrap().len(), 2);
}

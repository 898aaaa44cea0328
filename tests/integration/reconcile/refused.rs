//! What is refused before anything is touched, and clusters that are away.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{Scene, run};

/// What is said where it is refused.
fn refused(scene: &Scene, arguments: &[&str]) -> String {
    let run = scene.run(arguments);
    assert_eq!((run.code, &*run.stdout), (Some(2), ""), "{run:?}");
    run.stderr
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_names_nothing_is_answered_with_what_is_there() {
    let scene = Scene::new("hand-named");
    for (target, hint) in [
        ("hand-named/prod", "`hand-named` is in production"),
        (
            "ks/hand-named/wbe",
            "did you mean `Kustomization/hand-named/web`?",
        ),
        (
            "hr/hand-named/web",
            "did you mean `GitRepository/hand-named/web`?",
        ),
        ("acme/hand-named@next", "of it is followed: branch `main`"),
        ("acme/hand-namde@main", "did you mean `acme/hand-named`?"),
    ] {
        assert_eq!(
            refused(&scene, &["hand-named/production", target]),
            format!("error: `{target}` names nothing in the clusters; {hint}\n")
        );
    }
    assert_eq!(
        refused(&scene, &["web"]),
        "error: `web` is no target; write project/environment, kind/namespace/name or owner/repository@ref\n"
    );
    assert_eq!(
        refused(&scene, &["https://github.com/acme/hand-named"]),
        "error: `https://github.com/acme/hand-named` names no ref; say which one, as `https://github.com/acme/hand-named@main`\n"
    );
    assert_eq!(scene.player.token("GitRepository", "web"), None);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_means_nothing_to_what_is_named_is_refused() {
    let scene = Scene::new("hand-senseless");
    assert_eq!(
        refused(&scene, &["hand-senseless/production", "--force"]),
        "error: --force and --reset concern HelmReleases, and none is made from what is named\n"
    );
    scene.server.create(&json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
        "metadata": {"name": "web", "namespace": "hand-senseless"},
        "spec": {"url": "oci://ghcr.io/acme/hand-senseless", "interval": "1m"},
    }));
    let commit = "a".repeat(40);
    assert_eq!(
        refused(&scene, &["oci/hand-senseless/web", "--commit", &commit]),
        "error: what OCIRepository hand-senseless/web fetches names no commit; leave --commit out and use --wait\n"
    );
    let short = refused(
        &scene,
        &["hand-senseless/production", "--commit", "abcdef1"],
    );
    assert!(
        short.contains(
            "it has 7 digits, not 40 (or 64 with SHA-256); `git rev-parse` gives all of it"
        ),
        "{short}"
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_cluster_that_is_away_is_told_and_the_others_are_asked() {
    let scene = Scene::new("hand-away");
    let kubeconfig = scene.server.kubeconfig();
    let fleet = format!(
        "clusters:\n  - {{name: eu, kubeconfig: {}}}\n  - {{name: us, kubeconfig: nowhere.yaml}}\n",
        kubeconfig.display()
    );
    let write = |text: &str| fs::write(scene.folder.path().join("flux-setup.yaml"), text).unwrap();
    write(&fleet);
    fs::create_dir(scene.folder.path().join("environments")).unwrap();
    fs::write(
        scene.folder.path().join("environments/production.yaml"),
        "ref: {branch: main}\n",
    )
    .unwrap();
    let asked = |arguments: &[&str]| run(scene.folder.path(), Path::new("none"), arguments);
    let run = asked(&["hand-away/production"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.stderr
            .starts_with("cluster `us` is away: cannot use kubeconfig "),
        "{run:?}"
    );
    assert!(
        run.stdout
            .contains("\neu       GitRepository/hand-away/web  named  asked"),
        "{run:?}"
    );
    let eu = asked(&["hand-away/production", "--cluster", "e*"]);
    assert_eq!((eu.code, &*eu.stderr), (Some(0), ""), "{eu:?}");
    let us = asked(&["hand-away/production", "--cluster", "us"]);
    assert_eq!(us.code, Some(2), "{us:?}");
    assert!(
        us.stderr.ends_with("error: no cluster can be looked at\n"),
        "{us:?}"
    );
    let unknown = asked(&["hand-away/production", "--cluster", "uk"]);
    assert_eq!(
        unknown.stderr,
        "error: unknown cluster `uk`; did you mean `us`?\n"
    );
    // Else another cluster might be touched than the one that is meant.
    write(&fleet.replace("name: eu", "nmae: eu"));
    let faulty = asked(&["hand-away/production"]);
    assert_eq!(faulty.code, Some(2), "{faulty:?}");
    assert!(faulty.stderr.contains("unknown key `nmae`"), "{faulty:?}");
}

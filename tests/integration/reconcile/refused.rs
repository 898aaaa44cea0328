//! What is refused before anything is touched, and clusters that are away.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::binary::command;

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
        (
            "acme/hand-named",
            "a repository is named with its ref: `acme/hand-named@main`",
        ),
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
    for (commit, reason) in [
        ("abcdef", "it has 6 digits, not 7 to 64"),
        ("0000000", "it has only zeros, which name no commit"),
    ] {
        let told = refused(&scene, &["hand-senseless/production", "--commit", commit]);
        assert!(told.contains(reason), "{told}");
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_first_digits_of_several_commits_are_refused_with_what_they_may_mean() {
    let scene = Scene::new("hand-ambiguous");
    let commits = ["5e1f001a", "5e1f001b"].map(|begin| format!("{begin}{}", "0".repeat(32)));
    scene
        .player
        .fetch("web", &format!("main@sha1:{}", commits[0]));
    scene
        .player
        .apply("web", &format!("main@sha1:{}", commits[1]));
    let expected = format!(
        "error: several commits begin with `5e1f001`: {}; write more of its digits\n",
        commits.join(", ")
    );
    let arguments = ["hand-ambiguous/production", "--commit", "5e1f001"];
    assert_eq!(refused(&scene, &arguments), expected);
    assert_eq!(scene.player.token("GitRepository", "web"), None);
    let kubeconfig = scene.server.kubeconfig();
    let status = [&["status"], &arguments[..]].concat();
    let mut status = command(&status);
    let status = status.current_dir(scene.folder.path());
    let status = status.env("KUBECONFIG", kubeconfig).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&status.stderr), expected);
}

/// Whoever is to grant the right cannot wait for us, so the one who asks is told at once.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_right_that_is_lacking_is_told_at_once_and_not_waited_for() {
    let scene = Scene::new("hand-forbidden");
    let (server, name) = (scene.server, "hand-forbidden");
    let group = "rbac.authorization.k8s.io";
    let metadata = json!({"name": name});
    server.create(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": name}}));
    server.create(
        &json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": metadata,
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["list", "watch"]}]}),
    );
    server.create(&json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": name}]}));
    let user = json!({"token": server.account_token(name, name)});
    let kubeconfig = server.kubeconfig_with(name, &user);
    let arguments = ["hand-forbidden/production", "--timeout", "15m"];
    let started = Instant::now();
    let run = run(scene.folder.path(), &kubeconfig, &arguments);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(started.elapsed() < Duration::from_secs(600));
    assert!(
        run.stdout.contains(
            "\nfailed GitRepository/hand-forbidden/web of default: \
             may not patch gitrepositories.source.toolkit.fluxcd.io (403); allow it by a ClusterRole"
        ),
        "{run:?}"
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
    let json = asked(&["hand-away/production", "--format", "json"]);
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&report["reached"], &report["away"][0]["cluster"]),
        (&json!(false), &json!("us"))
    );
    let missing = asked(&["hand-away/prod"]);
    assert!(
        missing.stderr.ends_with(
            "error: `hand-away/prod` names nothing in the clusters that can be seen; \
             `hand-away` is in production\n"
        ),
        "{missing:?}"
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

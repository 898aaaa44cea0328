//! `flux-setup status` through the binary, on a real API server.

mod commits;
mod fleet;
mod pushed;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::api_server::{ApiServer, Target, shared};
use crate::binary::{Run, command, ended};
use crate::player::{Player, revision};

const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";

fn run(server: &ApiServer, arguments: &[&str]) -> Run {
    run_of("status", server, arguments)
}

/// Another command, in a folder without configuration.
fn run_of(name: &str, server: &ApiServer, arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = command(&[&[name], arguments].concat());
    let output = command
        .current_dir(folder.path())
        .env("KUBECONFIG", server.kubeconfig())
        .output();
    ended(&output.expect("the program was built"))
}

fn told(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

/// An object of a project in an environment.
fn create(server: &ApiServer, target: Target, project: &str, environment: &str, spec: &Value) {
    let Target {
        api_version,
        kind,
        namespace,
        name,
    } = target;
    let labels =
        json!({"flux-setup.dev/project": project, "flux-setup.dev/environment": environment});
    server.create(&json!({
        "apiVersion": api_version, "kind": kind, "spec": spec,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
    }));
}

/// A GitRepository and a Kustomization of it.
fn create_both(server: &ApiServer, namespace: &str, name: &str, project: &str, environment: &str) {
    let target = |api_version, kind| Target {
        api_version,
        kind,
        namespace,
        name,
    };
    let spec = json!({"url": format!("https://github.com/acme/{project}"), "interval": "1m30s", "ref": {"branch": "main"}});
    let git = target(SOURCE, "GitRepository");
    create(server, git, project, environment, &spec);
    let source = json!({"kind": "GitRepository", "name": name});
    let spec = json!({"interval": "10m0s", "prune": true, "sourceRef": source});
    let kustomization = target(KUSTOMIZE, "Kustomization");
    create(server, kustomization, project, environment, &spec);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_project_is_shown_as_a_table_and_what_fails_below_it() {
    let server = shared();
    server.create_namespace("status-table");
    let player = Player::new(server, "status-table");
    create_both(server, "status-table", "web", "status-table", "production");
    player.fetch("web", &revision("main", 1));
    player.fail(
        "web",
        &revision("main", 1),
        "BuildFailed",
        "no\u{1b}[2J such file",
    );
    let run = run(server, &["status-table/production"]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{run:?}");
    let lines: Vec<&str> = run.stdout.lines().collect();
    let words =
        |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let headings = "environment project cluster object revision age interval ready suspended";
    assert_eq!(words(lines[0]).join(" "), headings);
    let source = words(lines[1]);
    assert_eq!(
        source[..5],
        [
            "production",
            "status-table",
            "default",
            "GitRepository/status-table/web",
            "main@0000000"
        ]
    );
    assert_eq!(source[6..], ["1m30s", "yes", "-"]);
    let kustomization = words(lines[2]);
    assert_eq!(kustomization[4..], ["-", "-", "10m", "no", "-"]);
    assert_eq!(
        lines[3..],
        [
            "",
            "failed  Kustomization/status-table/web of default: BuildFailed: no\u{fffd}[2J such file",
            "2 objects in 1 cluster: 1 ready, 1 failed",
            "pushes that are not applied yet: --server URL asks a running `serve`",
        ]
    );
    let none = self::run(server, &["status-table/staging"]);
    assert_eq!(
        (none.code, &*none.stderr),
        (
            Some(2),
            "error: `status-table/staging` names nothing in the clusters; `status-table` is in production\n"
        )
    );
    let unknown = self::run(server, &["--environment", "prodaction"]);
    assert_eq!(
        (unknown.code, &*unknown.stderr),
        (
            Some(2),
            "error: unknown environment `prodaction`; did you mean `production`?\n"
        )
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_cluster_that_is_away_is_told_and_the_rest_is_shown() {
    let server = shared();
    server.create_namespace("status-away");
    create_both(server, "status-away", "web", "status-away", "production");
    let folder = tempfile::tempdir().unwrap();
    let fleet = format!(
        "clusters:\n  - {{name: eu, kubeconfig: {}}}\n  - {{name: us, kubeconfig: nowhere.yaml}}\n",
        server.kubeconfig().display()
    );
    fs::write(folder.path().join("flux-setup.yaml"), fleet).unwrap();
    fs::create_dir(folder.path().join("environments")).unwrap();
    fs::write(
        folder.path().join("environments/production.yaml"),
        "ref: {branch: main}\n",
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        let mut command = command(&[&["status", "status-away/production"], arguments].concat());
        ended(&command.current_dir(folder.path()).output().unwrap())
    };
    let text = run(&[]);
    assert_eq!(text.code, Some(1), "{text:?}");
    assert!(
        text.stdout
            .contains("eu       GitRepository/status-away/web"),
        "{text:?}"
    );
    assert!(
        text.stdout
            .contains("\naway    cluster us: cannot use kubeconfig "),
        "{text:?}"
    );
    let report = told(&run(&["--format", "json"]));
    assert_eq!(report["away"][0]["cluster"], "us");
    assert_eq!(report["objects"].as_array().unwrap().len(), 2);
    let eu = run(&["--cluster", "eu"]);
    assert_eq!(eu.code, Some(0), "{eu:?}");
    let us = |arguments: &[&str]| {
        let run = run(&[&["--cluster", "us"], arguments].concat());
        assert_eq!(run.code, Some(1), "{run:?}");
        run.stdout.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(us(&[]), "nothing can be seen: 1 of 1 clusters is away");
    assert_eq!(
        us(&["--commit", "fedcba9876543210"]),
        "no object that can be seen has commit fedcba9876543210: 1 of 1 clusters is away"
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn who_watches_sees_what_changes() {
    let server = shared();
    server.create_namespace("status-watch");
    let player = Player::new(server, "status-watch");
    create_both(server, "status-watch", "web", "status-watch", "production");
    player.fetch("web", &revision("main", 1));
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_flux-setup"))
        .args([
            "status",
            "git/status-watch/web",
            "--watch",
            "--format",
            "json",
        ])
        .current_dir(folder.path())
        .env("KUBECONFIG", server.kubeconfig())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["objects"][0]["revision"], revision("main", 1));
    player.fetch("web", &revision("main", 2));
    let is_seen = (0..60).any(|_| next()["objects"][0]["revision"] == revision("main", 2));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_seen);
}

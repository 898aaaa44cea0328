//! Folders with overlays of kustomize: what an overlay makes of a file is taken, or nothing is claimed of it.

use serde_json::Value;
use tempfile::TempDir;

use super::bad_input::{kustomization, source};
use crate::binary::{Run, run_in};
use crate::folders::folder;

const CHECK: [&str; 6] = ["render", "--config", "fleet", "--check", "--against", "old"];

/// One base, which each cluster changes in its own way, and what no overlay touches.
fn overlays() -> TempDir {
    let base = source("web") + &kustomization("web", "");
    let plain = source("api") + &kustomization("api", "");
    let patched = |branch: &str| {
        format!(
            "resources: [../../base]\nnamePrefix: {branch}-\npatches:\n- target: {{kind: GitRepository}}\n  patch: '[{{\"op\": \"replace\", \"path\": \"/spec/ref/branch\", \"value\": \"{branch}\"}}]'\n"
        )
    };
    folder(&[
        ("old/base/web.yaml", &base),
        ("old/base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("old/clusters/eu/kustomization.yaml", &patched("eu")),
        ("old/clusters/us/kustomization.yaml", &patched("us")),
        (
            "old/clusters/plain/kustomization.yaml",
            "resources: [api.yaml]\n",
        ),
        ("old/clusters/plain/api.yaml", &plain),
    ])
}

fn init(folder: &TempDir, more: &[&str]) -> Run {
    let run = [&["init", "fleet", "--from", "old"], more].concat();
    run_in(folder.path(), &run)
}

#[test]
fn what_an_overlay_changes_is_left_alone_with_the_reason_and_not_called_proved() {
    let folder = overlays();
    let run = init(&folder, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let proved = run.stdout.lines().find(|line| line.starts_with("proved:"));
    assert!(
        proved.is_some_and(|line| line.contains(" 2 the same;")),
        "{}",
        run.stdout
    );
    let reason = "`namePrefix` and `patches` of old/clusters/eu/kustomization.yaml may change it; `--build` takes what kustomize makes of it";
    for object in ["web.yaml:2: GitRepository", "web.yaml:7: Kustomization"] {
        let line = format!("  old/base/{object} flux-system/web: {reason}\n");
        assert!(run.stdout.contains(&line), "{}", run.stdout);
    }
    let adopted = std::fs::read_to_string(folder.path().join("fleet/flux-setup.yaml"));
    let adopted = adopted.expect("it was written");
    assert!(
        adopted.contains("api") && !adopted.contains("web"),
        "{adopted}"
    );
}

#[test]
fn what_is_rendered_and_an_overlay_changes_is_not_compared_and_that_is_a_no() {
    let folder = overlays();
    let all = folder.path().join("fleet");
    let single = source("web") + &kustomization("web", "");
    std::fs::write(folder.path().join("web.yaml"), single).expect("a folder of the test");
    let run = run_in(folder.path(), &["init", "fleet", "--from", "web.yaml"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(all.exists());
    let text = run_in(
        folder.path(),
        &[&CHECK[..], &["--allow", "removed,danger"]].concat(),
    );
    assert_eq!(text.code, Some(1), "{}", text.stdout);
    assert!(
        text.stdout.contains("not compared: GitRepository flux-system/web (old/base/web.yaml:2)\n  `namePrefix` and `patches` of old/"),
        "{}",
        text.stdout
    );
    assert!(
        text.stderr.contains(", 2 not compared, "),
        "{}",
        text.stderr
    );
    let json = run_in(folder.path(), &[&CHECK[..], &["--format", "json"]].concat());
    let answer: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!(answer["notCompared"][0]["name"], "web");
    let markdown = run_in(
        folder.path(),
        &[&CHECK[..], &["--format", "markdown"]].concat(),
    );
    assert!(
        markdown.stdout.contains("**Not compared (2)**"),
        "{}",
        markdown.stdout
    );
}

/// Stands for kustomize: gives each overlay's objects their prefix and branch.
#[cfg(unix)]
#[test]
fn built_overlays_become_the_objects_of_their_clusters_and_are_proved() {
    use crate::binary::{command, ended};
    use std::os::unix::fs::PermissionsExt;
    let folder = overlays();
    let program = folder.path().join("bin/kustomize");
    crate::folders::write(
        folder.path(),
        "bin/kustomize",
        "#!/bin/sh\nfor folder; do :; done\nname=$(basename \"$folder\")\nsed \"s/name: web/name: $name-web/g; s/branch: main/branch: $name/\" \"$folder/../../base/web.yaml\"\n",
    );
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("a file of the test");
    let path = format!("{}:/usr/bin:/bin", folder.path().join("bin").display());
    let run = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.current_dir(folder.path()).env("PATH", &path);
        ended(&command.output().expect("the program was built"))
    };
    let made = run(&["init", "fleet", "--from", "old", "--build"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout.contains(", 6 the same;"), "{}", made.stdout);
    assert!(!made.stdout.contains("left alone"), "{}", made.stdout);
    let checked = run(&[&CHECK[..], &["--build"]].concat());
    assert_eq!(
        (checked.code, &*checked.stdout),
        (Some(0), ""),
        "{}",
        checked.stderr
    );
    let steps = run(&["init", "fleet", "--from", "old", "--build", "--plan"]);
    assert!(
        steps.stdout.contains("--check --against old --build\n"),
        "{}",
        steps.stdout
    );
    let stream = run(&["init", "other", "--from", "old/base/web.yaml", "--build"]);
    assert!(
        stream
            .stderr
            .contains("`--build` builds what lies in a folder, and `old/base/web.yaml` is none"),
        "{}",
        stream.stderr
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_the_real_kustomize_makes_of_overlays_becomes_the_objects_of_their_clusters() {
    use crate::binary::{command, ended};
    let base = source("web") + &kustomization("web", "");
    let patched = |branch: &str| {
        format!(
            "resources: [../../base]\ncommonAnnotations: {{tier: {branch}}}\npatches:\n- target: {{kind: GitRepository}}\n  patch: '[{{\"op\": \"replace\", \"path\": \"/spec/ref/branch\", \"value\": \"{branch}\"}}]'\n"
        )
    };
    let folder = folder(&[
        ("old/base/web.yaml", &base),
        ("old/base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("old/clusters/eu/kustomization.yaml", &patched("eu")),
        ("old/clusters/us/kustomization.yaml", &patched("us")),
    ]);
    // `kubectl kustomize` stands beside the server
    let programs = std::env::var("KUBEBUILDER_ASSETS").expect("the folder of the programs");
    let run = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.current_dir(folder.path());
        command.env("PATH", format!("{programs}:/usr/bin:/bin"));
        ended(&command.output().expect("the program was built"))
    };
    let made = run(&["init", "fleet", "--from", "old", "--build"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout.contains(" 4 the same;"), "{}", made.stdout);
    assert!(!made.stdout.contains("left alone"), "{}", made.stdout);
    let checked = run(&[&CHECK[..], &["--build"]].concat());
    let answer = (checked.code, &*checked.stdout);
    assert_eq!(answer, (Some(0), ""), "{}", checked.stderr);
    let rendered = run(&["render", "--config", "fleet"]).stdout;
    for branch in ["eu", "us"] {
        let written = format!("branch: {branch}\n");
        assert!(rendered.contains(&written), "{rendered}");
        assert!(
            rendered.contains(&format!("tier: {branch}\n")),
            "{rendered}"
        );
    }
    let judged = run(&["validate", "--manifests", "old", "--build"]);
    assert!(
        judged.stdout.contains("4 documents judged") && judged.stdout.contains("2 overlays built"),
        "{}{}",
        judged.stdout,
        judged.stderr
    );
}

#[test]
fn what_lies_above_the_folder_that_is_read_is_told() {
    let folder = overlays();
    crate::folders::write(
        folder.path(),
        "old/clusters/plain/kustomization.yaml",
        "resources: [api.yaml, ../base]\n",
    );
    let run = run_in(
        folder.path(),
        &["init", "fleet", "--from", "old/clusters/plain"],
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("`../base` lies above the folder that is read, so what is in it is not seen"),
        "{}",
        run.stderr
    );
}

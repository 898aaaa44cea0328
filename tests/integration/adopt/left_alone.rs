//! What `init` leaves alone is no danger to `--against` for ever: it is listed, or named by a pattern.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::bad_input::{kustomization, source};
use crate::binary::{Run, run_in};
use crate::folders::{folder, write};

/// A fleet that was adopted but for two objects, one in each cluster.
fn adopted() -> TempDir {
    let of = |name: &str| source(name) + &kustomization(name, "");
    let up =
        |name: &str| kustomization(name, "").replace(&format!("path: ./{name}"), "path: ../up");
    let eu = of("web")
        + &up("far")
        + &kustomization("odd", "").replace("name: odd,", "name: '{{ x }}',");
    let us = of("web") + &up("far");
    let folder = folder(&[
        ("old/clusters/eu/a.yaml", &eu),
        ("old/clusters/us/a.yaml", &us),
    ]);
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout
            .contains("\nwrote fleet/.flux-setup/left-alone\n"),
        "{}",
        run.stdout
    );
    folder
}

fn check(folder: &TempDir, more: &[&str]) -> Run {
    let arguments = ["render", "--config", "fleet", "--check", "--against", "old"];
    run_in(folder.path(), &[&arguments, more].concat())
}

#[test]
fn what_was_left_alone_is_listed_and_told_as_such_in_every_format() {
    let folder = adopted();
    let list = fs::read_to_string(folder.path().join("fleet/.flux-setup/left-alone"));
    insta::assert_snapshot!(list.expect("it was written"), @"
    # Objects that `flux-setup init` left alone: `render --check --against` takes none of them for removed.
    # One a line, as KIND/NAMESPACE/NAME, and @CLUSTER behind it for those of one cluster, @- for those of none;
    # * stands for any text.
    # its path has `..`, which may leave the repository
    Kustomization/flux-system/far@eu
    # the API server refuses it, or it is a patch: the name `{{ x }}`: it has `{`, where only small letters, digits, `-` and `.` may stand
    Kustomization/flux-system/???x???@eu
    # its path has `..`, which may leave the repository
    Kustomization/flux-system/far@us
    ");
    let text = check(&folder, &[]);
    assert_eq!(text.code, Some(0), "{}{}", text.stdout, text.stderr);
    insta::assert_snapshot!(text.stdout + &text.stderr, @"
    left alone: Kustomization flux-system/far on eu (old/clusters/eu/a.yaml:12)
    left alone: Kustomization flux-system/{{ x }} on eu (old/clusters/eu/a.yaml:17)
    left alone: Kustomization flux-system/far on us (old/clusters/us/a.yaml:12)
    compared with `old`: 4 the same; 4 objects would get our labels, which change nothing that Flux does; 3 objects are left alone
    ");
    let json = check(&folder, &["--format", "json"]);
    let answer: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    let alone = &answer["leftAlone"];
    assert_eq!(alone.as_array().map(Vec::len), Some(3));
    assert_eq!(
        (&alone[1]["name"], &alone[1]["line"]),
        (&"{{ x }}".into(), &17.into())
    );
    let markdown = check(&folder, &["--format", "markdown"]);
    assert!(
        markdown.stdout.contains("\n**Left alone (3)**\n\n- `Kustomization flux-system/far on eu` (`old/clusters/eu/a.yaml:12`)\n"),
        "{}",
        markdown.stdout
    );
}

#[test]
fn what_nobody_listed_is_a_danger_until_a_pattern_names_it() {
    let folder = adopted();
    let more = kustomization("new-one", "") + &kustomization("new-two", "");
    write(folder.path(), "old/clusters/us/more.yaml", more);
    let told = check(&folder, &[]);
    assert_eq!(told.code, Some(1));
    assert!(
        told.stderr.contains("2 removed, 2 dangers,"),
        "{}",
        told.stderr
    );
    let ignore = |patterns: &[&str]| {
        let arguments: Vec<_> = patterns.iter().flat_map(|one| ["--ignore", one]).collect();
        check(&folder, &arguments).code
    };
    assert_eq!(ignore(&["Kustomization/*/new-*"]), Some(0));
    assert_eq!(
        ignore(&["Kustomization/flux-system/new-one", "*/*/new-two@us"]),
        Some(0)
    );
    assert_eq!(ignore(&["Kustomization/*/new-*@eu"]), Some(1));
    let refused = check(&folder, &["--ignore", "new-one"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused
            .stderr
            .contains("--ignore: `new-one` is no KIND/NAMESPACE/NAME"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_pattern_hides_no_change_of_what_is_rendered() {
    let folder = adopted();
    let path = folder.path().join("old/clusters/eu/a.yaml");
    let text = fs::read_to_string(&path).expect("a file of the test");
    fs::write(&path, text.replace("path: ./web", "path: ./other")).expect("a file of the test");
    let told = check(&folder, &["--ignore", "*/*/*"]);
    assert_eq!(told.code, Some(1));
    assert!(
        told.stdout
            .contains("changed: Kustomization flux-system/web on eu"),
        "{}",
        told.stdout
    );
}

#[test]
fn what_is_left_alone_in_one_cluster_hides_no_removal_from_another() {
    let of = |name: &str| source(name) + &kustomization(name, "");
    let odd = source("web") + &kustomization("web", ", dependsOn: [{name: x, readyExpr: 'true'}]");
    let folder = folder(&[
        ("old/clusters/a/web.yaml", &of("web")),
        ("old/clusters/a/api.yaml", &of("api")),
        ("old/clusters/b/web.yaml", &odd),
        ("old/elsewhere/far.yaml", &of("far")),
    ]);
    let run = run_in(folder.path(), &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let list = fs::read_to_string(folder.path().join("fleet/.flux-setup/left-alone"));
    let list = list.expect("it was written");
    let patterns: Vec<_> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        patterns,
        [
            "Kustomization/flux-system/web@b",
            "GitRepository/flux-system/far@-",
            "Kustomization/flux-system/far@-",
        ]
    );
    assert_eq!(check(&folder, &[]).code, Some(0));
    let moved = "names: '{object}'\noutput: '{cluster}/{environment}/{project}.yaml'\ndefaults: {ref: {branch: main}, prune: true}\nclusters: [{name: a}, {name: b}]\nprojects:\n- {name: web, repository: 'https://github.com/acme/web', objects: [{name: other, path: ./other, environments: {fleet: {cluster: b}}}]}\n";
    write(folder.path(), "fleet/flux-setup.yaml", moved);
    let told = check(&folder, &["--allow", "added"]);
    assert_eq!(told.code, Some(1), "{}", told.stdout);
    assert!(
        told.stdout
            .contains("removed: Kustomization flux-system/web on a"),
        "{}",
        told.stdout
    );
}

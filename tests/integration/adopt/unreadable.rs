//! Folders in which not every file holds manifests, or can be read.

use serde_json::Value;

use super::bad_input::{kustomization, source};
use crate::binary::{Run, run_in};
use crate::folders::{folder, write};

const TEMPLATE: &str = "{{- if .Values.on }}\nkind: ConfigMap\n{{- end }}\n";

fn fleet(more: &[(&str, &str)]) -> tempfile::TempDir {
    let web = source("web") + &kustomization("web", "");
    let folder = folder(&[("old/web.yaml", &web)]);
    for (file, text) in more {
        write(folder.path(), &format!("old/{file}"), text);
    }
    folder
}

fn init(folder: &tempfile::TempDir, more: &[&str]) -> Run {
    run_in(
        folder.path(),
        &[&["init", "fleet", "--from", "old"], more].concat(),
    )
}

fn check(folder: &tempfile::TempDir, more: &[&str]) -> Run {
    let arguments = ["render", "--config", "fleet", "--check", "--against", "old"];
    run_in(folder.path(), &[&arguments, more].concat())
}

#[test]
fn what_is_no_manifest_is_told_and_stops_nothing() {
    let folder = fleet(&[
        ("chart/templates/config.yaml", TEMPLATE),
        ("chart/values.yaml", "replicas: 3\nimage: {tag: v1}\n"),
        ("notes.yaml", "just a text\n"),
        ("list.json", "[1, 2]"),
    ]);
    write(folder.path(), "old/latin1.yaml", b"name: caf\xe9\n");
    let made = init(&folder, &[]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let others = "warning: 4 files are no Kubernetes objects: `old/chart/values.yaml`, `old/latin1.yaml`, `old/list.json` and 1 more\n";
    for says in [" --> old/chart/templates/config.yaml:1:", others] {
        assert!(made.stderr.contains(says), "{}", made.stderr);
    }
    assert!(made.stderr.ends_with("\n2 warnings\n"), "{}", made.stderr);
    assert!(made.stdout.contains("2 the same"), "{}", made.stdout);
    let checked = check(&folder, &[]);
    assert_eq!(
        (checked.code, &*checked.stdout),
        (Some(0), ""),
        "{}",
        checked.stderr
    );
    assert!(checked.stderr.contains(others), "{}", checked.stderr);
    let json = check(&folder, &["--format", "json"]);
    let answer: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!(answer["otherFiles"].as_array().map(Vec::len), Some(4));
    assert_eq!(answer["otherFiles"][0], "old/chart/values.yaml");
}

#[test]
fn a_broken_file_that_may_hold_an_object_is_a_no_until_it_is_left_out() {
    let broken = source("api").replace("spec: {", "spec: [{");
    let utf16: Vec<u8> = source("api")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let folder = fleet(&[("sub/api.yaml", &broken)]);
    write(folder.path(), "old/sub/utf16.yaml", utf16);
    let made = init(&folder, &[]);
    assert_eq!(made.code, Some(1), "{}", made.stdout);
    assert!(
        made.stderr.contains("--> old/sub/api.yaml:5:"),
        "{}",
        made.stderr
    );
    assert!(
        made.stderr.contains("`--exclude GLOB` leaves it out"),
        "{}",
        made.stderr
    );
    assert!(made.stdout.contains("2 the same"), "{}", made.stdout);
    let told = check(&folder, &[]);
    assert_eq!(told.code, Some(1));
    assert!(
        told.stderr.contains("--> old/sub/utf16.yaml:1:2"),
        "{}",
        told.stderr
    );
    let json = check(&folder, &["--format", "json"]);
    assert_eq!(json.code, Some(1));
    let answer: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!(answer["findings"].as_array().map(Vec::len), Some(2));
    let markdown = check(&folder, &["--format", "markdown"]);
    assert!(
        markdown
            .stdout
            .starts_with("### flux-setup: 2 faults in what could not be read\n"),
        "{}",
        markdown.stdout
    );
    assert!(
        markdown.stdout.contains("- `old/sub/utf16.yaml:1:2`: "),
        "{}",
        markdown.stdout
    );
    for glob in ["sub", "sub/", "./sub/*.yaml", "**/{api,utf16}.yaml"] {
        let left_out = check(&folder, &["--exclude", glob]);
        assert_eq!(left_out.code, Some(0), "{glob}: {}", left_out.stderr);
    }
    assert_eq!(check(&folder, &["--exclude", "*.yaml"]).code, Some(2));
    let plan = init(&folder, &["--exclude", "sub", "--plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    assert!(
        plan.stdout.contains(" --against old --exclude sub\n"),
        "{}",
        plan.stdout
    );
}

#[test]
fn a_file_that_is_all_that_was_asked_for_must_be_sound_and_a_pattern_must_be_one() {
    let folder = fleet(&[("broken.yaml", TEMPLATE)]);
    let run = |arguments: &[&str]| {
        run_in(
            folder.path(),
            &[&["init", "fleet", "--from"], arguments].concat(),
        )
    };
    assert_eq!(run(&["old/broken.yaml"]).code, Some(2));
    let told = |arguments: &[&str]| {
        let run = run(arguments);
        assert_eq!(run.code, Some(2));
        run.stderr
    };
    assert!(told(&["old", "--exclude", "[a"]).contains("`--exclude [a` is no pattern"));
    assert!(
        told(&["old/web.yaml", "--exclude", "a"])
            .contains("`--exclude` leaves out files of a folder, and `old/web.yaml` is none")
    );
    assert!(!folder.path().join("fleet").exists());
}

#[test]
fn markdown_says_why_nothing_could_be_compared() {
    let folder = fleet(&[]);
    assert_eq!(init(&folder, &[]).code, Some(0));
    write(folder.path(), "broken.yaml", "a: [\n");
    let arguments = [
        "render",
        "--config",
        "fleet",
        "--check",
        "--format",
        "markdown",
        "--against",
    ];
    let told = |path: &str| {
        let run = run_in(folder.path(), &[&arguments[..], &[path]].concat());
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        run.stdout
    };
    let text = told("broken.yaml");
    assert!(
        text.starts_with(
            "### flux-setup: nothing compared, 1 error\n\n**Errors (1)**\n\n- `broken.yaml:"
        ),
        "{text}"
    );
    assert!(told("missing").contains("cannot find `missing`"));
    write(
        folder.path(),
        "fleet/environments/fleet.yaml",
        "intervals: {source: never}\n",
    );
    let text = told("old");
    assert!(
        text.contains("- `fleet/environments/fleet.yaml:1:21`: "),
        "{text}"
    );
}

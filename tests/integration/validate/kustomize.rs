//! Folders with kustomize's own configuration.

use std::env;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::binary::{Run, command, ended, run_in};
use crate::folders::folder;

use super::manifests::{SOUND, SOURCE};

fn validate(folder: &TempDir) -> Run {
    run_in(folder.path(), &["validate", "--manifests", "."])
}

/// What is said, by place.
fn said(folder: &TempDir) -> Vec<String> {
    let arguments = ["validate", "--manifests", ".", "--format", "json"];
    let run = run_in(folder.path(), &arguments);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let findings = answer["findings"]
        .as_array()
        .expect("it has findings")
        .iter();
    let said = findings.map(|one| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        format!(
            "{} {}:{} {} ({})",
            text("severity"),
            text("file"),
            one["line"],
            text("message"),
            text("hint")
        )
    });
    said.collect()
}

#[test]
fn what_is_listed_and_not_there_and_what_is_there_and_not_listed_is_told() {
    let folder = folder(&[
        (
            "apps/kustomization.yaml",
            "resources:\n- wbe.yaml\n- ../none\n- old\n- source.yaml\n- ./source.yaml\n- https://example.com/x.yaml\nresource: []\n",
        ),
        ("apps/web.yaml", SOUND),
        ("apps/source.yaml", SOURCE),
        ("apps/values.yaml", "replicas: 2\n"),
        ("apps/old/notes.txt", ""),
        (
            "elsewhere/other.yaml",
            &SOUND.replace("name: web, n", "name: api, n"),
        ),
    ]);
    insta::assert_snapshot!(said(&folder).join("\n"), @"
    error apps/kustomization.yaml:2 `wbe.yaml` is not there (did you mean `web.yaml`?)
    error apps/kustomization.yaml:3 `../none` is not there (add the file, or take the line away)
    error apps/kustomization.yaml:4 `old` has no `kustomization.yaml` (write one there, or list its files one by one)
    error apps/kustomization.yaml:6 `./source.yaml` is listed twice (take one of them away: kustomize refuses both)
    warning apps/kustomization.yaml:7 `https://example.com/x.yaml` lies elsewhere, and is not checked (`--build` fetches it and judges what kustomize makes of it)
    error apps/kustomization.yaml:8 kustomize knows no field `resource` (did you mean `resources`?)
    warning apps/values.yaml:1 1 file is no Kubernetes object: `apps/values.yaml` (`--exclude GLOB` leaves them out)
    warning apps/web.yaml:1 no kustomization lists it, and so Flux passes over it (list it in `apps/kustomization.yaml`, or keep it out of the folder)
    ");
}

#[test]
fn parts_are_judged_nowhere_and_an_overlay_is_named() {
    let folder = folder(&[
        (
            "base/kustomization.yaml",
            "resources: [web.yaml, source.yaml]\nconfigMapGenerator: [{name: v, files: [values.yaml]}]\n",
        ),
        ("base/web.yaml", SOUND),
        ("base/source.yaml", SOURCE),
        ("base/values.yaml", "replicas: 2\n"),
        (
            "eu/kustomization.yaml",
            "resources: [../base]\nnamePrefix: eu-\npatches: [{path: patch.yaml}]\n",
        ),
        (
            "eu/patch.yaml",
            "kind: Kustomization\nmetadata: {name: web}\nspec: {interval: 0s}\n",
        ),
    ]);
    let run = validate(&folder);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.stdout,
        "sound: 2 documents judged, 4 of kustomize itself passed over\n"
    );
    assert!(
        run.stderr.starts_with(
            "warning[flux]: what `namePrefix` and `patches` make of these files is not checked\n --> eu/kustomization.yaml:2:1\n"
        ),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("help: `--build` judges what kustomize makes of them\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_second_configuration_and_one_that_leads_out_are_told() {
    let folder = folder(&[
        ("kustomization.yaml", "resources: [source.yaml, ../../x]\n"),
        ("kustomization.yml", "resources: [source.yaml]\n"),
        ("source.yaml", SOURCE),
    ]);
    insta::assert_snapshot!(said(&folder).join("\n"), @"
    warning kustomization.yaml:1 `../../x` leads out of the folder, and is not looked at (judge the folder that holds both)
    error kustomization.yml:1 `kustomization.yml` is the second one of its folder (keep one of them: kustomize takes neither)
    ");
}

#[test]
fn a_file_that_another_object_of_flux_reads_by_its_folder_is_not_missed() {
    let folder = folder(&[
        ("kustomization.yaml", "resources: [web.yaml, source.yaml]\n"),
        ("web.yaml", &format!("{SOUND}  path: ./deploy/apps\n")),
        ("source.yaml", SOURCE),
        (
            "apps/api.yaml",
            &SOUND.replace("name: web, n", "name: api, n"),
        ),
    ]);
    assert_eq!(said(&folder), [""; 0]);
    fs::write(folder.path().join("web.yaml"), SOUND).unwrap();
    assert_eq!(
        said(&folder),
        [
            "warning apps/api.yaml:1 no kustomization lists it, and so Flux passes over it (list it in `kustomization.yaml`, or keep it out of the folder)"
        ]
    );
}

#[test]
fn an_empty_configuration_and_one_that_is_none_are_told() {
    let folder = folder(&[
        ("empty/kustomization.yaml", "# later\n"),
        ("empty/web.yaml", SOUND),
        ("kinds/kustomization.yaml", "kind: Kustomization\n"),
        ("lists/kustomization.yaml", "resources: [../empty]\n"),
        ("nothing/kustomization.yaml", "resources: []\n"),
        ("source/Kustomization", SOURCE),
    ]);
    let says = "is empty, which kustomize refuses (list what it takes in under `resources`, or remove it: Flux then takes every manifest of the folder)";
    assert_eq!(
        said(&folder),
        [
            format!("error empty/kustomization.yaml:1 `kustomization.yaml` {says}"),
            "warning empty/web.yaml:1 no kustomization lists it, and so Flux passes over it (list it in `empty/kustomization.yaml`, or keep it out of the folder)".to_owned(),
            format!("error kinds/kustomization.yaml:1 `kustomization.yaml` {says}"),
            "error source/Kustomization:1 kustomize reads a file of this name as its own configuration, and this is none (give the file another name, and list it there)".to_owned(),
        ]
    );
}

#[test]
#[cfg(unix)]
fn what_lies_on_other_machines_is_named_as_unchecked() {
    let remote = "https://github.com/acme/base//deploy?ref=v1";
    let lists = format!("resources:\n- {remote}\n- source.yaml\n");
    let folder = folder(&[("kustomization.yaml", &lists), ("source.yaml", SOURCE)]);
    let says = format!(
        "warning kustomization.yaml:2 `{remote}` lies elsewhere, and is not checked (`--build` fetches it and judges what kustomize makes of it)"
    );
    assert_eq!(said(&folder), [&*says]);
    // and no baseline knows what is in it
    let known = ["--baseline", "known.json", "--write-baseline"];
    let arguments = [&["validate", "--manifests", "."][..], &known].concat();
    let run = run_in(folder.path(), &arguments);
    assert!(run.stderr.contains("lies elsewhere"), "{}", run.stderr);
    assert!(run.stdout.contains("0 findings written"), "{}", run.stdout);
    // built it is judged, and nothing more is said
    fs::remove_file(folder.path().join("known.json")).unwrap();
    let programs = folder.path().join("programs");
    kustomize(
        &programs,
        &format!("printf '%s---\\n%s' '{SOUND}' '{SOURCE}'"),
    );
    let run = build(&folder, &programs);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{}", run.stdout);
    assert!(
        run.stdout.ends_with(", 1 overlay built\n"),
        "{}",
        run.stdout
    );
}

/// Puts a program there that takes kustomize's place.
#[cfg(unix)]
fn kustomize(programs: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;

    let kustomize = programs.join("kustomize");
    fs::create_dir(programs).expect("it can be made");
    fs::write(&kustomize, format!("#!/bin/sh\n{script}\n")).expect("it can be written");
    fs::set_permissions(&kustomize, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

const OVERLAY: [(&str, &str); 4] = [
    (
        "base/kustomization.yaml",
        "resources: [web.yaml, source.yaml]\n",
    ),
    ("base/web.yaml", SOUND),
    ("base/source.yaml", SOURCE),
    (
        "eu/kustomization.yaml",
        "resources: [../base]\npatches:\n- target: {kind: Kustomization}\n  patch: |\n    - op: replace\n      path: /spec/interval\n      value: 0s\n",
    ),
];

/// The program with nothing but `programs` on its PATH.
pub(super) fn build(folder: &TempDir, programs: &Path) -> Run {
    let mut program = command(&["validate", "--manifests", ".", "--build"]);
    program.env("PATH", programs).current_dir(folder.path());
    ended(&program.output().expect("the program was built"))
}

#[test]
fn without_kustomize_there_is_no_build() {
    let folder = folder(&OVERLAY);
    let run = build(&folder, &folder.path().join("none"));
    assert_eq!(run.code, Some(2));
    assert_eq!(
        run.stderr,
        "error: `--build` needs `kustomize` or `kubectl` on the PATH, and there is neither\n"
    );
}

#[test]
#[cfg(unix)]
fn what_builds_is_told_of_no_repository_of_a_hook() {
    let folder = folder(&OVERLAY);
    let programs = folder.path().join("programs");
    let script = format!(
        "[ -z \"$GIT_DIR$GIT_INDEX_FILE\" ] || exit 1\nprintf '%s---\\n%s' '{SOUND}' '{SOURCE}'"
    );
    kustomize(&programs, &script);
    let output = command(&["validate", "--manifests", ".", "--build"])
        .env("PATH", &programs)
        .env("GIT_DIR", folder.path().join(".git"))
        .env("GIT_INDEX_FILE", folder.path().join(".git/index"))
        .current_dir(folder.path())
        .output();
    let run = ended(&output.expect("the program was built"));
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{}", run.stdout);
}

#[test]
fn one_file_is_nothing_to_build() {
    let folder = folder(&OVERLAY);
    let arguments = ["validate", "--build", "--manifests", "base/web.yaml"];
    let run = run_in(folder.path(), &arguments);
    assert_eq!(run.code, Some(2));
    assert_eq!(
        run.stderr,
        "error: `--build` builds what lies in a folder; name that as `--manifests`\n"
    );
}

#[test]
#[ignore = "needs kubectl of a Kubernetes API server"]
fn an_overlay_is_judged_as_kustomize_builds_it() {
    let programs = env::var_os("KUBEBUILDER_ASSETS")
        .expect("KUBEBUILDER_ASSETS names the folder that `tests/kubernetes/build` prints");
    let programs = Path::new(&programs);
    let folder = folder(&OVERLAY);
    let run = build(&folder, programs);
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(
        run.stderr.contains("`0s`") && run.stderr.contains(" --> eu/(kustomize build):"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .ends_with("2 documents judged, 2 of kustomize itself passed over, 1 overlay built\n"),
        "{}",
        run.stderr
    );
    let broken = "resources: [../base]\nnamePrefix: eu-\npatches: [{path: gone.yaml}]\n";
    fs::write(folder.path().join("eu/kustomization.yaml"), broken).unwrap();
    let run = build(&folder, programs);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr
            .contains("error[flux]: kustomize cannot build it: ")
            && run.stderr.contains("gone.yaml"),
        "{}",
        run.stderr
    );
}

//! What manifests of a folder refer to, and how they hang together.

use std::fs;

use tempfile::TempDir;

use crate::binary::{Run, command, ended, run_in};
use crate::folders::folder;

use super::manifests::{SOUND, SOURCE};

fn validate(folder: &TempDir, more: &[&str]) -> Run {
    run_in(
        folder.path(),
        &[&["validate", "--manifests", "."], more].concat(),
    )
}

#[test]
fn a_source_that_is_in_no_file_of_the_folder_is_a_warning_where_it_is_named() {
    let folder = folder(&[
        ("apps/web.yaml", SOUND),
        (
            "sources/web.yaml",
            &SOURCE.replace("name: web", "name: wed"),
        ),
    ]);
    let run = validate(&folder, &[]);
    assert_eq!(run.code, Some(0));
    assert!(
        run.stderr.starts_with(
            "warning[flux]: `sourceRef` refers to GitRepository `flux-system/web`, which is not there\n --> apps/web.yaml:7:42\n"
        ),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("= help: did you mean `wed`?\n"),
        "{}",
        run.stderr
    );
    // of one file nobody knows what lies beside it
    let run = run_in(folder.path(), &["validate", "--manifests", "apps/web.yaml"]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
    fs::write(folder.path().join("sources/web.yaml"), SOURCE).unwrap();
    let run = validate(&folder, &[]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
}

#[test]
fn secrets_are_missed_only_where_that_is_asked_for() {
    let secret = SOURCE.replace("  interval", "  secretRef: {name: token}\n  interval");
    let folder = folder(&[("web.yaml", &secret)]);
    assert_eq!(validate(&folder, &[]).stderr, "");
    let run = validate(&folder, &["--secrets"]);
    assert!(
        run.stderr
            .contains("`secretRef` refers to Secret `flux-system/token`, which is not there\n"),
        "{}",
        run.stderr
    );
    let generator = "secretGenerator: [{name: token, literals: [a=b]}]\nresources: [web.yaml]\n";
    fs::write(folder.path().join("kustomization.yaml"), generator).unwrap();
    assert_eq!(validate(&folder, &["--secrets"]).stderr, "");
}

#[test]
fn objects_that_wait_for_each_other_are_an_error_wherever_they_are_read_from() {
    let one = format!("{SOUND}  dependsOn: [{{name: api}}]\n");
    let other = one
        .replace("metadata: {name: web", "metadata: {name: api")
        .replace("[{name: api}]", "[{name: web}]");
    let mut program = command(&["validate", "--manifests", "-"]);
    let output = program.write_stdin(format!("{one}---\n{other}")).output();
    let run = ended(&output.expect("the program was built"));
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.starts_with(
            "error[flux]: objects wait for each other in a ring: Kustomization `flux-system/web` → Kustomization `flux-system/api` → Kustomization `flux-system/web`\n"
        ),
        "{}",
        run.stderr
    );
    // in another cluster's folder they do not meet
    let folder = folder(&[
        ("eu/source.yaml", SOURCE),
        ("eu/web.yaml", &one),
        (
            "eu/api.yaml",
            &SOUND.replace("metadata: {name: web", "metadata: {name: api"),
        ),
        ("us/source.yaml", SOURCE),
        ("us/web.yaml", SOUND),
        ("us/api.yaml", &other),
    ]);
    let run = validate(&folder, &[]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
    // and what one of them has the other has not
    fs::remove_file(folder.path().join("us/source.yaml")).unwrap();
    let run = validate(&folder, &[]);
    let says = "help: the one in `eu/source.yaml` is for another cluster\n";
    assert_eq!(run.stderr.matches(says).count(), 2, "{}", run.stderr);
}

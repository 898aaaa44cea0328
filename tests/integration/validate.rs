//! `validate`: every fault of a fleet, or of plain manifests, in one run.

mod applied;
mod baseline;
mod folders;
mod formats;
mod kustomize;
mod manifests;
mod online;
mod other_files;
mod relations;
mod together;
pub(crate) mod versions;

use std::fs;

use crate::binary::{repository, run_in};

#[test]
fn both_fleets_of_the_repository_are_sound() {
    let run = run_in(repository(), &["validate"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        run.stdout,
        "sound: 26 projects, 3 environments, 156 documents\n"
    );
    let run = run_in(
        repository(),
        &["validate", "--config", "tests/fleets/everything"],
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.stdout,
        "sound: 8 projects, 4 environments, 102 documents\n"
    );
}

#[test]
fn for_machines_there_is_a_list_of_findings_also_when_it_is_empty() {
    let run = run_in(repository(), &["validate", "--format", "json"]);
    assert_eq!(run.stdout, "{\n  \"findings\": []\n}\n");
}

#[test]
fn a_fault_is_shown_with_its_place_and_how_to_mend_it_and_without_credentials() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"]);
    let file = folder.path().join("flux-setup.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let url = "repository: https://github.com/example/web";
    fs::write(
        &file,
        text.replace(url, "repositry: https://bob:hunter2@github.com/a/b"),
    )
    .unwrap();
    let run = run_in(folder.path(), &["validate"]);
    assert_eq!(run.code, Some(2));
    let excerpt = "\
error: unknown key `repositry`
  --> flux-setup.yaml:29:5
   |
29 |     repositry: https://***********@github.com/a/b
   |     ^^^^^^^^^
   |
   = help: did you mean `repository`?
";
    assert!(run.stderr.contains(excerpt), "{}", run.stderr);
    assert!(run.stderr.ends_with("errors\n"), "{}", run.stderr);
    let run = run_in(folder.path(), &["validate", "--format", "json"]);
    assert!(!run.stdout.contains("hunter2"));
}

#[test]
fn a_folder_without_a_configuration_is_told_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &["validate"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("error: `flux-setup.yaml` is missing\n"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("help: `flux-setup init` writes one to start from")
    );
    let run = run_in(folder.path(), &["validate", "--config", "nowhere"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("cannot open the configuration folder"),
        "{}",
        run.stderr
    );
}

#[test]
fn prices_that_are_none_are_said_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"]);
    let file = folder.path().join("flux-setup.yaml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("\nbudget:"), "{text}");
    let costs = "budget: {costs: {nonsense: {core: 1}, pollSsh: {gitt: 1}}}\n";
    fs::write(&file, text + costs).unwrap();
    for command in ["validate", "render", "budget"] {
        let run = run_in(folder.path(), &[command]);
        assert_eq!(run.code, Some(2), "{command}");
        for says in [
            "error: unknown operation `nonsense`\n",
            "error: unknown resource `gitt`\n",
        ] {
            assert!(run.stderr.contains(says), "{command}: {}", run.stderr);
        }
        assert_eq!(run.stdout, "", "{command}");
    }
}

//! `validate`: every fault of a fleet, or of plain manifests, in one run.

use std::fs;

use crate::binary::{command, ended, repository, run_in};

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
  --> flux-setup.yaml:26:5
   |
26 |     repositry: https://***********@github.com/a/b
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

const SOUND: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: flux-system}
spec:
  interval: 5m
  prune: true
  sourceRef: {kind: GitRepository, name: web}
";

/// What is said of these manifests on stdin.
fn judged(manifests: &str) -> (Option<i32>, String) {
    let mut program = command(&["validate", "--manifests", "-"]);
    let output = program
        .write_stdin(manifests)
        .output()
        .expect("the program was built");
    let run = ended(&output);
    (run.code, run.stdout + &run.stderr)
}

#[test]
fn plain_manifests_need_no_configuration() {
    assert_eq!(judged(SOUND), (Some(0), "sound: 1 document\n".to_owned()));
    let (code, said) = judged(&SOUND.replace("prune: true", "prun: true"));
    assert_eq!(code, Some(2));
    assert!(
        said.contains("error[api]: unknown field `prun`\n --> -:6:3\n"),
        "{said}"
    );
    assert!(said.contains("error[api]: `prune` is required\n"), "{said}");
}

#[test]
fn what_only_flux_chokes_on_is_an_error_of_its_own_class() {
    let (code, said) = judged(&SOUND.replace("interval: 5m", "interval: 0s"));
    assert_eq!(code, Some(2));
    assert!(said.starts_with("error[flux]: "), "{said}");
}

#[test]
fn what_has_no_schema_is_told_apart_from_what_is_sound() {
    let other = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n";
    let (code, said) = judged(&format!("{SOUND}---\n{other}---\n{other}"));
    assert_eq!(code, Some(0));
    assert!(
        said.contains("warning[api]: 2 documents not checked: no CRD for Thing example.com/v1\n"),
        "{said}"
    );
}

#[test]
fn a_crd_among_the_manifests_counts() {
    let crds = repository().join("tests/fleets/everything/crds/backups.yaml");
    let crd = fs::read_to_string(crds).unwrap();
    let backup =
        "apiVersion: data.acme.example/v1\nkind: Backup\nmetadata: {name: a}\nspec: {keep: 0}\n";
    let (code, said) = judged(&format!("{backup}---\n{crd}"));
    assert_eq!(code, Some(2));
    assert!(said.contains("`databases` is required"), "{said}");
}

#[test]
fn folders_are_read_whole_and_kustomizes_own_files_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("clusters/eu");
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join("web.yaml"), SOUND).unwrap();
    fs::write(below.join("notes.txt"), "nothing").unwrap();
    fs::write(below.join(".hidden.yaml"), "nothing").unwrap();
    let own =
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [web.yaml]\n";
    fs::write(folder.path().join("kustomization.yaml"), own).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "sound: 1 document\n"),
        "{}",
        run.stderr
    );
    fs::write(below.join("api.yml"), SOUND.replace("5m", "5x")).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "clusters"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains(" --> clusters/eu/api.yml:5:13\n"),
        "{}",
        run.stderr
    );
    let run = run_in(
        folder.path(),
        &["validate", "--manifests", "clusters/eu/web.yaml"],
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_folder_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.yaml");
    fs::write(&secret, "password: hunter2\n").unwrap();
    std::os::unix::fs::symlink(&secret, folder.path().join("web.yaml")).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("leads out of the"), "{}", run.stderr);
    assert!(!run.stderr.contains("hunter2"));
}

#[test]
fn a_path_that_is_not_there_and_a_folder_without_manifests_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "nowhere"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.starts_with("error: cannot find `nowhere`\n"),
        "{}",
        run.stderr
    );
    let run = run_in(folder.path(), &["validate", "--manifests", "."]);
    assert_eq!(run.code, Some(2));
    assert_eq!(
        run.stderr,
        "error: `.` holds no .yaml, .yml or .json file\n"
    );
}

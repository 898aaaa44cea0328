//! `init`: a folder to start from, and nothing of anybody's is lost.

use std::fs;
use std::path::Path;

use crate::binary::run_in;

const FILES: [&str; 4] = [
    "flux-setup.yaml",
    "environments/development.yaml",
    "environments/staging.yaml",
    "environments/production.yaml",
];

/// Beside them, by kind of file.
const SCHEMAS: [&str; 2] = [
    ".flux-setup/config.schema.json",
    ".flux-setup/environment.schema.json",
];

#[test]
fn each_file_names_its_schema_for_editors_and_holds_by_it() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"]);
    for file in FILES {
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().next().unwrap();
        let schema = line
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap();
        let is_environment = file.starts_with("environments/");
        // a path from the file, as the YAML language server reads it
        let schema = path.parent().unwrap().join(schema).canonicalize().unwrap();
        let expected = folder.path().join(SCHEMAS[usize::from(is_environment)]);
        assert_eq!(schema, expected.canonicalize().unwrap(), "{file}");
        let of = if is_environment {
            "environment"
        } else {
            "config"
        };
        let printed = run_in(folder.path(), &["schema", of]).stdout;
        assert_eq!(fs::read_to_string(&schema).unwrap(), printed);
    }
}

#[test]
fn it_writes_every_file_and_says_what_to_do_next() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &["init", "fleet/of/mine"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for file in FILES {
        let path = Path::new("fleet/of/mine").join(file);
        let text = fs::read_to_string(folder.path().join(&path)).unwrap();
        assert!(text.starts_with("# "), "{file} explains nothing");
        assert!(run.stdout.contains(&format!("wrote {}\n", path.display())));
    }
    assert!(run.stdout.contains(
        "\nIt renders as it is. Put your own projects into fleet/of/mine/flux-setup.yaml, then:\n  \
         flux-setup validate --config fleet/of/mine  finds what is wrong, with its place\n"
    ));
}

#[test]
fn without_a_folder_it_writes_to_the_configuration_folder() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_in(folder.path(), &["init"]).code, Some(0));
    assert!(folder.path().join("flux-setup.yaml").exists());
    assert_eq!(
        run_in(folder.path(), &["init", "--config", "other"]).code,
        Some(0)
    );
    assert!(folder.path().join("other/flux-setup.yaml").exists());
}

#[test]
fn files_of_others_are_no_hindrance_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("README.md");
    fs::write(&note, "mine").unwrap();
    fs::create_dir(folder.path().join("environments")).unwrap();
    fs::write(folder.path().join("environments/notes.txt"), "mine").unwrap();
    let run = run_in(folder.path(), &["init"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.starts_with("wrote flux-setup.yaml\n"));
    assert_eq!(fs::read_to_string(&note).unwrap(), "mine");
    assert_eq!(run_in(folder.path(), &["validate"]).code, Some(0));
}

#[test]
fn what_it_writes_is_sound_without_a_warning_and_costs_no_request() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"]);
    let run = run_in(folder.path(), &["validate"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        run.stdout,
        "sound: 2 projects, 3 environments, 12 documents\n"
    );
    let run = run_in(folder.path(), &["budget"]);
    assert!(
        run.stdout.contains("\nREST requests  0 an hour"),
        "{}",
        run.stdout
    );
}

#[test]
fn for_machines_it_lists_what_it_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &["init", "--format", "json"]);
    let written: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let all = [&FILES[..], &SCHEMAS].concat();
    assert_eq!(written, serde_json::json!({ "written": all }));
}

#[test]
fn it_overwrites_nothing_and_names_what_is_in_the_way() {
    for file in FILES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        let run = run_in(folder.path(), &["init"]);
        assert_eq!(run.code, Some(2));
        assert_eq!(
            run.stderr,
            format!(
                "error: `{file}` exists already, so nothing was written; \
                 choose another folder: `flux-setup init DIR`\n"
            )
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        let others = FILES.iter().filter(|other| **other != file);
        assert!(
            others
                .into_iter()
                .all(|other| !folder.path().join(other).exists())
        );
    }
}

#[cfg(unix)]
#[test]
fn it_writes_through_no_link_that_leads_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), folder.path().join("environments")).unwrap();
    let run = run_in(folder.path(), &["init"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr
            .starts_with("error: cannot write `environments/development.yaml`\n")
    );
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(
        !folder.path().join("flux-setup.yaml").exists(),
        "half a configuration stayed"
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_in_the_way_too() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("flux-setup.yaml");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let run = run_in(folder.path(), &["init"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("`flux-setup.yaml` exists already"),
        "{}",
        run.stderr
    );
}

#[test]
fn its_next_steps_can_be_pasted_whatever_the_folder_is_called() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["my fleet", "it's", "$HOME", "größe"] {
        let run = run_in(folder.path(), &["init", name]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let step = run.stdout.lines().find(|line| line.contains(" validate "));
        let (step, _) = step.unwrap().trim().rsplit_once("  ").unwrap();
        let mut shell = std::process::Command::new("sh");
        let program = env!("CARGO_BIN_EXE_flux-setup");
        let script = step.replacen("flux-setup", "\"$0\"", 1);
        shell
            .args(["-c", &script, program])
            .current_dir(folder.path());
        let output = shell.output().expect("there is a shell");
        assert!(output.status.success(), "{step}: {output:?}");
    }
}

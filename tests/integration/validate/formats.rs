//! The answers of `validate` for other programs: workflow commands, SARIF and Markdown.

use std::env;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Run, command, ended, run_in};

use super::manifests::{SOUND, SOURCE};

/// A folder with an error and a warning, and names that are hard to write.
fn faulty() -> TempDir {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let below = folder.path().join("clusters/a, b: 100%");
    fs::create_dir_all(&below).expect("it can be made");
    let prun = SOUND.replace("prune: true", "prun: true");
    let source = folder.path().join("clusters/source.yaml");
    fs::write(source, SOURCE).expect("it can be written");
    fs::write(below.join("web.yaml"), prun).expect("it can be written");
    let other = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n";
    fs::write(folder.path().join("clusters/thing.yaml"), other).expect("it can be written");
    folder
}

fn validate(folder: &Path, format: &str) -> Run {
    let arguments = ["validate", "--manifests", "clusters", "--format", format];
    run_in(folder, &arguments)
}

#[test]
fn workflow_commands_name_the_place_and_escape_what_would_end_them() {
    let folder = faulty();
    let run = validate(folder.path(), "github");
    assert_eq!(run.code, Some(2));
    insta::assert_snapshot!(run.stdout, @"
    ::error file=clusters/a%2C b%3A 100%25/web.yaml,line=5,endLine=7,col=3,title=flux-setup (api)::`prune` is required%0Ahelp: add `prune:` with a boolean
    ::error file=clusters/a%2C b%3A 100%25/web.yaml,line=6,endLine=6,col=3,endColumn=6,title=flux-setup (api)::unknown field `prun`%0Ahelp: did you mean `prune`?
    ::warning file=clusters/thing.yaml,line=1,title=flux-setup (api)::1 document not checked: no CRD for Thing example.com/v1%0Ahelp: name its CustomResourceDefinition: `--crds FILE`
    ");
    assert_eq!(
        run.stderr,
        "2 errors, 1 warning; 2 documents judged, 1 not checked\n"
    );
}

#[test]
fn a_text_of_several_lines_stays_one_command() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = SOUND.replace("prune:", "\"pru\\n::error::x\\r%\":");
    fs::create_dir(folder.path().join("clusters")).unwrap();
    fs::write(folder.path().join("clusters/web.yaml"), hostile).unwrap();
    let run = validate(folder.path(), "github");
    for line in run.stdout.lines() {
        assert!(
            line.starts_with("::error file=clusters/web.yaml,line=")
                || line.starts_with("::warning file=clusters/web.yaml,line="),
            "{}",
            run.stdout
        );
    }
    assert!(run.stdout.contains("%0A::error::x"), "{}", run.stdout);
}

#[test]
fn a_comment_lists_errors_first_and_says_what_was_judged() {
    let folder = faulty();
    let run = validate(folder.path(), "markdown");
    assert_eq!((run.code, run.stderr.as_str()), (Some(2), ""));
    insta::assert_snapshot!(run.stdout, @"
    ### flux-setup validate: 2 errors, 1 warning

    2 documents judged, 1 not checked.

    **Errors (2)**

    - `clusters/a, b: 100%/web.yaml:5:3`: `prune` is required  
      add `prune:` with a boolean
    - `clusters/a, b: 100%/web.yaml:6:3`: unknown field `prun`  
      did you mean `prune`?

    **Warnings (1)**

    - `clusters/thing.yaml`: 1 document not checked: no CRD for Thing example.com/v1  
      name its CustomResourceDefinition: `--crds FILE`
    ");
}

#[test]
fn files_of_a_configuration_are_named_from_the_current_folder() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init", "fleet"]);
    let file = folder.path().join("fleet/flux-setup.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("repository:", "repositry:")).unwrap();
    let said = |format| {
        let run = run_in(
            folder.path(),
            &["validate", "--config", "fleet", "--format", format],
        );
        assert_eq!(run.code, Some(2));
        run.stdout
    };
    let github = said("github");
    assert!(
        github.starts_with("::error file=fleet/flux-setup.yaml,line="),
        "{github}"
    );
    let sarif = said("sarif");
    assert!(
        sarif.contains("\"uri\": \"fleet/flux-setup.yaml\""),
        "{sarif}"
    );
    let markdown = said("markdown");
    assert!(markdown.contains("- `fleet/flux-setup.yaml:"), "{markdown}");
}

#[test]
fn of_a_sound_fleet_each_format_says_so() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"]);
    let said = |format| {
        let run = run_in(folder.path(), &["validate", "--format", format]);
        assert_eq!(run.code, Some(0));
        (run.stdout, run.stderr)
    };
    let judged = "2 projects, 3 environments, 12 documents";
    let (commands, summary) = said("github");
    assert_eq!(commands, "");
    assert_eq!(summary, format!("sound: {judged}\n"));
    let (markdown, _) = said("markdown");
    assert_eq!(
        markdown,
        format!("### flux-setup validate: sound\n\n{judged}.\n")
    );
    let (sarif, _) = said("sarif");
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(sarif["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn what_could_not_be_done_is_said_in_the_format_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let said = |format| {
        let run = validate(folder.path(), format);
        assert_eq!(run.code, Some(2));
        assert!(
            run.stderr.starts_with("error: cannot find `clusters`\n"),
            "{}",
            run.stderr
        );
        run.stdout
    };
    let github = said("github");
    assert!(
        github.starts_with("::error title=flux-setup::cannot find `clusters`: "),
        "{github}"
    );
    let markdown = said("markdown");
    assert!(
        markdown.starts_with("### flux-setup: it could not be done\n\ncannot find `clusters`"),
        "{markdown}"
    );
    let sarif: Value = serde_json::from_str(&said("sarif")).unwrap();
    assert_eq!(
        sarif["runs"][0]["invocations"][0]["executionSuccessful"],
        false
    );
}

#[test]
fn other_commands_refuse_formats_that_they_do_not_write() {
    let folder = tempfile::tempdir().unwrap();
    for (format, says) in [
        ("github", "only `validate` writes workflow commands"),
        ("sarif", "only `validate` writes SARIF"),
    ] {
        let run = run_in(folder.path(), &["budget", "--format", format]);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
}

#[test]
#[ignore = "needs the JSON Schema of SARIF"]
fn what_is_written_as_sarif_is_valid() {
    let schema = env::var_os("FLUX_SETUP_SARIF_SCHEMA")
        .expect("FLUX_SETUP_SARIF_SCHEMA names the folder that `tests/sarif/schema` prints");
    let schema = Path::new(&schema).join("sarif-2.1.0.json");
    // One of its patterns is none: a bracket is closed that was never opened.
    let schema = fs::read_to_string(schema)
        .unwrap()
        .replace("{2}]?$", "{2}$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let schema = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let folder = faulty();
    let empty = tempfile::tempdir().unwrap();
    for (folder, results) in [(&folder, 3), (&empty, 0)] {
        let run = validate(folder.path(), "sarif");
        let log: Value = serde_json::from_str(&run.stdout).unwrap();
        let faults = schema.iter_errors(&log);
        let faults: Vec<_> = faults.map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new());
        let found = log["runs"][0]["results"].as_array().map(Vec::len);
        assert_eq!(found, Some(results), "{log:#}");
    }
}

#[test]
fn what_comes_by_stdin_has_no_uri() {
    let mut program = command(&["validate", "--manifests", "-", "--format", "sarif"]);
    let output = program.write_stdin("kind: [\n").output();
    let run = ended(&output.expect("the program was built"));
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    let location = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        location["artifactLocation"],
        serde_json::json!({"description": {"text": "stdin"}}),
        "{log:#}"
    );
    assert_eq!(location["region"]["startLine"], 1);
}

#[test]
fn a_fault_that_an_alias_copies_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: web, namespace: a}\nspec:\n  interval: 5m\n  prune: true\n  sourceRef: {kind: GitRepository, name: web}\n  commonMetadata: {labels: &l {a: on}, annotations: *l}\n";
    fs::write(folder.path().join("web.yaml"), text).unwrap();
    let run = run_in(folder.path(), &["validate", "--manifests", "web.yaml"]);
    let count = run
        .stderr
        .matches("must be a string, not a boolean")
        .count();
    assert_eq!(count, 1, "{}", run.stderr);
}

#[test]
fn a_result_of_sarif_has_its_place_its_rule_and_what_mends_it() {
    let folder = faulty();
    let results = || {
        let run = validate(folder.path(), "sarif");
        let mut log: Value = serde_json::from_str(&run.stdout).unwrap();
        log["runs"][0]["results"].take()
    };
    let mut before = results();
    let result = &mut before[1];
    let fingerprint = result["partialFingerprints"]["fluxSetup/v1"].take();
    insta::assert_snapshot!(result, @r#"{"ruleId":"api","ruleIndex":1,"level":"error","message":{"text":"unknown field `prun`\nhelp: did you mean `prune`?"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"clusters/a%2C%20b%3A%20100%25/web.yaml"},"region":{"startLine":6,"startColumn":3,"endLine":6,"endColumn":7}},"logicalLocations":[{"fullyQualifiedName":"spec.prun"}]}],"partialFingerprints":{"fluxSetup/v1":null}}"#);
    // Where it stands in its file makes it no other one.
    let file = folder.path().join("clusters/a, b: 100%/web.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("# a line more\n{text}")).unwrap();
    let after = &results()[1];
    assert_eq!(
        after["locations"][0]["physicalLocation"]["region"]["startLine"],
        7
    );
    assert_eq!(after["partialFingerprints"]["fluxSetup/v1"], fingerprint);
}

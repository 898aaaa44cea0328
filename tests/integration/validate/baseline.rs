//! `--baseline`: what is known to be wrong is not told again.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Run, run_in};

use super::manifests::{SOUND, SOURCE};

/// A folder `apps` with three errors and a baseline that knows them.
fn adopted() -> TempDir {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let apps = folder.path().join("apps");
    fs::create_dir(&apps).expect("it can be made");
    let write = |file: &str, text: String| {
        fs::write(apps.join(file), text).expect("it can be written");
    };
    write(
        "source.yaml",
        format!("{SOURCE}---\n{}", SOURCE.replace("name: web", "name: api")),
    );
    write("web.yaml", SOUND.replace("prune: true", "prun: true"));
    write(
        "api.yaml",
        SOUND.replace("name: web", "name: api").replace("5m", "5x"),
    );
    let run = validate(folder.path(), "apps", &["--write-baseline"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        (
            "sound: 4 documents judged, 3 findings written to `apps/known.json`\n",
            ""
        )
    );
    folder
}

fn validate(folder: &Path, what: &str, more: &[&str]) -> Run {
    let arguments = [
        "validate",
        "--manifests",
        what,
        "--baseline",
        "apps/known.json",
    ];
    run_in(folder, &[&arguments, more].concat())
}

fn edit(folder: &TempDir, file: &str, change: impl Fn(&str) -> String) {
    let file = folder.path().join(file);
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, change(&text)).expect("it can be written");
}

#[test]
fn what_is_known_is_counted_and_not_told_again_also_where_it_moved() {
    let folder = adopted();
    let said = "sound: 4 documents judged, 3 findings known before\n";
    let run = validate(folder.path(), "apps", &[]);
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (Some(0), said, ""));
    edit(&folder, "apps/web.yaml", |text| format!("# why\n\n{text}"));
    // and whatever the folder is called from
    let run = validate(folder.path(), "./apps/", &[]);
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (Some(0), said, ""));
}

#[test]
fn what_is_new_is_told_and_nothing_else() {
    let folder = adopted();
    edit(&folder, "apps/web.yaml", |text| text.replace("5m", "5s"));
    let run = validate(folder.path(), "apps", &[]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.starts_with("error[flux]: `5s` is under"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .ends_with("1 error\n4 documents judged, 3 findings known before\n"),
        "{}",
        run.stderr
    );
    // the same fault of another object is another one
    let other = SOUND
        .replace("prune: true", "prun: true")
        .replace("metadata: {name: web", "metadata: {name: shop");
    edit(&folder, "apps/web.yaml", |text| {
        format!("{text}---\n{other}")
    });
    let run = validate(folder.path(), "apps", &["--format", "json"]);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    let lines = answer["findings"].as_array().unwrap().iter();
    let lines: Vec<_> = lines.map(|finding| finding["line"].clone()).collect();
    assert_eq!(lines, [5, 13, 14], "{answer:#}");
    assert_eq!(answer["baseline"], json!({"known": 3, "stale": []}));
}

#[test]
fn what_is_mended_is_told_to_be_taken_out() {
    let folder = adopted();
    edit(&folder, "apps/web.yaml", |text| {
        text.replace("prun:", "prune:")
    });
    let run = validate(folder.path(), "apps", &[]);
    assert_eq!(run.code, Some(0));
    assert_eq!(
        run.stderr,
        "2 findings that `apps/known.json` knows are no more; `--write-baseline` takes them out\n  \
         - web.yaml: Kustomization flux-system/web: unknown field `prun`\n  \
         - web.yaml: Kustomization flux-system/web: `prune` is required\n"
    );
    let run = validate(folder.path(), "apps", &["--format", "json"]);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        answer["baseline"]["stale"][0],
        json!({
            "file": "web.yaml", "object": "Kustomization flux-system/web", "path": "spec.prun",
            "class": "api", "message": "unknown field `prun`", "count": 1,
        }),
        "{answer:#}"
    );
    validate(folder.path(), "apps", &["--write-baseline"]);
    let run = validate(folder.path(), "apps", &[]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
    let text = fs::read_to_string(folder.path().join("apps/known.json")).unwrap();
    insta::assert_snapshot!(text, @r#"
    {
      "version": 1,
      "findings": [
        {"file":"api.yaml","object":"Kustomization flux-system/api","path":"spec.interval","class":"api","message":"`5x` does not match the pattern `^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$`"}
      ]
    }
    "#);
}

#[test]
fn one_file_is_compared_with_what_is_known_of_it_and_changes_nothing_else() {
    let folder = adopted();
    let run = validate(folder.path(), "apps/web.yaml", &[]);
    let said = "sound: 1 document judged, 2 findings known before\n";
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (Some(0), said, ""));
    edit(&folder, "apps/web.yaml", |text| {
        text.replace("prun:", "prune:")
    });
    let run = validate(folder.path(), "apps/web.yaml", &["--write-baseline"]);
    assert!(run.stdout.contains("1 finding written"), "{}", run.stdout);
    let run = validate(folder.path(), "apps", &[]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
}

#[test]
fn a_file_has_one_name_whatever_folder_is_judged() {
    let folder = adopted();
    let root = folder.path();
    fs::remove_file(root.join("apps/known.json")).unwrap();
    fs::create_dir(root.join("more")).unwrap();
    fs::write(root.join("more/bad.yaml"), SOUND.replace("5m", "5s")).unwrap();
    let judge = |what: &str, more: &[&str]| {
        let arguments = ["validate", "--manifests", what, "--baseline", "known.json"];
        run_in(root, &[&arguments, more].concat())
    };
    assert_eq!(judge(".", &["--write-baseline"]).code, Some(0));
    let text = fs::read_to_string(root.join("known.json")).unwrap();
    assert!(text.contains(r#"{"file":"apps/web.yaml","#), "{text}");
    let absolute = root.join("more");
    for what in ["apps", "apps/web.yaml", "more", absolute.to_str().unwrap()] {
        let run = judge(what, &[]);
        assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{what}");
    }
    // of one folder the rest stays known
    edit(&folder, "more/bad.yaml", |text| text.replace("5s", "5m"));
    assert_eq!(judge("more", &["--write-baseline"]).code, Some(0));
    let run = judge("apps", &[]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
    // what is wrong in a file that goes is no more
    fs::remove_file(root.join("apps/web.yaml")).unwrap();
    assert!(
        judge("apps", &[])
            .stderr
            .contains("2 findings that `known.json` knows are no more")
    );
}

#[test]
fn what_could_not_be_judged_is_never_known() {
    let folder = adopted();
    let root = folder.path();
    fs::write(root.join("apps/broken.yaml"), "kind: [\n").unwrap();
    let thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n";
    fs::write(root.join("apps/thing.yaml"), thing).unwrap();
    fs::write(root.join("apps/latin.yaml"), b"kind: \xe9\n").unwrap();
    for more in [&["--write-baseline"][..], &[]] {
        let run = validate(root, "apps", more);
        assert_eq!(run.code, Some(2));
        for says in [
            "`[` is opened here and never closed",
            "1 document not checked: no CRD for Thing",
            "`apps/latin.yaml` is not UTF-8 text",
            "\n2 errors, 1 warning\n",
        ] {
            assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
        }
    }
    let text = fs::read_to_string(root.join("apps/known.json")).unwrap();
    assert_eq!(text.matches("\"file\"").count(), 3, "{text}");
}

#[cfg(unix)]
#[test]
fn a_baseline_is_replaced_whole() {
    let folder = adopted();
    let known = folder.path().join("apps/known.json");
    let other = folder.path().join("same.json");
    fs::hard_link(&known, &other).unwrap();
    let before = fs::read_to_string(&known).unwrap();
    edit(&folder, "apps/web.yaml", |text| {
        text.replace("prun:", "prune:")
    });
    validate(folder.path(), "apps", &["--write-baseline"]);
    assert_ne!(fs::read_to_string(&known).unwrap(), before);
    assert_eq!(fs::read_to_string(&other).unwrap(), before);
    // a link stays one
    fs::remove_file(&known).unwrap();
    std::os::unix::fs::symlink("../same.json", &known).unwrap();
    validate(folder.path(), "apps", &["--write-baseline"]);
    assert!(fs::symlink_metadata(&known).unwrap().is_symlink());
    assert_ne!(fs::read_to_string(&other).unwrap(), before);
}

#[test]
fn a_configuration_is_adopted_in_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init", "fleet"]);
    let file = folder.path().join("fleet/flux-setup.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("repository:", "repositry:", 1)).unwrap();
    let judge = |more: &[&str]| {
        let arguments = ["validate", "--config", "fleet", "--baseline", "known.json"];
        run_in(folder.path(), &[&arguments, more].concat())
    };
    assert_eq!(judge(&["--write-baseline"]).code, Some(0));
    let run = judge(&[]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
    assert!(
        run.stdout.ends_with(" findings known before\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_baseline_that_is_missing_or_none_is_named() {
    let folder = adopted();
    let baseline = folder.path().join("apps/known.json");
    fs::write(&baseline, "[]").unwrap();
    let run = validate(folder.path(), "apps", &[]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.starts_with(
            "error: `apps/known.json` cannot be used\n  because: is no baseline; `--write-baseline` writes one\n"
        ),
        "{}",
        run.stderr
    );
    fs::remove_file(&baseline).unwrap();
    let run = validate(folder.path(), "apps", &[]);
    assert!(
        run.stderr.starts_with(
            "error: cannot read the baseline `apps/known.json`; `--write-baseline` writes one\n"
        ),
        "{}",
        run.stderr
    );
    let run = run_in(folder.path(), &["validate", "--write-baseline"]);
    assert!(run.stderr.contains("--baseline <FILE>"), "{}", run.stderr);
}

#[test]
fn what_a_baseline_says_is_no_command_to_the_runner_of_github() {
    let folder = adopted();
    let stale = json!({
        "version": 1,
        "findings": [{
            "file": "::stop-commands::abc",
            "object": "",
            "path": "spec",
            "class": "api",
            "message": "##[group]x",
        }],
    });
    fs::write(folder.path().join("apps/known.json"), stale.to_string()).unwrap();
    let run = validate(folder.path(), ".", &["--format", "github"]);
    assert!(run.stderr.contains("stop-commands"), "{}", run.stderr);
    for line in run.stderr.lines() {
        assert!(!line.trim_start().starts_with("::"), "{line}");
        assert!(!line.contains("##["), "{line}");
    }
}

#[test]
fn a_key_that_is_there_twice_is_known_wherever_it_moves() {
    let folder = adopted();
    let file = folder.path().join("apps/web.yaml");
    fs::write(&file, format!("{SOUND}  prune: false\n")).unwrap();
    let run = validate(folder.path(), "apps", &["--write-baseline"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    fs::write(&file, format!("# more\n{SOUND}  prune: false\n")).unwrap();
    let run = validate(folder.path(), "apps", &[]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
}

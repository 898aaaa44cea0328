//! What `init --from` refuses, and that nothing is half-written then.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::binary::run_in;
use crate::folders::folder;

pub(super) fn source(name: &str) -> String {
    format!(
        "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{url: 'https://github.com/acme/{name}', interval: 1m, ref: {{branch: main}}}}\n"
    )
}

pub(super) fn kustomization(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{interval: 5m, prune: true, path: ./{name}, sourceRef: {{kind: GitRepository, name: {name}}}{more}}}\n"
    )
}

/// What is said of these files, and that nothing was written.
fn refused(files: &[(&str, &str)], from: &str) -> String {
    let folder = folder(files);
    let run = run_in(folder.path(), &["init", "fleet", "--from", from]);
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(!folder.path().join("fleet").exists());
    run.stderr
}

#[test]
fn broken_yaml_is_told_with_its_place() {
    let broken = source("web") + "a: [\n";
    let told = refused(&[("old/bad.yaml", &broken)], "old/bad.yaml");
    assert!(told.contains("--> old/bad.yaml:"), "{told}");
}

#[test]
fn an_object_that_is_there_twice_is_told_with_both_places() {
    let twice = source("web") + &kustomization("web", "") + &source("web");
    let told = refused(&[("old/web.yaml", &twice)], "old");
    assert!(
        told.contains("GitRepository `flux-system/web` is there twice"),
        "{told}"
    );
    assert!(
        told.contains("the other stands at old/web.yaml:2;"),
        "{told}"
    );
}

#[test]
fn where_nothing_can_be_adopted_the_reasons_are_told() {
    let told = refused(&[("old/web.yaml", &source("web"))], "old");
    assert!(
        told.contains("GitRepository flux-system/web: no Kustomization applies anything from it"),
        "{told}"
    );
    assert!(
        told.contains("no object of which a configuration could be made"),
        "{told}"
    );
    let told = refused(
        &[("old/a.yaml", "kind: ConfigMap\napiVersion: v1\n")],
        "old",
    );
    assert!(
        told.contains("of kinds that are not written: 1 ConfigMap"),
        "{told}"
    );
    assert!(refused(&[("old/a.yaml", "")], "old").contains("`old` holds no manifest"));
    assert!(refused(&[], "old").contains("cannot find `old`"));
}

#[test]
fn a_file_that_exists_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(
        path.join("web.yaml"),
        source("web") + &kustomization("web", ""),
    )
    .unwrap();
    fs::create_dir_all(path.join("fleet/environments")).unwrap();
    fs::write(path.join("fleet/environments/fleet.yaml"), "mine").unwrap();
    let run = run_in(path, &["init", "fleet", "--from", "web.yaml"]);
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(
        run.stderr
            .contains("`fleet/environments/fleet.yaml` exists already, so nothing was written"),
        "{}",
        run.stderr
    );
    assert!(!path.join("fleet/flux-setup.yaml").exists());
}

#[test]
fn what_would_be_read_together_with_what_was_proved_is_refused() {
    for other in [
        "environments/qa.yaml",
        "environments/qa.yml",
        "templates/kustomization.yaml.tera",
    ] {
        let folder = folder(&[
            ("web.yaml", &(source("web") + &kustomization("web", ""))),
            (&format!("fleet/{other}"), "ref: {branch: main}\n"),
            ("fleet/environments/README.md", "ours"),
        ]);
        let path = folder.path();
        let run = run_in(path, &["init", "fleet", "--from", "web.yaml"]);
        assert_eq!(run.code, Some(2), "{}", run.stdout);
        let message = format!(
            "`fleet/{other}` would be read together with what was proved without it, so nothing was written; choose another folder"
        );
        assert!(run.stderr.contains(&message), "{}", run.stderr);
        assert!(!path.join("fleet/flux-setup.yaml").exists());
        fs::remove_file(path.join("fleet").join(other)).unwrap();
        let run = run_in(path, &["init", "fleet", "--from", "web.yaml"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
}

/// The lines of what is left alone.
fn left_alone(path: &Path, from: &str) -> String {
    let run = run_in(path, &["init", "fleet", "--from", from]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lines = run.stdout.lines().filter(|line| line.starts_with("  "));
    let lines = lines.filter(|line| !line.starts_with("  flux-setup"));
    lines.map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn each_thing_that_cannot_be_said_is_named_with_place_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let text = source("web")
        + &kustomization("web", "")
        + &kustomization("up", "").replace("./up", "../up")
        + &kustomization("ready", ", dependsOn: [{name: web, readyExpr: 'true'}]")
        + &kustomization("a.b", "")
        + &kustomization("nowhere", "").replace(", namespace: flux-system", "")
        + &kustomization("old", ", validation: client")
            .replace("fluxcd.io/v1", "fluxcd.io/v1beta1")
        + &kustomization("patch", "").replace("prune: true, ", "")
        + &source("idle")
        + &source("odd").replace("https://", "https://user:hunter2@")
        + &kustomization("encrypted", "").replace("spec:", "sops: {version: 3}\nspec:");
    fs::write(path.join("all.yaml"), text).unwrap();
    let left = left_alone(path, "all.yaml");
    assert!(!left.contains("hunter2"));
    insta::assert_snapshot!(left, @"
    all.yaml:12: Kustomization flux-system/up: its path has `..`, which may leave the repository
    all.yaml:17: Kustomization flux-system/ready: `dependsOn[0].readyExpr` has no key of ours
    all.yaml:22: Kustomization flux-system/a.b: its name is none of ours: it has `.`, where only small letters, digits and `-` may stand
    all.yaml:27: Kustomization nowhere: it names no namespace; `kustomize build` may know it
    all.yaml:32: Kustomization flux-system/old: it is `v1beta1`, and as `v1` the API server refuses it: unknown field `validation`
    all.yaml:37: Kustomization flux-system/patch: the API server refuses it, or it is a patch: `prune` is required
    all.yaml:42: GitRepository flux-system/idle: no Kustomization applies anything from it; a project has at least one object
    all.yaml:47: GitRepository flux-system/odd: its URL cannot be said: the URL holds a user or password
    all.yaml:52: Kustomization flux-system/encrypted: the API server refuses it, or it is a patch: unknown field `sops`
    ");
}

#[test]
fn what_is_written_in_an_older_version_is_rendered_as_v1_and_told_so() {
    let text = source("web") + &kustomization("web", "");
    let text = text.replace("fluxcd.io/v1\n", "fluxcd.io/v1beta2\n");
    let folder = folder(&[("web.yaml", &text)]);
    let path = folder.path();
    let run = run_in(path, &["init", "fleet", "--from", "web.yaml"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let check = [
        "render",
        "--config",
        "fleet",
        "--check",
        "--against",
        "web.yaml",
    ];
    let note = "; version changed: 2 objects, as Kustomization flux-system/web from `v1beta2` to `v1`, which stay the same to Flux";
    let checked = run_in(path, &check);
    assert_eq!((checked.code, &*checked.stdout), (Some(0), ""));
    assert!(checked.stderr.contains(note), "{}", checked.stderr);
    let json = run_in(path, &[&check[..], &["--format", "json"]].concat());
    let answer: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    let changed = &answer["versionChanged"];
    assert_eq!(changed.as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&changed[0]["name"], &changed[0]["old"], &changed[0]["line"]),
        (&"web".into(), &"v1beta2".into(), &7.into())
    );
}

#[test]
fn the_items_of_a_list_and_thousands_of_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("old")).unwrap();
    for number in 0..2000 {
        let name = format!("p{number}");
        let text = source(&name) + &kustomization(&name, "");
        fs::write(path.join(format!("old/{name}.yaml")), text).unwrap();
    }
    let item = |text: String| text.replace("---\n", "").replace('\n', ", ");
    let items = [source("web"), kustomization("web", "")].map(item);
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {{{}}}\n- {{{}}}\n",
        items[0].trim_end_matches(", "),
        items[1].trim_end_matches(", ")
    );
    fs::write(path.join("old/list.yaml"), list).unwrap();
    let run = run_in(path, &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("\n4,002 objects in "), "{}", run.stdout);
    assert!(run.stdout.contains("4,002 the same"), "{}", run.stdout);
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("old")).unwrap();
    fs::write(
        path.join("old/web.yaml"),
        source("web") + &kustomization("web", ""),
    )
    .unwrap();
    fs::write(path.join("outside.yaml"), source("other")).unwrap();
    std::os::unix::fs::symlink(path.join("outside.yaml"), path.join("old/link.yaml")).unwrap();
    let run = run_in(path, &["init", "fleet", "--from", "old"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr
            .contains("`old/link.yaml` leads out of the folder"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("\n2 objects in "), "{}", run.stdout);
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let large = fs::File::create(folder.path().join("large.yaml")).unwrap();
    large
        .set_len(flux_setup::config::FILE_LIMIT_BYTES + 1)
        .unwrap();
    let run = run_in(folder.path(), &["init", "fleet", "--from", "large.yaml"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("`large.yaml` is larger than"),
        "{}",
        run.stderr
    );
    assert!(!folder.path().join("fleet").exists());
}

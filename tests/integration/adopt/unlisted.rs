//! Files beside a `kustomization.yaml` that does not list them: nothing applies them.

use serde_json::Value;
use tempfile::TempDir;

use super::bad_input::{kustomization, source};
use crate::binary::{Run, run_in};
use crate::folders::{folder, write};

/// A cluster's folder that lists `web.yaml`, and where `api.yaml` lies beside it and below.
fn fleet() -> TempDir {
    let (web, api) = (
        source("web") + &kustomization("web", ""),
        source("api") + &kustomization("api", ""),
    );
    let folder = folder(&[
        ("old/prod/kustomization.yaml", "resources: [web.yaml]\n"),
        ("old/prod/web.yaml", &web),
        ("old/prod/api.yaml", &api),
    ]);
    let deep = api.replace("name: api", "name: deep");
    write(folder.path(), "old/prod/more/deep.yaml", &deep);
    folder
}

fn init(folder: &TempDir, more: &[&str]) -> Run {
    let arguments = [&["init", "fleet", "--from", "old"][..], more].concat();
    run_in(folder.path(), &arguments)
}

fn check(folder: &TempDir, more: &[&str]) -> Run {
    let arguments = ["render", "--config", "fleet", "--check", "--against", "old"];
    run_in(folder.path(), &[&arguments, more].concat())
}

#[test]
fn what_nothing_lists_is_left_alone_with_the_reason_and_stays_where_it_is() {
    let folder = fleet();
    let plan = init(&folder, &["--plan"]);
    assert!(
        plan.stdout.contains("\n     git rm old/prod/web.yaml\n"),
        "{}",
        plan.stdout
    );
    let made = init(&folder, &[]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout.contains("\n2 objects in "), "{}", made.stdout);
    for (place, object) in [
        ("api.yaml:2", "GitRepository flux-system/api"),
        ("api.yaml:7", "Kustomization flux-system/api"),
        ("more/deep.yaml:2", "GitRepository flux-system/deep"),
    ] {
        let says = format!(
            "  old/prod/{place}: {object}: `old/prod/kustomization.yaml` does not list it, so nothing applies it\n"
        );
        assert!(made.stdout.contains(&says), "{}", made.stdout);
    }
    assert!(!folder.path().join("fleet/.flux-setup/left-alone").exists());
}

#[test]
fn what_nothing_applies_is_not_missed_and_is_told() {
    let folder = fleet();
    assert_eq!(init(&folder, &[]).code, Some(0));
    let checked = check(&folder, &[]);
    assert_eq!(
        (checked.code, &*checked.stdout),
        (Some(0), ""),
        "{}",
        checked.stderr
    );
    let says = "warning[flux]: no kustomization lists it, and so Flux passes over it\n--> old/prod/api.yaml:1:1\n";
    assert!(checked.stderr.contains(says), "{}", checked.stderr);
    // once it is listed it is applied, and missed
    let both = "resources: [web.yaml, api.yaml]\n";
    write(folder.path(), "old/prod/kustomization.yaml", both);
    let json = check(&folder, &["--format", "json"]);
    assert_eq!(json.code, Some(1));
    let answer: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    let removed = answer["differences"].as_array().map(Vec::len);
    assert_eq!(removed, Some(2), "{}", json.stdout);
}

#[test]
fn a_copy_that_nothing_lists_is_no_second_object() {
    let folder = fleet();
    let copy = source("web") + &kustomization("web", "").replace("5m", "9m");
    write(folder.path(), "old/prod/backup.yaml", copy);
    let made = init(&folder, &[]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let checked = check(&folder, &[]);
    assert_eq!((checked.code, &*checked.stdout), (Some(0), ""));
}

#[test]
fn what_a_kustomization_of_flux_applies_by_its_folder_needs_no_list() {
    let folder = fleet();
    let more = kustomization("more", "").replace("./more", "./prod/more");
    let more = more.replace(
        "kind: GitRepository, name: more",
        "kind: GitRepository, name: web",
    );
    let web = source("web") + &kustomization("web", "") + &more;
    write(folder.path(), "old/prod/web.yaml", web);
    let made = init(&folder, &[]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout.contains("\n5 objects in "), "{}", made.stdout);
    assert!(!made.stdout.contains("deep.yaml"), "{}", made.stdout);
}

#[test]
fn a_source_that_nothing_lists_is_not_there() {
    let folder = fleet();
    let applies = kustomization("web", "").replace("name: web}", "name: api}");
    write(folder.path(), "old/prod/web.yaml", applies);
    let judged = run_in(folder.path(), &["validate", "--manifests", "old"]);
    assert_eq!(judged.code, Some(0), "{}", judged.stderr);
    for says in [
        "warning[flux]: `sourceRef` refers to GitRepository `flux-system/api`, which is not there\n --> old/prod/web.yaml:5:",
        "= help: list `old/prod/api.yaml`, where it lies\n",
    ] {
        assert!(judged.stderr.contains(says), "{}", judged.stderr);
    }
    let both = "resources: [web.yaml, api.yaml]\n";
    write(folder.path(), "old/prod/kustomization.yaml", both);
    let judged = run_in(folder.path(), &["validate", "--manifests", "old"]);
    assert!(!judged.stderr.contains("sourceRef"), "{}", judged.stderr);
}

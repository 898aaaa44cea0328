//! Objects that a configuration cannot say without a fault, wherever in it that would stand.

use super::bad_input::{kustomization, source};
use crate::binary::{Run, run_in};
use crate::folders::{folder, write};

const FAULT: &str = "a configuration that says it has a fault: `/deploy` starts with `/`";

fn init(folder: &tempfile::TempDir) -> Run {
    run_in(folder.path(), &["init", "fleet", "--from", "old"])
}

/// The objects that are left alone, each with the reason.
fn left_alone(run: &Run) -> Vec<(&str, &str)> {
    let lines = run.stdout.lines();
    let lines = lines.filter_map(|line| line.strip_prefix("  old/all.yaml:"));
    let told = lines.filter_map(|line| line.split_once(": ")?.1.split_once(": "));
    told.collect()
}

fn fleet(objects: impl IntoIterator<Item = String>) -> tempfile::TempDir {
    let text: String = objects.into_iter().collect();
    folder(&[("old/all.yaml", &text)])
}

/// A source that is followed by these paths alone, and what is applied from it; `/deploy` is none.
fn followed(name: &str, paths: &str) -> String {
    let metadata = format!("{{name: {name}, namespace: flux-system");
    let annotations = format!("{metadata}, annotations: {{flux-setup.dev/watch-paths: '{paths}'}}");
    source(name).replace(&metadata, &annotations) + &kustomization(name, "")
}

#[test]
fn what_would_make_an_environment_faulty_is_left_alone_and_the_rest_is_adopted() {
    let names = ["api", "mail", "search", "shop"];
    let all = names.map(|name| followed(name, "/deploy")).into_iter();
    let folder = fleet(all.chain([followed("web", "deploy/**")]));
    let made = init(&folder);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    assert!(made.stdout.contains("2 the same"), "{}", made.stdout);
    let left = left_alone(&made);
    for name in names {
        let kustomization = format!("Kustomization flux-system/{name}");
        assert!(left.contains(&(&kustomization, FAULT)), "{}", made.stdout);
        let source = format!("GitRepository flux-system/{name}");
        assert!(left.contains(&(&source, FAULT)), "{}", made.stdout);
    }
    assert_eq!(left.len(), 8, "{}", made.stdout);
    assert_eq!(made.stderr, "");
}

#[test]
fn of_one_project_only_what_is_faulty_is_left_alone() {
    let object = |name: &str, paths: &str| {
        followed(name, paths).replace(&format!("acme/{name}'"), "acme/web'")
    };
    let folder = fleet([
        object("web-dev", "/deploy"),
        object("web-production", "deploy/**"),
        object("web-staging", "deploy/**"),
    ]);
    let made = init(&folder);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    assert_eq!(
        left_alone(&made),
        [
            ("GitRepository flux-system/web-dev", FAULT),
            ("Kustomization flux-system/web-dev", FAULT),
        ]
    );
    assert!(made.stdout.contains("4 the same"), "{}", made.stdout);
}

#[test]
fn where_nothing_is_left_the_objects_are_named_and_nothing_is_written() {
    let folder = fleet([followed("api", "/deploy"), followed("web", "/deploy")]);
    let refused = init(&folder);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    let named = format!("old/all.yaml:7: Kustomization flux-system/api: {FAULT}\n");
    for says in [&*named, "no object of which a configuration could be made"] {
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
    assert!(!folder.path().join("fleet").exists());
    write(folder.path(), "old/more.yaml", followed("shop", "deploy"));
    assert_eq!(init(&folder).code, Some(0));
}

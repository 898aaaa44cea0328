//! Files that are missing, unreadable, no sound YAML, or lie elsewhere.

use super::{environment, fleet, refuses, sound};
use crate::fleet::Fleet;

#[test]
fn texts_that_are_no_sound_yaml_are_refused_with_their_place() {
    for (name, text, line) in [
        ("wrong indentation", "ref:\n  branch: main\n path: ./x\n", 3),
        ("a tab", "ref:\n\tbranch: main\n", 2),
        ("a merge key", "a: &a {branch: main}\nref:\n  <<: *a\n", 3),
        ("two documents", "ref: {branch: main}\n---\npath: ./x\n", 3),
        ("an unknown anchor", "ref: *nowhere\n", 1),
        ("an open quote", "path: \"./x\n", 1),
    ] {
        let found = environment(text).findings();
        assert!(!found.is_empty(), "{name}");
        assert!(
            found
                .iter()
                .any(|one| one.file == "environments/staging.yaml"
                    && (one.line == line || name == "an open quote")),
            "{name}: {found:#?}"
        );
    }
}

#[test]
fn empty_files_are_refused() {
    for text in ["", "\n# only words\n", "---\n"] {
        refuses(
            &environment(text),
            "environments/staging.yaml:1:1",
            "`environments/staging.yaml` is empty",
            "",
        );
    }
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_taken() {
    let fleet = environment("\u{feff}ref: {branch: main}\r\npath: ./deploy\r\n");
    assert_eq!(fleet.findings(), []);
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_stand() {
    let fleet = sound().bytes(
        "environments/staging.yaml",
        b"ref: {branch: main}\npath: ./\xff\xfe\n",
    );
    refuses(
        &fleet,
        "environments/staging.yaml:2:9",
        "`environments/staging.yaml` is not UTF-8 text",
        "save it as UTF-8",
    );
}

#[test]
fn bombs_of_aliases_and_deep_nesting_end_with_a_finding() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = level - 1;
        let copies = vec![format!("*a{before}"); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{copies}]\n"));
    }
    let deep = format!("vars: {}{}\n", "[".repeat(5_000), "]".repeat(5_000));
    for text in [bomb, deep] {
        let found = environment(&text).findings();
        assert!(!found.is_empty());
    }
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_folder_or_turn_in_circles_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("secret.yaml");
    std::fs::write(&target, "ref: {branch: main}\n").unwrap();
    let fleet = sound();
    fleet.link("environments/production.yaml", &target);
    refuses(
        &fleet,
        "environments/production.yaml:1:1",
        "`environments/production.yaml` leads out of the folder; nothing outside it is read",
        "",
    );
    let fleet = sound();
    fleet.link("environments/production.yaml", "production.yaml".as_ref());
    refuses(
        &fleet,
        "environments/production.yaml:1:1",
        "`environments/production.yaml` is a link that leads in a circle",
        "",
    );
}

#[test]
fn missing_files_are_named() {
    refuses(
        &fleet("include: [projects/*.yaml, teams.yaml]\nprojects: []\n")
            .file("projects/a.yaml", "projects: []\n"),
        "flux-setup.yaml:1:28",
        "`teams.yaml` is missing",
        "create it",
    );
    refuses(
        &fleet("projects: []\ncrds: [nope]\n"),
        "flux-setup.yaml:2:8",
        "`nope` is missing",
        "take its name away",
    );
    refuses(
        &fleet("projects: []\nclusters: [{name: eu, crds: [eu/nope.yaml]}]\n"),
        "flux-setup.yaml:2:30",
        "`eu/nope.yaml` is missing",
        "take its name away",
    );
    refuses(
        &fleet("include: [nothing/*.yaml]\nprojects: []\n"),
        "flux-setup.yaml:1:11",
        "`nothing/*.yaml` matches no file",
        "below the configuration folder",
    );
    let empty = Fleet::new();
    let found = empty.findings();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found
            .iter()
            .any(|one| one.message == "`flux-setup.yaml` is missing"
                && one.hint.as_deref() == Some("`flux-setup init` writes one to start from")),
        "{found:#?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_makes_no_name_in_it_unknown() {
    let fleet = fleet(
        "include: [teams/*.yaml]\nprojects:\n  - name: web\n    repository: https://github.com/acme/web\n    dependsOn: [db]\n    environments: {production: false}\n    objects:\n      - {name: a, template: own}\n",
    )
    .file("teams/db.yaml", "projects: [\n")
    .file("environments/production.yaml", "ref: {\n")
    .bytes("templates/own.yaml.tera", b"\xff");
    let found = fleet.findings();
    let files: Vec<&str> = found.iter().map(|one| one.file.as_str()).collect();
    assert_eq!(
        files,
        [
            "environments/production.yaml",
            "teams/db.yaml",
            "templates/own.yaml.tera"
        ],
        "{found:#?}"
    );
}

#[test]
fn a_fleet_that_includes_itself_is_refused() {
    for name in ["flux-setup.yaml", "./flux-setup.yaml"] {
        refuses(
            &fleet(&format!("include: [{name}]\nprojects: []\n")),
            "flux-setup.yaml:1:11",
            "`flux-setup.yaml` includes itself",
            "take its name away",
        );
    }
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_end_a_search() {
    let fleet = fleet("include: [\"teams/**/*.yaml\"]\nprojects: []\n")
        .file("teams/a.yaml", "projects: []\n");
    fleet.link("teams/l1", ".".as_ref());
    fleet.link("teams/l2", ".".as_ref());
    fleet.link("teams/l3", "..".as_ref());
    assert_eq!(fleet.findings(), []);
}

#[cfg(unix)]
#[test]
fn files_whose_names_are_no_text_are_told() {
    use std::os::unix::ffi::OsStrExt;

    let fleet =
        fleet("include: [\"teams/*.yaml\"]\nprojects: []\n").file("teams/a.yaml", "projects: []\n");
    for folder in ["environments", "teams"] {
        let name = std::ffi::OsStr::from_bytes(b"b\xff.yaml");
        std::fs::write(fleet.path().join(folder).join(name), "x").unwrap();
    }
    let messages: Vec<String> = fleet
        .findings()
        .into_iter()
        .map(|one| one.message)
        .collect();
    assert_eq!(
        messages,
        [
            "the file's name `environments/b\u{fffd}.yaml` is not UTF-8 text",
            "the file's name `teams/b\u{fffd}.yaml` is not UTF-8 text",
        ]
    );
}

#[test]
fn a_folder_that_cannot_be_listed_is_one_finding() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "projects: [{name: web, repository: https://github.com/acme/web, environments: {staging: false}}]\n",
        )
        .file("environments", "no folder\n");
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].message.starts_with("`environments` "),
        "{found:#?}"
    );
}

//! Configurations with faults: each is found, where it was written, with the way to mend it.

mod dependencies;
mod files;
mod keys;
mod names;
mod secrets;
mod templates;
mod values;

use crate::fleet::{Fleet, Found};

/// A sound fleet of one project, to break one thing in.
fn sound() -> Fleet {
    Fleet::new()
        .file(
            "flux-setup.yaml",
            "projects:\n  - name: web\n    repository: https://github.com/acme/web\n",
        )
        .file(
            "environments/staging.yaml",
            "ref: {branch: main}\npath: ./deploy\nprune: true\n",
        )
}

/// The fleet's file with these lines under the project.
fn project(lines: &str) -> Fleet {
    sound().file(
        "flux-setup.yaml",
        &format!("projects:\n  - name: web\n    repository: https://github.com/acme/web\n{lines}"),
    )
}

fn environment(text: &str) -> Fleet {
    sound().file("environments/staging.yaml", text)
}

fn fleet(text: &str) -> Fleet {
    sound().file("flux-setup.yaml", text)
}

/// The one finding, at `file:line:column`, with its message and a part of its hint.
#[track_caller]
fn refuses(fleet: &Fleet, place: &str, message: &str, hint: &str) {
    let found = fleet.findings();
    let errors: Vec<&Found> = found.iter().filter(|one| one.severity == "error").collect();
    let [one] = errors[..] else {
        panic!("expected one error, found {found:#?}");
    };
    assert_eq!(
        (one.place().as_str(), one.message.as_str()),
        (place, message),
        "{one:#?}"
    );
    let said = one.hint.as_deref().unwrap_or_default();
    assert!(said.contains(hint), "hint `{said}` does not say `{hint}`");
}

#[test]
fn a_sound_fleet_has_no_findings() {
    assert_eq!(sound().findings(), []);
}

#[test]
fn twelve_faults_give_twelve_findings_in_one_run() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "\
output: \"{environment}/{projekt}.yaml\"
defaults:
  timeout: 90
  secretReff: token
projects:
  - name: Web
    repository: https://github.com/acme/web
  - name: api
    repository: https://user:pass@github.com/acme/api
    dependsOn: [databse]
  - name: database
    repository: https://github.com/acme/database
    prune: yes
    path: ../up
    environments: {produktion: false}
",
        )
        .file(
            "environments/production.yaml",
            "ref: {branch: main}\ncluster: eu\nintervals: {kustomization: 10s}\n",
        )
        .file(
            "environments/staging.yaml",
            "ref: {branch: main\npath: ./x\n",
        )
        .file(
            "environments/qa.yaml",
            "kind: testing\nref: {branch: \"a..b\"}\n",
        );
    let found = fleet.findings();
    let mut places: Vec<String> = found.iter().map(Found::place).collect();
    places.dedup();
    assert_eq!(
        places,
        [
            "environments/production.yaml:2:10",
            "environments/production.yaml:3:28",
            "environments/qa.yaml:1:7",
            "environments/qa.yaml:2:15",
            "environments/staging.yaml:2:5",
            "flux-setup.yaml:1:9",
            "flux-setup.yaml:3:12",
            "flux-setup.yaml:4:3",
            "flux-setup.yaml:6:11",
            "flux-setup.yaml:9:17",
            "flux-setup.yaml:10:17",
            "flux-setup.yaml:13:12",
            "flux-setup.yaml:14:11",
            "flux-setup.yaml:15:20",
        ],
        "{found:#?}"
    );
}

//! Names that are none, that are equal, or that nothing has.

use super::{environment, fleet, project, refuses};
use crate::fleet::Fleet;

#[test]
fn names_that_are_none_are_refused() {
    for (name, reason) in [
        ("Web", "upper"),
        ("web_app", "_"),
        ("-web", "-"),
        ("web.app", "."),
    ] {
        let fleet = fleet(&format!(
            "projects:\n  - name: {name}\n    repository: https://github.com/acme/web\n"
        ));
        let found = fleet.findings();
        assert_eq!(found.len(), 1, "{name} ({reason}): {found:#?}");
        assert_eq!(found[0].place(), "flux-setup.yaml:2:11");
        assert!(
            found[0]
                .message
                .starts_with(&format!("`{name}` is no name")),
            "{found:#?}"
        );
    }
    let long = "a".repeat(56);
    let fleet = fleet(&format!(
        "projects:\n  - name: {long}\n    repository: https://github.com/acme/web\n"
    ));
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].message.starts_with(&format!(
            "`{long}-staging`, made by `names: {{object}}-{{environment}}`, is no name"
        )),
        "{found:#?}"
    );
}

#[test]
fn names_that_are_equal_after_joining_are_refused() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "projects:\n  - {name: a, repository: https://github.com/acme/a}\n  - {name: a-b, repository: https://github.com/acme/ab}\n",
        )
        .file("environments/b-c.yaml", "kind: staging\nref: {branch: main}\n")
        .file("environments/c.yaml", "kind: staging\nref: {branch: main}\n");
    let found = fleet.findings();
    assert_eq!(found.len(), 2, "source and Kustomization: {found:#?}");
    assert!(
        found.iter().any(|one| one.message
            == "GitRepository `flux-system/a-b-c` would be there twice in the one cluster that has no name: for `a` in `b-c` and for `a-b` in `c`"),
        "{found:#?}"
    );
}

#[test]
fn a_project_that_is_called_kustomization_is_refused() {
    refuses(
        &fleet("projects:\n  - name: kustomization\n    repository: https://github.com/acme/web\n"),
        "flux-setup.yaml:2:11",
        "project `kustomization` would lie in a file `kustomization.yaml`, which kustomize reads as its own configuration",
        "give it another name",
    );
}

#[test]
fn use_of_an_identity_that_nobody_has_is_refused() {
    refuses(
        &fleet(
            "projects: []\ngithub: [{host: github.com, identities: [{name: bot, token: {env: A}}]}]\nbudget: {also: [{name: ci, identity: bott, core: 1}]}\n",
        ),
        "flux-setup.yaml:3:38",
        "unknown identity `bott`",
        "did you mean `bot`?",
    );
}

#[test]
fn whatever_is_named_must_be_there() {
    refuses(
        &environment("ref: {branch: main}\ncluster: prod\n"),
        "environments/staging.yaml:2:10",
        "unknown cluster `prod`",
        "list it under `clusters`",
    );
    refuses(
        &project("    environments: {stagin: false}\n"),
        "flux-setup.yaml:4:20",
        "unknown environment `stagin`",
        "did you mean `staging`?",
    );
    refuses(
        &project("    dependsOn: [postgres]\n"),
        "flux-setup.yaml:4:17",
        "unknown project or object `postgres`",
        "{external: NAME}",
    );
    refuses(
        &project("    objects:\n      - {name: redis, template: helm-relaese}\n"),
        "flux-setup.yaml:5:33",
        "unknown template `helm-relaese`",
        "templates/helm-relaese.yaml.tera",
    );
    refuses(
        &fleet(
            "projects:\n  - {name: shop, source: {project: plattform}}\n  - {name: platform, repository: https://github.com/acme/p}\n",
        ),
        "flux-setup.yaml:2:36",
        "unknown project `plattform`",
        "did you mean `platform`?",
    );
}

#[test]
fn several_clusters_need_their_gap_in_output() {
    let fleet = fleet("projects: []\nclusters: [{name: a}, {name: b}]\n").file(
        "environments/staging.yaml",
        "name: staging\nref: {branch: main}\nclusters: [a, b]\n",
    );
    refuses(
        &fleet,
        "environments/staging.yaml:1:7",
        "environment `staging` has several clusters, which would share the files of `output: {environment}/{project}.yaml`",
        "put `{cluster}` into `output`",
    );
}

#[test]
fn an_unknown_name_that_many_wait_for_has_the_same_hint_everywhere() {
    let projects: String = (0..3000)
        .map(|number| format!("  - {{name: p{number}, repository: https://github.com/acme/p{number}, dependsOn: [databse]}}\n"))
        .collect();
    let fleet = fleet(&format!(
        "projects:\n  - {{name: database, repository: https://github.com/acme/db}}\n{projects}"
    ));
    let found = fleet.findings();
    assert_eq!(found.len(), 3000);
    assert!(
        found
            .iter()
            .all(|one| one.hint.as_deref() == Some("did you mean `database`?"))
    );
}

#[test]
fn a_faulty_entry_of_the_budget_hides_no_other_fault_beside_it() {
    let fleet = |budget: &str| {
        fleet(&format!(
            "projects: []\ngithub: [{{host: github.com, identities: [{{name: bot, token: {{env: A}}}}]}}]\nbudget: {budget}\n"
        ))
    };
    let messages = |budget: &str| -> Vec<String> {
        let found = fleet(budget).findings();
        found.into_iter().map(|one| one.message).collect()
    };
    assert_eq!(
        messages("{also: [{identity: bott, core: -5}]}"),
        [
            "`name` is missing",
            "unknown identity `bott`",
            "expected a number from 0 on, found `-5`",
        ]
    );
    assert_eq!(
        messages("{costs: {pollSsh: {cor: -5, core: much}, pollSsj: [1]}}"),
        [
            "unknown resource `cor`",
            "expected a number from 0 on, found `-5`",
            "expected a number from 0 on, found `much`",
            "unknown operation `pollSsj`",
            "expected a map, found a list",
        ]
    );
    assert_eq!(
        messages("{failAbove: 700%, reserve: [1]}"),
        [
            "expected a share from 0% to 100%, found `700%`",
            "expected a share from 0% to 100%, found a list",
        ]
    );
    // One that is faulty for another reason is there all the same.
    refuses(
        &self::fleet(
            "projects: []\ngithub: [{host: github.com, identities: [{name: bot}]}]\nbudget: {also: [{name: ci, identity: bot, core: 1}]}\n",
        ),
        "flux-setup.yaml:2:42",
        "an identity has either a `token` or an `app`",
        "write `token: {env: NAME}`",
    );
}

#[test]
fn an_environment_without_a_cluster_that_a_pattern_needs_is_told_once() {
    let projects: String = (0..3)
        .map(|number| format!("  - {{name: p{number}, repository: https://github.com/acme/p}}\n"))
        .collect();
    refuses(
        &fleet(&format!(
            "output: \"{{cluster}}/{{environment}}/{{project}}.yaml\"\nprojects:\n{projects}"
        ))
        .file(
            "environments/staging.yaml",
            "name: staging\nref: {branch: main}\n",
        ),
        "environments/staging.yaml:1:7",
        "environment `staging` names no cluster, and `output: {cluster}/{environment}/{project}.yaml` needs one",
        "name its `cluster`, or take `{cluster}` out of `output`",
    );
    refuses(
        &fleet(&format!(
            "names: \"{{object}}-{{cluster}}\"\nprojects:\n{projects}"
        )),
        "environments/staging.yaml:1:1",
        "environment `staging` names no cluster, and `names: {object}-{cluster}` needs one",
        "take `{cluster}` out of `names`",
    );
}

#[test]
fn objects_that_would_be_one_are_told_by_their_own_names() {
    refuses(
        &project("    objects: [{name: a, names: x}, {name: b, names: x}]\n"),
        "flux-setup.yaml:4:43",
        "Kustomization `flux-system/x` would be there twice in the one cluster that has no name: for `web/a` in `staging` and for `web/b` in `staging`",
        "change `names`",
    );
}

#[test]
fn a_fault_of_some_clusters_of_an_environment_names_them() {
    let fleet = |clusters: &str| {
        fleet(&format!(
            "output: \"{{cluster}}/{{environment}}/{{project}}.yaml\"\nclusters: [{{name: eu}}, {{name: us}}, {{name: ap}}]\nprojects:\n  - {{name: web, repository: https://github.com/acme/web, dependsOn: [db]}}\n  - {{name: db, repository: https://github.com/acme/db, environments: {{staging: {clusters}}}}}\n"
        ))
        .file(
            "environments/staging.yaml",
            "ref: {branch: main}\nclusters: [eu, us, ap]\n",
        )
    };
    for (clusters, concerned) in [
        ("{cluster: eu}", "`staging` (clusters `ap`, `us`)"),
        ("{clusters: [eu, us]}", "`staging` (cluster `ap`)"),
        ("false", "`staging`"),
    ] {
        refuses(
            &fleet(clusters),
            "flux-setup.yaml:4:70",
            &format!("project `db` has no Kustomization in {concerned}"),
            "leave the dependency out there",
        );
    }
}

#[test]
fn what_a_project_without_a_name_of_its_own_names_must_be_there_too() {
    for (name, fault) in [
        ("", "`name` is missing"),
        (
            "name: Web_1, ",
            "`Web_1` is no name: it has `W`, where only small letters, digits and `-` may stand",
        ),
        ("name: web, ", "project `web` is there twice"),
    ] {
        let fleet = fleet(&format!(
            "projects:
  - {{name: web, repository: https://github.com/acme/web}}
  - {{{name}source: {{project: wev}}, dependsOn: [wep], environments: {{stagin: {{dependsOn: [web/a]}}}}, objects: [{{name: b, template: kustomisation}}, {{name: b}}]}}
"
        ));
        let mut found: Vec<String> = fleet
            .findings()
            .into_iter()
            .map(|one| one.message)
            .collect();
        found.sort_unstable();
        let of = if name.contains("web") {
            "project `web`"
        } else {
            "the project"
        };
        let mut all = [
            fault,
            "project `web` has no object `a`",
            &format!("{of} has two objects `b`"),
            "unknown environment `stagin`",
            "unknown project `wev`",
            "unknown project or object `wep`",
            "unknown template `kustomisation`",
        ];
        all.sort_unstable();
        assert_eq!(found, all);
    }
}

#[test]
fn what_an_object_without_a_name_names_must_be_there_too() {
    let fleet = project(
        "    objects: [{name: a}, {name: B, template: kustomisation, dependsOn: [wep], environments: [stagin]}]\n",
    );
    let found = fleet.findings();
    let found: Vec<&str> = found.iter().map(|one| &*one.message).collect();
    assert_eq!(
        found,
        [
            "`B` is no name: it has `B`, where only small letters, digits and `-` may stand",
            "unknown template `kustomisation`",
            "unknown project or object `wep`",
            "unknown environment `stagin`",
        ]
    );
}

#[test]
fn what_a_project_that_is_in_no_environment_waits_for_must_be_there_too() {
    refuses(
        &project("    dependsOn: [wep]\n    environments: {staging: false}\n"),
        "flux-setup.yaml:4:17",
        "unknown project or object `wep`",
        "did you mean `web`?",
    );
}

#[test]
fn a_text_with_gaps_is_told_by_what_it_makes() {
    let long = "x".repeat(60);
    for (said, place, message, hint) in [
        (
            "namespace: \"Team_{project}\"",
            "flux-setup.yaml:4:16",
            "`Team_{project}` makes no name: it has `T`, where only small letters, digits and `-` may stand",
            "write it as `team-{project}`",
        ),
        (
            "path: \"./apps/{name}\"",
            "flux-setup.yaml:4:11",
            "`{name}` is nothing that a name can be made of",
            "did you mean `{project}`?",
        ),
        (
            "path: \"./apps/{project}/../../..\"",
            "flux-setup.yaml:4:11",
            "path `./apps/{project}/../../..` leaves the repository",
            "write a path below the repository's root",
        ),
        (
            "labels: {team: \"a b-{project}\"}",
            "flux-setup.yaml:4:14",
            "label value `a b-{project}`: it has a space, where only letters, digits, `-`, `_` and `.` may stand",
            "write at most 63 letters",
        ),
        (
            "labels: {team: \"{project\"}",
            "flux-setup.yaml:4:14",
            "`{project` has a brace without its partner",
            "write each gap as `{project}`",
        ),
        (
            "serviceAccountName: \"{cluster}-applier\"",
            "environments/staging.yaml:1:1",
            "environment `staging` names no cluster, and `serviceAccountName: {cluster}-applier` needs one",
            "name its `cluster`, or take `{cluster}` out of `serviceAccountName`",
        ),
        (
            &format!("namespace: \"{long}-{{project}}\""),
            "flux-setup.yaml:4:16",
            &format!(
                "`{long}-web`, made by `namespace: {long}-{{project}}`, is no name: it has 64 characters, of at most 63"
            ),
            "shorten the name, or change `namespace`",
        ),
        (
            &format!("targetNamespace: \"{long}-{{project}}\""),
            "flux-setup.yaml:4:22",
            &format!(
                "`{long}-web`, made by `targetNamespace: {long}-{{project}}`, is no name: it has 64 characters, of at most 63"
            ),
            "shorten the name, or change `targetNamespace`",
        ),
        (
            &format!("labels: {{team: \"{long}-{{project}}\"}}"),
            "flux-setup.yaml:4:20",
            &format!(
                "`{long}-web`, made by `labels.team: {long}-{{project}}`, is no value of a label: it has 64 characters, of at most 63"
            ),
            "shorten the name, or change `labels.team`",
        ),
    ] {
        refuses(&project(&format!("    {said}\n")), place, message, hint);
    }
    refuses(
        &project("    kustomization: {serviceAccountName: deployer}\n"),
        "flux-setup.yaml:4:21",
        "`serviceAccountName` has a key of its own",
        "say it as `serviceAccountName`",
    );
}

//! Keys that nobody knows, that stand twice or have a value of another type.

use super::{environment, fleet, project, refuses};

#[test]
fn keys_that_nobody_knows_are_named_with_the_nearest() {
    refuses(
        &project("    intervalls: {source: 1m}\n"),
        "flux-setup.yaml:4:5",
        "unknown key `intervalls`",
        "did you mean `intervals`?",
    );
    refuses(
        &environment("ref: {branch: main}\ncolour: red\n"),
        "environments/staging.yaml:2:1",
        "unknown key `colour`",
        "known here: name, kind",
    );
    refuses(
        &fleet("project: []\n"),
        "flux-setup.yaml:1:1",
        "unknown key `project`",
        "did you mean `projects`?",
    );
}

#[test]
fn a_repeated_key_is_refused_where_it_stands_again() {
    let fleet = environment("ref: {branch: main}\npath: ./a\npath: ./b\n");
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].place(), "environments/staging.yaml:3:1");
    assert!(found[0].message.contains("`path`"), "{found:#?}");
}

#[test]
fn a_value_of_another_type_is_refused() {
    refuses(
        &environment("ref: {branch: main}\nprune: 1\n"),
        "environments/staging.yaml:2:8",
        "expected true or false, found a number",
        "",
    );
    refuses(
        &environment("ref: {branch: main}\nprune: yes\n"),
        "environments/staging.yaml:2:8",
        "`yes` is not the same to every reader of YAML",
        "write `true`",
    );
    refuses(
        &fleet("projects: {web: {}}\n"),
        "flux-setup.yaml:1:11",
        "expected a list, found a map",
        "",
    );
    refuses(
        &project("    substitutions: {DEBUG: yes}\n"),
        "flux-setup.yaml:4:28",
        "`yes` is not text to every reader of YAML",
        "quote it: \"yes\"",
    );
    refuses(
        &project("    substitutions: {REPLICAS: 3}\n"),
        "flux-setup.yaml:4:31",
        "`3` is not text to every reader of YAML",
        "quote it",
    );
}

#[test]
fn an_unknown_key_of_a_source_is_one_finding() {
    refuses(
        &fleet(
            "projects:\n  - name: web\n    source: {url: \"https://github.com/acme/web\", reff: {branch: main}}\n",
        ),
        "flux-setup.yaml:3:50",
        "unknown key `reff`",
        "did you mean `ref`?",
    );
}

#[test]
fn a_field_of_the_crd_that_has_a_key_of_ours_is_refused() {
    refuses(
        &project("    kustomization: {interval: 5m}\n"),
        "flux-setup.yaml:4:21",
        "`interval` has a key of its own",
        "say it as `intervals.kustomization`",
    );
    refuses(
        &project("    kustomization:\n      postBuild: {substitute: {A: b}}\n"),
        "flux-setup.yaml:5:19",
        "`postBuild.substitute` has a key of its own",
        "say it as `substitutions`",
    );
}

#[test]
fn a_value_of_another_type_is_told_how_it_is_written() {
    for (lines, place, message, hint) in [
        (
            "    dependsOn: db\n",
            "flux-setup.yaml:4:16",
            "expected a list, found text",
            "write `[db]`",
        ),
        (
            "    dependsOn: {db: 1}\n",
            "flux-setup.yaml:4:16",
            "expected a list, found a map",
            "behind `- `",
        ),
        (
            "    labels: a\n",
            "flux-setup.yaml:4:13",
            "expected a map, found text",
            "write `key: value` pairs below it",
        ),
        (
            "    prune: \"true\"\n",
            "flux-setup.yaml:4:12",
            "expected true or false, found text",
            "without quotes",
        ),
        (
            "    timeout: [1m]\n",
            "flux-setup.yaml:4:14",
            "expected a duration, found a list",
            "write it as `90s`",
        ),
        (
            "    path: [a]\n",
            "flux-setup.yaml:4:11",
            "expected text, found a list",
            "write a text",
        ),
        (
            "    path: \"\"\n",
            "flux-setup.yaml:4:11",
            "expected text, found an empty string",
            "leave the key out",
        ),
        (
            "    objects: redis\n",
            "flux-setup.yaml:4:14",
            "expected a list, found text",
            "write `[redis]`",
        ),
        (
            "    environments: {staging: {clusters: eu}}\n",
            "flux-setup.yaml:4:40",
            "expected a list, found text",
            "write `[eu]`",
        ),
    ] {
        refuses(&project(lines), place, message, hint);
    }
}

#[test]
fn what_is_missing_is_told_with_its_key() {
    refuses(
        &fleet("projects:\n  - repository: https://github.com/acme/web\n"),
        "flux-setup.yaml:2:5",
        "`name` is missing",
        "add `name: …`",
    );
    refuses(
        &fleet("projects:\n  - name: web\n    source: {kind: GitRepository}\n"),
        "flux-setup.yaml:3:13",
        "`url` is missing",
        "add `url: …`",
    );
    refuses(
        &fleet("projects:\n  - name: web\n    source: {external: a}\n"),
        "flux-setup.yaml:3:13",
        "`kind` is missing",
        "add `kind: …`",
    );
}

#[test]
fn labels_annotations_and_variables_that_are_none_are_told_how_to_write_them() {
    for (lines, column, message, hint) in [
        (
            "    labels: {team: \"a b\"}\n",
            14,
            "label value `a b`: it has a space, where only letters, digits, `-`, `_` and `.` may stand",
            "use `annotations`",
        ),
        (
            "    labels: {\"a b\": c}\n",
            14,
            "label key `a b`: it has a space, where only letters, digits, `-`, `_` and `.` may stand",
            "`acme.example/team`",
        ),
        (
            "    labels: {flux-setup.dev/project: c}\n",
            14,
            "label `flux-setup.dev/project` is written by flux-setup itself",
            "leave it out",
        ),
        (
            "    annotations: {/a: c}\n",
            19,
            "annotation key `/a`: before the `/` it is empty",
            "`acme.example/team`",
        ),
        (
            "    substitutions: {a-b: c}\n",
            21,
            "`a-b` is no name of a variable: Flux takes letters, digits and `_`, and no digit first",
            "write it as `REGION`",
        ),
    ] {
        refuses(
            &project(lines),
            &format!("flux-setup.yaml:4:{column}"),
            message,
            hint,
        );
    }
}

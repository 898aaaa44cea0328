//! Configurations with faults: each is found, where it was written, with the way to mend it.

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

/// A fleet with one object by a template, which has these lines behind its metadata.
fn templated(lines: &str, vars: &str) -> Fleet {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\n";
    fleet(&format!(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {{name: a, template: one, vars: {vars}}}\n",
    ))
    .file("templates/one.yaml.tera", &format!("{head}{lines}"))
}

#[test]
fn no_text_of_a_fleet_changes_more_than_itself_whatever_a_template_does_with_it() {
    for (lines, vars) in [
        (
            "data:\n{% if vars.s | length <= 6 %}  tls{{ vars.s }}\n{% endif %}  x: z\n",
            "{s: \": true\"}",
        ),
        (
            "data:\n  k:\n    - pre{{ vars.a | truncate(length=3, end=\"\") }}\n",
            "{a: \": b\"}",
        ),
        (
            "data:\n  k: pre{{ vars.a | truncate(length=3, end=\"\") }}\n",
            "{a: 'ab\": c'}",
        ),
        ("{{ vars.a }}: {x: y}\n", "{a: binaryData}"),
    ] {
        let found = templated(lines, vars).findings();
        assert_eq!(found.len(), 1, "{lines}: {found:#?}");
        assert_eq!(found[0].file, "templates/one.yaml.tera", "{lines}");
    }
    for (lines, vars) in [
        ("data:\n  k: {{ vars.a }}\n", "{a: \"x: # y\"}"),
        (
            "data:\n{% for key, value in vars.map %}  {{ key }}: {{ value }}\n{% endfor %}",
            "{map: {a: \": b\", c: \"- d\"}}",
        ),
        (
            "data:\n{% if vars.a == \"a: b\" %}  k: {{ vars.a }}\n{% endif %}  x: z\n",
            "{a: \"a: b\"}",
        ),
    ] {
        assert_eq!(templated(lines, vars).findings(), [], "{lines}");
    }
}

#[test]
fn what_a_template_refers_to_in_another_namespace_is_refused_in_a_cluster_that_forbids_it() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "output: \"{cluster}/{environment}/{project}.yaml\"\nclusters: [{name: open}, {name: shut, crossNamespace: false}]\nprojects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {name: a, template: one}\n",
        )
        .file("environments/staging.yaml", "ref: {branch: main}\nclusters: [open, shut]\n")
        .file("templates/one.yaml.tera", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\nspec: {interval: 1m, prune: false, sourceRef: {kind: GitRepository, name: a, namespace: elsewhere}}\n");
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].class, "flux");
    assert_eq!(
        found[0].message,
        "refers to namespace `elsewhere`, and the cluster allows no reference to another namespace than its own `flux-system`"
    );
}

#[test]
fn a_kind_that_no_crd_judges_is_a_warning() {
    let fleet = fleet(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {name: a, template: one}\n      - {name: b, template: one}\n",
    )
    .file("templates/one.yaml.tera", "apiVersion: acme.io/v1\nkind: Thing\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\n");
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, "warning");
    assert_eq!(found[0].place(), "flux-setup.yaml:5:16");
    assert_eq!(
        found[0].message,
        "no CRD judges the Thing acme.io/v1 that is written here"
    );
}

#[test]
fn objects_of_templates_that_are_the_same_are_refused() {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\n";
    let fleet = fleet(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {name: a, template: one}\n      - {name: b, template: two, names: a-staging}\n      - {name: c, template: kustomization, names: a-staging}\n",
    )
    .file("templates/one.yaml.tera", template)
    .file("templates/two.yaml.tera", template);
    refuses(
        &fleet,
        "flux-setup.yaml:6:16",
        "ConfigMap flux-system/a-staging would be there twice in the one cluster that has no name: for `web` in `staging` and for `web` in `staging`",
        "another name or namespace",
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
fn durations_that_are_none_are_refused() {
    for text in [
        "90",
        "1d",
        "-5m",
        "soon",
        "\"\"",
        "1h 30",
        "99999999999999999h",
    ] {
        let fleet = project(&format!("    timeout: {text}\n"));
        let found = fleet.findings();
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert_eq!(found[0].place(), "flux-setup.yaml:4:14", "{text}");
        assert!(found[0].hint.is_some(), "{text}: {found:#?}");
    }
    refuses(
        &project("    timeout: 0s\n"),
        "flux-setup.yaml:4:14",
        "a duration of zero is of no use here",
        "",
    );
}

#[test]
fn an_interval_under_the_minimum_of_flux_is_refused_at_its_line() {
    let fleet = project("    intervals: {kustomization: 30s}\n");
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].place(), "flux-setup.yaml:4:32");
    assert_eq!(found[0].class, "flux");
}

#[test]
fn addresses_of_repositories_that_flux_cannot_use_are_refused() {
    for (url, part) in [
        ("ftp://github.com/acme/web", "ftp"),
        ("git://github.com/acme/web", "git"),
        ("https://github.com/acme/my web", "space"),
        ("https:///acme/web", "host"),
        ("oci://ghcr.io/acme/web", "oci://"),
        ("acme/web", ""),
    ] {
        let fleet = fleet(&format!(
            "projects:\n  - name: web\n    repository: {url}\n"
        ));
        let found = fleet.findings();
        assert_eq!(found.len(), 1, "{url}: {found:#?}");
        assert_eq!(found[0].place(), "flux-setup.yaml:3:17", "{url}");
        assert!(found[0].message.contains(part), "{url}: {found:#?}");
    }
}

#[test]
fn credentials_in_an_address_are_refused_and_never_shown() {
    for url in [
        "https://bot:hunter2@github.com/acme/web",
        "https://hunter2@github.com/acme/web",
        "ssh://git:hunter2@github.com/acme/web",
    ] {
        let fleet = fleet(&format!(
            "projects:\n  - name: web\n    repository: {url}\n"
        ));
        let found = fleet.findings();
        assert_eq!(found.len(), 1, "{url}: {found:#?}");
        for output in [
            fleet.run(&["validate"]),
            fleet.run(&["validate", "--format", "json"]),
        ] {
            let shown = format!("{}{}", output.stdout, output.stderr);
            assert!(!shown.contains("hunter2"), "{url}: {shown}");
            assert!(!shown.trim().is_empty());
        }
    }
}

#[test]
fn secrets_by_value_are_refused_and_never_shown() {
    let fleet = fleet(
        "projects: []\ngithub:\n  - host: github.com\n    identities:\n      - {name: bot, token: ghp_hunter2}\n",
    );
    refuses(
        &fleet,
        "flux-setup.yaml:5:28",
        "a secret stands here by value; it is only ever referred to",
        "{env: NAME}",
    );
    let output = fleet.run(&["validate"]);
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[test]
fn what_may_be_a_secret_is_shown_nowhere_whatever_is_wrong_around_it() {
    let identity = |text: &str| format!("github:\n  - host: github.com\n    identities: {text}\n");
    let webhook = |text: &str| format!("github: [{{host: github.com, webhooks: [{text}]}}]\n");
    let shapes = [
        identity("[{name: bot, tokn: hunter2}]"),
        identity("[{token: hunter2, app: hunter2}]"),
        identity("[{name: bot, token: hunter2, app: {id: 1}}]"),
        identity("[{token: hunter2}]"),
        identity("[{name: bot, app: hunter2}]"),
        identity("[{name: bot, app: [hunter2]}]"),
        identity("[{name: bot, app: {id: 1, installation: 2, privateKy: hunter2}}]"),
        identity("[{name: bot, app: {id: x, installation: 2, privateKey: hunter2}}]"),
        identity("[{name: bot, token: {hunter2}}]"),
        identity("[{name: bot, token: {env: A, hunter2: B}}]"),
        identity("[{name: bot, token: {value: hunter2}}]"),
        identity("[{name: bot, token: [[hunter2]]}]"),
        identity("[{name: bot, hunter2}]"),
        identity("[hunter2]"),
        identity("{name: bot, token: hunter2}"),
        identity("hunter2"),
        identity("[{name: bot, token: {env: A}, token: hunter2}]"),
        identity("[{name: bot, token: \"hunter2}]"),
        webhook("{name: a, repositories: true, secrets: hunter2}"),
        webhook("{name: a, repositories: true, secrets: {a: hunter2}}"),
        webhook("{name: a, repositories: true, secrets: [hunter2]}"),
        webhook("{name: a, repositories: true, secret: hunter2}"),
        webhook("{name: a, app: hunter2, secrets: [{env: A}]}"),
        "github: {host: github.com, identities: [{name: bot, token: hunter2}]}\n".to_owned(),
        "github: [{host: github.com, identites: [{name: bot, token: hunter2}]}]\n".to_owned(),
        "server: {api: {tokens: [hunter2]}}\n".to_owned(),
        "server: {api: {tokens: hunter2}}\n".to_owned(),
        "server: {api: {tokens: [{name: a, token: hunter2, scope: all}]}}\n".to_owned(),
        "server: {api: {token: [{name: a, token: hunter2}]}}\n".to_owned(),
        "server: {tokens: [{name: a, token: hunter2}]}\n".to_owned(),
    ];
    for shape in shapes {
        let own = fleet(&format!("projects: []\n{shape}"));
        let included = fleet("projects: []\ninclude: [more.yaml]\n").file("more.yaml", &shape);
        for fleet in [own, included] {
            for arguments in [&["validate"][..], &["validate", "--format", "json"]] {
                let output = fleet.run(arguments);
                let shown = format!("{}{}", output.stdout, output.stderr);
                assert_eq!(output.code, Some(2), "{shape}: {shown}");
                assert!(!shown.contains("hunter2"), "{shape}: {shown}");
            }
        }
    }
}

#[test]
fn refs_that_git_refuses_are_refused() {
    for (reference, column) in [
        ("{branch: \"a..b\"}", 19),
        ("{branch: \"a b\"}", 19),
        ("{branch: -x}", 19),
        ("{tag: \"v1~\"}", 16),
        ("{semver: \"not a range\"}", 19),
        ("{name: main}", 17),
        ("{commit: abc}", 19),
    ] {
        let fleet = project(&format!("    ref: {reference}\n"));
        let found = fleet.findings();
        assert_eq!(found.len(), 1, "{reference}: {found:#?}");
        assert_eq!(
            found[0].place(),
            format!("flux-setup.yaml:4:{column}"),
            "{reference}"
        );
        assert!(found[0].message.contains("cannot be"), "{found:#?}");
    }
    refuses(
        &project("    ref: {branch: main, tag: v1}\n"),
        "flux-setup.yaml:4:10",
        "`branch` and `tag` exclude each other",
        "exactly one",
    );
    refuses(
        &project("    ref: {}\n"),
        "flux-setup.yaml:4:10",
        "a ref that names nothing: Flux would silently follow `master`",
        "name a branch",
    );
}

#[test]
fn a_tag_is_checked_as_its_source_takes_it() {
    let of = |source: &str, tag: &str| {
        fleet(&format!(
            "projects:\n  - name: web\n    {source}\n    ref: {{tag: {tag}}}\n"
        ))
    };
    let oci = "source: {kind: OCIRepository, url: oci://ghcr.io/acme/web}";
    refuses(
        &of(oci, "release/v1"),
        "flux-setup.yaml:4:10",
        "`release/v1` is no tag of an artifact: it has `/`, where only letters, digits, `_`, `.` and `-` may stand",
        "as the registry shows it",
    );
    assert_eq!(of(oci, "v1..2").findings(), []);
    let git = "repository: https://github.com/acme/web";
    assert_eq!(of(git, "release/v1").findings(), []);
    refuses(
        &of(git, "v1..2"),
        "flux-setup.yaml:4:10",
        "`v1..2` names nothing in Git: it has `..`, which Git does not allow",
        "git ls-remote",
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
fn a_ref_left_out_is_refused_once_and_names_the_environments() {
    let fleet = environment("path: ./deploy\n").file("environments/production.yaml", "path: ./x\n");
    refuses(
        &fleet,
        "flux-setup.yaml:2:11",
        "nothing says which ref of project `web` is followed in `production`, `staging`",
        "say `ref: {branch: main}`",
    );
}

#[test]
fn paths_that_leave_the_repository_are_refused() {
    refuses(
        &project("    path: ./deploy/../../etc\n"),
        "flux-setup.yaml:4:11",
        "path `./deploy/../../etc` leaves the repository",
        "./deploy",
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
fn a_dependency_that_an_environment_leaves_out_is_refused_there() {
    let fleet = fleet(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    dependsOn: [db]\n  - name: db\n    repository: https://github.com/acme/db\n    environments: {staging: false}\n",
    );
    refuses(
        &fleet,
        "flux-setup.yaml:4:17",
        "project `db` has no Kustomization in `staging`",
        "leave the dependency out",
    );
}

#[test]
fn a_ring_of_dependencies_is_shown_as_one() {
    let fleet = fleet(
        "projects:\n  - {name: a, repository: https://github.com/acme/a, dependsOn: [b]}\n  - {name: b, repository: https://github.com/acme/b, dependsOn: [c]}\n  - {name: c, repository: https://github.com/acme/c, dependsOn: [a]}\n",
    );
    refuses(
        &fleet,
        "flux-setup.yaml:4:66",
        "objects wait for each other in a ring: a → b → c → a in `staging`",
        "take one `dependsOn`",
    );
}

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
        "teams.yaml:1:1",
        "`teams.yaml` is missing",
        "create it",
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

#[test]
fn many_objects_that_all_wait_for_each_other_are_one_ring_of_few_names() {
    let names: Vec<String> = (0..240).map(|number| format!("p{number:03}")).collect();
    let objects: String = names
        .iter()
        .map(|name| {
            let others: Vec<&str> = names
                .iter()
                .filter(|one| *one != name)
                .map(|one| &**one)
                .collect();
            format!(
                "      - {{name: {name}, dependsOn: [{}]}}\n",
                others.join(", ")
            )
        })
        .collect();
    let fleet = project(&format!("    objects:\n{objects}"));
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{}", found.len());
    assert!(
        found[0].message.ends_with("web/p000 in `staging`"),
        "{found:#?}"
    );
    let all: Vec<String> = (0..240)
        .map(|number| {
            let next = (number + 1) % 240;
            format!("      - {{name: p{number:03}, dependsOn: [p{next:03}]}}\n")
        })
        .collect();
    let fleet = project(&format!("    objects:\n{}", all.concat()));
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{}", found.len());
    assert!(
        found[0]
            .message
            .ends_with("web/p010 → web/p011 → … → web/p000 in `staging`"),
        "{found:#?}"
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

//! Secrets that somebody wrote down are refused, and shown nowhere.

use super::{fleet, project, refuses};

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
        "githb: [{host: github.com, identities: [{name: bot, key: hunter2}]}]\n".to_owned(),
        "gh: [hunter2]\n".to_owned(),
        "srver: {api: hunter2}\n".to_owned(),
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
fn the_store_names_its_password_by_reference_alone() {
    let store = |store: &str| fleet(&format!("projects: []\nserver: {{store: {store}}}\n"));
    for sound in [
        "sqlite:flux-setup.db",
        "postgres://flux@db:5432/flux",
        "\"postgresql://db/flux?sslmode=require\"",
        "{env: STORE_URL}",
        "{file: store-url}",
    ] {
        assert_eq!(store(sound).findings(), [], "{sound}");
    }
    for address in [
        "postgres://flux:hunter2@db/flux",
        "postgres://flux:hun/ter2@db/flux",
        "postgresql://db/flux?user=flux&password=hunter2",
    ] {
        let fleet = store(&format!("\"{address}\""));
        refuses(
            &fleet,
            "flux-setup.yaml:2:17",
            "the address of the store holds a password",
            "`{env: NAME}` or `{file: PATH}`",
        );
        let shown = fleet.run(&["validate"]).stderr;
        assert!(!shown.contains("ter2"), "{shown}");
        assert!(shown.contains("server: {store: \"postgres"), "{shown}");
    }
    refuses(
        &store("mysql://flux:hunter2@db/flux"),
        "flux-setup.yaml:2:17",
        "an unknown kind of store",
        "write `sqlite:FILE`",
    );
    refuses(
        &store("{env: A, file: B}"),
        "flux-setup.yaml:2:17",
        "a secret is one reference",
        "write `{env: NAME}`",
    );
    refuses(
        &store("[a]"),
        "flux-setup.yaml:2:17",
        "expected text, found a list",
        "",
    );
}

#[test]
fn what_looks_like_a_credential_is_shown_nowhere_also_in_comments() {
    for line in [
        "# was ghp_hunter2",
        "# github_pat_hunter2",
        "# token: hunter2",
        "# the old clientSecret: \"hunter2 too\"",
        "# see https://bot:hunter2@github.com/acme",
        "# -----BEGIN PRIVATE KEY-----hunter2",
    ] {
        let fleet = project(&format!("    prune: 1 {line}\n"));
        refuses(
            &fleet,
            "flux-setup.yaml:4:12",
            "expected true or false, found a number",
            "write `true`",
        );
        let shown = fleet.run(&["validate"]).stderr;
        assert!(!shown.contains("hunter2"), "{line}: {shown}");
        assert!(shown.contains("    prune: 1 # "), "{line}: {shown}");
    }
    let block = project(
        "    # -----BEGIN RSA PRIVATE KEY-----\n    # hunter2\n    prune: {hunter2: \"-----BEGIN PRIVATE KEY-----\\nhunter3\\n-----END PRIVATE KEY-----\"}\n",
    );
    let shown = block.run(&["validate"]).stderr;
    assert!(!shown.contains("hunter3"), "{shown}");
    for (lines, shown) in [
        ("    path: [ghp_x]\n", "*****"),
        ("    vars: [{password: hunter2}]\n", "*******"),
        ("    labels: {team: \"github_pat_x y\"}\n", "************"),
    ] {
        let fleet = project(lines);
        for arguments in [&["validate"][..], &["validate", "--format", "json"]] {
            let output = fleet.run(arguments);
            let said = format!("{}{}", output.stdout, output.stderr);
            for secret in ["ghp_x", "hunter2", "pat_x"] {
                assert!(!said.contains(secret), "{lines}: {said}");
            }
            assert!(said.contains(shown) || !output.stdout.is_empty(), "{said}");
        }
    }
}

//! Durations, addresses, refs and paths that Flux or Git cannot use.

use super::{environment, fleet, project, refuses};

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
        "write one of more than zero",
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
fn refs_that_git_refuses_are_refused() {
    for (reference, column, hint) in [
        ("{branch: \"a..b\"}", 19, "`git ls-remote`"),
        ("{branch: \"a b\"}", 19, "`git ls-remote`"),
        ("{branch: -x}", 19, "`git ls-remote`"),
        ("{tag: \"v1~\"}", 16, "`git ls-remote`"),
        ("{semver: \"not a range\"}", 19, "`>=1.4`"),
        ("{name: main}", 17, "`refs/heads/main`"),
        ("{commit: abc}", 19, "`git rev-parse`"),
        ("{digest: abc}", 19, "`sha256:…`"),
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
        let said = found[0].hint.as_deref().unwrap_or_default();
        assert!(said.contains(hint), "{found:#?}");
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
fn watch_paths_that_no_changed_path_can_have_are_refused() {
    for (path, message, hint) in [
        (
            "\"\"",
            "expected text, found an empty string",
            "leave the key out",
        ),
        ("\" \"", "` ` names no path", "leave `watchPaths` out"),
        ("./", "`./` names no path", "leave `watchPaths` out"),
        ("/deploy", "`/deploy` starts with `/`", "write `deploy`"),
        (
            "../base",
            "`../base` holds `..`, which no changed path has",
            "as `deploy/**`",
        ),
        (
            "a/../b",
            "`a/../b` holds `..`, which no changed path has",
            "as `deploy/**`",
        ),
        ("\"a,b\"", "`a,b` holds a comma", "two items"),
        ("\"a[\"", "`a[` is no pattern", "as `deploy/**`"),
    ] {
        refuses(
            &project(&format!("    watchPaths: [ok/**, {path}]\n")),
            "flux-setup.yaml:4:25",
            message,
            hint,
        );
    }
    let sound = project("    watchPaths: [deploy/**, ./base, \"*.yaml\", \"a..b/\"]\n");
    assert_eq!(sound.findings(), []);
}

#[test]
fn a_semver_filter_goes_with_a_range_and_with_an_artifact() {
    let oci = |reference: &str| {
        fleet(&format!(
            "projects:\n  - name: web\n    source: {{kind: OCIRepository, url: oci://ghcr.io/acme/web}}\n    ref: {reference}\n"
        ))
    };
    let sound = oci("{semver: \">=1.4\", semverFilter: \"^v[0-9]+[.]\"}");
    assert_eq!(sound.findings(), []);
    let rendered = sound.run(&["render"]).stdout;
    assert!(
        rendered.contains("  ref:\n    semver: \">=1.4\"\n    semverFilter: \"^v[0-9]+[.]\"\n"),
        "{rendered}"
    );
    refuses(
        &oci("{semverFilter: ^v}"),
        "flux-setup.yaml:4:25",
        "a `semverFilter` without `semver` chooses no version",
        "add `semver: …`",
    );
    refuses(
        &oci("{semver: \">=1\", semverFilter: (v}"),
        "flux-setup.yaml:4:40",
        "semverFilter `(v` cannot be: it is no pattern",
        "Go's `regexp`",
    );
    refuses(
        &oci("{tag: v1, semverFilter: ^v}"),
        "flux-setup.yaml:4:10",
        "`tag` and `semverFilter` exclude each other",
        "semver with semverFilter",
    );
    refuses(
        &project("    ref: {semver: \">=1\", semverFilter: ^v}\n"),
        "flux-setup.yaml:4:10",
        "a Git repository has no `semverFilter`",
        "take it away",
    );
}

#[test]
fn a_wrong_value_hides_no_fault_deeper_in_the_fields_beside_it() {
    let fleet = project(
        "    timeout: soon
    kustomization:
      healthChecks: [{kind: Deployment}]
      forcee: {a: b}
      images: [{nam: web}]
",
    );
    let found = fleet.findings();
    let found: Vec<(String, &str)> = found
        .iter()
        .map(|one| (one.place(), &*one.message))
        .collect();
    assert_eq!(
        found,
        [
            ("flux-setup.yaml:4:14", "`soon` is no duration"),
            ("flux-setup.yaml:6:22", "`name` is required"),
            ("flux-setup.yaml:7:7", "unknown field `forcee`"),
            ("flux-setup.yaml:8:16", "`name` is required"),
            ("flux-setup.yaml:8:17", "unknown field `nam`"),
        ]
        .map(|(place, message)| (place.to_owned(), message))
    );
}

#[test]
fn what_the_crd_refuses_is_told_with_the_way_to_mend_it() {
    let fleet = project(
        "    kustomization:
      unheard: of
      images: {name: web}
      decryption: {provider: rot13}
",
    );
    let found = fleet.findings();
    let hints: Vec<&str> = found.iter().filter_map(|one| one.hint.as_deref()).collect();
    assert_eq!(
        hints,
        [
            "leave it out: the kind has no key that is spelt like it",
            "write each item on a line of its own, behind `- `",
            "write one of them",
        ]
    );
}

//! Whose buckets are spent: hosts, identities, Apps, and the known use of others.

use super::{WEB, figures, git, keys, named, upper, with};
use crate::budget::costs::Basis;
use crate::budget::sample::{
    Changed, fleet, host, known_use, plan, priced, semver, source, spanned,
};
use crate::config::{BudgetSettings, IdentityKind};

#[test]
fn other_hosts_count_as_git_requests_and_have_no_bucket() {
    let report = priced(&plan(vec![source("https://gitlab.com/acme/web")]));
    assert_eq!(report.git.requests_per_hour, 60.0);
    assert!(git(&report).buckets.is_empty());
    assert_eq!(upper(&report).buckets[0].requests_per_hour, 0.0);
    assert_eq!(report.comparison.requests_per_hour, 0.0);
    let line = &upper(&report).repositories[0];
    assert_eq!((line.requests_per_hour, line.polls_per_hour), (0.0, 60.0));
    assert_eq!(line.share, None);
}

#[test]
fn a_registry_is_polled_without_git_requests() {
    let report = priced(&plan(vec![
        source("oci://ghcr.io/acme/web").following(semver(">=1")),
    ]));
    assert_eq!(report.git.requests_per_hour, 0.0);
    assert_eq!(report.start.git_requests, 0.0);
    assert!(git(&report).buckets.is_empty());
    assert_eq!(git(&report).projects[0].polls_per_hour, 60.0);
}

#[test]
fn an_alias_is_the_same_host() {
    let mut github = host("ghe.acme.io", &[]);
    github.aliases = vec![spanned("Git.acme.io".to_owned())];
    let plan = plan(vec![
        source("https://ghe.acme.io/acme/web"),
        source("ssh://git@git.acme.io:7999/acme/web"),
        source("ssh://git@ssh.github.com:443/acme/web"),
        source(WEB),
    ]);
    let report = with(&plan, &[github], &BudgetSettings::default());
    let lines: Vec<_> = upper(&report).repositories.iter().map(named).collect();
    assert_eq!(
        lines,
        [
            ("ghe.acme.io/acme/web", 120.0),
            ("github.com/acme/web", 120.0)
        ]
    );
}

#[test]
fn a_server_of_ones_own_has_a_bucket_without_limit() {
    let github = [host("ghe.acme.io", &[("bot", IdentityKind::Token)])];
    let plan = plan(vec![source("https://ghe.acme.io/acme/web")]);
    let report = with(&plan, &github, &BudgetSettings::default());
    let bucket = &git(&report).buckets[0];
    assert_eq!(figures(bucket), (0.0, None, Basis::Documented));
    assert_eq!(
        (bucket.share, bucket.reserve, bucket.headroom),
        (None, None, None)
    );
    assert_eq!(upper(&report).buckets[0].requests_per_hour, 60.0);
}

#[test]
fn the_budget_identity_is_priced_and_else_the_first() {
    let identities = [("bot", IdentityKind::Token), ("app", IdentityKind::App)];
    let mut github = [host("github.com", &identities)];
    let plan = plan(vec![source(WEB)]);
    let report = with(&plan, &github, &BudgetSettings::default());
    assert_eq!(keys(git(&report)), ["github.com bot core"]);
    assert_eq!(git(&report).buckets[0].basis, Basis::Documented);
    github[0].budget_identity = Some(spanned("app".to_owned()));
    let report = with(&plan, &github, &BudgetSettings::default());
    assert_eq!(keys(git(&report)), ["github.com app core"]);
    assert_eq!(git(&report).buckets[0].basis, Basis::Assumed);
}

#[test]
fn an_app_mints_once_for_each_secret_of_each_cluster_however_many_sources_use_it() {
    let objects = vec![
        source(WEB).of("web", "dev").on("a").by_app("app"),
        source(WEB).of("api", "dev").on("a").by_app("app"),
        source(WEB).of("web", "prod").on("b").by_app("app"),
        source(WEB).of("job", "prod").on("b").by_app("other"),
        source(WEB).of("etc", "prod").on("b"),
    ];
    let report = priced(&plan(objects));
    assert_eq!(
        keys(git(&report)),
        [
            "github.com anonymous core",
            "github.com secret app appJwt",
            "github.com secret other appJwt"
        ]
    );
    let minted = |index: usize| figures(&git(&report).buckets[index]);
    assert_eq!(minted(1), (2.5, None, Basis::Assumed));
    assert_eq!(minted(2), (1.25, None, Basis::Assumed));
    assert_eq!(report.start.token_mints, 3);
    let lines: Vec<_> = git(&report).projects.iter().map(named).collect();
    assert_eq!(
        lines,
        [("web", 1.875), ("api", 0.625), ("job", 1.25), ("etc", 0.0)]
    );
}

#[test]
fn the_clusters_without_name_of_two_environments_are_two() {
    let mints = |second: &str| {
        let first = source(WEB).of("web", "dev").by_app("app");
        let second = source(WEB).of("api", second).by_app("app");
        priced(&plan(vec![first, second])).start.token_mints
    };
    assert_eq!(mints("dev"), 1);
    assert_eq!(mints("prod"), 2);
}

#[test]
fn a_source_with_the_provider_github_shows_that_its_host_is_github() {
    let url = "https://code.acme.io/acme/web";
    let plain = || source(url);
    let unknown = priced(&plan(vec![plain()]));
    assert!(git(&unknown).buckets.is_empty());
    let known = priced(&plan(vec![plain(), plain().by_app("app")]));
    assert_eq!(upper(&known).buckets[0].requests_per_hour, 120.0);
    assert_eq!(git(&known).buckets[0].limit, None);
}

#[test]
fn known_use_is_added_to_the_bucket_of_its_identity_and_to_the_upper_bound() {
    let identities = [("bot", IdentityKind::Token), ("app", IdentityKind::App)];
    let github = [host("github.com", &identities)];
    let settings = BudgetSettings {
        also: vec![
            known_use("renovate", Some("app"), 1800.0, 100.0),
            known_use("ci", None, 10.0, 0.0),
        ],
        ..BudgetSettings::default()
    };
    let report = with(&fleet(26), &github, &settings);
    assert_eq!(
        keys(git(&report)),
        [
            "github.com bot core",
            "github.com app core",
            "github.com app graphql"
        ]
    );
    let [bot, app, graphql] = git(&report).buckets.as_slice() else {
        panic!("three buckets");
    };
    assert_eq!(bot.requests_per_hour, 10.0);
    assert_eq!((app.requests_per_hour, app.share), (1800.0, Some(0.36)));
    assert_eq!(app.headroom, Some(2200.0));
    assert_eq!(graphql.requests_per_hour, 100.0);
    assert_eq!(app.also[0].name, "renovate");
    let fleet = &upper(&report).buckets[0];
    assert_eq!(fleet.requests_per_hour, 2392.0 + 1810.0);
    assert_eq!(fleet.headroom, Some(-202.0));
    let comparison = &report.comparison;
    assert_eq!(comparison.plan_requests_per_hour, 2392.0 + 1810.0);
    assert_eq!(comparison.requests_per_hour, 9360.0 + 1810.0);
    assert!((comparison.saving.unwrap() - (1.0 - 4202.0 / 11170.0)).abs() < 1e-9);
}

#[test]
fn known_use_without_any_identity_is_taken_for_use_of_a_token() {
    let settings = BudgetSettings {
        also: vec![known_use("renovate", None, 1800.0, 0.0)],
        ..BudgetSettings::default()
    };
    let report = with(&plan(Vec::new()), &[], &settings);
    assert_eq!(keys(git(&report)), ["github.com unnamed core"]);
    let bucket = &git(&report).buckets[0];
    assert_eq!(figures(bucket), (1800.0, Some(5000), Basis::Assumed));
}

#[test]
fn a_reserve_of_ones_own_is_left_of_each_limit() {
    let settings = BudgetSettings {
        reserve: Some(spanned(0.5)),
        ..BudgetSettings::default()
    };
    let report = with(&fleet(26), &[], &settings);
    let bucket = &upper(&report).buckets[0];
    assert_eq!(
        (bucket.reserve, bucket.headroom),
        (Some(2500.0), Some(108.0))
    );
    assert_eq!(bucket.share, Some(0.4784));
}

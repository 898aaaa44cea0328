//! Prices of small plans, and of the fleet that the README speaks of.

use crate::config::{BudgetSettings, GithubHost, IdentityKind};
use crate::plan::{Plan, Reference};

use super::price;
use crate::budget::costs::{Basis, CostTable};
use crate::budget::report::{Bucket, Line, Profile, ProfileName, Report, Resource};
use crate::budget::sample::{Changed, fleet, host, known_use, plan, priced, source, spanned};

const WEB: &str = "https://github.com/acme/web";

fn with(plan: &Plan, github: &[GithubHost], settings: &BudgetSettings) -> Report {
    price(plan, github, settings, &CostTable::new(settings).unwrap())
}

fn git(report: &Report) -> &Profile {
    report.profile(ProfileName::FluxGit)
}

fn upper(report: &Report) -> &Profile {
    report.profile(ProfileName::RequestPerPoll)
}

fn named(line: &Line) -> (&str, f64) {
    (&line.name, line.requests_per_hour)
}

fn keys(profile: &Profile) -> Vec<String> {
    let key = |it: &Bucket| format!("{} {} {}", it.host, it.identity, it.resource);
    profile.buckets.iter().map(key).collect()
}

/// The requests an hour, the limit and its basis.
fn figures(bucket: &Bucket) -> (f64, Option<u32>, Basis) {
    (bucket.requests_per_hour, bucket.limit, bucket.basis)
}

#[test]
fn the_fleet_costs_2392_requests_in_the_upper_bound_and_none_as_git() {
    let report = priced(&fleet(26));
    let lines: Vec<_> = upper(&report).environments.iter().map(named).collect();
    assert_eq!(
        lines,
        [
            ("development", 1560.0),
            ("staging", 520.0),
            ("production", 312.0)
        ]
    );
    let [bucket] = upper(&report).buckets.as_slice() else {
        panic!("one bucket for the whole fleet");
    };
    assert_eq!(figures(bucket), (2392.0, Some(5000), Basis::Assumed));
    assert_eq!(bucket.share, Some(0.4784));
    assert_eq!(
        (bucket.reserve, bucket.headroom),
        (Some(1000.0), Some(1608.0))
    );
    assert_eq!(keys(git(&report)), ["github.com anonymous core"]);
    let bucket = &git(&report).buckets[0];
    assert_eq!(figures(bucket), (0.0, Some(60), Basis::Documented));
    assert_eq!(bucket.share, Some(0.0));
}

#[test]
fn the_fleet_at_30s_everywhere_costs_9360_and_the_policy_saves_744_of_a_thousand() {
    let comparison = priced(&fleet(26)).comparison;
    assert_eq!(comparison.requests_per_hour, 9360.0);
    assert_eq!(comparison.plan_requests_per_hour, 2392.0);
    assert!((comparison.saving.unwrap() - 0.744_444).abs() < 1e-6);
}

#[test]
fn a_plan_that_polls_more_than_the_comparison_saves_less_than_nothing() {
    let saving = |seconds| {
        let plan = plan(vec![source(WEB).every(seconds)]);
        priced(&plan).comparison.saving
    };
    assert_eq!(saving(15), Some(-1.0));
    assert_eq!(saving(30), Some(0.0));
    assert_eq!(saving(60), Some(0.5));
    assert_eq!(priced(&plan(Vec::new())).comparison.saving, None);
}

#[test]
fn the_fleets_git_requests_are_counted_by_the_second_and_by_repository() {
    let git = priced(&fleet(26)).git;
    assert_eq!(git.requests_per_hour, 2392.0);
    assert!((git.requests_per_second - 0.664_444).abs() < 1e-6);
    assert!((git.max_on_one_repository - 92.0 / 3600.0).abs() < 1e-12);
    assert_eq!(
        git.busiest_repository.unwrap(),
        "github.com/acme/project-01"
    );
    assert_eq!(git.advisory.per_second_on_one_repository, 15.0);
    assert_eq!(
        (git.basis, git.advisory.basis),
        (Basis::Documented, Basis::Assumed)
    );
}

#[test]
fn a_start_of_all_controllers_fetches_every_source() {
    let start = priced(&fleet(26)).start;
    assert_eq!(
        (start.git_requests, start.max_on_one_repository),
        (234.0, 9.0)
    );
    assert_eq!(
        start.busiest_repository.unwrap(),
        "github.com/acme/project-01"
    );
    assert_eq!(start.token_mints, 0);
}

#[test]
fn a_semver_or_commit_costs_two_git_requests_a_poll_and_any_other_ref_one() {
    let requests = |reference| {
        let plan = plan(vec![source(WEB).following(reference)]);
        priced(&plan).git.requests_per_hour
    };
    assert_eq!(requests(Reference::Branch("main".into())), 60.0);
    assert_eq!(requests(Reference::Tag("v1".into())), 60.0);
    assert_eq!(requests(Reference::Name("refs/pull/1/head".into())), 60.0);
    assert_eq!(requests(Reference::Semver(">=1".into())), 120.0);
    assert_eq!(
        requests(Reference::Commit {
            commit: "abc".into(),
            branch: None
        }),
        120.0
    );
}

#[test]
fn a_poll_over_ssh_is_one_connection_to_the_same_repository() {
    let plan = plan(vec![source(WEB), source("git@github.com:acme/web.git")]);
    let report = priced(&plan);
    assert_eq!(report.git.requests_per_hour, 120.0);
    let lines: Vec<_> = upper(&report).repositories.iter().map(named).collect();
    assert_eq!(lines, [("github.com/acme/web", 120.0)]);
}

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
        source("oci://ghcr.io/acme/web").following(Reference::Semver(">=1".into())),
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
    assert_eq!(report.comparison.plan_requests_per_hour, 2392.0);
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

#[test]
fn an_overridden_poll_spends_what_the_configuration_says() {
    let cost = |operation: &str, resource: &str, requests| {
        let resource = (spanned(resource.to_owned()), requests);
        (spanned(operation.to_owned()), vec![resource])
    };
    let settings = BudgetSettings {
        costs: vec![
            cost("pollUnchanged", "core", 0.5),
            cost("pollChanged", "git", 5.0),
            cost("requestPerPoll", "core", 2.0),
        ],
        ..BudgetSettings::default()
    };
    let github = [host("github.com", &[("bot", IdentityKind::Token)])];
    let report = with(&fleet(26), &github, &settings);
    let bucket = &git(&report).buckets[0];
    assert_eq!(
        (bucket.requests_per_hour, bucket.resource),
        (1196.0, Resource::Core)
    );
    assert_eq!(git(&report).environments[0].share, Some(780.0 / 5000.0));
    assert_eq!(report.start.git_requests, 390.0);
    assert_eq!(report.git.basis, Basis::Assumed);
    assert_eq!(upper(&report).buckets[0].requests_per_hour, 4784.0);
    assert_eq!(report.comparison.requests_per_hour, 18720.0);
}

#[test]
fn an_environment_that_polls_nothing_is_listed_all_the_same() {
    let mut object = source(WEB).of("docs", "preview");
    object.poll = None;
    let report = priced(&plan(vec![object]));
    assert_eq!(named(&git(&report).environments[0]), ("preview", 0.0));
    assert_eq!(named(&upper(&report).projects[0]), ("docs", 0.0));
    assert_eq!(report.sources, 0);
    assert_eq!(report.git.busiest_repository, None);
}

#[test]
fn the_lines_of_a_profile_add_up_to_its_buckets() {
    let report = priced(&fleet(26));
    let profile = upper(&report);
    for lines in [
        &profile.environments,
        &profile.projects,
        &profile.repositories,
    ] {
        let sum: f64 = lines.iter().map(|line| line.requests_per_hour).sum();
        assert_eq!(sum, 2392.0);
    }
}

#[test]
fn an_interval_of_nothing_does_not_make_figures_infinite() {
    let report = priced(&plan(vec![source(WEB).every(0)]));
    assert!(report.git.requests_per_hour.is_finite());
}

#[test]
fn the_same_plan_gives_the_same_json() {
    let json = || serde_json::to_string(&priced(&fleet(50))).unwrap();
    assert_eq!(json(), json());
}

#[test]
fn the_json_has_the_documented_shape() {
    let plan = plan(vec![source(WEB).every(420).by_app("app")]);
    let github = [host("github.com", &[("bot", IdentityKind::Token)])];
    let report = with(&plan, &github, &BudgetSettings::default());
    let mut json = serde_json::to_value(&report).unwrap();
    json["costs"].as_array_mut().unwrap().truncate(1);
    for profile in json["profiles"].as_array_mut().unwrap() {
        let profile = profile.as_object_mut().unwrap();
        assert!(profile.remove("projects").unwrap().is_array());
        assert!(profile.remove("repositories").unwrap().is_array());
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap(), @r#"
    {
      "sources": 1,
      "profiles": [
        {
          "name": "flux-git",
          "buckets": [
            {
              "host": "github.com",
              "identity": "bot",
              "resource": "core",
              "requestsPerHour": 0,
              "limit": 5000,
              "share": 0,
              "basis": "documented",
              "reserve": 1000,
              "headroom": 4000,
              "also": []
            },
            {
              "host": "github.com",
              "identity": "secret app",
              "resource": "appJwt",
              "requestsPerHour": 1.25,
              "limit": null,
              "share": null,
              "basis": "assumed",
              "reserve": null,
              "headroom": null,
              "also": []
            }
          ],
          "environments": [
            {
              "name": "dev",
              "sources": 1,
              "requestsPerHour": 1.25,
              "share": 0,
              "basis": "assumed",
              "pollsPerHour": 8.571429,
              "gitRequestsPerHour": 8.571429
            }
          ]
        },
        {
          "name": "request-per-poll",
          "buckets": [
            {
              "host": "*",
              "identity": "fleet",
              "resource": "core",
              "requestsPerHour": 8.571429,
              "limit": 5000,
              "share": 0.001714,
              "basis": "assumed",
              "reserve": 1000,
              "headroom": 3991.428571,
              "also": []
            }
          ],
          "environments": [
            {
              "name": "dev",
              "sources": 1,
              "requestsPerHour": 8.571429,
              "share": 0.001714,
              "basis": "assumed",
              "pollsPerHour": 8.571429,
              "gitRequestsPerHour": 8.571429
            }
          ]
        }
      ],
      "git": {
        "requestsPerHour": 8.571429,
        "requestsPerSecond": 0.002381,
        "maxOnOneRepository": 0.002381,
        "busiestRepository": "github.com/acme/web",
        "basis": "documented",
        "advisory": {
          "perSecondOnOneRepository": 15,
          "basis": "assumed",
          "evidence": "GitHub's page on the limits of repositories, as others quote it"
        }
      },
      "start": {
        "gitRequests": 3,
        "maxOnOneRepository": 3,
        "busiestRepository": "github.com/acme/web",
        "tokenMints": 1,
        "basis": "documented"
      },
      "comparison": {
        "name": "30s everywhere",
        "profile": "request-per-poll",
        "requestsPerHour": 120,
        "planRequestsPerHour": 8.571429,
        "saving": 0.928571,
        "basis": "assumed"
      },
      "reserve": 0.2,
      "costs": [
        {
          "operation": "pollUnchanged",
          "core": 0,
          "graphql": 0,
          "appJwt": 0,
          "git": 1,
          "basis": "assumed",
          "evidence": "requests as in git/gogit/clone.go of fluxcd/pkg; that git spends no REST request is a support answer (orgs/community#44515)"
        }
      ],
      "advice": [
        {
          "kind": "listsAllRefs",
          "message": "each poll lists every ref of its repository, those of pull requests too, at about 86 bytes a ref: `github.com/acme/web` is polled 8.57 times an hour, which is 3.7 MB an hour for each 5,000 refs it has",
          "savesPollsPerHour": 0,
          "sources": []
        }
      ]
    }
    "#);
}

#[test]
fn one_repository_is_one_line_in_any_spelling_and_an_artifact_is_another() {
    let spellings = [
        "https://github.com/acme/web",
        "https://GitHub.com/Acme/Web.git",
        "https://github.com/acme/web/",
        "ssh://git@github.com:22/acme/web.git",
        "git@github.com:acme/web.git",
        "oci://github.com/acme/web",
    ];
    let report = priced(&plan(spellings.into_iter().map(source).collect()));
    let lines = &git(&report).repositories;
    let polls: Vec<_> = lines.iter().map(|line| line.polls_per_hour).collect();
    assert_eq!(polls, [300.0, 60.0]);
}

#[test]
fn a_text_that_is_no_url_is_not_priced() {
    let report = priced(&plan(vec![source("acme/web"), source(WEB)]));
    assert_eq!(report.sources, 1);
}

#[test]
fn no_row_of_the_table_can_be_overridden_to_no_effect() {
    let plan = plan(vec![
        source(WEB).by_app("app"),
        source("ssh://git@github.com/acme/api").of("api", "dev"),
        source("https://github.com/acme/shop")
            .of("shop", "dev")
            .following(Reference::Semver("1.x".into())),
    ]);
    let figures = |settings: &BudgetSettings| {
        let report = with(&plan, &[], settings);
        (report.profiles, report.git, report.start)
    };
    let shipped = figures(&BudgetSettings::default());
    for row in CostTable::default().rows() {
        let amounts = ["core", "git"].map(|resource| (spanned(resource.to_owned()), 1000.0));
        let settings = BudgetSettings {
            costs: vec![(spanned(row.operation.to_owned()), amounts.to_vec())],
            ..BudgetSettings::default()
        };
        assert!(figures(&settings) != shipped, "{}", row.operation);
    }
}

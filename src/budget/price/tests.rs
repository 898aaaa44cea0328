//! Prices of small plans, and of the fleet that the README speaks of.

mod buckets;
mod json;

use crate::config::{BudgetSettings, GithubHost, IdentityKind};
use crate::plan::{Plan, Reference};

use super::price;
use crate::budget::costs::{Basis, CostTable};
use crate::budget::report::{Bucket, Line, Profile, ProfileName, Report, Resource};
use crate::budget::sample::{Changed, fleet, host, plan, priced, semver, source, spanned};

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
    assert_eq!(requests(semver(">=1")), 120.0);
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
fn an_overridden_poll_spends_what_the_configuration_says() {
    let cost = |operation: &str, resource: &str, requests| {
        let resource = (spanned(resource.to_owned()), Some(requests));
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
            .following(semver("1.x")),
    ]);
    let figures = |settings: &BudgetSettings| {
        let report = with(&plan, &[], settings);
        (report.profiles, report.git, report.start)
    };
    let shipped = figures(&BudgetSettings::default());
    for row in CostTable::default().rows() {
        let amounts = ["core", "git"].map(|resource| (spanned(resource.to_owned()), Some(1000.0)));
        let settings = BudgetSettings {
            costs: vec![(spanned(row.operation.to_owned()), amounts.to_vec())],
            ..BudgetSettings::default()
        };
        assert!(figures(&settings) != shipped, "{}", row.operation);
    }
}

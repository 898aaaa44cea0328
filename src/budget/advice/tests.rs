//! What is advised, and what not.

use super::*;
use crate::budget::report::AdviceKind::{
    BusyRepository, FullClones, ListsAllRefs, ShareSource, ShortInterval,
};
use crate::budget::sample::{Changed, fleet, plan, priced, semver, source};
use crate::flux::yaml::Span;
use crate::plan::{PlannedObject, Reference, SourceReference};

const WEB: &str = "https://github.com/acme/web";

fn advised(objects: Vec<PlannedObject<'static>>, kind: AdviceKind) -> Vec<Advice> {
    let mut advice = priced(&plan(objects)).advice;
    advice.retain(|it| it.kind == kind);
    advice
}

fn saved(advice: &[Advice]) -> Vec<f64> {
    advice.iter().map(|it| it.saves_polls_per_hour).collect()
}

#[test]
fn sources_of_one_cluster_repository_and_ref_could_be_one_at_the_shortest_interval() {
    let objects = vec![
        source(WEB).of("web", "prod").on("eu").every(300),
        source("git@github.com:acme/web.git")
            .of("api", "prod")
            .on("eu")
            .every(60),
        source(WEB).of("job", "prod").on("eu").every(600),
    ];
    let advice = advised(objects, ShareSource);
    assert_eq!(saved(&advice), [18.0]);
    assert_eq!(advice[0].sources, ["api-prod", "web-prod", "job-prod"]);
    insta::assert_snapshot!(advice[0].message, @"3 sources (`api-prod`, `web-prod`, `job-prod`) poll the same refs of `github.com/acme/web` in the same places, 78 times an hour together; `source: {project: api}` in `web`, `job` would save 18 of them");
}

#[test]
fn a_source_is_shared_in_every_place_of_a_project_or_in_none() {
    let of = |project: &str, environment: &str| source(WEB).of(project, environment).on("eu");
    let both = vec![
        of("web", "dev"),
        of("api", "dev"),
        of("web", "prod").every(300),
        of("api", "prod").every(300),
    ];
    let advice = advised(both, ShareSource);
    assert_eq!(saved(&advice), [72.0]);
    assert_eq!(
        advice[0].sources,
        ["web-dev", "web-prod", "api-dev", "api-prod"]
    );
    // The project that is in more places is the one that can be used.
    let more = vec![of("web", "dev"), of("api", "dev"), of("api", "prod")];
    let advice = advised(more, ShareSource);
    assert_eq!(saved(&advice), [60.0]);
    assert!(
        advice[0]
            .message
            .contains("`source: {project: api}` in `web`")
    );
    let elsewhere = vec![
        of("web", "dev"),
        of("web", "test"),
        of("api", "dev"),
        of("api", "prod"),
    ];
    assert_eq!(advised(elsewhere, ShareSource), []);
    let other_ref = of("api", "prod").following(Reference::Branch("next".into()));
    let different = vec![
        of("web", "dev"),
        of("web", "prod"),
        of("api", "dev"),
        other_ref,
    ];
    assert_eq!(advised(different, ShareSource), []);
}

#[test]
fn no_advice_is_given_that_cannot_be_followed() {
    let first = || source(WEB).of("web", "dev");
    let alone = |other: PlannedObject<'static>| advised(vec![first(), other], ShareSource);
    let same = || source(WEB).of("api", "dev");
    assert_eq!(alone(same()).len(), 1);
    let mut elsewhere = same();
    elsewhere.namespace = "apps".into();
    assert_eq!(alone(elsewhere), []);
    assert_eq!(
        alone(same().poll(|poll| poll.secret = Some("a".into()))),
        []
    );
    assert_eq!(
        alone(same().poll(|poll| poll.provider = Some("azure".into()))),
        []
    );
    // What a third project uses has to stay, and can be what the others use.
    let third = |source: &str| PlannedObject {
        role: crate::plan::Role::Object("shop".into()),
        kind: Some("Kustomization"),
        poll: None,
        source: Some(SourceReference {
            kind: "GitRepository".into(),
            name: source.into(),
            namespace: "flux-system".into(),
            span: Span::default(),
        }),
        ..source_of_nobody()
    };
    let advice = advised(vec![first(), same(), third("web-dev")], ShareSource);
    assert!(
        advice[0]
            .message
            .contains("`source: {project: web}` in `api`")
    );
    let advice = advised(vec![first(), same(), third("api-dev")], ShareSource);
    assert_eq!(advice.len(), 1);
    assert!(
        advice[0]
            .message
            .contains("`source: {project: api}` in `web`")
    );
    let both = vec![first(), same(), third("web-dev"), third("api-dev")];
    assert_eq!(advised(both, ShareSource), []);
}

fn source_of_nobody() -> PlannedObject<'static> {
    source(WEB).of("shop", "dev")
}

#[test]
fn one_project_in_two_environments_of_a_cluster_cannot_share() {
    let of = |environment| source(WEB).of("web", environment).on("a");
    assert_eq!(advised(vec![of("dev"), of("test")], ShareSource), []);
}

#[test]
fn another_cluster_ref_or_repository_is_not_shared() {
    let branch = |name: &str| Reference::Branch(name.into());
    let alone = |other: PlannedObject<'static>| {
        let first = source(WEB).of("web", "dev").on("a");
        advised(vec![first, other], ShareSource).is_empty()
    };
    let same = || source(WEB).of("api", "dev").on("a");
    assert!(!alone(same()));
    assert!(alone(same().on("b")));
    assert!(alone(same().following(branch("next"))));
    assert!(alone(same().following(Reference::Tag("main".into()))));
    assert!(alone(
        same().poll(|poll| poll.url = "https://github.com/acme/api".into())
    ));
}

#[test]
fn a_semver_or_commit_is_advised_about_under_30m_and_not_from_30m_on() {
    let ranged = || source(WEB).following(semver(">=1"));
    let of = |object| advised(vec![object], FullClones);
    assert_eq!(of(ranged().every(1799)).len(), 1);
    assert_eq!(of(ranged().every(1800)), []);
    assert_eq!(of(source(WEB).every(60)), []);
    let commit = source(WEB).following(Reference::Commit {
        commit: "abc".into(),
        branch: None,
    });
    assert_eq!(saved(&of(commit)), [58.0]);
}

#[test]
fn full_clones_are_told_by_environment_with_their_number() {
    let ranged = |project: &str, environment: &str| {
        source(WEB)
            .of(project, environment)
            .following(semver(format!(">={project}")))
    };
    let objects = vec![
        ranged("a", "prod").every(300),
        ranged("b", "prod").every(300),
        ranged("c", "prod").every(300),
        ranged("d", "prod").every(300),
        ranged("e", "dev"),
    ];
    let advice = advised(objects, FullClones);
    assert_eq!(saved(&advice), [58.0, 40.0]);
    insta::assert_snapshot!(advice[1].message, @r"4 sources of `prod` (`a-prod`, `b-prod`, `c-prod` and 1 more) follow a semver range or a commit, which clones the repository at each poll: 48 full clones an hour, 8 with an interval of 30m");
}

#[test]
fn a_registry_is_never_cloned() {
    let artifact = source("oci://ghcr.io/acme/web").following(semver(">=1"));
    assert_eq!(advised(vec![artifact], FullClones), []);
}

#[test]
fn an_interval_under_a_minute_is_advised_about_and_a_minute_is_not() {
    let of = |seconds| advised(vec![source(WEB).every(seconds)], ShortInterval);
    assert_eq!(of(60), []);
    assert_eq!(of(59).len(), 1);
    let advice = of(30);
    assert_eq!(saved(&advice), [60.0]);
    insta::assert_snapshot!(advice[0].message, @r"1 source of `dev` (`web-dev`) is polled more often than once a minute: 120 polls an hour, 60 with an interval of 1m");
}

#[test]
fn a_repository_is_busy_above_15_git_requests_a_second() {
    // At 1s each source asks once a second.
    let polled = |number: usize| {
        let sources = (0..number).map(|_| source(WEB).every(1));
        advised(sources.collect(), BusyRepository)
    };
    assert_eq!(polled(15), []);
    insta::assert_snapshot!(polled(16)[0].message, @r"`github.com/acme/web` gets 16 git requests a second, more than the 15 that GitHub asks to stay below on one repository: share sources or poll less often");
}

#[test]
fn the_most_polled_repository_is_the_example_of_listing_all_refs() {
    let objects = vec![
        source("https://github.com/acme/a").every(300),
        source("https://github.com/acme/b"),
        source("oci://ghcr.io/acme/c").every(30),
    ];
    let advice = advised(objects, ListsAllRefs);
    insta::assert_snapshot!(advice[0].message, @r"each poll lists every ref of its repository, those of pull requests too, at about 86 bytes a ref: `github.com/acme/b` is polled 60 times an hour, which is 25.8 MB an hour for each 5,000 refs it has");
    assert_eq!(
        advised(vec![source("oci://ghcr.io/acme/c")], ListsAllRefs),
        []
    );
    assert_eq!(advised(Vec::new(), ListsAllRefs), []);
}

#[test]
fn what_saves_most_comes_first_and_the_rule_of_thumb_last() {
    let objects = vec![
        source("https://github.com/acme/a").every(50),
        source(WEB).of("web", "prod").every(10),
        source(WEB).of("api", "prod").every(10),
    ];
    let advice = priced(&plan(objects)).advice;
    let kinds: Vec<_> = advice.iter().map(|it| it.kind).collect();
    assert_eq!(
        kinds,
        [ShortInterval, ShareSource, ShortInterval, ListsAllRefs]
    );
}

#[test]
fn the_fleet_needs_no_advice_but_the_rule_of_thumb() {
    let advice = priced(&fleet(26)).advice;
    assert_eq!(advice.len(), 1);
    assert_eq!(advice[0].kind, ListsAllRefs);
}

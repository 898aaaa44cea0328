//! What would make a plan cheaper, with the numbers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::plan::Reference;

use super::demand::{ClusterKey, Demand, Source};
use super::report::{Advice, AdviceKind, GitUse};
use super::words::{count, counted};

/// A poll that clones each time is rare enough from this interval on.
const RARE_CLONES_SECONDS: u64 = 1800;

/// Flux itself defaults to a minute; faster is seldom worth it.
const SHORT_SECONDS: u64 = 60;

/// What one ref takes in the list that each poll gets: 429 kB for 5,001 refs, as measured.
const BYTES_PER_REF: f64 = 86.0;

/// How many refs the example of a large repository has.
const MANY_REFS: f64 = 5000.0;

/// A handful of names is enough to find the rest.
const NAMES_IN_A_SENTENCE: usize = 3;

pub(super) fn advise(demand: &Demand<'_>, git: &GitUse) -> Vec<Advice> {
    let mut advice = share_sources(demand);
    advice.extend(full_clones(demand));
    advice.extend(short_intervals(demand));
    // What saves most comes first; the order of equals is the plan's.
    advice.sort_by(|a, b| b.saves_polls_per_hour.total_cmp(&a.saves_polls_per_hour));
    advice.extend(busy_repository(git));
    advice.extend(lists_all_refs(demand));
    advice
}

/// Sources of one cluster that follow the same ref of the same repository: one would do, at the
/// shortest of their intervals.
fn share_sources(demand: &Demand<'_>) -> Vec<Advice> {
    let mut firsts: HashMap<(ClusterKey<'_>, usize, &Reference), usize> = HashMap::new();
    // Each first source with those that follow the same; most are alone and not in here.
    let mut groups: BTreeMap<usize, Vec<&Source<'_>>> = BTreeMap::new();
    for (number, source) in demand.sources.iter().enumerate() {
        let key = (source.cluster, source.repository, &source.poll.reference);
        let first = *firsts.entry(key).or_insert(number);
        if first != number {
            let group = groups
                .entry(first)
                .or_insert_with(|| vec![&demand.sources[first]]);
            group.push(source);
        }
    }
    // A project has one source in each of its environments, and none of them is another project's.
    let is_of_many = |group: &Vec<&Source<'_>>| {
        let first = group[0].project;
        group.iter().any(|source| source.project != first)
    };
    let groups = groups.into_values().filter(is_of_many);
    groups.map(|group| share_one(demand, &group)).collect()
}

fn share_one(demand: &Demand<'_>, group: &[&Source<'_>]) -> Advice {
    let first = group[0];
    let all = rate(group);
    let kept = group
        .iter()
        .map(|source| source.polls_per_hour)
        .fold(0.0, f64::max);
    let saved = all - kept;
    let place = match first.cluster {
        ClusterKey::Named(cluster) => format!("cluster `{cluster}`"),
        ClusterKey::Of(environment) => format!("the cluster of `{environment}`"),
    };
    let namespaces: BTreeSet<_> = group.iter().map(|source| source.namespace).collect();
    let how = if namespaces.len() == 1 {
        format!(
            "`source: {{project: {}}}` in the other projects",
            demand.projects[first.project]
        )
    } else {
        format!(
            "they are in {}, so `source: {{external: {}, kind: …, namespace: {}}}` in the others",
            counted(namespaces.len(), "namespace"),
            first.name,
            first.namespace
        )
    };
    let message = format!(
        "{} of {place} ({}) poll {} of `{}` {} times an hour together; one shared source would \
         save {} of them: {how}",
        counted(group.len(), "source"),
        some_names(group),
        describe(&first.poll.reference),
        demand.repositories[first.repository].name,
        count(all),
        count(saved),
    );
    advice(AdviceKind::ShareSource, message, saved, group)
}

/// Semver ranges and commits on short intervals, by environment.
fn full_clones(demand: &Demand<'_>) -> Vec<Advice> {
    by_environment(demand, |source| {
        source.clones_each_time() && source.poll.interval.as_secs() < RARE_CLONES_SECONDS
    })
    .map(|(environment, group)| {
        let all = rate(&group);
        let rare = group.len() as f64 * 3600.0 / RARE_CLONES_SECONDS as f64;
        let message = format!(
            "{} of `{environment}` ({}) {} a semver range or a commit, which clones the \
             repository at each poll: {} full clones an hour, {} with an interval of 30m",
            counted(group.len(), "source"),
            some_names(&group),
            if group.len() == 1 {
                "follows"
            } else {
                "follow"
            },
            count(all),
            count(rare),
        );
        advice(AdviceKind::FullClones, message, all - rare, &group)
    })
    .collect()
}

/// Intervals under a minute, by environment.
fn short_intervals(demand: &Demand<'_>) -> Vec<Advice> {
    by_environment(demand, |source| {
        source.poll.interval.as_secs() < SHORT_SECONDS && !source.clones_each_time()
    })
    .map(|(environment, group)| {
        let all = rate(&group);
        let calm = group.len() as f64 * 3600.0 / SHORT_SECONDS as f64;
        let message = format!(
            "{} of `{environment}` ({}) {} polled more often than once a minute: {} polls an \
             hour, {} with an interval of 1m",
            counted(group.len(), "source"),
            some_names(&group),
            if group.len() == 1 { "is" } else { "are" },
            count(all),
            count(calm),
        );
        advice(AdviceKind::ShortInterval, message, all - calm, &group)
    })
    .collect()
}

fn busy_repository(git: &GitUse) -> Option<Advice> {
    let repository = git.busiest_repository.as_ref()?;
    let bound = git.advisory.per_second_on_one_repository;
    (git.max_on_one_repository > bound).then(|| Advice {
        kind: AdviceKind::BusyRepository,
        message: format!(
            "`{repository}` gets {} git requests a second, more than the {} that GitHub asks to \
             stay below on one repository: share sources or poll less often",
            count(git.max_on_one_repository),
            count(bound),
        ),
        saves_polls_per_hour: 0.0,
        sources: Vec::new(),
    })
}

/// How many refs a repository has is not known without asking it, so this is a rule of thumb for
/// the one repository where it matters most: the most polled over git.
fn lists_all_refs(demand: &Demand<'_>) -> Option<Advice> {
    let mut polls = vec![0.0; demand.repositories.len()];
    for source in demand.sources.iter().filter(|source| source.is_git()) {
        polls[source.repository] += source.polls_per_hour;
    }
    let names = demand.repositories.iter().map(|it| it.name.as_str());
    let polled = names.zip(polls).filter(|(_, polls)| *polls > 0.0);
    let (name, most) = polled.max_by(|(a, most), (b, other)| {
        // Among equals the first by name, which counts as the greater here.
        most.total_cmp(other).then_with(|| b.cmp(a))
    })?;
    Some(Advice {
        kind: AdviceKind::ListsAllRefs,
        message: format!(
            "each poll lists every ref of its repository, those of pull requests too, at about \
             {} bytes a ref: `{name}` is polled {} times an hour, which is {} MB an hour for each \
             {} refs it has",
            count(BYTES_PER_REF),
            count(most),
            count((most * BYTES_PER_REF * MANY_REFS / 1e5).round() / 10.0),
            count(MANY_REFS),
        ),
        saves_polls_per_hour: 0.0,
        sources: Vec::new(),
    })
}

fn by_environment<'a, 'd>(
    demand: &'a Demand<'d>,
    concerns: impl Fn(&Source<'d>) -> bool,
) -> impl Iterator<Item = (&'a str, Vec<&'a Source<'d>>)> {
    let mut groups: Vec<Vec<&Source<'d>>> = vec![Vec::new(); demand.environments.len()];
    for source in demand.sources.iter().filter(|source| concerns(source)) {
        groups[source.environment].push(source);
    }
    let named = demand.environments.iter().copied().zip(groups);
    named.filter(|(_, group)| !group.is_empty())
}

fn rate(group: &[&Source<'_>]) -> f64 {
    group.iter().map(|source| source.polls_per_hour).sum()
}

fn advice(kind: AdviceKind, message: String, saved: f64, group: &[&Source<'_>]) -> Advice {
    Advice {
        kind,
        message,
        saves_polls_per_hour: saved,
        sources: group.iter().map(|source| source.name.to_owned()).collect(),
    }
}

fn some_names(group: &[&Source<'_>]) -> String {
    let names: Vec<_> = group
        .iter()
        .take(NAMES_IN_A_SENTENCE)
        .map(|source| format!("`{}`", source.name))
        .collect();
    let more = group.len() - names.len();
    let names = names.join(", ");
    if more == 0 {
        names
    } else {
        format!("{names} and {} more", count(more as f64))
    }
}

fn describe(reference: &Reference) -> String {
    let (kind, value) = match reference {
        Reference::Branch(value) => ("branch", value),
        Reference::Tag(value) => ("tag", value),
        Reference::Semver(value) => ("semver", value),
        Reference::Name(value) => ("ref", value),
        Reference::Commit { commit, .. } => ("commit", commit),
        Reference::Digest(value) => ("digest", value),
    };
    format!("{kind} `{value}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::report::AdviceKind::{
        BusyRepository, FullClones, ListsAllRefs, ShareSource, ShortInterval,
    };
    use crate::budget::sample::{Changed, fleet, plan, priced, source};
    use crate::plan::PlannedObject;

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
        assert_eq!(advice[0].sources, ["web-prod", "api-prod", "job-prod"]);
        insta::assert_snapshot!(advice[0].message, @r"3 sources of cluster `eu` (`web-prod`, `api-prod`, `job-prod`) poll branch `main` of `github.com/acme/web` 78 times an hour together; one shared source would save 18 of them: `source: {project: web}` in the other projects");
    }

    #[test]
    fn sources_of_several_namespaces_are_told_another_way() {
        let mut other = source(WEB).of("api", "dev");
        other.namespace = "apps".into();
        let advice = advised(vec![source(WEB), other], ShareSource);
        insta::assert_snapshot!(advice[0].message, @r"2 sources of the cluster of `dev` (`web-dev`, `api-dev`) poll branch `main` of `github.com/acme/web` 120 times an hour together; one shared source would save 60 of them: they are in 2 namespaces, so `source: {external: web-dev, kind: …, namespace: flux-system}` in the others");
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
        let semver = || source(WEB).following(Reference::Semver(">=1".into()));
        let of = |object| advised(vec![object], FullClones);
        assert_eq!(of(semver().every(1799)).len(), 1);
        assert_eq!(of(semver().every(1800)), []);
        assert_eq!(of(source(WEB).every(60)), []);
        let commit = source(WEB).following(Reference::Commit {
            commit: "abc".into(),
            branch: None,
        });
        assert_eq!(saved(&of(commit)), [58.0]);
    }

    #[test]
    fn full_clones_are_told_by_environment_with_their_number() {
        let semver = |project: &str, environment: &str| {
            source(WEB)
                .of(project, environment)
                .following(Reference::Semver(format!(">={project}").into()))
        };
        let objects = vec![
            semver("a", "prod").every(300),
            semver("b", "prod").every(300),
            semver("c", "prod").every(300),
            semver("d", "prod").every(300),
            semver("e", "dev"),
        ];
        let advice = advised(objects, FullClones);
        assert_eq!(saved(&advice), [58.0, 40.0]);
        insta::assert_snapshot!(advice[1].message, @r"4 sources of `prod` (`a-prod`, `b-prod`, `c-prod` and 1 more) follow a semver range or a commit, which clones the repository at each poll: 48 full clones an hour, 8 with an interval of 30m");
    }

    #[test]
    fn a_registry_is_never_cloned() {
        let artifact = source("oci://ghcr.io/acme/web").following(Reference::Semver(">=1".into()));
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
}

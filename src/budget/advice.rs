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
        Reference::Semver { range, .. } => ("semver", range),
        Reference::Name(value) => ("ref", value),
        Reference::Commit { commit, .. } => ("commit", commit),
        Reference::Digest(value) => ("digest", value),
    };
    format!("{kind} `{value}`")
}

#[cfg(test)]
mod tests;

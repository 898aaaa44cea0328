//! What would make a plan cheaper, with the numbers.

use std::time::Duration;

use super::demand::{ClusterKey, Demand, Source};
use super::report::{Advice, AdviceKind, GitUse, Remedy};
use super::sharing::Sharing;
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
    let mut advice = shared_sources(demand);
    advice.extend(full_clones(demand));
    advice.extend(short_intervals(demand));
    // What saves most comes first; the order of equals is the plan's.
    advice.sort_by(|a, b| b.saves_polls_per_hour.total_cmp(&a.saves_polls_per_hour));
    advice.extend(busy_repository(git));
    advice.extend(lists_all_refs(demand));
    advice
}

/// Projects that could use another's source wherever they are.
fn shared_sources(demand: &Demand<'_>) -> Vec<Advice> {
    let sharing = Sharing::of(demand).into_iter();
    sharing.map(|sharing| share(demand, &sharing)).collect()
}

fn share(demand: &Demand<'_>, sharing: &Sharing<'_, '_>) -> Advice {
    let saved = rate(&sharing.saved);
    let group = [&sharing.kept[..], &sharing.saved].concat();
    let projects = sharing
        .projects
        .iter()
        .map(|project| demand.projects[*project]);
    let message = format!(
        "{} ({}) poll the same refs of `{}` in the same places, {} times an hour together; \
         `source: {{project: {}}}` in {} would save {} of them",
        counted(group.len(), "source"),
        some_names(&group),
        demand.repositories[group[0].repository].name,
        count(rate(&group)),
        demand.projects[sharing.keeper],
        some(projects),
        count(saved),
    );
    let remedies = sharing.projects.iter().map(|project| Remedy::Share {
        project: demand.projects[*project].to_owned(),
        keeper: demand.projects[sharing.keeper].to_owned(),
    });
    Advice {
        remedies: remedies.collect(),
        ..advice(AdviceKind::ShareSource, message, saved, &group)
    }
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
        Advice {
            remedies: slower(demand, &group, RARE_CLONES_SECONDS),
            ..advice(AdviceKind::FullClones, message, all - rare, &group)
        }
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
        Advice {
            remedies: slower(demand, &group, SHORT_SECONDS),
            ..advice(AdviceKind::ShortInterval, message, all - calm, &group)
        }
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
        remedies: Vec::new(),
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
        remedies: Vec::new(),
    })
}

/// Each of these sources polled so.
fn slower(demand: &Demand<'_>, group: &[&Source<'_>], seconds: u64) -> Vec<Remedy> {
    let remedies = group.iter().map(|source| Remedy::Interval {
        project: demand.projects[source.project].to_owned(),
        environment: demand.environments[source.environment].to_owned(),
        cluster: match source.cluster {
            ClusterKey::Named(name) => Some(name.to_owned()),
            ClusterKey::Of(_) => None,
        },
        interval: Duration::from_secs(seconds),
    });
    remedies.collect()
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
        remedies: Vec::new(),
    }
}

fn some_names(group: &[&Source<'_>]) -> String {
    some(group.iter().map(|source| source.name))
}

fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMES_IN_A_SENTENCE);
    let names: Vec<_> = names
        .take(NAMES_IN_A_SENTENCE)
        .map(|name| format!("`{name}`"))
        .collect();
    let names = names.join(", ");
    if more == 0 {
        names
    } else {
        format!("{names} and {} more", count(more as f64))
    }
}

#[cfg(test)]
mod tests;

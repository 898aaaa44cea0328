//! Which projects could use the source of another.
//!
//! `source: {project: NAME}` holds in every environment and cluster in which a project is, so the
//! other has to be there too each time: in the same namespace, with the same ref, login and fields.

use std::collections::HashMap;

use crate::flux::yaml::Entry;

use super::demand::{ClusterKey, Demand, Source};

/// Projects whose sources are alike in one place but not in another are told apart by trying; no
/// more than these are tried for each.
const MOST_TRIED: usize = 16;

/// A project whose source others could use.
#[derive(Debug)]
pub(super) struct Sharing<'a, 'd> {
    pub(super) keeper: usize,
    /// The others, in the plan's order.
    pub(super) projects: Vec<usize>,
    /// The sources of the keeper that would be shared.
    pub(super) kept: Vec<&'a Source<'d>>,
    /// The sources of the others, which would be saved.
    pub(super) saved: Vec<&'a Source<'d>>,
}

/// Where a source is: one environment has one source of a project in each.
type Spot<'d> = (usize, ClusterKey<'d>, &'d str);

fn spot<'d>(source: &Source<'d>) -> Spot<'d> {
    (source.environment, source.cluster, source.namespace)
}

impl<'a, 'd> Sharing<'a, 'd> {
    /// All that can be shared, each project with one other at most.
    pub(super) fn of(demand: &'a Demand<'d>) -> Vec<Self> {
        let mut sources: Vec<Vec<&Source<'d>>> = vec![Vec::new(); demand.projects.len()];
        for source in &demand.sources {
            sources[source.project].push(source);
        }
        let mut keepers: HashMap<(usize, Spot<'d>), Vec<usize>> = HashMap::new();
        let mut found: HashMap<usize, Self> = HashMap::new();
        for project in most_present_first(&sources) {
            let own = &sources[project];
            let Some(first) = own.first() else { continue };
            let key = (first.repository, spot(first));
            let candidates = keepers.get(&key).into_iter().flatten().take(MOST_TRIED);
            let keeper = candidates.copied().find(|keeper| {
                !demand.resting.contains(&project) && can_share(own, &sources[*keeper])
            });
            let Some(keeper) = keeper else {
                for source in own {
                    let key = (source.repository, spot(source));
                    keepers.entry(key).or_default().push(project);
                }
                continue;
            };
            let sharing = found.entry(keeper).or_insert_with(|| Self {
                keeper,
                projects: Vec::new(),
                kept: Vec::new(),
                saved: Vec::new(),
            });
            sharing.projects.push(project);
            sharing.saved.extend(own);
        }
        let mut found: Vec<_> = found.into_values().collect();
        for sharing in &mut found {
            sharing.projects.sort_unstable();
            sharing.saved.sort_by_key(|source| source.project);
            let shared = sources[sharing.keeper].iter().filter(|kept| {
                let mut saved = sharing.saved.iter();
                saved.any(|source| spot(source) == spot(kept))
            });
            sharing.kept.extend(shared);
        }
        found.sort_by_key(|sharing| sharing.keeper);
        found
    }
}

/// Projects that are in more places can be used by those in fewer; of equals one keeps its source
/// that others use already, then the one that is polled more often, so that nobody hears of changes
/// later than before.
fn most_present_first(sources: &[Vec<&Source<'_>>]) -> Vec<usize> {
    let polls = |project: &usize| -> f64 {
        let own = sources[*project].iter();
        own.map(|source| source.polls_per_hour).sum()
    };
    let is_shared = |project: &usize| sources[*project].iter().any(|source| source.is_shared);
    let mut projects: Vec<usize> = (0..sources.len()).collect();
    projects.sort_by(|one, other| {
        let by_number = sources[*other].len().cmp(&sources[*one].len());
        by_number
            .then_with(|| is_shared(other).cmp(&is_shared(one)))
            .then_with(|| polls(other).total_cmp(&polls(one)))
    });
    projects
}

/// Whether the other project has the same source wherever this one has one, polled as often at
/// least. One that a third project uses has to stay.
fn can_share(own: &[&Source<'_>], others: &[&Source<'_>]) -> bool {
    own.iter().all(|source| {
        !source.is_shared
            && others
                .iter()
                .find(|other| spot(other) == spot(source))
                .is_some_and(|other| {
                    other.repository == source.repository
                        && other.polls_per_hour >= source.polls_per_hour
                        && other.poll.reference == source.poll.reference
                        && other.poll.secret == source.poll.secret
                        && other.poll.provider == source.poll.provider
                        && is_same(&other.more, &source.more)
                })
    })
}

/// The same fields with the same values, wherever they were written.
fn is_same(one: &[Entry], other: &[Entry]) -> bool {
    one.len() == other.len()
        && one.iter().all(|entry| {
            let twin = other.iter().find(|other| other.key == entry.key);
            twin.is_some_and(|twin| twin.node.to_json() == entry.node.to_json())
        })
}

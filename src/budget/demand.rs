//! What a plan's sources ask for, and where: each poll with its repository, host and rate.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Field;
use crate::flux::yaml::Entry;
use crate::plan::{Plan, PlannedObject, Poll, Reference};

use super::costs::{Cost, CostTable, POLL_FULL_CLONE, POLL_SSH, POLL_UNCHANGED};
use super::host::Hosts;
use super::remote::{Remote, Transport};

/// Everything that is polled, and the names that the report speaks of, each once and in the order
/// in which the plan comes to them.
#[derive(Debug)]
pub(super) struct Demand<'a> {
    pub(super) sources: Vec<Source<'a>>,
    pub(super) environments: Vec<&'a str>,
    pub(super) projects: Vec<&'a str>,
    pub(super) repositories: Vec<Repository>,
    /// Projects of which a source is suspended somewhere, which is not among `sources`.
    pub(super) resting: HashSet<usize>,
}

#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
    /// Sources of one cluster have the same key. A cluster without a name is told from that of
    /// another environment: nobody says that they are one.
    pub(super) cluster: ClusterKey<'a>,
    pub(super) environment: usize,
    pub(super) project: usize,
    pub(super) repository: usize,
    pub(super) poll: &'a Poll,
    /// Fields of the CRD that the configuration gives it besides.
    pub(super) more: Vec<Entry>,
    /// Objects of another project come from it.
    pub(super) is_shared: bool,
    pub(super) polls_per_hour: f64,
    pub(super) transport: Transport,
    /// The number of a GitHub host; `None` elsewhere and for a registry.
    pub(super) github: Option<usize>,
    /// Of one poll that finds nothing new; a registry costs nothing.
    pub(super) cost: Cost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ClusterKey<'a> {
    Named(&'a str),
    Of(&'a str),
}

#[derive(Debug)]
pub(super) struct Repository {
    /// Host and path, as `github.com/acme/web`.
    pub(super) name: String,
}

/// The number of a repository, how it is asked, and the number of its host where that is GitHub.
type Asked = (usize, Transport, Option<usize>);

impl Source<'_> {
    pub(super) fn is_git(&self) -> bool {
        self.transport != Transport::Oci
    }

    pub(super) fn clones_each_time(&self) -> bool {
        self.is_git() && clones_each_time(self.poll)
    }

    pub(super) fn is_app(&self) -> bool {
        self.is_git() && says_github(self.poll)
    }
}

/// A semver range and a commit have no short cut in source-controller. Source:
/// `git/gogit/clone.go` in `fluxcd/pkg`.
fn clones_each_time(poll: &Poll) -> bool {
    matches!(
        poll.reference,
        Reference::Semver { .. } | Reference::Commit { .. }
    )
}

fn says_github(poll: &Poll) -> bool {
    poll.provider.as_deref() == Some("github")
}

impl<'a> Demand<'a> {
    /// Reads the plan; hosts that it shows to be GitHub are added to `hosts`.
    pub(super) fn of(plan: &'a Plan, hosts: &mut Hosts, costs: &CostTable) -> Self {
        let cloned = costs.of(POLL_FULL_CLONE);
        let by_ssh = costs.of(POLL_SSH);
        let by_http = costs.of(POLL_UNCHANGED);
        for (_, poll) in polls(plan).filter(|(_, poll)| says_github(poll)) {
            if let Some(remote) = Remote::of(&poll.url) {
                hosts.learn(&remote.host, true);
            }
        }
        let mut environments = Names::default();
        let mut projects = Names::default();
        let mut repositories = Vec::new();
        let mut numbers: HashMap<(bool, String), usize> = HashMap::new();
        let mut remotes: HashMap<&str, Option<Asked>> = HashMap::new();
        let mut sources = Vec::new();
        let mut resting = HashSet::new();
        for object in &plan.objects {
            let environment = environments.number(&object.environment);
            let project = projects.number(&object.project);
            let Some(poll) = poll_of(object) else {
                if object.poll.is_some() {
                    resting.insert(project);
                }
                continue;
            };
            let known = remotes.entry(&poll.url).or_insert_with(|| {
                let mut remote = Remote::of(&poll.url)?;
                let is_git = remote.transport != Transport::Oci;
                let github = is_git.then(|| hosts.learn(&remote.host, false)).flatten();
                if let Some(host) = github {
                    hosts.name(host).clone_into(&mut remote.host);
                }
                let name = remote.name();
                let number = *numbers.entry((is_git, name.clone())).or_insert_with(|| {
                    repositories.push(Repository { name });
                    repositories.len() - 1
                });
                Some((number, remote.transport, github))
            });
            let Some((repository, transport, github)) = *known else {
                continue;
            };
            sources.push(Source {
                name: &object.name,
                namespace: &object.namespace,
                cluster: cluster_of(object),
                environment,
                project,
                repository,
                poll,
                more: more(object),
                is_shared: false,
                polls_per_hour: per_hour(poll.interval),
                transport,
                github,
                cost: match transport {
                    Transport::Oci => Cost::default(),
                    _ if clones_each_time(poll) => cloned,
                    Transport::Ssh => by_ssh,
                    Transport::Http => by_http,
                },
            });
        }
        mark_shared(plan, &projects, &mut sources);
        Self {
            sources,
            environments: environments.names,
            projects: projects.names,
            repositories,
            resting,
        }
    }
}

fn more(source: &PlannedObject<'_>) -> Vec<Entry> {
    source.layers.map(match source.kind {
        Some("OCIRepository") => Field::OciRepository,
        _ => Field::GitRepository,
    })
}

fn cluster_of<'p>(object: &'p PlannedObject<'_>) -> ClusterKey<'p> {
    match &object.cluster {
        Some(cluster) => ClusterKey::Named(cluster),
        None => ClusterKey::Of(&object.environment),
    }
}

/// Marks the sources that projects use which have none of their own.
fn mark_shared(plan: &Plan<'_>, projects: &Names<'_>, sources: &mut [Source<'_>]) {
    let mut has_own = vec![false; projects.names.len()];
    for source in &*sources {
        has_own[source.project] = true;
    }
    let borrowed: HashSet<_> = plan
        .objects
        .iter()
        .filter(|object| {
            let project = projects.numbers.get(&*object.project);
            project.is_some_and(|project| !has_own[*project])
        })
        .filter_map(|object| {
            let source = object.source.as_ref()?;
            Some((cluster_of(object), &*source.namespace, &*source.name))
        })
        .collect();
    if borrowed.is_empty() {
        return;
    }
    for source in sources {
        source.is_shared = borrowed.contains(&(source.cluster, source.namespace, source.name));
    }
}

fn polls<'p>(plan: &'p Plan<'_>) -> impl Iterator<Item = (&'p PlannedObject<'p>, &'p Poll)> {
    plan.objects
        .iter()
        .filter_map(|object| poll_of(object).map(|poll| (object, poll)))
}

/// What an object asks its host for; one that is suspended asks for nothing.
fn poll_of<'p>(object: &'p PlannedObject<'_>) -> Option<&'p Poll> {
    let is_suspended = matches!(object.layers.flag(Field::Suspend), Some((_, true)));
    object.poll.as_ref().filter(|_| !is_suspended)
}

/// How often an hour something happens that happens every `interval`. An interval of nothing, which
/// the configuration refuses, counts as a millisecond.
fn per_hour(interval: Duration) -> f64 {
    3600.0 / interval.max(Duration::from_millis(1)).as_secs_f64()
}

/// Names in the order in which they come, each once.
#[derive(Debug, Default)]
struct Names<'a> {
    names: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn number(&mut self, name: &'a Arc<str>) -> usize {
        *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }
}

//! `flux-setup status`: what every cluster really runs, and where a commit is.

mod delivered;
mod pushes;
mod report;
mod text;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use jiff::Timestamp;

use crate::catalog::{Item, Kind};
use crate::delivery::CommitName;
use crate::flux::{RepositoryIdentity, mask};
use crate::plan::{Names, Selection};
use crate::reconcile::by_hand::{Target, nearest_to};
use crate::reconcile::standing::{Standing, with_users};
use crate::sync::{Look, Looked};

use super::args::{Format, GlobalArguments};
use super::client::Client;
use super::clusters::{self, Asked, NotSeen};
use super::given::SelectionArguments;
use super::outcome::Outcome;
use super::output;
use super::status_args::StatusArguments;

use delivered::Delivered;
use pushes::Pushes;
use report::{Report, Shown, places};

/// How long a cluster may take to say what it has.
const LOOK_LIMIT: Duration = Duration::from_secs(60);
/// Between two tables of `--watch`.
const AGAIN: Duration = Duration::from_secs(2);
/// What clears a terminal and goes to its first place.
const CLEAR: &str = "\x1b[2J\x1b[H";

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &StatusArguments,
) -> anyhow::Result<Outcome> {
    let Some(asked) = clusters::read(global, &arguments.selection.cluster)? else {
        return Ok(Outcome::BadInput);
    };
    let targets = arguments.targets.iter();
    let targets = targets.map(|text| Target::read(text, &asked.hosts));
    let targets = targets.collect::<Result<Vec<Target>, _>>()?;
    let client = Client::named(arguments.server.as_deref())?;
    clusters::block_on(show(global, arguments, asked, &targets, client.as_ref()))
}

async fn show(
    global: &GlobalArguments,
    arguments: &StatusArguments,
    asked: Asked,
    targets: &[Target],
    client: Option<&Client>,
) -> anyhow::Result<Outcome> {
    let look = Look::begin(asked.accesses, &asked.hosts);
    look.until_tried(LOOK_LIMIT).await;
    loop {
        let told = match client {
            // One request after the other, and nothing else is to be done meanwhile.
            Some(client) => tokio::task::block_in_place(|| {
                let pushes = Pushes::ask(client)?;
                let commit = missing(arguments, &look.clusters);
                let delivered = commit.map(|commit| Delivered::find(client, commit));
                anyhow::Ok((Some(pushes), delivered.transpose()?.flatten()))
            })?,
            None => (None, None),
        };
        let report = report(arguments, targets, &look.clusters, told)?;
        print(global.format, arguments, &report)?;
        if !arguments.watch {
            return Ok(outcome(&report));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn print(format: Format, arguments: &StatusArguments, report: &Report) -> anyhow::Result<()> {
    let clear = arguments.watch && io::stdout().is_terminal();
    match format {
        Format::Json if arguments.watch => output::json_line(report),
        Format::Json => output::json(report),
        Format::Text => output::text(|out| {
            if clear {
                write!(out, "{CLEAR}")?;
            }
            text::tell(out, report, output::stdout_width())
        }),
    }
}

fn outcome(report: &Report) -> Outcome {
    let runs = match &report.places {
        Some(places) => !places.is_empty() && places.iter().all(|place| place.runs),
        None => report.unknown_to_server.is_empty(),
    };
    let NotSeen { away, unseen } = &report.not_seen;
    match runs && away.is_empty() && unseen.is_empty() {
        true => Outcome::Done,
        false => Outcome::No,
    }
}

fn report(
    arguments: &StatusArguments,
    targets: &[Target],
    clusters: &[Looked],
    (pushes, delivered): (Option<Pushes>, Option<Delivered>),
) -> anyhow::Result<Report> {
    if let Some(commit) = &arguments.commit {
        clusters::refuse_ambiguous(commit, clusters)?;
    }
    let not_seen = NotSeen::of(clusters);
    let is_whole = not_seen.away.is_empty();
    let found = found(arguments, targets, clusters, delivered.as_ref(), is_whole)?;
    let selection = selection(&arguments.selection, clusters, is_whole)?;
    let now = Timestamp::now();
    let mut objects = Vec::new();
    for (looked, items) in clusters.iter().zip(&found) {
        let cache = looked.live.read();
        for item in items {
            let is_wanted = selection.as_ref().is_none_or(|selection| {
                let environment = item.environment.as_deref().unwrap_or_default();
                let project = item.project.as_deref().unwrap_or_default();
                selection.has_place(environment, None, project)
            });
            if is_wanted {
                let standing = Standing::of(item, &cache);
                let place = arguments.commit.as_ref();
                let place = place.map(|commit| standing.place(commit, &cache));
                let push = pushes.as_ref().and_then(|pushes| pushes.of(&standing));
                objects.push(Shown::of(&standing, place, push));
            }
        }
    }
    objects.sort_by(Shown::order);
    let commit = arguments.commit.as_ref();
    let served = pushes.map(|pushes| pushes.clusters);
    let shown = objects.iter().map(|shown| &shown.cluster);
    let is_unknown = |cluster: &&String| served.as_ref().is_some_and(|it| !it.contains(*cluster));
    Ok(Report {
        at: now,
        commit: commit.map(|commit| commit.as_str().to_owned()),
        places: commit.map(|_| places(&objects)),
        unknown_to_server: shown.filter(is_unknown).cloned().collect(),
        objects,
        not_seen,
        delivered,
        served,
        clusters: clusters.len(),
    })
}

/// The commit that was asked for, where nothing says which objects it concerns.
fn missing<'a>(arguments: &'a StatusArguments, clusters: &[Looked]) -> Option<&'a CommitName> {
    let commit = arguments.commit.as_ref();
    commit.filter(|commit| {
        arguments.targets.is_empty() && repositories_with(commit, clusters).is_empty()
    })
}

/// What is shown of each cluster.
fn found(
    arguments: &StatusArguments,
    targets: &[Target],
    clusters: &[Looked],
    delivered: Option<&Delivered>,
    is_whole: bool,
) -> anyhow::Result<Vec<Vec<Arc<Item>>>> {
    for (target, text) in targets.iter().zip(&arguments.targets) {
        let caches: Vec<_> = clusters.iter().map(|looked| looked.live.read()).collect();
        let is_there = caches.iter().any(|cache| !target.find(cache).is_empty());
        // It may be in a cluster that is away.
        if !is_there && is_whole {
            let hint = nearest_to(target, caches.iter().map(|cache| &**cache));
            bail!("`{}` names nothing in the clusters; {hint}", mask(text));
        }
    }
    let of_repositories = match (&arguments.commit, targets.is_empty()) {
        (Some(commit), true) => Some(repositories_with(commit, clusters)),
        _ => None,
    };
    let pushed_to = delivered.map(|delivered| delivered.repository.to_lowercase());
    let found = clusters.iter().map(|looked| {
        let cache = looked.live.read();
        let found: Vec<Arc<Item>> = match &of_repositories {
            _ if !targets.is_empty() => {
                let found = targets.iter().flat_map(|target| target.find(&cache));
                found.collect()
            }
            Some(repositories) => cache
                .items()
                .filter(|item| {
                    let repository = item.repository.as_deref();
                    repository.is_some_and(|it| {
                        repositories.contains(it) || pushed_to.as_deref() == Some(it.path())
                    })
                })
                .cloned()
                .collect(),
            None => cache.items().cloned().collect(),
        };
        let is_named = !targets.is_empty();
        let mut all = with_users(&found, &cache);
        all.retain(|item| item.key.kind != Kind::HelmChart || is_named || item.failure().is_some());
        all
    });
    Ok(found.collect())
}

/// The repositories of which some object has the commit: elsewhere nobody looks for it.
fn repositories_with(commit: &CommitName, clusters: &[Looked]) -> BTreeSet<RepositoryIdentity> {
    let mut repositories = BTreeSet::new();
    for looked in clusters {
        let cache = looked.live.read();
        for item in cache.items() {
            let has = |revision: &Option<Arc<str>>| {
                let revision = revision.as_deref();
                revision.is_some_and(|revision| commit.is_in(revision))
            };
            if has(&item.artifact) || has(&item.applied) || has(&item.attempted) {
                let origin = Standing::of(item, &cache).origin;
                let repository = origin.and_then(|origin| origin.repository.clone());
                repositories.extend(repository.map(|it| (*it).clone()));
            }
        }
    }
    repositories
}

/// `None`: everything. Of clusters others choose.
fn selection(
    arguments: &SelectionArguments,
    clusters: &[Looked],
    is_whole: bool,
) -> anyhow::Result<Option<Selection>> {
    if arguments.environment.is_empty() && arguments.project.is_empty() {
        return Ok(None);
    }
    let mut names = Names::default();
    for looked in clusters {
        for item in looked.live.read().items() {
            if let (Some(environment), Some(project)) = (&item.environment, &item.project) {
                names.add(environment, None, project);
            }
        }
    }
    if !is_whole {
        // What is only in a cluster that is away is not unknown.
        for environment in &arguments.environment {
            names.add(environment, None, "");
        }
        for project in &arguments.project {
            names.add("", None, project);
        }
    }
    let selection = Selection::new(&names, &arguments.environment, &arguments.project, &[]);
    Ok(Some(selection?))
}

//! `flux-setup reconcile`: asks Flux to reconcile now, straight at the clusters.

mod following;
mod report;

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Item, Kind};
use crate::reconcile::by_hand::{Course, Round, Target, Terms, Wanted, carry_out, nearest_to};
use crate::sync::{Look, Looked};

use super::args::GlobalArguments;
use super::clusters::{self, Asked, NotSeen};
use super::outcome::Outcome;
use super::reconcile_args::ReconcileArguments;

use following::Following;

/// How long a cluster may take to say what it has.
const LOOK_LIMIT: Duration = Duration::from_secs(60);

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &ReconcileArguments,
) -> anyhow::Result<Outcome> {
    let Some(asked) = clusters::read(global, &arguments.cluster)? else {
        return Ok(Outcome::BadInput);
    };
    let targets = arguments.targets.iter();
    let targets = targets.map(|text| Target::read_to_wake(text, &asked.hosts));
    let targets = targets.collect::<Result<Vec<Target>, _>>()?;
    clusters::block_on(reconcile(global, arguments, asked, &targets))
}

async fn reconcile(
    global: &GlobalArguments,
    arguments: &ReconcileArguments,
    asked: Asked,
    targets: &[Target],
) -> anyhow::Result<Outcome> {
    let look = Look::begin(asked.accesses, &asked.hosts);
    look.until_tried(LOOK_LIMIT).await;
    let not_seen = NotSeen::of(&look.clusters);
    not_seen.tell()?;
    if not_seen.away.len() == look.clusters.len() {
        bail!("no cluster can be looked at");
    }
    if let Some(commit) = &arguments.commit {
        clusters::refuse_ambiguous(commit, &look.clusters)?;
    }
    let rounds = rounds(arguments, targets, &look.clusters, &not_seen)?;
    refuse_what_means_nothing(arguments, &rounds)?;
    let terms = Terms {
        wait: arguments.wait || arguments.commit.is_some(),
        commit: arguments.commit.clone(),
        force: arguments.force,
        reset: arguments.reset,
        within: arguments.timeout,
    };
    let mut courses: Vec<(&Looked, Course)> = look
        .clusters
        .iter()
        .zip(rounds)
        .map(|(looked, round)| (looked, Course::begin(round, terms.clone())))
        .filter(|(_, course)| !course.lines().is_empty())
        .collect();
    let following = Following::of(global.format, terms.wait, &courses);
    let stop = stopped_by_a_person();
    let going = courses
        .iter_mut()
        .enumerate()
        .map(|(place, (looked, course))| {
            let (following, stop) = (&following, &stop);
            let tell = move |course: &Course| following.tell(place, course);
            let within = arguments.timeout;
            carry_out(course, within, stop, &looked.cluster, &looked.live, tell)
        });
    join_all(going).await;
    following.end();
    let is_reached = courses.iter().all(|(_, course)| course.is_reached());
    let is_reached = is_reached && not_seen.away.is_empty();
    report::print(
        global.format,
        &courses,
        arguments.commit.as_ref(),
        &not_seen,
        is_reached,
    )?;
    Ok(match is_reached {
        true => Outcome::Done,
        false => Outcome::No,
    })
}

/// Told at Ctrl-C: what was reached until then is printed all the same.
fn stopped_by_a_person() -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            told.cancel();
        }
    });
    stop
}

/// What is done in each cluster.
fn rounds(
    arguments: &ReconcileArguments,
    targets: &[Target],
    clusters: &[Looked],
    not_seen: &NotSeen,
) -> anyhow::Result<Vec<Round>> {
    let wanted = Wanted {
        with_dependants: arguments.with_dependants,
        with_sources: arguments.commit.is_some(),
        with_releases: arguments.force || arguments.reset,
    };
    let find = |target: &Target| -> Vec<Vec<Arc<Item>>> {
        let found = clusters
            .iter()
            .map(|looked| target.find(&looked.live.read()));
        found.collect()
    };
    let found: Vec<Vec<Vec<Arc<Item>>>> = targets.iter().map(find).collect();
    for ((target, text), found) in targets.iter().zip(&arguments.targets).zip(&found) {
        if found.iter().all(Vec::is_empty) {
            let caches: Vec<_> = clusters.iter().map(|looked| looked.live.read()).collect();
            let hint = nearest_to(target, caches.iter().map(|cache| &**cache));
            let text = crate::flux::mask(text);
            match not_seen.away.is_empty() {
                true => bail!("`{text}` names nothing in the clusters; {hint}"),
                false => bail!("`{text}` names nothing in the clusters that can be seen; {hint}"),
            }
        }
    }
    let round = |(place, looked): (usize, &Looked)| {
        let named: Vec<_> = targets
            .iter()
            .zip(&found)
            .map(|(target, found)| (target, found[place].clone()))
            .collect();
        Round::of(&named, &looked.live.read(), wanted)
    };
    Ok(clusters.iter().enumerate().map(round).collect())
}

fn refuse_what_means_nothing(
    arguments: &ReconcileArguments,
    rounds: &[Round],
) -> anyhow::Result<()> {
    let kinds = || {
        let wakes = rounds.iter().flat_map(|round| &round.wakes);
        let left = rounds.iter().flat_map(|round| &round.left);
        let woken = wakes.map(|wake| &wake.item.key);
        woken.chain(left.map(|left| &left.item.key))
    };
    if (arguments.force || arguments.reset) && !kinds().any(|key| key.kind == Kind::HelmRelease) {
        bail!("--force and --reset concern HelmReleases, and none is made from what is named");
    }
    let has_commit =
        |kind: Kind| !kind.is_source() || matches!(kind, Kind::GitRepository | Kind::HelmChart);
    let mut without = kinds().filter(|key| !has_commit(key.kind));
    if arguments.commit.is_some()
        && let Some(key) = without.next()
    {
        bail!("what {key} fetches names no commit; leave --commit out and use --wait");
    }
    if arguments.commit.is_some() && !kinds().any(|key| key.kind == Kind::GitRepository) {
        bail!("nothing that is named is made from a GitRepository, which alone has commits");
    }
    Ok(())
}

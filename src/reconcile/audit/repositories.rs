//! The audit of a webhook that has a hook on each repository, spread over time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::{debug, warn};

use crate::catalog::Kind;
use crate::flux::RepositoryIdentity;
use crate::github::CallFault;
use crate::github::hooks::{Finding, HookApi, HookPlace};

use super::asking::{Failing, finding, is_refusal, pause};
use super::hook::{CURSORS, HookAudit, Step, Terms};
use super::means::{AuditSubject, Means, NOTES_AT_ONCE};
use super::missed::AuditFault;
use super::report::{Repositories, Trust, WebhookReport, believed_for};
use super::single::{all_leave_reliance, tell};
use super::tally::{Counted, Tally};

/// What the hooks of all repositories of a webhook may cost at most, in requests an hour: with more of them
/// each is asked about more rarely.
const CALLS_AN_HOUR: f64 = 600.0;
/// Of so many turns of a repository one also asks whether its hook is as it should be.
const LOOK_EVERY_TURNS: u32 = 10;
/// Repositories that are asked about at most.
const REPOSITORIES: usize = 10_000;
/// Findings that are shown at most.
const FINDINGS: usize = 100;

/// One repository's hook.
#[derive(Debug)]
struct Hooked {
    audit: HookAudit,
    /// Why GitHub could not be asked the last time.
    fault: Option<Finding>,
    /// `None`: it is not known to be sound.
    sound_until: Option<Instant>,
}

/// Audits for ever.
pub(super) async fn audit(mut means: Means) {
    let mut hooks: HashMap<String, Hooked> = HashMap::new();
    let tally = means.metrics.tally(&means.webhook.name);
    let mut failing: Option<Failing> = None;
    loop {
        let paths = repositories(&means);
        forget(&means, &mut hooks, &paths).await;
        let period = period(paths.len(), means.webhook.every);
        publish(
            &means,
            &hooks,
            &paths,
            period,
            tally.counted(),
            failing.as_ref(),
            None,
        );
        let turn = period / u32::try_from(paths.len().max(1)).unwrap_or(u32::MAX);
        if paths.is_empty() {
            tokio::time::sleep(means.webhook.every).await;
        }
        for path in &paths {
            let begun = Instant::now();
            let Some(hooked) = hooked(&mut means, &mut hooks, path) else {
                continue;
            };
            let terms = Terms {
                began: means.began,
                days: means.days(),
                look_every: period * LOOK_EVERY_TURNS,
            };
            let turned = turn_of(&means, hooked, &terms, &tally).await;
            let now = hooked.audit.client().now();
            let wait = match turned {
                Ok(()) => {
                    failing = None;
                    let findings = hooked.audit.findings();
                    let is_sound = !findings.into_iter().any(|finding| finding.kind.breaks());
                    let until = Instant::now() + believed_for(period);
                    hooked.sound_until = is_sound.then_some(until);
                    publish(&means, &hooks, &paths, period, tally.counted(), None, None);
                    Duration::ZERO
                }
                Err(AuditFault::Call(CallFault::Held(hold))) => {
                    let until = hold.until;
                    let failing = failing.as_ref();
                    publish(
                        &means,
                        &hooks,
                        &paths,
                        period,
                        tally.counted(),
                        failing,
                        Some(until),
                    );
                    let held = AuditFault::Call(CallFault::Held(hold));
                    pause(&held, turn, 1, now)
                }
                // Of this repository alone.
                Err(fault) if is_refusal(&fault) => {
                    failing = None;
                    refused(&means, hooked, path, &fault);
                    publish(&means, &hooks, &paths, period, tally.counted(), None, None);
                    Duration::ZERO
                }
                Err(fault) => {
                    let name = &means.webhook.name;
                    debug!(webhook = %name, error = %fault, "cannot ask GitHub about the hook of {path}");
                    if failing.is_none() {
                        warn!(webhook = %name, error = %fault, "cannot ask GitHub about webhook {name}; it is tried on");
                    }
                    let failing = failing.get_or_insert_with(Failing::start);
                    let mut asked = hooks.values().map(|hooked| hooked.audit.audited_at);
                    let was_asked = asked.any(|at| at.is_some());
                    let believed = was_asked.then(|| believed_for(means.webhook.every));
                    if let Some((place, identity)) = place(&means, path) {
                        failing.again(&fault, &place, &identity, believed);
                    }
                    let times = failing.times;
                    publish(
                        &means,
                        &hooks,
                        &paths,
                        period,
                        tally.counted(),
                        Some(failing),
                        None,
                    );
                    let least = turn.max(Duration::from_secs(1));
                    pause(&fault, least, times, now)
                }
            };
            let rest = turn.saturating_sub(begun.elapsed());
            tokio::time::sleep(rest.max(wait)).await;
        }
    }
}

/// All pages of one repository's list that are new.
async fn turn_of(
    means: &Means,
    hooked: &mut Hooked,
    terms: &Terms,
    tally: &Tally,
) -> Result<(), AuditFault> {
    let wanted = means.wanted();
    loop {
        let before = tally.counted();
        let step = hooked.audit.step(&wanted, terms, tally).await;
        tell(means, before, tally.counted());
        if step? == Step::Done {
            hooked.fault = None;
            return Ok(());
        }
    }
}

fn refused(means: &Means, hooked: &mut Hooked, path: &str, fault: &AuditFault) {
    let asked = place(means, path);
    let found = asked.and_then(|(place, identity)| finding(fault, &place, &identity));
    if hooked.fault.is_none() && found.is_some() {
        let name = &means.webhook.name;
        warn!(webhook = %name, error = %fault, "cannot ask GitHub about the hook of {path}");
    }
    hooked.fault = found;
    hooked.sound_until = None;
}

/// Where a repository's hook is, and who asks about it.
fn place(means: &Means, path: &str) -> Option<(HookPlace, String)> {
    let owner = path.split('/').next().unwrap_or_default();
    let client = means.webhook.client(owner)?;
    Some((HookPlace::repository(path)?, client.identity().to_owned()))
}

/// `None` where nobody can ask about it.
fn hooked<'h>(
    means: &mut Means,
    hooks: &'h mut HashMap<String, Hooked>,
    path: &str,
) -> Option<&'h mut Hooked> {
    if !hooks.contains_key(path) {
        let place = HookPlace::repository(path)?;
        let owner = path.split('/').next().unwrap_or_default();
        let client = means.webhook.client(owner)?;
        let name = format!("{}{}", means.webhook.name, place.hooks());
        let noted = means.noted.remove(&name);
        let api = HookApi::new(client, place);
        let audit = HookAudit::new(api, means.inbox.clone(), name, noted.as_deref());
        let new = Hooked {
            audit,
            fault: None,
            sound_until: None,
        };
        hooks.insert(path.to_owned(), new);
    }
    hooks.get_mut(path)
}

/// What no source names any more is forgotten, with how far its list was read.
async fn forget(means: &Means, hooks: &mut HashMap<String, Hooked>, paths: &BTreeSet<String>) {
    let gone = hooks.extract_if(|path, _| !paths.contains(path));
    let names: Vec<String> = gone.map(|(_, it)| it.audit.name().to_owned()).collect();
    for some in names.chunks(NOTES_AT_ONCE) {
        if let Err(fault) = means.inbox.store.forget(CURSORS, some.to_vec()).await {
            debug!(error = %fault, "cannot forget how far lists were read");
        }
    }
}

/// `owner/name` of all repositories of the host that something names.
fn repositories(means: &Means) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut add = |repository: &RepositoryIdentity| {
        let is_one = repository.path().split('/').count() == 2;
        if is_one && repository.host() == means.webhook.host && paths.len() < REPOSITORIES {
            paths.insert(repository.path().to_owned());
        }
    };
    if let AuditSubject::Repositories(planned) = &means.webhook.subject {
        planned.iter().for_each(&mut add);
    }
    for cluster in &means.clusters {
        let cluster = cluster.read();
        let sources = cluster.items();
        let sources = sources.filter(|item| item.key.kind == Kind::GitRepository);
        for repository in sources.filter_map(|item| item.repository.as_deref()) {
            add(repository);
        }
    }
    paths
}

/// In which time each of so many repositories has its turn.
fn period(repositories: usize, every: Duration) -> Duration {
    let count = u32::try_from(repositories).unwrap_or(u32::MAX);
    let calls = f64::from(count) * (1.0 + 1.0 / f64::from(LOOK_EVERY_TURNS));
    every.max(Duration::from_secs_f64(calls * 3600.0 / CALLS_AN_HOUR))
}

fn publish(
    means: &Means,
    hooks: &HashMap<String, Hooked>,
    paths: &BTreeSet<String>,
    period: Duration,
    counted: Counted,
    failing: Option<&Failing>,
    held_until: Option<Timestamp>,
) {
    let blank = means.board.report(&means.webhook.name);
    let Some(blank) = blank else { return };
    let now = Instant::now();
    let sound = hooks
        .iter()
        .filter_map(|(path, hooked)| Some((path, hooked, hooked.sound_until?)))
        .filter(|(.., until)| now < *until);
    let relied_on = sound
        .clone()
        .filter(|(_, hooked, _)| all_leave_reliance(hooked.audit.findings()))
        .map(|(path, _, until)| (path.clone(), until))
        .collect();
    let unasked = failing.and_then(|failing| failing.finding.clone());
    let mut findings: Vec<Finding> = unasked.into_iter().collect();
    let ordered = paths.iter().filter_map(|path| hooks.get(path));
    for hooked in ordered.clone() {
        findings.extend(hooked.audit.findings().chain(&hooked.fault).cloned());
    }
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let is_asked = |hooked: &&Hooked| hooked.audit.audited_at.is_some() || hooked.fault.is_some();
    let asked = ordered.clone().filter(is_asked).count();
    let is_broken = findings.iter().any(|finding| finding.kind.breaks());
    // What breaks is told before what is odd, and that before what is only quiet.
    findings.sort_by_key(|finding| (!finding.kind.breaks(), !finding.kind.is_wrong()));
    findings.truncate(FINDINGS);
    let clients = paths.iter().filter_map(|path| path.split('/').next());
    let client = clients
        .clone()
        .find_map(|owner| means.webhook.client(owner));
    let calls = f64::from(count(paths.len())) * (1.0 + 1.0 / f64::from(LOOK_EVERY_TURNS));
    let report = WebhookReport {
        identity: client.map(|client| client.identity().to_owned()),
        repositories: Some(Repositories {
            all: count(paths.len()),
            healthy: count(sound.count()),
            pending: count(paths.len().saturating_sub(asked)),
        }),
        last_delivery: ordered
            .clone()
            .filter_map(|it| it.audit.last_delivery())
            .max(),
        last_audit: ordered.clone().filter_map(|it| it.audit.audited_at).max(),
        healthy: (asked > 0 || is_broken).then_some(!is_broken),
        findings,
        missed: counted.missed,
        back_filled: counted.back_filled,
        redelivered: counted.redelivered,
        unreadable: counted.unreadable,
        catching_up: ordered.clone().any(|it| it.audit.is_catching_up()),
        held_until,
        calls_an_hour: calls * 3600.0 / period.as_secs_f64(),
        ..blank
    };
    means.metrics.show(&report);
    means
        .board
        .put(report, Some(Trust::Of(Arc::new(relied_on))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_repositories_are_asked_about_more_rarely_at_the_same_price() {
        let every = Duration::from_secs(60);
        for (count, seconds) in [(0, 60.0), (9, 60.0), (26, 171.6), (1_000, 6_600.0)] {
            let period = period(count, every).as_secs_f64();
            assert!((period - seconds).abs() < 0.1, "{count}: {period}");
        }
    }
}

//! The audit of a webhook that is one hook: of an organisation or of an App.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::github::CallFault;
use crate::github::hooks::{Finding, FindingKind, HookApi, HookPlace, judge_installation};

use super::asking::{Failing, is_refusal, pause};
use super::hook::{HookAudit, Step, Terms};
use super::means::{AuditedWebhook, Means, PATIENCE};
use super::missed::AuditFault;
use super::report::{Trust, WebhookReport, believed_for};
use super::tally::Counted;

/// How often it is asked whether the hook is as it should be.
const LOOK_EVERY: Duration = Duration::from_secs(10 * 60);

pub(super) fn organization(webhook: &AuditedWebhook, name: &str) -> Option<HookApi> {
    let place = HookPlace::Organization(name.to_owned());
    Some(HookApi::new(webhook.client(name)?, place))
}

pub(super) fn app(webhook: &AuditedWebhook, identity: &str) -> Option<HookApi> {
    // Only the App itself may ask about its hook.
    let client = webhook.github.client(identity)?.patient_for(PATIENCE);
    Some(HookApi::new(client, HookPlace::App))
}

/// Audits for ever.
pub(super) async fn audit(mut means: Means, api: HookApi) {
    let name = format!("{}{}", means.webhook.name, api.place().hooks());
    let noted = means.noted.remove(&name);
    let place = api.place().clone();
    let client = api.client().clone();
    let identity = client.identity().to_owned();
    let mut hook = HookAudit::new(api, means.inbox.clone(), name, noted.as_deref());
    let terms = Terms {
        began: means.began,
        days: means.days(),
        look_every: LOOK_EVERY,
    };
    let every = means.webhook.every;
    let tally = means.metrics.tally(&means.webhook.name);
    let mut failing: Option<Failing> = None;
    let mut held;
    let mut told = HashSet::new();
    // Until GitHub was asked it is not relied on.
    let unasked = report(&means, &hook, tally.counted(), None, &identity);
    means.board.put(unasked, Some(Trust::No));
    loop {
        let before = tally.counted();
        // Of before the call: one that is replaced meanwhile is tried at once.
        let credential = client.credential();
        let step = hook.step(&means.wanted(), &terms, &tally).await;
        tell(&means, before, tally.counted());
        let is_told = step.is_ok();
        let is_refused = step.as_ref().is_err_and(is_refusal);
        held = None;
        let wait = match step {
            Ok(step) => {
                if failing.take().is_some() {
                    let name = &means.webhook.name;
                    info!(webhook = %name, "GitHub tells of webhook {name} again");
                }
                match step {
                    Step::More => Duration::ZERO,
                    Step::Done => every,
                }
            }
            Err(fault) => {
                let times = match &fault {
                    // Nothing is wrong.
                    AuditFault::Call(CallFault::Held(hold)) => {
                        held = Some(hold.until);
                        1
                    }
                    fault => {
                        if failing.is_none() {
                            let name = &means.webhook.name;
                            warn!(webhook = %name, error = %fault, "cannot ask GitHub about webhook {name}; it is tried on");
                        }
                        let failing = failing.get_or_insert_with(Failing::start);
                        if tally.counted() != before {
                            failing.times = 0;
                        }
                        let believed = hook.audited_at.map(|_| believed_for(every));
                        failing.again(fault, &place, &identity, believed);
                        failing.times
                    }
                };
                pause(&fault, every, times, client.now())
            }
        };
        let mut report = report(&means, &hook, tally.counted(), failing.as_ref(), &identity);
        report.held_until = held;
        means.metrics.show(&report);
        told = tell_findings(&means, &report.findings, &told);
        let is_relied_on = all_leave_reliance(&report.findings);
        let trust = match report.healthy.filter(|_| is_relied_on) {
            Some(true) if is_told => Some(Trust::Until(Instant::now() + believed_for(every))),
            // What was found is believed until then.
            Some(true) => None,
            _ => Some(Trust::No),
        };
        means.board.put(report, trust);
        let mended = client.mended(&credential);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = mended, if is_refused => {}
        }
    }
}

fn report(
    means: &Means,
    hook: &HookAudit,
    counted: Counted,
    failing: Option<&Failing>,
    identity: &str,
) -> WebhookReport {
    let unasked = failing.and_then(|failing| failing.finding.clone());
    let of_installation = match hook.place() {
        HookPlace::App => hook.client().trouble(),
        _ => None,
    };
    let of_installation = of_installation.as_ref().and_then(judge_installation);
    let findings = hook.findings().cloned().chain(unasked);
    let findings: Vec<Finding> = findings.chain(of_installation).collect();
    let is_asked = hook.audited_at.is_some() || !findings.is_empty();
    let is_broken = findings.iter().any(|finding| finding.kind.breaks());
    let looks = 3600.0 / LOOK_EVERY.as_secs_f64();
    let blank = means.board.report(&means.webhook.name);
    let blank =
        blank.unwrap_or_else(|| WebhookReport::new(means.webhook.name.clone(), String::new()));
    WebhookReport {
        identity: Some(identity.to_owned()),
        hook_id: hook.hook().map(|hook| hook.id).filter(|id| *id != 0),
        url: hook
            .hook()
            .and_then(|hook| hook.config.url.as_deref())
            .map(shown),
        last_delivery: hook.last_delivery(),
        last_audit: hook.audited_at,
        healthy: is_asked.then_some(!is_broken),
        findings,
        missed: counted.missed,
        back_filled: counted.back_filled,
        redelivered: counted.redelivered,
        unreadable: counted.unreadable,
        catching_up: hook.is_catching_up(),
        calls_an_hour: 3600.0 / means.webhook.every.as_secs_f64() + looks,
        ..blank
    }
}

pub(super) fn all_leave_reliance<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> bool {
    let mut findings = findings.into_iter();
    findings.all(|finding| finding.kind.leaves_reliance())
}

pub(super) fn shown(url: &str) -> String {
    crate::flux::mask(url).into_owned()
}

/// Logs what is found that was not before; returns all that is.
fn tell_findings(
    means: &Means,
    findings: &[Finding],
    told: &HashSet<FindingKind>,
) -> HashSet<FindingKind> {
    let name = &means.webhook.name;
    for finding in findings.iter().filter(|it| !told.contains(&it.kind)) {
        let (what, mend) = (&finding.what, &finding.mend);
        if finding.kind.is_wrong() {
            warn!(webhook = %name, mend, "webhook {name}: {what}");
        } else {
            info!(webhook = %name, mend, "webhook {name}: {what}; until something is, it is not relied on");
        }
    }
    let sound = !findings.iter().any(|finding| finding.kind.breaks());
    if sound && told.iter().any(|kind| kind.breaks()) {
        info!(webhook = %name, "webhook {name} is sound again");
    }
    findings.iter().map(|finding| finding.kind).collect()
}

/// Logs what was found of what never came in.
pub(super) fn tell(means: &Means, before: Counted, now: Counted) {
    let missed = now.missed - before.missed;
    if missed == 0 {
        return;
    }
    let name = &means.webhook.name;
    let (back_filled, redelivered) = (
        now.back_filled - before.back_filled,
        now.redelivered - before.redelivered,
    );
    let unreadable = now.unreadable - before.unreadable;
    warn!(webhook = %name, missed, back_filled, redelivered, unreadable, "deliveries of webhook {name} had not come in; they were fetched from GitHub's list");
}

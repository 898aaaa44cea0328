//! `webhook check`: whether hooks are sound, and what mends them.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::budget::counted;
use crate::cli::args::Format;
use crate::cli::outcome::Outcome;
use crate::cli::output;
use crate::cli::printable::printable;
use crate::cli::table::print_labelled;
use crate::github::CallFault;
use crate::github::hooks::{
    Attempt, DETAIL_LIMIT_BYTES, Finding, Hook, HookPlace, judge_attempts, judge_hook,
    judge_missing, judge_unasked, ours,
};

use super::target::Target;

/// A ping is waited for so long: GitHub gives up after ten seconds.
const PING_PATIENCE: Duration = Duration::from_secs(20);
const PING_PAUSE: Duration = Duration::from_secs(1);

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    sound: bool,
    webhooks: Vec<Check>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    webhook: String,
    place: String,
    hook_id: Option<u64>,
    url: Option<String>,
    sound: bool,
    findings: Vec<Finding>,
    last_delivery: Option<Last>,
    /// What became of the ping; `None` where none was sent.
    ping: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Last {
    guid: String,
    event: String,
    at: jiff::Timestamp,
    outcome: String,
    /// The secret with which it was signed, where that can be told.
    secret: Option<String>,
}

pub(super) async fn run(
    format: Format,
    targets: &[Target],
    folder: &Path,
    ping: bool,
) -> anyhow::Result<Outcome> {
    let mut webhooks = Vec::new();
    for target in targets {
        webhooks.push(check(target, folder, ping).await?);
    }
    let sound = webhooks.iter().all(|check| check.sound);
    let checked = Checked { sound, webhooks };
    match format {
        Format::Json => output::json(&checked)?,
        Format::Text => output::text(|out| tell(out, &checked))?,
    }
    Ok(if sound { Outcome::Done } else { Outcome::No })
}

/// # Errors
/// GitHub may not be asked now. That it refuses, or cannot be reached, is a finding.
async fn check(target: &Target, folder: &Path, ping: bool) -> anyhow::Result<Check> {
    let mut check = Check {
        webhook: target.name().to_owned(),
        place: target.api.place().to_string(),
        hook_id: None,
        url: None,
        sound: false,
        findings: Vec::new(),
        last_delivery: None,
        ping: None,
    };
    match examine(target, folder, ping, &mut check).await {
        Ok(()) => {}
        Err(fault) => {
            let identity = target.api.client().identity();
            let found = judge_unasked(&fault, target.api.place(), identity);
            let Some(found) = found else {
                return Err(target.unasked(fault));
            };
            check.findings.push(found);
        }
    }
    check.sound = !check.findings.iter().any(|finding| finding.kind.is_wrong());
    Ok(check)
}

async fn examine(
    target: &Target,
    folder: &Path,
    ping: bool,
    check: &mut Check,
) -> Result<(), CallFault> {
    let hooks = target.api.hooks().await?;
    let of = target.judged(&hooks);
    let found = ours(&hooks.hooks, &target.wanted);
    let Some((hook, twins)) = found.split_first() else {
        check.findings.push(judge_missing(&of, &hooks.hooks));
        return Ok(());
    };
    check.hook_id = Some(hook.id).filter(|id| *id != 0);
    let url = hook.config.url.as_deref().unwrap_or_default();
    check.url = Some(crate::flux::mask(url).into_owned());
    check.findings = judge_hook(&of, hook, twins);
    let mut attempts = newest(target, hook).await?;
    if ping {
        let (told, later) = pinged(target, hook, attempts).await?;
        check.ping = Some(told);
        attempts = later;
    }
    check
        .findings
        .extend(judge_attempts(&of, &attempts, target.days));
    if let Some(newest) = attempts.first() {
        let secret = match target.all_secrets(folder) {
            Ok(secrets) => {
                let api = &target.api;
                let detail = api.detail(hook.id, newest.id, DETAIL_LIMIT_BYTES).await;
                let place = detail.ok().and_then(|it| it.signed_with(&secrets));
                place.and_then(|place| target.secrets.get(place))
            }
            // GitHub can be asked all else without them.
            Err(_) => None,
        };
        check.last_delivery = Some(Last {
            guid: newest.guid.to_string(),
            event: newest.event.clone(),
            at: newest.delivered_at,
            outcome: newest.outcome(),
            secret: secret.map(ToString::to_string),
        });
    }
    Ok(())
}

async fn newest(target: &Target, hook: &Hook) -> Result<Vec<Attempt>, CallFault> {
    let page = target.api.attempts(hook.id, None, false).await?;
    Ok(page.map(|page| page.attempts).unwrap_or_default())
}

/// Sends a ping and waits for what becomes of it.
async fn pinged(
    target: &Target,
    hook: &Hook,
    before: Vec<Attempt>,
) -> Result<(String, Vec<Attempt>), CallFault> {
    if *target.api.place() == HookPlace::App {
        let told = "GitHub cannot ping an App; push something instead".to_owned();
        return Ok((told, before));
    }
    let last = before.first().map_or(0, |attempt| attempt.id);
    target.api.ping(hook.id).await?;
    let until = tokio::time::Instant::now() + PING_PATIENCE;
    loop {
        let attempts = newest(target, hook).await?;
        let mut later = attempts.iter().take_while(|attempt| attempt.id > last);
        if let Some(ping) = later.find(|attempt| attempt.event == "ping") {
            return Ok((ping.outcome(), attempts));
        }
        if tokio::time::Instant::now() >= until {
            let told = format!("GitHub lists none after {} s", PING_PATIENCE.as_secs());
            return Ok((told, attempts));
        }
        tokio::time::sleep(PING_PAUSE).await;
    }
}

fn tell(out: &mut dyn Write, checked: &Checked) -> io::Result<()> {
    for (place, check) in checked.webhooks.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        let (style, verdict) = if check.sound {
            (GREEN, "sound".to_owned())
        } else {
            (RED, counted(check.findings.len(), "finding"))
        };
        let (webhook, place) = (&check.webhook, &check.place);
        writeln!(out, "{webhook}, {place}: {style}{verdict}{style:#}")?;
        if let Some(url) = &check.url {
            match check.hook_id {
                Some(id) => writeln!(out, "  hook {id} posts to {}", printable(url))?,
                None => writeln!(out, "  posts to {}", printable(url))?,
            }
        }
        if let Some(last) = &check.last_delivery {
            let event = printable(&last.event);
            write!(
                out,
                "  last delivery {}, {event}: {}",
                last.at, last.outcome
            )?;
            match &last.secret {
                Some(secret) => writeln!(out, ", signed with {secret}")?,
                None => writeln!(out)?,
            }
        }
        if let Some(ping) = &check.ping {
            writeln!(out, "  ping: {}", printable(ping))?;
        }
        for finding in &check.findings {
            let width = output::stdout_width();
            print_labelled(out, width, "  ", &printable(&finding.what))?;
            print_labelled(out, width, "    mend: ", &printable(&finding.mend))?;
        }
    }
    Ok(())
}

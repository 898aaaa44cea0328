//! `webhook redeliver`: has GitHub deliver again.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use anyhow::bail;
use jiff::Timestamp;
use serde::Serialize;

use crate::budget::counted_as;
use crate::cli::args::Format;
use crate::cli::outcome::Outcome;
use crate::cli::output;
use crate::cli::printable::printable;
use crate::cli::webhook_args::RedeliverArguments;
use crate::delivery::Guid;

use super::target::Target;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    place: String,
    guid: String,
    event: String,
    /// How it ended before.
    outcome: String,
    /// Why GitHub does not deliver it again.
    fault: Option<String>,
}

pub(super) async fn run(
    format: Format,
    targets: &[Target],
    asked: &RedeliverArguments,
) -> anyhow::Result<Outcome> {
    let mut wanted: HashSet<Guid> = HashSet::new();
    for text in &asked.guids {
        let guid = Guid::read(text);
        wanted.insert(guid.map_err(|reason| anyhow::anyhow!("`{text}` is no GUID: {reason}"))?);
    }
    let since = Timestamp::now().checked_sub(asked.since);
    let since = since.unwrap_or(Timestamp::UNIX_EPOCH);
    let mut done = Vec::new();
    for target in targets {
        redeliver(target, asked, since, &mut wanted, &mut done).await?;
    }
    if let Some(guid) = wanted.iter().next() {
        bail!(
            "GitHub's list of webhook `{}` has no delivery `{guid}`; it remembers {} days",
            asked.webhook,
            targets.first().map_or(3, |target| target.days)
        );
    }
    let has_failed = done.iter().any(|asked| asked.fault.is_some());
    match format {
        Format::Json => output::json(&serde_json::json!({
            "webhook": asked.webhook, "dryRun": asked.dry_run, "redelivered": done
        }))?,
        Format::Text => output::text(|out| tell(out, &done, asked.dry_run))?,
    }
    Ok(if has_failed {
        Outcome::BadInput
    } else {
        Outcome::Done
    })
}

/// Of one hook; what was found of the wanted ones is taken out of them.
async fn redeliver(
    target: &Target,
    asked: &RedeliverArguments,
    since: Timestamp,
    wanted: &mut HashSet<Guid>,
    done: &mut Vec<Asked>,
) -> anyhow::Result<()> {
    let hook = target.our_hook().await?;
    let mut left = wanted.clone();
    let attempts = target
        .attempts(hook, |attempt| {
            if asked.failed {
                return attempt.delivered_at >= since;
            }
            // The last one that was looked for is kept as well.
            let goes_on = !left.is_empty();
            left.remove(&attempt.guid);
            goes_on
        })
        .await?;
    // Of each delivery the newest attempt, which comes first.
    let mut newest = HashMap::new();
    let mut order = Vec::new();
    for attempt in attempts {
        if !newest.contains_key(&attempt.guid) {
            order.push(attempt.guid.clone());
            newest.insert(attempt.guid.clone(), attempt);
        }
    }
    let chosen = order.iter().filter_map(|guid| newest.get(guid));
    let chosen = chosen.filter(|attempt| match asked.failed {
        true => !attempt.is_taken(),
        false => wanted.contains(&attempt.guid),
    });
    let chosen: Vec<_> = chosen.collect();
    // The oldest first, as they were delivered.
    for attempt in chosen.into_iter().rev() {
        let fault = match asked.dry_run {
            true => None,
            false => target.api.redeliver(hook, attempt.id).await.err(),
        };
        wanted.remove(&attempt.guid);
        done.push(Asked {
            place: target.api.place().to_string(),
            guid: attempt.guid.to_string(),
            event: attempt.event.clone(),
            outcome: attempt.outcome(),
            fault: fault.map(|fault| fault.to_string()),
        });
    }
    Ok(())
}

fn tell(out: &mut dyn Write, done: &[Asked], dry_run: bool) -> io::Result<()> {
    for asked in done {
        let event = printable(&asked.event);
        write!(out, "{} {event}, {}", asked.guid, printable(&asked.outcome))?;
        match &asked.fault {
            Some(fault) => writeln!(out, ": {}", printable(fault))?,
            None => writeln!(out)?,
        }
    }
    let count = done.iter().filter(|asked| asked.fault.is_none()).count();
    let counted = counted_as(count, "delivery", "deliveries");
    if dry_run {
        writeln!(out, "GitHub would be asked to deliver {counted} again")
    } else {
        writeln!(out, "asked GitHub to deliver {counted} again")
    }
}

//! `webhook deliveries`: what GitHub delivered, and how it ended.

use std::collections::HashSet;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::outcome::Outcome;
use crate::cli::output;
use crate::cli::printable::printable;
use crate::cli::table::{Column, print, table};
use crate::cli::webhook_args::DeliveriesArguments;
use crate::github::hooks::Attempt;

use super::target::Target;

/// Headings of columns that a narrow terminal goes without, in this order.
const SPARED_FIRST: [&str; 3] = ["again", "action", "of"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    place: String,
    id: u64,
    guid: String,
    delivered_at: Timestamp,
    event: String,
    action: Option<String>,
    redelivery: bool,
    taken: bool,
    status_code: u16,
    outcome: String,
    throttled_at: Option<Timestamp>,
}

pub(super) async fn run(
    format: Format,
    targets: &[Target],
    asked: &DeliveriesArguments,
) -> anyhow::Result<Outcome> {
    let since = Timestamp::now().checked_sub(asked.since);
    let since = since.unwrap_or(Timestamp::UNIX_EPOCH);
    let limit = asked.limit as usize;
    let mut shown = Vec::new();
    for target in targets {
        let hook = target.our_hook().await?;
        let mut guids = HashSet::new();
        let (mut count, failed) = (0, asked.failed);
        let attempts = target
            .attempts(hook, |attempt| {
                let is_last = guids.insert(attempt.guid.clone());
                count += usize::from(!failed || (is_last && !attempt.is_taken()));
                // One more than is shown says that there are more.
                attempt.delivered_at >= since && count <= limit + 1
            })
            .await?;
        let mut guids = HashSet::new();
        let wanted = attempts.into_iter().filter(|attempt| {
            let is_last = guids.insert(attempt.guid.clone());
            !failed || (is_last && !attempt.is_taken())
        });
        let place = target.api.place().to_string();
        shown.extend(wanted.map(|attempt| of(&place, attempt)));
    }
    shown.sort_by(|one, other| {
        let key = |it: &Shown| (it.delivered_at, it.id);
        key(other).cmp(&key(one))
    });
    let has_more = shown.len() > limit;
    shown.truncate(limit);
    match format {
        Format::Json => output::json(&serde_json::json!({
            "webhook": asked.webhook, "deliveries": shown, "hasMore": has_more
        }))?,
        Format::Text => output::text(|out| tell(out, &shown, has_more, targets.len() > 1))?,
    }
    Ok(Outcome::Done)
}

fn of(place: &str, attempt: Attempt) -> Shown {
    Shown {
        place: place.to_owned(),
        id: attempt.id,
        guid: attempt.guid.to_string(),
        delivered_at: attempt.delivered_at,
        redelivery: attempt.redelivery,
        taken: attempt.is_taken(),
        status_code: attempt.status_code,
        outcome: attempt.outcome(),
        throttled_at: attempt.throttled_at,
        event: attempt.event,
        action: attempt.action,
    }
}

fn tell(out: &mut dyn Write, shown: &[Shown], has_more: bool, has_places: bool) -> io::Result<()> {
    if shown.is_empty() {
        return writeln!(out, "no deliveries");
    }
    let mut columns = vec![
        Column::text("delivered"),
        Column::text("event"),
        Column::text("action"),
        Column::whole("outcome"),
        Column::text("again"),
        Column::whole("guid"),
    ];
    if has_places {
        columns.insert(1, Column::text("of"));
    }
    let mut rows = table(&columns);
    for delivery in shown {
        let at = Timestamp::from_second(delivery.delivered_at.as_second());
        let mut cells = vec![
            at.unwrap_or(delivery.delivered_at).to_string(),
            printable(&delivery.event).into_owned(),
            printable(delivery.action.as_deref().unwrap_or_default()).into_owned(),
            printable(&delivery.outcome).into_owned(),
            if delivery.redelivery { "yes" } else { "" }.to_owned(),
            delivery.guid.clone(),
        ];
        if has_places {
            cells.insert(1, delivery.place.clone());
        }
        rows.add_row(cells);
    }
    print(out, output::stdout_width(), &rows, &SPARED_FIRST)?;
    if has_more {
        writeln!(out, "\nthere are more: --limit")?;
    }
    Ok(())
}

//! `webhook list`: the hooks that there are.

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::outcome::Outcome;
use crate::cli::output;
use crate::cli::printable::printable;
use crate::cli::table::{Column, print, table};
use crate::github::hooks::ours;

use super::target::Target;

/// Headings of columns that a narrow terminal goes without, in this order.
const SPARED_FIRST: [&str; 2] = ["identity", "events"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    webhook: String,
    place: String,
    identity: String,
    hook_id: Option<u64>,
    url: Option<String>,
    events: Vec<String>,
    /// `active`, `off`, `missing`, or why GitHub does not say.
    state: String,
}

pub(super) async fn run(format: Format, targets: &[Target]) -> anyhow::Result<Outcome> {
    let mut webhooks = Vec::new();
    let mut has_failed = false;
    for target in targets {
        let mut listed = Listed {
            webhook: target.name().to_owned(),
            place: target.api.place().to_string(),
            identity: target.api.client().identity().to_owned(),
            hook_id: None,
            url: None,
            events: Vec::new(),
            state: "missing".to_owned(),
        };
        match target.hooks().await {
            Err(fault) if targets.len() == 1 => return Err(fault),
            Err(fault) => {
                has_failed = true;
                listed.state = format!("{fault:#}");
            }
            Ok(hooks) => {
                if let Some(hook) = ours(&hooks.hooks, &target.wanted).first() {
                    let url = hook.config.url.as_deref().unwrap_or_default();
                    listed.hook_id = Some(hook.id).filter(|id| *id != 0);
                    listed.url = Some(crate::flux::mask(url).into_owned());
                    listed.events.clone_from(&hook.events);
                    listed.state = if hook.active { "active" } else { "off" }.to_owned();
                }
            }
        }
        webhooks.push(listed);
    }
    match format {
        Format::Json => output::json(&serde_json::json!({"webhooks": webhooks}))?,
        Format::Text => output::text(|out| tell(out, &webhooks))?,
    }
    Ok(if has_failed {
        Outcome::BadInput
    } else {
        Outcome::Done
    })
}

fn tell(out: &mut dyn Write, webhooks: &[Listed]) -> io::Result<()> {
    let mut rows = table(&[
        Column::whole("webhook"),
        Column::whole("of"),
        Column::figure("hook"),
        Column::text("state"),
        Column::text("posts to"),
        Column::text("events"),
        Column::text("identity"),
    ]);
    for listed in webhooks {
        let id = listed.hook_id.map(|id| id.to_string());
        rows.add_row([
            listed.webhook.clone(),
            listed.place.clone(),
            id.unwrap_or_default(),
            printable(&listed.state).into_owned(),
            printable(listed.url.as_deref().unwrap_or_default()).into_owned(),
            printable(&listed.events.join(", ")).into_owned(),
            listed.identity.clone(),
        ]);
    }
    print(out, output::stdout_width(), &rows, &SPARED_FIRST)
}

//! `flux-setup delivery`: the deliveries that a running server got, and what became of them.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::delivery::Guid;

use super::args::{
    DeliveryArguments, DeliveryCommand, ExplainArguments, Format, GlobalArguments, ListArguments,
    ShowArguments,
};
use super::table::{Column, print, table};
use super::client::Client;
use super::outcome::Outcome;
use super::output;
use super::printable::printable_lines;

/// Prints an answer for people.
type Tell = fn(&mut dyn Write, &Value) -> io::Result<()>;

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &DeliveryArguments,
) -> anyhow::Result<Outcome> {
    let client = Client::new(&arguments.server)?;
    let (answer, tell): (Value, Tell) = match &arguments.command {
        DeliveryCommand::List(list) => (client.get(&list_path(list))?, tell_list),
        DeliveryCommand::Show(ShowArguments { guid }) => {
            let guid = read_guid(guid)?;
            (
                client.get(&format!("/api/v1/deliveries/{guid}"))?,
                tell_stories,
            )
        }
        DeliveryCommand::Explain(explain) => (ask_to_explain(&client, explain)?, tell_explanations),
    };
    match global.format {
        Format::Json => output::json(&answer)?,
        Format::Text => output::text(|out| tell(out, &answer))?,
    }
    Ok(Outcome::Done)
}

fn list_path(list: &ListArguments) -> String {
    let mut path = format!("/api/v1/deliveries?limit={}", list.limit);
    for (name, value) in [("repository", &list.repository), ("state", &list.state)] {
        if let Some(value) = value {
            path += &format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
    }
    if let Some(before) = list.before {
        path += &format!("&before={before}");
    }
    path
}

fn read_guid(text: &str) -> anyhow::Result<Guid> {
    Guid::read(text).map_err(|reason| anyhow::anyhow!("`{text}` is no GUID: {reason}"))
}

/// A file is explained as if it were delivered now; everything else is the GUID of a delivery.
fn ask_to_explain(client: &Client, explain: &ExplainArguments) -> anyhow::Result<Value> {
    let path = Path::new(&explain.what);
    if !path.exists() {
        let guid = Guid::read(&explain.what).map_err(|reason| {
            anyhow::anyhow!(
                "`{}` is no file that is there, and no GUID: {reason}",
                explain.what
            )
        })?;
        return client.get(&format!("/api/v1/deliveries/{guid}/candidates"));
    }
    let payload =
        fs::read(path).with_context(|| format!("cannot read the payload {}", explain.what))?;
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let Some(webhook) = &explain.webhook else {
        anyhow::bail!("a payload in a file names no webhook; say which with --webhook NAME");
    };
    let query = format!(
        "event={}&webhook={}",
        encoded(&explain.event),
        encoded(webhook)
    );
    client.post(&format!("/api/v1/explain?{query}"), &payload)
}

/// A text of the answer, safe to print; empty where there is none.
fn text<'v>(value: &'v Value, name: &str) -> std::borrow::Cow<'v, str> {
    match &value[name] {
        Value::String(text) => printable_lines(text),
        Value::Null => "".into(),
        other => other.to_string().into(),
    }
}

fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

fn tell_list(out: &mut dyn Write, answer: &Value) -> io::Result<()> {
    let deliveries = items(answer, "deliveries");
    if deliveries.is_empty() {
        return writeln!(out, "no deliveries");
    }
    let mut rows = table(&[
        Column::text("received"),
        Column::text("event"),
        Column::text("repository"),
        Column::text("ref"),
        Column::text("state"),
        Column::figure("objects"),
        Column::text("guid"),
    ]);
    for delivery in deliveries {
        let cells = [
            "receivedAt",
            "event",
            "repository",
            "reference",
            "state",
            "items",
            "guid",
        ];
        rows.add_row(cells.map(|name| match name {
            "receivedAt" => second(&text(delivery, name)),
            name => text(delivery, name).into_owned(),
        }));
    }
    print(out, width(), &rows)?;
    if let Some(next) = answer["next"].as_i64() {
        writeln!(out, "\nolder ones: --before {next}")?;
    }
    Ok(())
}

/// A time without parts of a second.
fn second(time: &str) -> String {
    match time.split_once('.') {
        Some((second, _)) => format!("{second}Z"),
        None => time.to_owned(),
    }
}

fn tell_stories(out: &mut dyn Write, answer: &Value) -> io::Result<()> {
    for (place, delivery) in items(answer, "deliveries").iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        writeln!(out, "delivery    {}", text(delivery, "guid"))?;
        for (label, name) in [
            ("webhook", "webhook"),
            ("event", "event"),
            ("action", "action"),
            ("repository", "repository"),
            ("ref", "reference"),
            ("commit", "commit"),
            ("received", "receivedAt"),
            ("state", "state"),
            ("reason", "reason"),
            ("ended", "endedAt"),
        ] {
            let value = text(delivery, name);
            if !value.is_empty() {
                writeln!(out, "{label:<11} {value}")?;
            }
        }
        let work = items(delivery, "work");
        if work.is_empty() {
            continue;
        }
        writeln!(out)?;
        let mut rows = table(&[
            Column::text("cluster"),
            Column::text("object"),
            Column::text("state"),
            Column::text("at"),
            Column::text("what"),
        ]);
        for work in work {
            rows.add_row([
                text(work, "cluster").into_owned(),
                object(&work["object"]),
                text(work, "state").into_owned(),
                when(work),
                what(work),
            ]);
        }
        print(out, width(), &rows)?;
    }
    Ok(())
}

fn object(object: &Value) -> String {
    if object.is_null() {
        return "(the cluster was not listed yet)".to_owned();
    }
    format!(
        "{}/{}/{}",
        text(object, "kind"),
        text(object, "namespace"),
        text(object, "name")
    )
}

fn when(work: &Value) -> String {
    let at = ["at", "triedAt", "since"].map(|name| text(work, name));
    let at = at.into_iter().find(|at| !at.is_empty());
    at.unwrap_or_default().into_owned()
}

/// What is to be said of a state beside its name.
fn what(work: &Value) -> String {
    match work["state"].as_str() {
        Some("annotated") => format!("requestedAt {}", text(work, "token")),
        Some("annotating") => {
            let failures = work["failures"].as_u64().unwrap_or_default();
            match failures {
                0 => format!("requestedAt {}", text(work, "token")),
                failures => format!(
                    "tried in vain {failures} times: {}",
                    text(work, "lastFailure")
                ),
            }
        }
        Some("waiting") => {
            let why = match work["why"].as_str() {
                Some("cluster") => "for the cluster's first list",
                Some("policy") => "as its environment asks",
                Some("spread") => "so that not all are woken at once",
                _ => "",
            };
            match text(work, "until") {
                until if until.is_empty() => why.to_owned(),
                until => format!("until {until}, {why}"),
            }
        }
        Some("overtaken") => {
            format!("woken together with {}", text(&work["by"], "guid"))
        }
        Some("failed") => text(work, "reason").into_owned(),
        _ => String::new(),
    }
}

fn tell_explanations(out: &mut dyn Write, answer: &Value) -> io::Result<()> {
    for (place, told) in items(answer, "explanations").iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        let repository = text(told, "repository");
        if !repository.is_empty() {
            writeln!(out, "repository  {repository}")?;
        }
        let reason = text(told, "reason");
        if !reason.is_empty() {
            writeln!(out, "it wakes nothing: {reason}")?;
        }
        let candidates = items(told, "candidates");
        if candidates.is_empty() && reason.is_empty() {
            writeln!(
                out,
                "no object in any cluster that was listed fetches from there"
            )?;
        }
        if !candidates.is_empty() {
            let mut rows = table(&[
                Column::text("woken"),
                Column::text("cluster"),
                Column::text("object"),
                Column::text("why"),
            ]);
            for candidate in candidates {
                let woken = candidate["woken"].as_bool().unwrap_or_default();
                rows.add_row([
                    if woken { "yes" } else { "no" }.to_owned(),
                    text(candidate, "cluster").into_owned(),
                    object(&candidate["object"]),
                    text(candidate, "why").into_owned(),
                ]);
            }
            print(out, width(), &rows)?;
        }
        if let Some(left_off) = told["leftOff"].as_u64() {
            writeln!(out, "and {left_off} more, which are not told")?;
        }
        for cluster in items(told, "unlisted") {
            let cluster = cluster.as_str().unwrap_or_default();
            writeln!(
                out,
                "cluster `{}` was not listed yet; the delivery waits for it",
                printable_lines(cluster)
            )?;
        }
    }
    Ok(())
}

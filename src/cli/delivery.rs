//! `flux-setup delivery`: the deliveries that a running server got, and what became of them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::delivery::Guid;
use crate::server::BODY_LIMIT_BYTES;

use super::args::{Format, GlobalArguments};
use super::client::Client;
use super::delivery_args::{
    DeliveryArguments, DeliveryCommand, ExplainArguments, ListArguments, ShowArguments,
};
use super::delivery_proof::tell_proofs;
use super::json_text::{items, object, text};
use super::outcome::Outcome;
use super::output;
use super::printable::printable;
use super::table::{Column, print, table};

/// Headings of columns that a narrow terminal goes without, in this order.
const SPARED_FIRST: [&str; 3] = ["objects", "received", "event"];

/// Prints an answer for people.
type Tell = fn(&mut dyn Write, &Value) -> io::Result<()>;

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &DeliveryArguments,
) -> anyhow::Result<Outcome> {
    let client = Client::of(&arguments.server, &global.config)?;
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
    let payload = read_payload(path)
        .with_context(|| format!("cannot read the payload `{}`", explain.what))?;
    if payload.len() > BODY_LIMIT_BYTES {
        anyhow::bail!(
            "`{}` is no payload: it has more than 25 MiB, which GitHub never sends",
            explain.what
        );
    }
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

/// At most a byte more than a payload may have.
fn read_payload(path: &Path) -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    let mut file = File::open(path)?.take(BODY_LIMIT_BYTES as u64 + 1);
    file.read_to_end(&mut payload)?;
    Ok(payload)
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
        Column::whole("state"),
        Column::figure("objects"),
        Column::whole("guid"),
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
            "reference" => short(&text(delivery, name)).to_owned(),
            "event" => event(&text(delivery, name)).to_owned(),
            name => text(delivery, name).into_owned(),
        }));
    }
    print(out, output::stdout_width(), &rows, &SPARED_FIRST)?;
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

/// GitHub's own words for what it tells; ours for what it does not.
fn event(event: &str) -> &str {
    match event {
        "head" => "head seen",
        event => event,
    }
}

/// A ref as people name it: a branch by its name alone, a tag as `tags/v1`.
fn short(reference: &str) -> &str {
    let branch = reference.strip_prefix("refs/heads/");
    branch.unwrap_or_else(|| reference.strip_prefix("refs/").unwrap_or(reference))
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
            let value = if name == "event" {
                event(&value)
            } else {
                &value
            };
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
            Column::whole("object"),
            Column::whole("state"),
            Column::text("at"),
            Column::text("what"),
        ]);
        for work in work {
            rows.add_row([
                text(work, "cluster").into_owned(),
                object(&work["object"]),
                state(work),
                second(&when(work)),
                what(work),
            ]);
        }
        print(out, output::stdout_width(), &rows, &SPARED_FIRST)?;
        tell_proofs(out, delivery)?;
    }
    Ok(())
}

fn state(work: &Value) -> String {
    match text(work, "state") {
        state if state == "optedOut" => "opted out".to_owned(),
        state => state.into_owned(),
    }
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
                failures => {
                    // The server keeps the first, the second, the fourth and so on.
                    let counted = match failures {
                        1 => "once".to_owned(),
                        failures => format!("at least {failures} times"),
                    };
                    let last = text(work, "lastFailure");
                    format!("tried in vain {counted}: {last}")
                }
            }
        }
        Some("waiting") => {
            let why = match work["why"].as_str() {
                Some("cluster") => "for the cluster's first list",
                Some("policy") => "as its environment asks",
                Some("coalescing") => "as it was woken a moment ago",
                Some("spread") => "so that not all are woken at once",
                _ => "",
            };
            match text(work, "until") {
                until if until.is_empty() => why.to_owned(),
                until => format!("until {}, {why}", second(&until)),
            }
        }
        Some("overtaken") => {
            format!("woken together with {}", text(&work["by"], "guid"))
        }
        Some("failed") => {
            let reason = text(work, "reason");
            match work["failures"].as_u64().unwrap_or_default() {
                0 => reason.into_owned(),
                1 => format!("given up after one try: {reason}"),
                failures => format!("given up after {failures} tries: {reason}"),
            }
        }
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
                Column::whole("object"),
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
            print(out, output::stdout_width(), &rows, &SPARED_FIRST)?;
        }
        if let Some(left_off) = told["leftOff"].as_u64() {
            writeln!(out, "and {left_off} more, which are not told")?;
        }
        for cluster in items(told, "unlisted") {
            let cluster = cluster.as_str().unwrap_or_default();
            let consequence = if reason.is_empty() {
                "; the delivery waits for it"
            } else {
                "; what it has by now is not considered here"
            };
            writeln!(
                out,
                "cluster `{}` is not seen now{consequence}",
                printable(cluster)
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{short, state, tell_explanations, tell_list, tell_stories, what};

    fn told(
        tell: fn(&mut dyn std::io::Write, &Value) -> std::io::Result<()>,
        answer: &Value,
    ) -> String {
        let mut out = Vec::new();
        tell(&mut out, answer).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn each_state_of_an_object_says_what_it_waits_for_or_came_to() {
        let until = "2026-01-02T03:04:05.6Z";
        for (work, expected) in [
            (json!({"state": "annotated", "token": "t"}), "requestedAt t"),
            (
                json!({"state": "annotating", "token": "t", "failures": 0}),
                "requestedAt t",
            ),
            (
                json!({"state": "annotating", "failures": 1, "lastFailure": "no route"}),
                "tried in vain once: no route",
            ),
            (
                json!({"state": "annotating", "failures": 4, "lastFailure": "a\n\u{1b}b"}),
                "tried in vain at least 4 times: a\u{fffd}\u{fffd}b",
            ),
            (
                json!({"state": "waiting", "why": "cluster"}),
                "for the cluster's first list",
            ),
            (
                json!({"state": "waiting", "why": "policy", "until": until}),
                "until 2026-01-02T03:04:05Z, as its environment asks",
            ),
            (
                json!({"state": "waiting", "why": "coalescing", "until": until}),
                "until 2026-01-02T03:04:05Z, as it was woken a moment ago",
            ),
            (
                json!({"state": "waiting", "why": "spread", "until": until}),
                "until 2026-01-02T03:04:05Z, so that not all are woken at once",
            ),
            (
                json!({"state": "overtaken", "by": {"webhook": "acme", "guid": "g"}}),
                "woken together with g",
            ),
            (json!({"state": "failed", "reason": "gone"}), "gone"),
            (
                json!({"state": "failed", "reason": "away", "failures": 1}),
                "given up after one try: away",
            ),
            (
                json!({"state": "failed", "reason": "away", "failures": 9}),
                "given up after 9 tries: away",
            ),
            (json!({"state": "shadowed"}), ""),
        ] {
            assert_eq!(what(&work), expected, "{work}");
        }
        assert_eq!(state(&json!({"state": "optedOut"})), "opted out");
        assert_eq!(state(&json!({"state": "gone"})), "gone");
    }

    #[test]
    fn a_ref_in_a_list_is_as_short_as_people_name_it() {
        for (reference, expected) in [
            ("refs/heads/release/1", "release/1"),
            ("refs/tags/v1", "tags/v1"),
            ("v1", "v1"),
        ] {
            assert_eq!(short(reference), expected);
        }
    }

    #[test]
    fn a_head_that_was_seen_is_told_in_words() {
        let delivery = json!({"guid": "head-1", "event": "head", "reference": "refs/heads/main"});
        let deliveries = json!({"deliveries": [delivery]});
        for tell in [tell_list, tell_stories] {
            let told = told(tell, &deliveries);
            assert!(told.contains("head seen"), "{told}");
        }
    }

    #[test]
    fn no_name_of_github_begins_a_line_or_steers_a_terminal() {
        let evil = "a\nb\u{1b}[2J\u{202e}";
        let delivery = json!({
            "guid": evil, "webhook": evil, "event": evil, "action": evil, "repository": evil,
            "reference": evil, "commit": evil, "receivedAt": evil, "state": evil, "reason": evil,
            "work": [{"cluster": evil, "state": evil, "at": evil,
                "object": {"kind": evil, "namespace": evil, "name": evil}}],
        });
        let deliveries = json!({"deliveries": [delivery]});
        let explanations = json!({"explanations": [{
            "repository": evil, "reason": evil, "unlisted": [evil],
            "candidates": [{"cluster": evil, "woken": true, "why": evil,
                "object": {"kind": evil, "namespace": evil, "name": evil}}],
        }]});
        for text in [
            told(tell_list, &deliveries),
            told(tell_stories, &deliveries),
            told(tell_explanations, &explanations),
        ] {
            assert!(text.contains("a\u{fffd}b\u{fffd}"), "{text}");
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
            assert!(!text.contains("\nb"), "{text}");
        }
    }
}

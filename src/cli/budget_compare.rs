//! `flux-setup budget --compare` and `--what-if`: what a change of the fleet costs.

use std::io::{self, Write};

use serde::Serialize;

use crate::budget::{
    Pair, PriceChange, ProfileName, Verdict, WhatIf, WhatIfFault, compare, count, percent,
};
use crate::config::{Finding, Sources};
use crate::flux::yaml::Span;

use super::args::{AskedFormat, BudgetArguments, GlobalArguments};
use super::budget_figures::LISTED;
use super::budget_price::{Judged, priced};
use super::budget_report::print_verdict;
use super::fleet::{Fleet, Loaded};
use super::log::Log;
use super::markdown::code;
use super::outcome::Outcome;
use super::report::JsonFinding;
use super::table::{self, Column};
use super::{output, printable, report_markdown};

/// Rows of a table in Markdown; JSON has all.
const MOST_ROWS: usize = 200;

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &BudgetArguments,
    fleet: &mut Fleet<'_>,
    log: &mut Log,
) -> anyhow::Result<Outcome> {
    let price = |fleet: &Fleet<'_>| priced(fleet, arguments.fail_above, arguments.profile);
    let before = match &arguments.compare {
        Some(folder) => {
            let loaded = Loaded::read_folder(folder, log);
            let other = loaded.plan(log);
            if other.is_faulty() {
                other.print_findings(global)?;
                return Ok(Outcome::BadInput);
            }
            price(&other).0
        }
        None => price(fleet).0,
    };
    let (sources, findings) = suppose(&arguments.what_if, fleet);
    if !findings.is_empty() {
        report_markdown::print_asked(&sources, &findings, global)?;
        return Ok(Outcome::BadInput);
    }
    let (after, verdict) = price(fleet);
    let change = compare(&before, &after);
    fleet.print_warnings(global)?;
    match global.asked_format {
        AskedFormat::Json => {
            output::json(&Compared {
                findings: fleet.json_findings(),
                change: &change,
                verdict: Judged::of(&verdict),
            })?;
            output::note(&verdict.to_string())?;
        }
        AskedFormat::Markdown => {
            let text = markdown(&change, &verdict);
            output::data(|stdout| stdout.write_all(text.as_bytes()))?;
        }
        _ => {
            let width = output::stdout_width();
            output::text(|out| {
                print_verdict(&verdict, out, width)?;
                writeln!(out)?;
                print(&change, out, width)
            })?;
        }
    }
    Ok(if verdict.passed {
        Outcome::Done
    } else {
        Outcome::No
    })
}

/// Changes the plan as the arguments say; what cannot be is told with its place in them.
fn suppose(said: &[String], fleet: &mut Fleet<'_>) -> (Sources, Vec<Finding>) {
    let mut sources = Sources::default();
    let mut findings = Vec::new();
    for text in said {
        let source = sources.add("--what-if", text.as_str());
        let applied = WhatIf::read(text).and_then(|what_if| what_if.apply(&mut fleet.plan));
        let Err(WhatIfFault {
            range,
            message,
            hint,
        }) = applied
        else {
            continue;
        };
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span {
            source,
            start: offset(range.start),
            end: offset(range.end),
        };
        findings.push(Finding::error(span, "", message).hint(hint));
    }
    (sources, findings)
}

#[derive(Serialize)]
struct Compared<'a> {
    /// Warnings alone: with an error nothing is priced.
    findings: Vec<JsonFinding<'a>>,
    #[serde(flatten)]
    change: &'a PriceChange,
    /// Of what is afterwards.
    verdict: Judged<'a>,
}

/// A line of the table; one without figures is a heading.
struct Row {
    label: String,
    figures: Option<(Pair, Option<u32>)>,
}

fn rows(change: &PriceChange) -> Vec<Row> {
    let heading = |label: &str| Row {
        label: label.to_owned(),
        figures: None,
    };
    let row = |label: &str, pair: Pair, limit: Option<u32>| Row {
        label: label.to_owned(),
        figures: Some((pair, limit)),
    };
    let mut rows = Vec::new();
    for profile in ProfileName::ALL {
        rows.push(heading(profile.as_str()));
        for bucket in change.buckets.iter().filter(|one| one.profile == profile) {
            let name = format!("{} {} {}", bucket.host, bucket.identity, bucket.resource);
            rows.push(row(&name, bucket.requests_per_hour, bucket.limit));
        }
    }
    let limit = change
        .buckets
        .iter()
        .find(|bucket| bucket.profile == ProfileName::RequestPerPoll)
        .and_then(|bucket| bucket.limit);
    rows.push(heading("of request-per-poll, by environment"));
    for line in &change.environments {
        rows.push(row(&line.name, line.requests_per_hour, limit));
    }
    if !change.projects.is_empty() {
        rows.push(heading("of request-per-poll, by project that differs"));
    }
    for line in change.projects.iter().take(LISTED) {
        rows.push(row(&line.name, line.requests_per_hour, limit));
    }
    match change.projects.len().saturating_sub(LISTED) {
        0 => {}
        more => rows.push(heading(&format!("and {} more", count(more as f64)))),
    }
    rows.push(heading("beside GitHub's limits"));
    rows.push(row("sources", change.sources, None));
    rows.push(row("polls", change.polls_per_hour, None));
    rows.push(row("git requests", change.git_requests_per_hour, None));
    rows
}

impl Row {
    /// Before, its share, after, its share, and the change.
    fn cells(&self) -> [String; 5] {
        let Some((pair, limit)) = self.figures else {
            return Default::default();
        };
        let share = |figure: f64| {
            limit.map_or_else(String::new, |limit| percent(figure / f64::from(limit)))
        };
        let change = match pair.change() {
            change if change > 0.0 => format!("+{}", count(change)),
            change => count(change),
        };
        [
            count(pair.before),
            share(pair.before),
            count(pair.after),
            share(pair.after),
            change,
        ]
    }
}

fn print(change: &PriceChange, out: &mut dyn Write, width: Option<usize>) -> io::Result<()> {
    let mut table = table::table(&[
        Column::text("an hour"),
        Column::figure("before"),
        Column::figure("share"),
        Column::figure("after"),
        Column::figure("share"),
        Column::figure("change"),
    ]);
    for row in rows(change) {
        let label = printable::printable(&row.label);
        if row.figures.is_none() {
            table.add_row([label.into_owned()]);
            continue;
        }
        let mut cells = vec![format!(" {label}")];
        cells.extend(row.cells());
        table.add_row(cells);
    }
    table::print(out, width, &table, &[])
}

fn markdown(change: &PriceChange, verdict: &Verdict) -> String {
    let word = match (verdict.fail_above, verdict.passed) {
        (None, _) => "",
        (Some(_), true) => "passed: ",
        (Some(_), false) => "failed: ",
    };
    let rows = rows(change);
    let mut text = format!(
        "### flux-setup: {word}{verdict}\n\n\
         | an hour | before | share | after | share | change |\n|---|--:|--:|--:|--:|--:|\n"
    );
    for row in rows.iter().take(MOST_ROWS) {
        if row.figures.is_none() {
            text += &format!("| **{}** | | | | | |\n", row.label);
            continue;
        }
        // a bar would end the cell, in code too
        let label = code(&row.label).replace('|', "\\|");
        text += &format!("| {label} | {} |\n", row.cells().join(" | "));
    }
    let more = rows.len().saturating_sub(MOST_ROWS);
    if more > 0 {
        text += &format!(
            "\n… and {} more rows; `--format json` gives all of them\n",
            count(more as f64)
        );
    }
    text
}

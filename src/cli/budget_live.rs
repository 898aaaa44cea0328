//! `flux-setup budget --live`: what a running server knows of GitHub's limits.

use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use comfy_table::Table;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::budget::live::{BucketReport, Forecast, GitRate, HoldScope, PlanCost, RateLimitReport};
use crate::budget::{count, counted, percent};
use crate::flux::duration;

use super::args::{BudgetArguments, Format, GlobalArguments};
use super::client::Client;
use super::outcome::Outcome;
use super::output;
use super::printable::printable;
use super::table::{Column, print, print_labelled, table};

const RED: Style = AnsiColor::Red.on_default().bold();
const PATH: &str = "/api/v1/rate-limit";
/// Between two questions of `--watch`.
const AGAIN: Duration = Duration::from_secs(2);
/// What clears a terminal and goes to its first place.
const CLEAR: &str = "\x1b[2J\x1b[H";
/// Headings of columns that a narrow terminal goes without, in this order.
const SPARED_FIRST: [&str; 3] = ["per hour", "others", "ours"];

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &BudgetArguments,
) -> anyhow::Result<Outcome> {
    let client = Client::of(&arguments.server, &global.config)?;
    let mut was_told = false;
    loop {
        let answer = match client.get(PATH) {
            Ok(answer) => answer,
            // Who watches goes on when the server is there again.
            Err(fault) if was_told => {
                output::note(&format!("{fault:#}"))?;
                thread::sleep(AGAIN);
                continue;
            }
            Err(fault) => return Err(fault),
        };
        was_told = true;
        let report: RateLimitReport =
            serde_json::from_value(answer.clone()).context("the server answers another report")?;
        let clear = arguments.watch && io::stdout().is_terminal();
        match global.format {
            Format::Json if arguments.watch => output::json_line(&answer)?,
            Format::Json => output::json(&answer)?,
            Format::Text => output::text(|out| {
                if clear {
                    write!(out, "{CLEAR}")?;
                }
                tell(out, &report, &answer, output::stdout_width())
            })?,
        }
        if !arguments.watch {
            let is_short =
                |bucket: &BucketReport| matches!(bucket.forecast, Some(Forecast::Empty { .. }));
            return Ok(match report.buckets.iter().any(is_short) {
                true => Outcome::No,
                false => Outcome::Done,
            });
        }
        thread::sleep(AGAIN);
    }
}

fn tell(
    out: &mut dyn Write,
    report: &RateLimitReport,
    answer: &Value,
    width: Option<usize>,
) -> io::Result<()> {
    if report.buckets.is_empty() {
        writeln!(out, "nothing was asked of GitHub yet")?;
    } else {
        print(out, width, &buckets(report), &SPARED_FIRST)?;
    }
    for bucket in &report.buckets {
        for hold in &bucket.holds {
            let left = left(report.at, hold.until);
            let name = name(bucket);
            let what = match hold.of {
                HoldScope::LessUrgent => " for heads and what is less urgent",
                HoldScope::Bucket | HoldScope::Identity => "",
            };
            writeln!(
                out,
                "{RED}held{RED:#} {name}{what}: {}, {left} more",
                hold.why.as_str()
            )?;
        }
    }
    writeln!(out)?;
    if let Some(plan) = &report.plan {
        print_labelled(out, width, "plan  ", &plan_words(plan))?;
    }
    if let Some(git) = &report.git {
        print_labelled(out, width, "git   ", &git_words(git))?;
    }
    for note in answer["notes"].as_array().into_iter().flatten() {
        let note = note.as_str().unwrap_or_default();
        print_labelled(out, width, "note  ", &printable(note))?;
    }
    Ok(())
}

fn buckets(report: &RateLimitReport) -> Table {
    let mut table = table(&[
        Column::text("bucket"),
        Column::figure("used"),
        Column::figure("limit"),
        Column::figure("ours"),
        Column::figure("others"),
        Column::figure("per hour"),
        Column::text("reset"),
        Column::text("forecast"),
    ]);
    let figure = |number: Option<u32>| number.map_or("-".to_owned(), |it| count(f64::from(it)));
    for bucket in &report.buckets {
        table.add_row([
            name(bucket),
            figure(bucket.used),
            match bucket.unlimited {
                true => "none".to_owned(),
                false => figure(bucket.limit),
            },
            count(f64::from(bucket.own_used)),
            count(f64::from(bucket.foreign_used)),
            count(bucket.rate_per_hour.round()),
            bucket.reset.map_or("-".to_owned(), |reset| {
                format!("in {}", left(report.at, reset))
            }),
            forecast(bucket, report.at),
        ]);
    }
    table
}

fn name(bucket: &BucketReport) -> String {
    let name = format!("{} {} {}", bucket.host, bucket.identity, bucket.resource);
    printable(&name).into_owned()
}

fn forecast(bucket: &BucketReport, now: Timestamp) -> String {
    match &bucket.forecast {
        None => "-".to_owned(),
        Some(Forecast::Empty { empty_at, .. }) => format!("empty in {}", left(now, *empty_at)),
        Some(Forecast::Lasts {
            remaining_at_reset, ..
        }) => format!("{} left at reset", count(f64::from(*remaining_at_reset))),
    }
}

/// In whole seconds.
fn left(now: Timestamp, until: Timestamp) -> String {
    let left = until.duration_since(now).max(SignedDuration::ZERO);
    duration::write(Duration::from_secs(left.unsigned_abs().as_secs()))
}

fn plan_words(plan: &PlanCost) -> String {
    let profiles = plan.profiles.iter().map(|profile| {
        let requests: f64 = profile.buckets.iter().map(|it| it.requests_per_hour).sum();
        let shares = profile.buckets.iter().filter_map(|bucket| bucket.share);
        let fullest = shares.reduce(f64::max);
        let share = fullest.map_or_else(String::new, |share| format!(", {}", percent(share)));
        format!("{} an hour by {}{share}", count(requests), profile.name)
    });
    format!(
        "{}: {}",
        counted(plan.sources, "source"),
        profiles.collect::<Vec<_>>().join("; ")
    )
}

fn git_words(git: &GitRate) -> String {
    let busiest = git
        .busiest_repository
        .as_deref()
        .map_or_else(String::new, |name| {
            format!(
                ", at most {} on one repository ({}), where GitHub asks to stay below {}",
                count(git.max_on_one_repository),
                printable(name),
                count(git.advisory_per_second)
            )
        });
    format!(
        "{} requests a second by {} in the clusters{busiest}",
        count(git.requests_per_second),
        counted(git.sources, "source")
    )
}

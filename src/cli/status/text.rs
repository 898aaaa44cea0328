//! What is shown of clusters, as people read it.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::{SignedDuration, Timestamp};

use crate::budget::counted;
use crate::flux::{duration, revision};
use crate::reconcile::standing::{Health, Place};

use crate::cli::printable::printable;
use crate::cli::table::{Column, print_coloured, table};

use super::report::{PlaceShown, Report, Shown};

const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();
/// Headings of columns that a narrow terminal goes without, in this order.
const SPARED_FIRST: [&str; 5] = ["interval", "suspended", "project", "environment", "age"];
/// Failures that are told at once: nobody reads more before mending some.
const MOST_FAILURES: usize = 20;

pub(super) fn tell(out: &mut dyn Write, report: &Report, width: Option<usize>) -> io::Result<()> {
    match &report.places {
        Some(places) => tell_places(out, report, places, width)?,
        None => tell_objects(out, report, width)?,
    }
    for away in &report.not_seen.away {
        let line = format!("cluster {}: {}", away.cluster, away.reason);
        writeln!(out, "{RED}away{RED:#}    {}", printable(&line))?;
    }
    for unseen in &report.not_seen.unseen {
        let line = format!("part of cluster {}: {}", unseen.cluster, unseen.reason);
        writeln!(out, "{RED}unseen{RED:#}  {}", printable(&line))?;
    }
    if !report.knows_pushes && report.places.is_none() {
        let note = "pushes that are not applied yet: --server URL asks a running `serve`";
        writeln!(out, "{DIM}{note}{DIM:#}")?;
    }
    Ok(())
}

fn tell_objects(out: &mut dyn Write, report: &Report, width: Option<usize>) -> io::Result<()> {
    if report.objects.is_empty() {
        return writeln!(out, "nothing is there");
    }
    let mut columns = vec![
        Column::text("environment"),
        Column::text("project"),
        Column::text("cluster"),
        Column::whole("object"),
        Column::whole("revision"),
        Column::figure("age"),
        Column::figure("interval"),
        Column::text("ready"),
        Column::text("suspended"),
    ];
    if report.knows_pushes {
        columns.push(Column::text("pushed"));
    }
    let mut rows = table(&columns);
    for shown in &report.objects {
        let mut cells = vec![
            optional(shown.environment.as_deref()),
            optional(shown.project.as_deref()),
            printable(&shown.cluster).into_owned(),
            printable(&shown.item.key.typed()).into_owned(),
            short(shown.revision.as_deref()),
            age(shown.revision_at, report.at),
            optional(shown.interval.as_deref()),
            ready(shown).to_owned(),
            if shown.suspended { "yes" } else { "-" }.to_owned(),
        ];
        if report.knows_pushes {
            cells.push(shown.push.as_ref().map_or_else(
                || "-".to_owned(),
                |push| {
                    let ago = age(Some(push.at), report.at);
                    format!("{}, {ago} ago", printable(&push.short()))
                },
            ));
        }
        rows.add_row(cells);
    }
    let styles: Vec<Style> = report.objects.iter().map(style).collect();
    print_coloured(out, width, &rows, &SPARED_FIRST, &styles)?;
    let failures: Vec<&Shown> = report.objects.iter().filter(|it| is_bad(it)).collect();
    writeln!(out)?;
    for shown in failures.iter().take(MOST_FAILURES) {
        let reason = shown.reason.as_deref().unwrap_or_default();
        let message = shown.message.as_deref().unwrap_or_default();
        let line = format!(
            "{} of {}: {reason}: {message}",
            shown.item.key.typed(),
            shown.cluster
        );
        writeln!(out, "{RED}failed{RED:#}  {}", printable(&line))?;
    }
    if let more @ 1.. = failures.len().saturating_sub(MOST_FAILURES) {
        writeln!(out, "… and {more} more; `--format json` gives all of them")?;
    }
    writeln!(out, "{}", summary(report))
}

fn tell_places(
    out: &mut dyn Write,
    report: &Report,
    places: &[PlaceShown],
    width: Option<usize>,
) -> io::Result<()> {
    let commit = report.commit.as_deref().unwrap_or_default();
    if places.is_empty() {
        return writeln!(
            out,
            "no object has commit {commit}, and nobody knows which ones it concerns"
        );
    }
    let mut rows = table(&[
        Column::text("environment"),
        Column::text("cluster"),
        Column::whole("project"),
        Column::text(HEADING_OF_PLACES),
        Column::whole("revision"),
        Column::figure("age"),
    ]);
    for place in places {
        rows.add_row([
            optional(place.environment.as_deref()),
            printable(&place.cluster).into_owned(),
            printable(&place.project).into_owned(),
            words(place),
            short(place.revision.as_deref()),
            age(place.revision_at, report.at),
        ]);
    }
    let styles: Vec<Style> = places
        .iter()
        .map(|place| match place.place {
            _ if place.runs => GREEN,
            Place::Runs | Place::Fetched => YELLOW,
            Place::Another | Place::Nothing => Style::new(),
        })
        .collect();
    print_coloured(out, width, &rows, &["age", "revision"], &styles)
}

const HEADING_OF_PLACES: &str = "where it is";

fn words(place: &PlaceShown) -> String {
    match place.place {
        _ if place.runs => "runs".to_owned(),
        Place::Runs => format!("runs in {} of {}", place.run, place.of),
        Place::Fetched if place.of == 0 => "fetched, and nothing applies it".to_owned(),
        Place::Fetched => "fetched, not applied".to_owned(),
        Place::Another => "another, older or newer is not known".to_owned(),
        Place::Nothing => "nothing is there yet".to_owned(),
    }
}

fn is_bad(shown: &Shown) -> bool {
    shown.health == Health::Failed
}

fn ready(shown: &Shown) -> &'static str {
    match shown.health {
        Health::Ready => "yes",
        Health::Failed => "no",
        // It has no status of its own.
        Health::Working if shown.item.ready.is_none() && shown.revision.is_none() => "-",
        Health::Working => "working",
    }
}

fn style(shown: &Shown) -> Style {
    match shown.health {
        Health::Failed => RED,
        _ if shown.suspended => DIM,
        Health::Working if shown.item.ready.is_some() => YELLOW,
        Health::Working | Health::Ready => Style::new(),
    }
}

/// `198 objects in 3 clusters: 196 ready, 1 failed, 1 suspended`
fn summary(report: &Report) -> String {
    let objects = &report.objects;
    let mut clusters: Vec<&str> = objects.iter().map(|it| &*it.cluster).collect();
    clusters.sort_unstable();
    clusters.dedup();
    let count = |is: &dyn Fn(&Shown) -> bool| objects.iter().filter(|it| is(it)).count();
    let parts = [
        (count(&|it| it.health == Health::Ready), "ready"),
        (count(&|it| it.health == Health::Working), "working"),
        (count(&is_bad), "failed"),
        (count(&|it| it.suspended), "suspended"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<_> = parts
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    format!(
        "{} in {}: {}",
        counted(objects.len(), "object"),
        counted(clusters.len(), "cluster"),
        parts.join(", ")
    )
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| printable(text).into_owned())
}

fn short(text: Option<&str>) -> String {
    let text = text.map(revision::short);
    optional(text.as_deref())
}

/// In the two largest units: `3d4h`, `5m`.
fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    let Some(since) = since else {
        return "-".to_owned();
    };
    let age = now.duration_since(since).max(SignedDuration::ZERO);
    let seconds = age.unsigned_abs().as_secs();
    let (days, hours) = (seconds / 86_400, seconds % 86_400 / 3_600);
    match (days, hours) {
        (0, 0) => duration::write(Duration::from_secs(seconds)),
        (0, _) => duration::write(Duration::from_secs(seconds / 60 * 60)),
        (_, 0) => format!("{days}d"),
        _ => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_as_exact_as_people_want_it() {
        let now = Timestamp::from_second(10_000_000).unwrap();
        let shown = |seconds: i64| {
            let since = Timestamp::from_second(10_000_000 - seconds).unwrap();
            age(Some(since), now)
        };
        for (seconds, expected) in [
            (-5, "0s"),
            (59, "59s"),
            (61, "1m1s"),
            (3_661, "1h1m"),
            (86_400, "1d"),
            (90_061, "1d1h"),
        ] {
            assert_eq!(shown(seconds), expected);
        }
        assert_eq!(age(None, now), "-");
    }
}

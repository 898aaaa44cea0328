//! What is shown of clusters, as people read it.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::{SignedDuration, Timestamp};

use crate::budget::counted;
use crate::flux::{duration, revision};
use crate::reconcile::standing::{Health, Place};

use crate::cli::printable::printable;
use crate::cli::table::{Column, print_coloured, table};

use super::delivered::Delivered;
use super::report::{PlaceShown, Report, Shown};

const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();
/// Headings of columns that a narrow terminal goes without, in this order.
const SPARED_FIRST: [&str; 5] = ["interval", "suspended", "project", "environment", "age"];
/// Failures that are told at once: nobody reads more before mending some.
const MOST_FAILURES: usize = 20;
/// Names of clusters that are told at once.
const MOST_NAMES: usize = 10;

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
    match &report.served {
        _ if report.places.is_some() => {}
        None => {
            let note = "pushes that are not applied yet: --server URL asks a running `serve`";
            writeln!(out, "{DIM}{note}{DIM:#}")?;
        }
        Some(served) => {
            for cluster in &report.unknown_to_server {
                let line = format!(
                    "pushes to cluster {cluster}: the server knows no cluster of this name, only {}; \
                     give it one name there and here",
                    some_of(served)
                );
                writeln!(out, "{RED}unseen{RED:#}  {}", printable(&line))?;
            }
        }
    }
    Ok(())
}

/// Names, or the first of many.
fn some_of(names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1 of 3 clusters is away`; `None`: none is.
fn away(report: &Report) -> Option<String> {
    let (away, all) = (report.not_seen.away.len(), report.clusters);
    let is = if away == 1 { "is" } else { "are" };
    (away > 0).then(|| format!("{away} of {all} clusters {is} away"))
}

fn tell_objects(out: &mut dyn Write, report: &Report, width: Option<usize>) -> io::Result<()> {
    if report.objects.is_empty() {
        return match away(report) {
            Some(away) => writeln!(out, "nothing can be seen: {away}"),
            None if report.not_seen.unseen.is_empty() => writeln!(out, "nothing is there"),
            None => writeln!(out, "nothing is there that can be seen"),
        };
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
    if report.served.is_some() {
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
        if report.served.is_some() {
            cells.push(match &shown.push {
                Some(push) => {
                    let ago = age(Some(push.at), report.at);
                    format!("{}, {ago} ago", printable(&push.short()))
                }
                None if report.unknown_to_server.contains(&shown.cluster) => "?".to_owned(),
                None => "-".to_owned(),
            });
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
        return writeln!(out, "{}", printable(&nowhere(report, commit)));
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
    print_coloured(out, width, &rows, &["age", "revision"], &styles)?;
    if let Some(delivered) = &report.delivered {
        let Delivered {
            guid, repository, ..
        } = delivered;
        let ago = age(Some(delivered.received_at), report.at);
        let line = format!(
            "to {repository}, {ago} ago; `flux-setup delivery show {guid}` says what became of it"
        );
        writeln!(out, "\npushed  {}", printable(&line))?;
    }
    Ok(())
}

/// Why nobody can say where a commit is.
fn nowhere(report: &Report, commit: &str) -> String {
    match (&report.delivered, away(report)) {
        (_, Some(away)) => format!("no object that can be seen has commit {commit}: {away}"),
        (Some(delivered), None) => {
            let Delivered {
                guid, repository, ..
            } = delivered;
            format!(
                "no object has commit {commit}; delivery {guid} brought it to {repository}, which nothing that is shown follows"
            )
        }
        (None, None) if report.served.is_some() => {
            format!("no object has commit {commit}, and no delivery of late tells of it")
        }
        (None, None) => format!(
            "no object has commit {commit}, and nobody knows which ones it concerns; \
             --server URL asks a running `serve`"
        ),
    }
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

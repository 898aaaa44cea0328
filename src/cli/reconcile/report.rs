//! What became of each object that was asked, for people and for machines.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::ItemKey;
use crate::delivery::{CommitName, Stage, Token};
use crate::flux::{duration, revision};
use crate::reconcile::by_hand::{Course, End, Line, Why};
use crate::sync::Looked;

use crate::cli::args::Format;
use crate::cli::clusters::NotSeen;
use crate::cli::output;
use crate::cli::printable::printable;
use crate::cli::table::{Column, print as print_table, table};

const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
/// Headings of columns that a narrow terminal goes without, in this order.
const SPARED_FIRST: [&str; 2] = ["took", "why"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'r> {
    reached: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'r str>,
    objects: Vec<Told<'r>>,
    #[serde(flatten)]
    not_seen: &'r NotSeen,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'r> {
    cluster: &'r str,
    object: Object<'r>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'r str>,
    /// `named`, `source`, `dependant`, `hadFailed`, or `follows`: then it was not asked itself.
    why: &'static str,
    /// `done`, `failed`, or `notWaitedFor`, where somebody stopped us and it goes on.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'r str>,
    /// What it waited for, where it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'r Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'r str>,
    /// When each stage was seen.
    reached: BTreeMap<&'static str, Timestamp>,
}

#[derive(Debug, Serialize)]
struct Object<'r> {
    kind: &'static str,
    namespace: &'r str,
    name: &'r str,
}

pub(super) fn print(
    format: Format,
    courses: &[(&Looked, Course)],
    commit: Option<&CommitName>,
    not_seen: &NotSeen,
    is_reached: bool,
) -> anyhow::Result<()> {
    let lines = courses.iter().flat_map(|(looked, course)| {
        let cluster = &**looked.live.name();
        course.lines().iter().map(move |line| (cluster, line))
    });
    let lines: Vec<(&str, &Line)> = lines.collect();
    match format {
        Format::Text => output::text(|out| tell(out, &lines, output::stdout_width())),
        Format::Json => output::json(&Report {
            reached: is_reached,
            commit: commit.map(CommitName::as_str),
            objects: lines.into_iter().map(Told::of).collect(),
            not_seen,
        }),
    }
}

impl<'r> Told<'r> {
    fn of((cluster, line): (&'r str, &'r Line)) -> Self {
        let (state, reason, waits) = match &line.end {
            Some(End::Done(remark)) => ("done", remark.as_deref(), None),
            Some(End::Failed(reason)) => ("failed", Some(&**reason), None),
            Some(End::NotWaitedFor(waits)) => ("notWaitedFor", None, Some(&**waits)),
            None => ("failed", None, None),
        };
        let ItemKey {
            kind,
            namespace,
            name,
        } = &line.item.key;
        let reached = line.reached().into_iter();
        Self {
            cluster,
            object: Object {
                kind: kind.name(),
                namespace,
                name,
            },
            project: line.item.project.as_deref(),
            environment: line.item.environment.as_deref(),
            why: why(line),
            state,
            reason,
            waits,
            token: line.token.as_ref(),
            revision: line.revision(),
            reached: reached.map(|(stage, at)| (stage.name(), at)).collect(),
        }
    }
}

fn why(line: &Line) -> &'static str {
    match line.why {
        Some(Why::Named) => "named",
        Some(Why::Source) => "source",
        Some(Why::Dependant) => "dependant",
        Some(Why::Failed) => "hadFailed",
        None => "follows",
    }
}

/// In the words of a table.
fn because(line: &Line) -> &'static str {
    match line.why {
        Some(Why::Named) => "named",
        Some(Why::Source) => "its source",
        Some(Why::Dependant) => "made from it",
        Some(Why::Failed) => "had failed",
        None => "follows",
    }
}

fn tell(out: &mut dyn Write, lines: &[(&str, &Line)], width: Option<usize>) -> io::Result<()> {
    let mut rows = table(&[
        Column::text("cluster"),
        Column::whole("object"),
        Column::text("why"),
        Column::whole("state"),
        Column::text("revision"),
        Column::figure("took"),
    ]);
    for (cluster, line) in lines {
        let stage = line.reached().into_keys().next_back();
        let state = match (&line.end, stage) {
            (Some(End::Failed(_)) | None, _) => "failed",
            (Some(End::NotWaitedFor(_)), _) => "not waited for",
            (_, Some(Stage::Annotated) | None) => "asked",
            (_, Some(stage)) => stage.name(),
        };
        rows.add_row([
            printable(cluster).into_owned(),
            printable(&line.item.key.typed()).into_owned(),
            because(line).to_owned(),
            state.to_owned(),
            line.revision().map(revision::short).map_or_else(
                || "-".to_owned(),
                |revision| printable(&revision).into_owned(),
            ),
            took(line).unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    print_table(out, width, &rows, &SPARED_FIRST)?;
    for (cluster, line) in lines {
        let (style, word, words) = match &line.end {
            Some(End::Failed(reason)) => (RED, "failed", reason.clone()),
            Some(End::Done(Some(remark))) => (GREEN, "done", remark.clone()),
            Some(End::NotWaitedFor(waits)) => {
                (YELLOW, "goes on", format!("last it waited {waits}"))
            }
            _ => continue,
        };
        let about = format!("{} of {cluster}: {words}", line.item.key.typed());
        writeln!(out, "{style}{word}{style:#} {}", printable(&about))?;
    }
    Ok(())
}

/// From when it was asked until the last stage, to a hundredth of a second.
fn took(line: &Line) -> Option<String> {
    let reached = line.reached();
    let first = reached.get(&Stage::Annotated)?;
    let last = reached.values().max()?;
    let millis = last
        .duration_since(*first)
        .as_millis()
        .max(0)
        .unsigned_abs();
    let hundredths = u64::try_from(millis / 10 * 10).ok()?;
    (hundredths > 0).then(|| duration::write(Duration::from_millis(hundredths)))
}

//! What differs between manifests, for people at a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::budget::{count, counted};
use crate::render::{Change, Comparison};

use super::against_document::{Answer, Told, ToldPlace, shown_value};
use super::printable::printable;

/// Differences that are shown; JSON has them all.
const LONGEST_LIST: usize = 200;

/// Fields of one object that are shown.
const MOST_FIELDS: usize = 30;

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default().bold();

pub(super) fn write(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    differences(out, &answer.differences)?;
    let places = answer.left_alone.iter().map(|one| (one, String::new()));
    list(out, "left alone", places)?;
    let places = answer.not_compared.iter().map(|one| {
        let reason = format!("\n  {}", printable(&one.reason));
        (&one.place, reason)
    });
    list(out, "not compared", places)
}

/// Objects that are no differences, each on a line.
fn list<'t>(
    out: &mut dyn Write,
    label: &str,
    places: impl ExactSizeIterator<Item = (&'t ToldPlace, String)>,
) -> io::Result<()> {
    let more = places.len().saturating_sub(LONGEST_LIST);
    for (one, behind) in places.take(LONGEST_LIST) {
        let (object, file) = (printable(&one.object.shown), printable(&one.file));
        writeln!(
            out,
            "{BOLD}{label}{BOLD:#}: {object} ({file}:{}){behind}",
            one.line
        )?;
    }
    if more > 0 {
        writeln!(out, "… and {more} more; `--format json` gives all of them")?;
    }
    Ok(())
}

fn differences(out: &mut dyn Write, told: &[Told]) -> io::Result<()> {
    for one in told.iter().take(LONGEST_LIST) {
        write!(out, "{BOLD}{}{BOLD:#}: ", one.change)?;
        write!(out, "{}", printable(&one.object.shown))?;
        if let Some(to) = &one.renamed_to {
            write!(out, " to {}", printable(&to.shown))?;
        }
        if let (Some(file), Some(line)) = (&one.file, one.line) {
            write!(out, " ({}:{line})", printable(file))?;
        }
        writeln!(out)?;
        for field in one.fields.iter().take(MOST_FIELDS) {
            writeln!(
                out,
                "  {}: {} → {}",
                printable(&field.path),
                printable(&shown_value(field.old.as_ref())),
                printable(&shown_value(field.new.as_ref()))
            )?;
        }
        let more = one.fields.len().saturating_sub(MOST_FIELDS);
        if more > 0 {
            writeln!(out, "  … and {}", counted(more, "more field"))?;
        }
        for danger in &one.dangers {
            writeln!(out, "  {RED}danger{RED:#}: {}", printable(&danger.message))?;
            for (index, step) in danger.steps.iter().enumerate() {
                writeln!(out, "    {}. {}", index + 1, printable(step))?;
            }
        }
    }
    let more = told.len().saturating_sub(LONGEST_LIST);
    if more > 0 {
        writeln!(out, "… and {more} more; `--format json` gives all of them")?;
    }
    Ok(())
}

/// `1 changed, 1 removed, 9 the same; …`.
pub(super) fn summary(comparison: &Comparison, against: &str) -> String {
    let mut parts = counts(comparison);
    parts.push(format!("{} the same", count(comparison.same as f64)));
    let mut text = format!("compared with {against}: {}", parts.join(", "));
    for note in notes(comparison) {
        text += &format!("; {note}");
    }
    text
}

/// How many of each kind of difference there are, without those of which there is none.
pub(super) fn counts(comparison: &Comparison) -> Vec<String> {
    let differences = &comparison.differences;
    let of = |is: fn(&Change) -> bool| differences.iter().filter(|one| is(&one.change)).count();
    let dangers = differences.iter().map(|one| one.dangers.len()).sum();
    let parts = [
        (of(|it| matches!(it, Change::Changed { .. })), "changed"),
        (of(|it| matches!(it, Change::Renamed { .. })), "renamed"),
        (of(|it| matches!(it, Change::Added)), "added"),
        (of(|it| matches!(it, Change::Removed)), "removed"),
    ];
    let not_compared = comparison.not_compared.len() + comparison.unplaced.len();
    let not_compared = (not_compared, "not compared");
    let parts = parts.into_iter().chain([not_compared]);
    let parts = parts.filter(|(number, _)| *number > 0);
    let mut parts: Vec<_> = parts
        .map(|(number, word)| format!("{} {word}", count(number as f64)))
        .collect();
    if dangers > 0 {
        parts.push(counted(dangers, "danger"));
    }
    parts
}

/// What is no difference and should be known.
pub(super) fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(cluster) = &comparison.assumed {
        notes.push(format!(
            "what names no cluster is taken for that of {cluster}"
        ));
    }
    if comparison.of_any_cluster > 0 {
        let (verb, is) = match comparison.of_any_cluster {
            1 => ("names", "is"),
            _ => ("name", "are"),
        };
        notes.push(format!(
            "{} {verb} no cluster and {is} taken for those of any",
            counted(comparison.of_any_cluster, "object")
        ));
    }
    let strange: Vec<&str> = comparison
        .of_strange_clusters
        .keys()
        .map(|one| &**one)
        .collect();
    if !strange.is_empty() {
        const MOST: usize = 5;
        let number = comparison.of_strange_clusters.values().sum();
        let are = match number {
            1 => "is of a cluster",
            _ => "are of clusters",
        };
        let more = match strange.len().saturating_sub(MOST) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        notes.push(format!(
            "{} {are} for which nothing is rendered: {}{more}",
            counted(number, "object"),
            strange[..strange.len().min(MOST)].join(", ")
        ));
    }
    if comparison.relabelled > 0 {
        notes.push(format!(
            "{} would get our labels, which change nothing that Flux does",
            counted(comparison.relabelled, "object")
        ));
    }
    if let [one, ..] = &comparison.versions[..] {
        notes.push(format!(
            "version changed: {}, as {} from `{}` to `{}`, which stay the same to Flux",
            counted(comparison.versions.len(), "object"),
            one.object,
            one.old,
            one.new
        ));
    }
    if !comparison.left_alone.is_empty() {
        let verb = match comparison.left_alone.len() {
            1 => "is",
            _ => "are",
        };
        let alone = counted(comparison.left_alone.len(), "object");
        notes.push(format!("{alone} {verb} left alone"));
    }
    if let [one, ..] = &comparison.left_to_others[..] {
        let verb = match comparison.left_to_others.len() {
            1 => "is left to whoever manages it",
            _ => "are left to whoever manages them",
        };
        notes.push(format!(
            "{} {verb}, as {one}",
            counted(comparison.left_to_others.len(), "object"),
        ));
    }
    notes
}

//! What differs between manifests, as a comment under a pull request: bounded, dangers first.

use crate::budget::{count, counted};
use crate::config::Severity;
use crate::render::Comparison;

use super::against_document::{Answer, Told, ToldField, ToldPlace, shown_value};
use super::against_text::{counts, notes};
use super::manifest_files::Documents;
use super::markdown::{LONGEST_BYTES, code, prose, section};
use super::report::{self, Counts, JsonFinding};
use super::report_markdown;

/// Of them for dangers, which are listed before all differences.
const DANGERS_BYTES: usize = 20_000;

/// Of them for what could not be read, before the dangers.
const NOT_READ_BYTES: usize = 10_000;

/// Fields of one object that are shown.
const MOST_FIELDS: usize = 20;

pub(super) fn text(comparison: &Comparison, answer: &Answer, read: &Documents) -> String {
    let told = &answer.differences;
    let findings = report::json(&read.sources, &read.findings);
    let errors = findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    let errors: Vec<_> = errors.map(report_markdown::item).collect();
    let mut parts = counts(comparison);
    if !errors.is_empty() {
        parts.push(format!(
            "{} in what could not be read",
            counted(errors.len(), "fault")
        ));
    }
    let mut text = match &parts[..] {
        [] => "### flux-setup: nothing differs\n\n".to_owned(),
        parts => format!("### flux-setup: {}\n\n", parts.join(", ")),
    };
    let mut same = vec![format!(
        "{} {} the same",
        count(comparison.same as f64),
        if comparison.same == 1 {
            "object is"
        } else {
            "objects are"
        }
    )];
    same.extend(notes(comparison));
    text += &format!("{}.\n", same.join("; "));
    section(&mut text, "Not read", NOT_READ_BYTES, errors);
    let dangers = told.iter().flat_map(|one| &one.dangers);
    let dangers = dangers.map(|danger| {
        let mut item = format!("- ⚠️ {}\n", prose(&danger.message));
        for (index, step) in danger.steps.iter().enumerate() {
            item += &format!("  {}. {}\n", index + 1, prose(step));
        }
        item
    });
    section(&mut text, "Dangers", DANGERS_BYTES, dangers.collect());
    for change in ["removed", "renamed", "changed", "added"] {
        let items = told.iter().filter(|one| one.change == change);
        let heading = format!("{}{}", change[..1].to_uppercase(), &change[1..]);
        section(
            &mut text,
            &heading,
            LONGEST_BYTES,
            items.map(item).collect(),
        );
    }
    let items = answer.left_alone.iter();
    let items = items.map(|one| format!("{}\n", place(one)));
    section(&mut text, "Left alone", LONGEST_BYTES, items.collect());
    let items = answer.not_compared.iter();
    let items = items.map(|one| format!("{}  \n  {}\n", place(&one.place), prose(&one.reason)));
    section(&mut text, "Not compared", LONGEST_BYTES, items.collect());
    text
}

/// Why nothing could be compared.
pub(super) fn faults(findings: &[JsonFinding<'_>]) -> String {
    let counts = Counts::of(findings.iter().map(|finding| finding.severity));
    let mut text = format!("### flux-setup: nothing compared, {}\n", counts.shown());
    let errors = findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    let errors = errors.map(report_markdown::item).collect();
    section(&mut text, "Errors", LONGEST_BYTES, errors);
    text
}

fn place(one: &ToldPlace) -> String {
    let at = code(&format!("{}:{}", one.file, one.line));
    format!("- {} ({at})", code(&one.object.shown))
}

fn item(one: &Told) -> String {
    let mut item = format!("- {}", code(&one.object.shown));
    if let Some(to) = &one.renamed_to {
        item += &format!(" → {}", code(&to.shown));
    }
    if let (Some(file), Some(line)) = (&one.file, one.line) {
        item += &format!(" ({})", code(&format!("{file}:{line}")));
    }
    item.push('\n');
    for ToldField { path, old, new } in one.fields.iter().take(MOST_FIELDS) {
        item += &format!(
            "  - {}: {} → {}\n",
            code(path),
            code(&shown_value(old.as_ref())),
            code(&shown_value(new.as_ref()))
        );
    }
    let more = one.fields.len().saturating_sub(MOST_FIELDS);
    if more > 0 {
        item += &format!("  - … and {}\n", counted(more, "more field"));
    }
    item
}

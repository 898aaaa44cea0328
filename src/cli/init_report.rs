//! What became of objects that exist, as people and machines read it.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::adopt::{Adoption, Move, Step};
use crate::budget::{count, counted};
use crate::config::Sources;
use crate::flux::mask;
use crate::flux::yaml::Span;
use crate::render::Comparison;

use super::against_document::{answer, json as compared_json};
use super::against_text::{self, notes};
use super::existing::Existing;
use super::markers;
use super::new_files::{quoted, shown_file};
use super::printable::printable;
use super::whose::OfDocuments;

/// A configuration and its proof.
#[derive(Debug)]
pub(super) struct Proved {
    pub(super) adoption: Adoption,
    pub(super) comparison: Comparison,
    /// Lines that the objects were written in which it renders, and its own.
    pub(super) lines: (usize, usize),
    /// Those that each document is for.
    pub(super) clusters: OfDocuments,
}

/// Objects that are left alone that people are shown; JSON has them all.
const LONGEST_LIST: usize = 100;

pub(super) fn write(
    out: &mut dyn Write,
    folder: &Path,
    proved: &Proved,
    existing: &Existing,
) -> io::Result<()> {
    let sources = &existing.read.sources;
    for (name, _) in &proved.adoption.files {
        writeln!(out, "wrote {}", printable(&shown_file(folder, name)))?;
    }
    let (before, after) = proved.lines;
    writeln!(
        out,
        "\n{} in {} became {}",
        counted(proved.adoption.objects, "object"),
        counted(before, "line"),
        counted(after, "line"),
    )?;
    let comparison = &proved.comparison;
    write!(
        out,
        "proved: rendered again, {} the same",
        count(comparison.same as f64)
    )?;
    for note in notes(comparison) {
        write!(out, "; {note}")?;
    }
    writeln!(out)?;
    out.write_all(left_alone(&proved.adoption, sources).as_bytes())?;
    let markers = markers::markers(&proved.adoption, existing);
    out.write_all(markers::told(&markers, sources).as_bytes())?;
    let alone = proved.adoption.left_alone.iter();
    let alone: HashSet<Span> = alone.map(|one| one.span).collect();
    let mut answer = answer(comparison, existing);
    let spans = comparison.differences.iter().map(|one| one.span);
    let mut is_told = spans.map(|span| !span.is_some_and(|span| alone.contains(&span)));
    answer.differences.retain(|_| is_told.next() == Some(true));
    answer.left_alone.clear();
    against_text::write(out, &answer)?;
    let config = quoted(&folder.display().to_string());
    writeln!(
        out,
        "\nThe move is yours: `flux-setup init --from … --plan` says how, and how to go back; then:"
    )?;
    for (command, what) in [
        ("validate", "finds what is wrong, with its place"),
        ("render", "prints the manifests"),
    ] {
        writeln!(
            out,
            "  flux-setup {:width$}  {what}",
            format!("{command} --config {config}"),
            width = "validate --config ".len() + config.len()
        )?;
    }
    Ok(())
}

/// Each object that is left alone with its place and the reason, and the kinds that are not written.
pub(super) fn left_alone(adoption: &Adoption, sources: &Sources) -> String {
    let mut text = String::new();
    // writing to a string cannot fail
    if !adoption.left_alone.is_empty() {
        let _ = writeln!(text, "left alone:");
    }
    for one in adoption.left_alone.iter().take(LONGEST_LIST) {
        let _ = writeln!(
            text,
            "  {}:{}: {}: {}",
            printable(sources.name(one.span.source)),
            sources.position(one.span).line,
            printable(&mask(&one.object)),
            printable(&mask(&one.reason))
        );
    }
    let more = adoption.left_alone.len().saturating_sub(LONGEST_LIST);
    if more > 0 {
        let _ = writeln!(
            text,
            "  … and {more} more; `--format json` gives all of them"
        );
    }
    if !adoption.other_kinds.is_empty() {
        let kinds = adoption.other_kinds.iter();
        let kinds: Vec<_> = kinds
            .map(|(kind, number)| format!("{number} {}", mask(kind)))
            .collect();
        let _ = writeln!(
            text,
            "of kinds that are not written: {}",
            printable(&kinds.join(", "))
        );
    }
    text
}

pub(super) fn json(proved: &Proved, existing: &Existing) -> Value {
    let adoption = &proved.adoption;
    let sources = &existing.read.sources;
    let answer = answer(&proved.comparison, existing);
    let compared = compared_json(&proved.comparison, &answer, &existing.read);
    let left = adoption.left_alone.iter().map(|one| {
        json!({
            "file": sources.name(one.span.source),
            "line": sources.position(one.span).line,
            "object": mask(&one.object),
            "reason": mask(&one.reason),
        })
    });
    json!({
        "findings": compared["findings"],
        "written": adoption.files.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "objects": adoption.objects,
        "linesBefore": proved.lines.0,
        "linesAfter": proved.lines.1,
        "leftAlone": left.collect::<Vec<_>>(),
        "otherKinds": adoption.other_kinds,
        "markers": markers::json(&markers::markers(adoption, existing), sources),
        "otherFiles": existing.read.others.names(sources),
        "compared": compared,
    })
}

pub(super) fn write_steps(out: &mut dyn Write, steps: &Move) -> io::Result<()> {
    writeln!(out, "The safe move; none of it is done by this program.\n")?;
    if let Some(assumes) = steps.assumes {
        writeln!(out, "{assumes}.\n")?;
    }
    for (number, step) in steps.steps.iter().enumerate() {
        write_step(out, &format!("{}.", number + 1), step)?;
    }
    writeln!(out, "\nThe way back\n")?;
    for step in &steps.back {
        write_step(out, "-", step)?;
    }
    Ok(())
}

fn write_step(out: &mut dyn Write, mark: &str, step: &Step) -> io::Result<()> {
    writeln!(out, "{mark} {}", printable(&step.what))?;
    for command in &step.commands {
        writeln!(out, "     {}", printable(command))?;
    }
    Ok(())
}

pub(super) fn steps_json(steps: &Move) -> Value {
    let list = |steps: &[Step]| {
        let steps = steps.iter();
        let steps = steps.map(|step| json!({"what": step.what, "commands": step.commands}));
        steps.collect::<Vec<_>>()
    };
    json!({
        "findings": [],
        "assumes": steps.assumes,
        "steps": list(&steps.steps),
        "back": list(&steps.back),
    })
}

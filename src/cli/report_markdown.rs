//! Findings as a comment under a pull request: bounded, errors first.

use std::io::Write;

use crate::config::{Finding, Severity, Sources};
use crate::flux::mask;

use super::args::{AskedFormat, GlobalArguments};
use super::markdown::{LONGEST_BYTES, code, prose, section};
use super::output;
use super::report::{self, Counts, JsonFinding};

/// `what` found them, and `judged` is what they were found in, in words that follow a name; empty where
/// that is not said.
pub(super) fn text(what: &str, findings: &[JsonFinding<'_>], judged: &str) -> String {
    let counts = Counts::of(findings.iter().map(|finding| finding.severity));
    let shown = match counts.shown() {
        shown if shown.is_empty() => "sound".to_owned(),
        shown => shown,
    };
    let mut text = format!("### {what}: {shown}\n");
    if !judged.is_empty() {
        text += &format!("\n{}.\n", prose(judged));
    }
    for (severity, heading) in [(Severity::Error, "Errors"), (Severity::Warning, "Warnings")] {
        let some = findings
            .iter()
            .filter(|finding| finding.severity == severity);
        let items = some.map(|finding| item(finding)).collect();
        section(&mut text, heading, LONGEST_BYTES, items);
    }
    text
}

/// Prints findings where they are the answer; as a comment only where that was asked for.
pub(super) fn print_asked(
    sources: &Sources,
    findings: &[Finding],
    global: &GlobalArguments,
) -> anyhow::Result<()> {
    if global.asked_format != AskedFormat::Markdown {
        return report::print(sources, findings, global.format);
    }
    let text = text("flux-setup", &report::json(sources, findings), "");
    output::data(|out| out.write_all(text.as_bytes()))
}

pub(super) fn item(finding: &JsonFinding<'_>) -> String {
    let file = finding.file;
    let place = match finding.end {
        Some(_) => format!("{file}:{}:{}", finding.line, finding.column),
        None => file.to_owned(),
    };
    let mut item = format!("- {}: {}", code(&place), prose(&finding.message));
    if let Some(hint) = &finding.hint {
        item += &format!("  \n  {}", prose(hint));
    }
    item.push('\n');
    item
}

/// Prints why it could not be done at all.
pub(super) fn print_without_place(message: &str) -> anyhow::Result<()> {
    let message = mask(message);
    output::data(|out| {
        writeln!(
            out,
            "### flux-setup: it could not be done\n\n{}",
            prose(&message)
        )
    })
}

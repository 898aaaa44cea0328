//! What `validate` answers: its findings and what it looked at, in every format.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value};

use crate::config::{Finding, Severity, Sources};

use crate::manifests::{KnownFinding, Objects};

use super::args::{AskedFormat, GlobalArguments};
use super::outcome::Outcome;
use super::printable::printable;
use super::report::JsonFinding;
use super::validate_args::BaselineArguments;
use super::{baseline, output, report, report_github, report_markdown, report_sarif};

#[derive(Debug)]
pub(super) struct Judgement<'a> {
    pub(super) sources: &'a Sources,
    pub(super) findings: Vec<Finding>,
    /// What was looked at, as `3 documents judged`.
    pub(super) judged: String,
    /// Whether people are told so beside faults too.
    pub(super) is_always_told: bool,
    /// What machines are told beside the findings.
    pub(super) more: Map<String, Value>,
    /// Whose findings they are; empty for those of a configuration.
    pub(super) objects: Objects,
    /// What was judged, which no file is named with in a baseline.
    pub(super) root: &'a Path,
    /// The one file that was judged, where it was one.
    pub(super) only: Option<String>,
}

impl Judgement<'_> {
    /// Prints what the baseline does not know, and says what it comes to.
    pub(super) fn print(
        mut self,
        global: &GlobalArguments,
        baseline: &BaselineArguments,
    ) -> anyhow::Result<Outcome> {
        let all = report::json(self.sources, &self.findings);
        let known: Vec<_> = all.iter().map(|finding| self.known(finding)).collect();
        let left = baseline::apply(baseline, known.clone(), self.only.as_deref())?;
        let told = all.iter().zip(&left.is_new).filter(|(_, is_new)| **is_new);
        let told: Vec<Finding> = told.map(|(finding, _)| finding.finding.clone()).collect();
        let prints = known.iter().zip(&left.is_new);
        let prints = prints.filter(|(_, is_new)| **is_new);
        let prints: Vec<_> = prints.map(|(known, _)| known.fingerprint()).collect();
        drop(all);
        if let Some(summary) = &left.summary {
            self.judged += &format!(", {summary}");
        }
        if let Some(json) = left.json {
            self.more.insert("baseline".into(), json);
        }
        self.findings = told;
        self.print_left(global.asked_format, &left.notes, &prints)?;
        let mut severities = self.findings.iter().map(|finding| finding.severity);
        Ok(if severities.any(|severity| severity == Severity::Error) {
            Outcome::BadInput
        } else {
            Outcome::Done
        })
    }

    fn print_left(
        &self,
        format: AskedFormat,
        notes: &[String],
        prints: &[String],
    ) -> anyhow::Result<()> {
        let findings = report::json(self.sources, &self.findings);
        let counts = report::Counts::of(findings.iter().map(|finding| finding.severity));
        match format {
            AskedFormat::Text => {
                report::print_beside(self.sources, &self.findings)?;
                if counts.errors == 0 {
                    output::text(|stdout| writeln!(stdout, "sound: {}", self.judged))?;
                } else if self.is_always_told {
                    output::note(&self.judged)?;
                }
            }
            AskedFormat::Json => {
                let mut answer = Map::new();
                answer.insert("findings".into(), serde_json::to_value(findings)?);
                answer.extend(self.more.clone());
                return output::json(&answer);
            }
            AskedFormat::Github => {
                output::data(|out| report_github::write(&findings, out))?;
                output::note(&summary(counts, &self.judged))?;
            }
            AskedFormat::Sarif => {
                output::json(&report_sarif::log(&findings, prints))?;
            }
            AskedFormat::Markdown => {
                let text = report_markdown::text(&findings, &self.judged);
                output::data(|out| out.write_all(text.as_bytes()))?;
            }
        }
        for note in notes {
            output::note(&printable(note))?;
        }
        Ok(())
    }

    /// What tells a finding apart, wherever it moves in its file.
    fn known(&self, finding: &JsonFinding<'_>) -> KnownFinding {
        let file = Path::new(finding.file);
        let file = file.strip_prefix(self.root).unwrap_or(file);
        KnownFinding::new(
            &file.to_string_lossy(),
            self.objects.at(finding.finding.span),
            &finding.path,
            finding.class,
            &finding.message,
        )
    }
}

fn summary(counts: report::Counts, judged: &str) -> String {
    match counts.shown() {
        shown if counts.errors > 0 => format!("{shown}; {judged}"),
        shown if counts.warnings > 0 => format!("sound, {shown}; {judged}"),
        _ => format!("sound: {judged}"),
    }
}

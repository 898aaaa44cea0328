//! What `validate` answers: its findings and what it looked at, in every format.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value};

use crate::config::{Finding, Severity, Sources};

use crate::manifests::{KnownFinding, Objects};

use super::args::{AskedFormat, GlobalArguments};
use super::baseline_names::Names;
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
    /// The file or folder that was judged.
    pub(super) path: &'a Path,
}

impl Judgement<'_> {
    /// Prints what the baseline does not know, and says what it comes to.
    pub(super) fn print(
        mut self,
        global: &GlobalArguments,
        arguments: &BaselineArguments,
    ) -> anyhow::Result<Outcome> {
        let baseline = arguments.baseline.as_deref();
        let mut names = baseline.map(|baseline| Names::new(baseline, self.path));
        let all = report::json(self.sources, &self.findings);
        let found = all.iter().map(|finding| {
            let known = known(finding, &self.objects, names.as_mut());
            (known, !finding.finding.is_unjudged)
        });
        let found: Vec<_> = found.collect();
        let left = baseline::apply(arguments, names.as_ref(), &found)?;
        let new = all.into_iter().zip(&found).zip(&left.is_new);
        let new = new.filter_map(|(new, is_new)| is_new.then_some(new));
        let (told, prints): (Vec<_>, Vec<_>) = new
            .map(|(finding, (known, _))| (finding, known.fingerprint()))
            .unzip();
        if let Some(summary) = &left.summary {
            self.judged += &format!(", {summary}");
        }
        if let Some(json) = left.json {
            self.more.insert("baseline".into(), json);
        }
        self.print_left(global.asked_format, &told, &left.notes, &prints)?;
        let mut severities = told.iter().map(|finding| finding.severity);
        Ok(if severities.any(|severity| severity == Severity::Error) {
            Outcome::BadInput
        } else {
            Outcome::Done
        })
    }

    fn print_left(
        &self,
        format: AskedFormat,
        findings: &[JsonFinding<'_>],
        notes: &[String],
        prints: &[String],
    ) -> anyhow::Result<()> {
        let counts = report::Counts::of(findings.iter().map(|finding| finding.severity));
        match format {
            AskedFormat::Text => {
                let told = findings.iter().map(|finding| finding.finding.clone());
                report::print_beside(self.sources, &told.collect::<Vec<_>>())?;
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
                output::data(|out| report_github::write(findings, out))?;
                output::note(&summary(counts, &self.judged))?;
            }
            AskedFormat::Sarif => {
                output::json(&report_sarif::log(findings, prints))?;
            }
            AskedFormat::Markdown => {
                let text = report_markdown::text("flux-setup validate", findings, &self.judged);
                output::data(|out| out.write_all(text.as_bytes()))?;
            }
        }
        for note in notes {
            output::note(&printable(note))?;
        }
        Ok(())
    }
}

/// What tells a finding apart, wherever it moves in its file.
fn known(finding: &JsonFinding<'_>, objects: &Objects, names: Option<&mut Names>) -> KnownFinding {
    let file = match names {
        Some(names) => names.of(finding.file),
        None => finding.file.to_owned(),
    };
    KnownFinding::new(
        &file,
        objects.at(finding.finding.span),
        &finding.path,
        finding.class,
        &finding.message,
    )
}

fn summary(counts: report::Counts, judged: &str) -> String {
    match counts.shown() {
        shown if counts.errors > 0 => format!("{shown}; {judged}"),
        shown if counts.warnings > 0 => format!("sound, {shown}; {judged}"),
        _ => format!("sound: {judged}"),
    }
}

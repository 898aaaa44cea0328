//! `flux-setup budget --patch`: the advice as a change of the configuration.

use std::env;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use similar::TextDiff;

use crate::budget::{count, counted, patch};
use crate::config::Configuration;
use crate::flux::mask;

use super::args::{Format, GlobalArguments};
use super::budget_price::priced;
use super::fleet::Fleet;
use super::outcome::Outcome;
use super::output;
use super::printable::printable;
use super::report::JsonFinding;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    /// Warnings alone: with an error nothing is advised.
    findings: Vec<JsonFinding<'a>>,
    /// A unified diff; empty where nothing is to change.
    patch: String,
    saves_polls_per_hour: f64,
    /// What is advised and has to be said by hand.
    left: &'a [String],
}

pub(super) fn run(global: &GlobalArguments, fleet: &Fleet<'_>) -> anyhow::Result<Outcome> {
    let (report, _) = priced(fleet, None, None);
    let patched = patch(&fleet.plan, fleet.configuration, &report.advice);
    let texts = patched.texts.iter();
    let diffs = texts.map(|one| diff(fleet.configuration, one.source, &one.text));
    let diffs: String = diffs.collect();
    fleet.print_warnings(global)?;
    if global.format == Format::Json {
        output::json(&Answer {
            findings: fleet.json_findings(),
            patch: diffs,
            saves_polls_per_hour: patched.saves_polls_per_hour,
            left: &patched.left,
        })?;
        return Ok(Outcome::Done);
    }
    output::data(|stdout| stdout.write_all(diffs.as_bytes()))?;
    for what in &patched.left {
        output::note(&format!("by hand: {}", printable(what)))?;
    }
    output::note(&match patched.texts.len() {
        0 => "nothing is advised that a change of the configuration would do".to_owned(),
        files => format!(
            "{} would change: {} polls an hour fewer",
            counted(files, "file"),
            count(patched.saves_polls_per_hour)
        ),
    })?;
    Ok(Outcome::Done)
}

/// In the form of `git diff`, by the path from the current folder.
fn diff(configuration: &Configuration, source: u32, after: &str) -> String {
    let before = configuration.sources.text(source);
    let name = Path::new(configuration.sources.name(source));
    let here = env::current_dir().ok();
    let below = here
        .as_deref()
        .and_then(|here| name.strip_prefix(here).ok());
    let name = below.unwrap_or(name).display().to_string();
    let name = name.trim_start_matches("./").trim_start_matches('/');
    // a credential that somebody wrote into a comment is shown to nobody, and then the patch does not fit
    mask(
        &TextDiff::from_lines(before, after)
            .unified_diff()
            .header(&format!("a/{name}"), &format!("b/{name}"))
            .to_string(),
    )
    .into_owned()
}

//! `flux-setup budget --patch`: the advice as a change of the configuration.

use std::io::Write;
use std::path::{Path, PathBuf};

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
use super::real_path::{real, relative};
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
    let here = real(Path::new(""));
    let top = top(&here, &real(&global.config));
    let texts = patched.texts.iter();
    let diffs = texts.map(|one| diff(&top, fleet.configuration, one.source, &one.text));
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
    // git passes over what does not lie below the folder in which it is asked
    let is_below =
        |source| real(Path::new(fleet.configuration.sources.name(source))).starts_with(&here);
    let fits = here.starts_with(&top) && patched.texts.iter().all(|one| is_below(one.source));
    if !fits {
        let top = relative(&here, &top);
        output::note(&printable(&format!(
            "its paths are those of `{top}`: `… | git -C {top} apply`"
        )))?;
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

/// The folder from which git reads the paths of a patch: the top of the repository that the configuration
/// lies in; without one the current folder, or the configuration's own where that is no part of it.
fn top(here: &Path, configuration: &Path) -> PathBuf {
    let mut around = configuration.ancestors();
    let repository = around.find(|folder| folder.join(".git").exists());
    let top = repository.unwrap_or(if configuration.starts_with(here) {
        here
    } else {
        configuration
    });
    top.to_owned()
}

/// In the form of `git diff`.
fn diff(top: &Path, configuration: &Configuration, source: u32, after: &str) -> String {
    let before = configuration.sources.text(source);
    let name = configuration.sources.name(source);
    let name = relative(top, &real(Path::new(name)));
    // a credential that somebody wrote into a comment is shown to nobody, and then the patch does not fit
    mask(
        &TextDiff::from_lines(before, after)
            .unified_diff()
            .header(&headed("a", &name), &headed("b", &name))
            .to_string(),
    )
    .into_owned()
}

/// A file of one side, as git writes it: behind a name with spaces `patch` looks for a tab.
fn headed(side: &str, name: &str) -> String {
    let end = if name.contains(' ') { "\t" } else { "" };
    format!("{side}/{name}{end}")
}

#[cfg(test)]
mod tests {
    use super::headed;

    #[test]
    fn a_name_with_spaces_ends_at_a_tab() {
        assert_eq!(headed("a", "my fleet/x.yaml"), "a/my fleet/x.yaml\t");
        assert_eq!(headed("b", "fleet/x.yaml"), "b/fleet/x.yaml");
    }
}

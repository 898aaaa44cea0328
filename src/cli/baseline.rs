//! `--baseline`: what is known to be wrong is not told again.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::budget::counted;
use crate::config::FILE_LIMIT_BYTES;
use crate::manifests::{Baseline, Compared, KnownFinding};
use crate::render::Folder;

use super::baseline_names::Names;
use super::validate_args::BaselineArguments;

/// What is known and stands nowhere any more is told so often at once.
const MOST_STALE: usize = 20;

/// What a baseline leaves of the findings, and what is said of it.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Whether each of them is told.
    pub(super) is_new: Vec<bool>,
    /// In words that follow what was judged.
    pub(super) summary: Option<String>,
    /// For people.
    pub(super) notes: Vec<String>,
    /// For machines.
    pub(super) json: Option<Value>,
}

/// A finding, and whether a baseline may know it: never that something could not be judged.
pub(super) type Found = (KnownFinding, bool);

/// Compares findings with the baseline that the arguments name, or writes it; without one all are new.
pub(super) fn apply(
    arguments: &BaselineArguments,
    names: Option<&Names>,
    found: &[Found],
) -> anyhow::Result<Left> {
    let (Some(path), Some(names)) = (&arguments.baseline, names) else {
        return Ok(Left {
            is_new: vec![true; found.len()],
            ..Left::default()
        });
    };
    let is_judged = |file: &str| names.is_judged(file);
    let judged = found.iter().filter(|(_, is_judged)| *is_judged);
    let judged: Vec<_> = judged.map(|(known, _)| known).collect();
    if arguments.write_baseline {
        let is_new = found.iter().map(|(_, is_judged)| !is_judged).collect();
        let mut baseline = Baseline::of(judged.into_iter().cloned());
        if path.exists() {
            baseline.keep_other_files(read(path)?, &is_judged);
        }
        write(path, &baseline)?;
        let count = baseline.count();
        return Ok(Left {
            is_new,
            summary: Some(format!(
                "{} written to `{}`",
                counted(count, "finding"),
                path.display()
            )),
            json: Some(json!({"written": count})),
            ..Left::default()
        });
    }
    let Compared { is_known, stale } = read(path)?.compare(&judged, &is_judged);
    let known = is_known.iter().filter(|known| **known).count();
    let mut is_known = is_known.into_iter();
    let is_new = found
        .iter()
        .map(|(_, is_judged)| !is_judged || is_known.next() != Some(true));
    Ok(Left {
        summary: (known > 0).then(|| format!("{} known before", counted(known, "finding"))),
        notes: notes(path, &stale),
        json: Some(
            json!({"known": known, "stale": stale.iter().map(stale_json).collect::<Vec<_>>()}),
        ),
        is_new: is_new.collect(),
    })
}

fn stale_json((known, count): &(KnownFinding, usize)) -> Value {
    let mut value = json!(known);
    value["count"] = (*count).into();
    value
}

fn notes(path: &Path, stale: &[(KnownFinding, usize)]) -> Vec<String> {
    if stale.is_empty() {
        return Vec::new();
    }
    let path = path.display();
    let mut notes = vec![match stale.iter().map(|(_, count)| count).sum() {
        1 => format!("1 finding that `{path}` knows is no more; `--write-baseline` takes it out"),
        count => format!(
            "{count} findings that `{path}` knows are no more; `--write-baseline` takes them out"
        ),
    }];
    for (known, count) in stale.iter().take(MOST_STALE) {
        let KnownFinding {
            file,
            object,
            message,
            ..
        } = known;
        let times = if *count > 1 {
            format!(" ({count} times)")
        } else {
            String::new()
        };
        let object = if object.is_empty() {
            String::new()
        } else {
            format!("{object}: ")
        };
        // neither as a command to GitHub's runner, which looks for one behind spaces
        let note = format!("  - {file}: {object}{message}{times}");
        notes.push(note.replace("##[", "## ["));
    }
    let more = stale.len().saturating_sub(MOST_STALE);
    if more > 0 {
        notes.push(format!("  … and {more} more"));
    }
    notes
}

fn read(path: &Path) -> anyhow::Result<Baseline> {
    let shown = path.display();
    let cannot = || format!("cannot read the baseline `{shown}`; `--write-baseline` writes one");
    let file = File::open(path).with_context(cannot)?;
    let mut text = String::new();
    let read = file.take(FILE_LIMIT_BYTES + 1).read_to_string(&mut text);
    read.with_context(cannot)?;
    if text.len() as u64 > FILE_LIMIT_BYTES {
        bail!(
            "the baseline `{shown}` is larger than {} MiB",
            FILE_LIMIT_BYTES >> 20
        );
    }
    Baseline::read(&text)
        .map_err(|error| anyhow::Error::new(error).context(format!("`{shown}` cannot be used")))
}

fn write(path: &Path, baseline: &Baseline) -> anyhow::Result<()> {
    let cannot = || format!("cannot write the baseline `{}`", path.display());
    let mut text = Vec::new();
    baseline.write(&mut text).with_context(cannot)?;
    // what a link leads to is replaced, and not the link
    let place = fs::canonicalize(path);
    let place = place.unwrap_or_else(|_| Path::new(".").join(path));
    let (folder, name) = (place.parent(), place.file_name());
    let folder = Folder::open(folder.unwrap_or(Path::new("."))).with_context(cannot)?;
    let name = Path::new(name.unwrap_or(OsStr::new("")));
    folder.replace(name, &text).with_context(cannot)
}

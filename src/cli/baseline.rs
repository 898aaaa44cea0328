//! `--baseline`: what is known to be wrong is not told again.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::budget::counted;
use crate::config::FILE_LIMIT_BYTES;
use crate::manifests::{Baseline, Compared, KnownFinding};

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

/// Compares findings with the baseline that the arguments name, or writes it; without one all are new.
/// `only` is the one file that was judged, where it was one.
pub(super) fn apply(
    arguments: &BaselineArguments,
    found: Vec<KnownFinding>,
    only: Option<&str>,
) -> anyhow::Result<Left> {
    let Some(path) = &arguments.baseline else {
        return Ok(Left {
            is_new: vec![true; found.len()],
            ..Left::default()
        });
    };
    if arguments.write_baseline {
        let is_new = vec![false; found.len()];
        let mut baseline = Baseline::of(found);
        if let (Some(only), true) = (only, path.exists()) {
            baseline.keep_other_files(read(path)?, only);
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
    let Compared { is_known, stale } = read(path)?.compare(&found, only);
    let known = is_known.iter().filter(|known| **known).count();
    Ok(Left {
        summary: (known > 0).then(|| format!("{} known before", counted(known, "finding"))),
        notes: notes(path, &stale),
        json: Some(
            json!({"known": known, "stale": stale.iter().map(stale_json).collect::<Vec<_>>()}),
        ),
        is_new: is_known.into_iter().map(|known| !known).collect(),
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
        notes.push(format!("  {file}: {object}{message}{times}"));
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
    let mut text = Vec::new();
    let written = baseline.write(&mut text);
    let written = written.and_then(|()| fs::write(path, text));
    written.with_context(|| format!("cannot write the baseline `{}`", path.display()))
}

//! Compares a folder with the files that are wanted in it, and writes what differs.
//!
//! ```text
//! wanted files -> render, compare with what is there -> report
//!                 a foreign file or a link ends it      `-> write what differs -> prune
//! ```

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use similar::TextDiff;

use crate::render::RenderError;

use super::above::unreached;
use super::files::Folder;
use super::layout::{Place, PlannedFile};
use super::left_over::{LeftOver, left_over};
use super::report::{
    Difference, DroppedObject, FolderReport, Renamed, TakenOver, WrittenFile, WrittenObject,
};
use super::unlisted::unlisted;
use super::{marker, renames};

/// How many files are written before they are put in their places together.
const CHUNK: usize = 256;

/// The files that a folder should hold.
pub(super) struct Wanted<'a> {
    pub(super) files: Vec<PlannedFile>,
    /// Renders the whole text of a file.
    pub(super) text: &'a Render<'a>,
    /// Where the file of any place lies.
    pub(super) path_of: &'a (dyn Fn(&Place) -> PathBuf + Sync),
    /// Only the files of these places are written, compared and pruned.
    pub(super) selected: &'a (dyn Fn(&Place) -> bool + Sync),
    /// Whether one of these files, in the same environment and cluster as a place, holds an object.
    pub(super) holds: &'a (dyn Fn(&Place, &WrittenObject) -> bool + Sync),
}

pub(super) type Render<'a> = dyn Fn(&PlannedFile) -> Result<Vec<u8>, RenderError> + Sync + 'a;

/// Compares only, and says how each file differs. Without a folder every file is new.
///
/// # Errors
/// As [`write()`], but nothing is written.
pub(super) fn compare(
    folder: Option<&Folder>,
    wanted: &Wanted<'_>,
) -> Result<FolderReport, RenderError> {
    Ok(survey(folder, wanted, Purpose::Comparison)?.report)
}

/// Writes what differs, each file whole, and with `prune` removes the stale files.
///
/// A file that would lose objects, or that lies elsewhere, is written only with `prune`: the old
/// one stays whole, and no object is there twice.
///
/// # Errors
/// The first fault in the order of the paths. Before anything is written: a document that its
/// template cannot write, a link, a file of somebody else where one of ours belongs. After that
/// only what the file system refuses; what was written until then stays.
pub(super) fn write(
    folder: &Folder,
    wanted: &Wanted<'_>,
    prune: bool,
) -> Result<FolderReport, RenderError> {
    // what another run has not finished is none that was killed
    let _lock = folder.lock();
    let Survey {
        mut report,
        differing,
        unfinished,
    } = survey(Some(folder), wanted, Purpose::Writing { prune })?;
    for path in &unfinished {
        folder.remove(path)?;
        report.cleaned += 1;
    }
    for chunk in differing.chunks(CHUNK) {
        folder.replace_all(chunk, |file| Ok((&file.path, (wanted.text)(file)?)))?;
    }
    folder.sync_folders(differing.iter().map(|file| file.path.as_path()));
    if prune {
        for file in &report.stale {
            folder.remove(&file.path)?;
        }
        report.pruned = true;
    }
    Ok(report)
}

/// What a survey is made for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Purpose {
    Comparison,
    Writing { prune: bool },
}

struct Survey<'a> {
    report: FolderReport,
    differing: Vec<&'a PlannedFile>,
    unfinished: Vec<PathBuf>,
}

fn survey<'a>(
    folder: Option<&Folder>,
    wanted: &'a Wanted<'_>,
    purpose: Purpose,
) -> Result<Survey<'a>, RenderError> {
    let planned: Vec<_> = wanted
        .files
        .iter()
        .filter(|file| (wanted.selected)(&file.place))
        .collect();
    let states: Vec<_> = planned
        .par_iter()
        .map(|file| state(folder, file, wanted, purpose))
        .collect();
    let mut report = FolderReport::default();
    let mut unfinished = Vec::new();
    if let Some(folder) = folder {
        report.unlisted = unlisted(folder, &planned)?;
        report.unreached = unreached(folder, &planned)?;
        let paths = planned.iter().map(|file| file.path.as_path()).collect();
        LeftOver {
            stale: report.stale,
            misplaced: report.misplaced,
            unfinished,
        } = left_over(folder, &paths, wanted.path_of, wanted.selected)?;
        for file in &mut report.stale {
            file.objects
                .retain(|object| !(wanted.holds)(&file.place, object));
        }
    }
    let moving = report.stale.iter().filter_map(|file| file.moves_to.clone());
    let moving: HashSet<_> = moving.collect();
    let mut differing = Vec::new();
    for (file, state) in planned.into_iter().zip(states) {
        let Some(change) = state? else {
            report.unchanged += 1;
            continue;
        };
        let loses = !change.renamed.is_empty() || !change.dropped.is_empty();
        if (loses || moving.contains(&file.path)) && purpose != (Purpose::Writing { prune: true }) {
            report.kept.push(file.path.clone());
        } else {
            report.written.push(WrittenFile {
                path: file.path.clone(),
                new: change.new,
            });
            report
                .taken_over
                .extend(change.before.map(|before| TakenOver {
                    path: file.path.clone(),
                    before,
                    now: file.place.clone(),
                }));
            differing.push(file);
        }
        report.differences.extend(change.difference);
        report.renamed.extend(change.renamed);
        report
            .dropped
            .extend(change.dropped.into_iter().map(|object| DroppedObject {
                path: file.path.clone(),
                object,
            }));
    }
    Ok(Survey {
        report,
        differing,
        unfinished,
    })
}

/// How a file differs from what is there.
struct Change {
    new: bool,
    /// Whose it was, where that was another cluster.
    before: Option<Place>,
    difference: Option<Difference>,
    renamed: Vec<Renamed>,
    dropped: Vec<WrittenObject>,
}

fn state(
    folder: Option<&Folder>,
    file: &PlannedFile,
    wanted: &Wanted<'_>,
    purpose: Purpose,
) -> Result<Option<Change>, RenderError> {
    let text = (wanted.text)(file)?;
    let found = match folder {
        Some(folder) => folder.read_ours(&file.path)?,
        None => None,
    };
    if found.as_ref() == Some(&text) {
        return Ok(None);
    }
    let owner = found.as_deref().and_then(marker::read);
    // in an empty file nothing of anybody is lost: a power cut may have left it
    let is_ours = match (&found, &owner) {
        (Some(found), None) => found.is_empty(),
        (_, Some(owner)) => *owner == file.place || was_of_another_cluster(owner, file, wanted),
        (None, None) => true,
    };
    if !is_ours {
        return Err(RenderError::Foreign {
            path: file.path.clone(),
            place: file.place.to_string(),
        });
    }
    let text = String::from_utf8_lossy(&text);
    let before = found.as_deref().map(String::from_utf8_lossy);
    let (renamed, dropped) = match &before {
        Some(before) => renames::compare(
            &file.place,
            renames::objects(before),
            &renames::objects(&text),
            &|object| (wanted.holds)(&file.place, object),
        ),
        None => (Vec::new(), Vec::new()),
    };
    Ok(Some(Change {
        new: before.is_none(),
        before: owner.filter(|owner| *owner != file.place),
        difference: (purpose == Purpose::Comparison)
            .then(|| difference(&file.path, before.as_deref().unwrap_or_default(), &text)),
        renamed,
        dropped,
    }))
}

/// Whether a place's own file was this one, and only its cluster got a name, or another one.
///
/// Where `output` parts the clusters, a file with the marker of another was copied there.
fn was_of_another_cluster(before: &Place, file: &PlannedFile, wanted: &Wanted<'_>) -> bool {
    before.environment == file.place.environment
        && before.project == file.place.project
        && (wanted.path_of)(before)
            .components()
            .eq(file.path.components())
}

fn difference(path: &Path, before: &str, wanted: &str) -> Difference {
    let path_text = path.display();
    let old_name = if before.is_empty() {
        "/dev/null".to_owned()
    } else {
        format!("a/{path_text}")
    };
    Difference {
        path: path.to_owned(),
        diff: TextDiff::from_lines(before, wanted)
            .unified_diff()
            .header(&old_name, &format!("b/{path_text}"))
            .to_string(),
    }
}

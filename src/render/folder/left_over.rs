//! What lies in a folder and is asked for by nobody: files of ours, copies, what killed runs left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::render::RenderError;

use super::files::Folder;
use super::layout::Place;
use super::report::{Misplaced, StaleFile};
use super::{marker, renames};

#[derive(Debug)]
pub(super) struct LeftOver {
    pub(super) stale: Vec<StaleFile>,
    pub(super) misplaced: Vec<Misplaced>,
    /// What killed runs left.
    pub(super) unfinished: Vec<PathBuf>,
}

/// Looks for files of the selected places beside those that are wanted.
///
/// A file is ours, and stale, where its marker names a place whose path is the file's own. With
/// another path it was written under another `output`, or somebody copied it.
pub(super) fn left_over(
    folder: &Folder,
    wanted: &BTreeSet<&Path>,
    path_of: &(dyn Fn(&Place) -> PathBuf + Sync),
    selected: &(dyn Fn(&Place) -> bool + Sync),
) -> Result<LeftOver, RenderError> {
    let listing = folder.list()?;
    let mut found = LeftOver {
        stale: Vec::new(),
        misplaced: Vec::new(),
        unfinished: listing.unfinished,
    };
    for (path, start) in listing.files {
        let Some(place) = marker::read(&start) else {
            continue;
        };
        if wanted.contains(path.as_path()) || !selected(&place) {
            continue;
        }
        if path_of(&place).components().eq(path.components()) {
            let bytes = folder.read(&path)?.unwrap_or_default();
            found.stale.push(StaleFile {
                objects: renames::objects(&String::from_utf8_lossy(&bytes)),
                path,
                place,
            });
        } else {
            found.misplaced.push(Misplaced { path, place });
        }
    }
    Ok(found)
}

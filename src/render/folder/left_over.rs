//! What lies in a folder and is asked for by nobody: files of ours, copies, what killed runs left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::MANAGED_BY_LABEL;
use crate::flux::yaml::{Node, read};
use crate::plan::MANAGED_BY;
use crate::render::RenderError;

use super::files::{Folder, Listing};
use super::layout::Place;
use super::renames;
use super::report::{Misplaced, StaleFile};

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
/// another path it was written under another `output`, or somebody copied it: it is stale where
/// nothing of ours lies at the path of its place and all that it holds was written by us, else it
/// is misplaced.
pub(super) fn left_over(
    folder: &Folder,
    wanted: &BTreeSet<&Path>,
    path_of: &(dyn Fn(&Place) -> PathBuf + Sync),
    selected: &(dyn Fn(&Place) -> bool + Sync),
) -> Result<LeftOver, RenderError> {
    let mut listing = folder.list()?;
    let mut found = LeftOver {
        stale: Vec::new(),
        misplaced: Vec::new(),
        unfinished: std::mem::take(&mut listing.unfinished),
    };
    for (path, place) in &listing.files {
        if wanted.contains(path.as_path()) || !selected(place) {
            continue;
        }
        let (path, place) = (path.clone(), place.clone());
        let home = path_of(&place);
        let is_home = home == path;
        if !is_home && is_ours_at(&home, &listing, path_of) {
            found.misplaced.push(Misplaced { path, place });
            continue;
        }
        let bytes = folder.read_ours(&path)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        if is_home || is_all_written_by_us(&text) {
            found.stale.push(StaleFile {
                objects: renames::objects(&text),
                moves_to: (!is_home && wanted.contains(home.as_path())).then_some(home),
                path,
                place,
            });
        } else {
            found.misplaced.push(Misplaced { path, place });
        }
    }
    Ok(found)
}

/// Whether a file of ours lies at a path, for whichever cluster it was written.
fn is_ours_at(
    path: &Path,
    listing: &Listing,
    path_of: &(dyn Fn(&Place) -> PathBuf + Sync),
) -> bool {
    let found = listing
        .files
        .binary_search_by(|(other, _)| other.as_path().cmp(path));
    found.is_ok_and(|index| path_of(&listing.files[index].1) == path)
}

/// Whether there are documents, and each carries the label that all of ours have.
fn is_all_written_by_us(text: &str) -> bool {
    let (documents, faults) = read(text, 0);
    let is_ours = |document: &Node| {
        let labels = document.get("metadata").and_then(|node| node.get("labels"));
        let label = labels.and_then(|labels| labels.get(MANAGED_BY_LABEL));
        label.and_then(Node::as_str) == Some(MANAGED_BY)
    };
    faults.is_empty() && !documents.is_empty() && documents.iter().all(is_ours)
}

//! Files that are written beside their places, and put there when they are whole and on the disk.
//!
//! ```text
//! write each beside its place -> sync them -> rename each over its place -> sync the folders
//! ```
//!
//! A disk takes 60,000 files that are synced one by one in 42 s, and in 4 s where the whole file
//! system is synced after every 256 of them. For a few files that would wait for what others write.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, OpenOptions, Permissions};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use crate::render::RenderError;

/// A file that is being written is called so until it is whole; a run that was killed leaves it.
const PREFIX: &str = ".flux-setup-";
const SUFFIX: &str = ".tmp";

/// From how many files on the file system is synced, not each of them.
const MANY: usize = 32;

/// Numbers the unfinished files of this process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A file that lies beside its place; dropped there it is removed.
#[derive(Debug)]
pub(super) struct Unfinished<'f> {
    dir: &'f Dir,
    lies_at: PathBuf,
    place: PathBuf,
}

impl<'f> Unfinished<'f> {
    /// Writes a file beside its place, and the folders on the way there. It gets the mode of the file
    /// that it will replace.
    pub(super) fn write(dir: &'f Dir, place: &Path, bytes: &[u8]) -> Result<Self, RenderError> {
        let parent = place.parent().unwrap_or(Path::new(""));
        if !parent.as_os_str().is_empty() {
            dir.create_dir_all(parent)
                .map_err(|source| RenderError::MakeFolder {
                    path: parent.to_owned(),
                    source,
                })?;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}{SUFFIX}", std::process::id());
        let unfinished = Self {
            dir,
            lies_at: parent.join(name),
            place: place.to_owned(),
        };
        let replaced = dir.symlink_metadata(place).ok();
        let mode = replaced.map(|replaced| replaced.permissions());
        match unfinished.fill(bytes, mode) {
            Ok(()) => Ok(unfinished),
            Err(source) => Err(unfinished.failed(source)),
        }
    }

    fn fill(&self, bytes: &[u8], mode: Option<Permissions>) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = self.dir.open_with(&self.lies_at, &options)?;
        file.write_all(bytes)?;
        match mode {
            Some(mode) if file.metadata()?.permissions() != mode => file.set_permissions(mode),
            _ => Ok(()),
        }
    }

    /// Puts the file in its place.
    pub(super) fn finish(self) -> Result<(), RenderError> {
        let renamed = self.dir.rename(&self.lies_at, self.dir, &self.place);
        renamed.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> RenderError {
        RenderError::Write {
            path: self.place.clone(),
            source,
        }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // one that is in its place is not here any more; what cannot be removed the next run cleans
        let _ = self.dir.remove_file(&self.lies_at);
    }
}

/// Waits until the disk has these files: before that no rename may take an old one away.
pub(super) fn sync(dir: &Dir, files: &[Unfinished<'_>]) -> Result<(), RenderError> {
    if files.len() >= MANY && sync_file_system(dir) {
        return Ok(());
    }
    let synced = files.par_iter().map(|file| {
        let synced = dir.open(&file.lies_at).and_then(|it| it.sync_all());
        synced.map_err(|source| file.failed(source))
    });
    let synced: Vec<_> = synced.collect();
    synced.into_iter().collect()
}

/// Whether the system knows how to, and did.
#[cfg(target_os = "linux")]
fn sync_file_system(dir: &Dir) -> bool {
    // the handle of the folder itself only leads to it, and syncs nothing
    let folder = dir.open(".");
    folder.is_ok_and(|folder| rustix::fs::syncfs(folder).is_ok())
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &Dir) -> bool {
    false
}

/// Waits until the disk knows that these files are in their places, where a file system can: before
/// that nothing that moved may be removed from where it was.
pub(super) fn sync_folders<'p>(dir: &Dir, files: impl Iterator<Item = &'p Path>) {
    let folders: BTreeSet<_> = files.flat_map(|file| file.ancestors().skip(1)).collect();
    for folder in folders {
        let folder = Path::new(".").join(folder);
        let _ = dir.open(folder).and_then(|folder| folder.sync_all());
    }
}

/// Whether a file is called as those are that are not whole yet.
pub(super) fn is_unfinished(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name.strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(SUFFIX))
            .is_some_and(|middle| {
                !middle.is_empty()
                    && middle
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'-')
            })
    })
}

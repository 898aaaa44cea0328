//! Files of one folder, and nothing outside of it: no link is followed, every file is whole.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use crate::render::RenderError;

use super::marker::MARKER_LIMIT_BYTES;

/// A file that is being written is called so until it is whole; a run that was killed leaves it.
const UNFINISHED_PREFIX: &str = ".flux-setup-";
const UNFINISHED_SUFFIX: &str = ".tmp";

/// How many folders deep files of ours may lie; no `output` that people write is deeper.
const DEEPEST: usize = 16;

/// Numbers the unfinished files of this process.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// A folder to write manifests to.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
}

/// What lies in a folder, as far as it may be ours.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Every file whose name ends as ours do, with its first bytes.
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
    /// What runs that were killed left behind.
    pub(super) unfinished: Vec<PathBuf>,
}

impl Folder {
    /// Opens a folder, and makes it where it does not exist yet.
    ///
    /// # Errors
    /// Where it cannot be made or opened.
    pub fn open(path: &Path) -> Result<Self, RenderError> {
        fs::create_dir_all(path).map_err(|source| RenderError::MakeFolder {
            path: path.to_owned(),
            source,
        })?;
        Self::open_dir(path)
    }

    /// Opens a folder to compare with; `None` where it does not exist.
    ///
    /// # Errors
    /// Where it exists and cannot be opened.
    pub fn existing(path: &Path) -> Result<Option<Self>, RenderError> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => Self::open_dir(path).map(Some),
        }
    }

    fn open_dir(path: &Path) -> Result<Self, RenderError> {
        match Dir::open_ambient_dir(path, ambient_authority()) {
            Ok(dir) => Ok(Self { dir }),
            Err(source) => Err(RenderError::OpenFolder {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// The bytes of a file; `None` where there is none.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, RenderError> {
        if !self.is_there(path)? {
            return Ok(None);
        }
        let bytes = self.dir.read(path);
        bytes.map(Some).map_err(|source| RenderError::Read {
            path: path.to_owned(),
            source,
        })
    }

    /// Whether a file is there: what is a link, or no file, is an error.
    fn is_there(&self, path: &Path) -> Result<bool, RenderError> {
        let mut part = PathBuf::new();
        for component in path.components() {
            part.push(component);
            match self.dir.symlink_metadata(&part) {
                Ok(metadata) if metadata.is_symlink() => {
                    return Err(RenderError::Link { path: part });
                }
                Ok(metadata) if part == path && !metadata.is_file() => {
                    return Err(RenderError::NoFile { path: part });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(source) => return Err(RenderError::Read { path: part, source }),
            }
        }
        Ok(true)
    }

    /// Puts a file there whole, in place of the one that is there.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), RenderError> {
        let parent = path.parent().unwrap_or(Path::new(""));
        if !parent.as_os_str().is_empty() {
            self.dir
                .create_dir_all(parent)
                .map_err(|source| RenderError::MakeFolder {
                    path: parent.to_owned(),
                    source,
                })?;
        }
        let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
        let unfinished = parent.join(format!(
            "{UNFINISHED_PREFIX}{}-{number}{UNFINISHED_SUFFIX}",
            std::process::id()
        ));
        // a power cut must not take the old file and leave an empty one; where there is none, the next
        // run finds what is missing, and thousands of files are not waited for one by one
        let replaces = self.dir.symlink_metadata(path).is_ok();
        let written = self
            .write_new(&unfinished, bytes, replaces)
            .and_then(|()| self.dir.rename(&unfinished, &self.dir, path));
        written.map_err(|source| {
            // the error that counts is the first one; what is left is cleaned by the next run
            let _ = self.dir.remove_file(&unfinished);
            RenderError::Write {
                path: path.to_owned(),
                source,
            }
        })
    }

    fn write_new(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = self.dir.open_with(path, &options)?;
        file.write_all(bytes)?;
        if sync { file.sync_all() } else { Ok(()) }
    }

    pub(super) fn remove(&self, path: &Path) -> Result<(), RenderError> {
        self.dir
            .remove_file(path)
            .map_err(|source| RenderError::Remove {
                path: path.to_owned(),
                source,
            })
    }

    /// Waits until no other run writes to this folder, and keeps others waiting while the result
    /// lives; `None` where the file system has no locks.
    pub(super) fn lock(&self) -> Option<fs::File> {
        let folder = self.dir.open(".").ok()?.into_std();
        folder.lock().ok()?;
        Some(folder)
    }

    /// Lists every file that may be ours, and what was left unfinished; in the order of their paths.
    /// What is hidden is passed over.
    pub(super) fn list(&self) -> Result<Listing, RenderError> {
        let mut listing = Listing::default();
        self.list_below(Path::new(""), DEEPEST, &mut listing)?;
        listing.files.sort();
        listing.unfinished.sort();
        Ok(listing)
    }

    fn list_below(
        &self,
        folder: &Path,
        depth: usize,
        listing: &mut Listing,
    ) -> Result<(), RenderError> {
        let failed = |source| RenderError::List {
            path: folder.to_owned(),
            source,
        };
        let here = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        for entry in self.dir.read_dir(here).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let path = folder.join(&name);
            let kind = entry.file_type().map_err(failed)?;
            let is_hidden = name.to_string_lossy().starts_with('.');
            if kind.is_file() && is_unfinished(&name) {
                listing.unfinished.push(path);
            } else if is_hidden {
                // `.git` and the like
            } else if kind.is_dir() && depth > 0 {
                self.list_below(&path, depth - 1, listing)?;
            } else if kind.is_file() && path.extension() == Some(OsStr::new("yaml")) {
                let mut start = Vec::new();
                let read = self
                    .dir
                    .open(&path)
                    .and_then(|file| file.take(MARKER_LIMIT_BYTES as u64).read_to_end(&mut start));
                // a file of somebody else may be unreadable to us
                if read.is_ok() {
                    listing.files.push((path, start));
                }
            }
        }
        Ok(())
    }
}

fn is_unfinished(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name.strip_prefix(UNFINISHED_PREFIX)
            .and_then(|rest| rest.strip_suffix(UNFINISHED_SUFFIX))
            .is_some_and(|middle| {
                !middle.is_empty()
                    && middle
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'-')
            })
    })
}

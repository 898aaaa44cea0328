//! Files of one folder, and nothing outside of it: no link is followed, every file is whole.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use crate::config::FILE_LIMIT_BYTES;
use crate::render::RenderError;

use super::layout::Place;
use super::marker::{self, MARKER_LIMIT_BYTES};
use super::unfinished::{self, Unfinished, is_unfinished};

/// How many folders deep files of ours may lie; no `output` that people write is deeper.
const DEEPEST: usize = 16;

/// The largest file with a first line of ours that is read; nobody judges larger ones either.
const OUR_LIMIT_BYTES: u64 = FILE_LIMIT_BYTES;

/// The largest kustomize configuration that is read: it lists some hundred thousand files.
const KUSTOMIZATION_LIMIT_BYTES: u64 = 8 << 20;

/// A folder to write manifests to.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
}

/// What lies in a folder, as far as it is ours.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Every file with a first line of ours, and whose it is by that.
    pub(super) files: Vec<(PathBuf, Place)>,
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

    /// Whose files lie in this folder, by their first lines.
    ///
    /// # Errors
    /// Where it, or a folder below it, cannot be listed.
    pub fn places(&self) -> Result<BTreeSet<Place>, RenderError> {
        let files = self.list()?.files.into_iter();
        Ok(files.map(|(_, place)| place).collect())
    }

    /// The bytes of a file; of somebody else's only the first ones. `None` where there is none.
    pub(super) fn read_ours(&self, path: &Path) -> Result<Option<Vec<u8>>, RenderError> {
        self.read_bounded(path, |start| match marker::read(start) {
            Some(_) => OUR_LIMIT_BYTES,
            None => start.len() as u64,
        })
    }

    /// The bytes of a file that kustomize reads; `None` where there is none. What is no file, or too
    /// large to be one of kustomize's, is as good as none: it is no business of ours.
    pub(super) fn read_kustomization(&self, path: &Path) -> Result<Option<Vec<u8>>, RenderError> {
        match self.read_bounded(path, |_| KUSTOMIZATION_LIMIT_BYTES) {
            Err(
                RenderError::Link { .. }
                | RenderError::NoFile { .. }
                | RenderError::TooLarge { .. },
            ) => Ok(None),
            read => read,
        }
    }

    /// Reads no more than the limit that the first bytes are worth. One of their length is enough.
    fn read_bounded(
        &self,
        path: &Path,
        limit: impl FnOnce(&[u8]) -> u64,
    ) -> Result<Option<Vec<u8>>, RenderError> {
        if !self.is_there(path)? {
            return Ok(None);
        }
        let failed = |source| RenderError::Read {
            path: path.to_owned(),
            source,
        };
        let mut file = self.dir.open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        let start = (&mut file).take(MARKER_LIMIT_BYTES as u64);
        { start }.read_to_end(&mut bytes).map_err(failed)?;
        let limit = limit(&bytes);
        if limit == bytes.len() as u64 {
            return Ok(Some(bytes));
        }
        let rest = (limit + 1).saturating_sub(bytes.len() as u64);
        file.take(rest).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(RenderError::TooLarge {
                path: path.to_owned(),
                limit_mib: limit >> 20,
            });
        }
        Ok(Some(bytes))
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

    /// Puts one file there whole, in place of the one that is there.
    ///
    /// # Errors
    /// Where it cannot be written; the old one then stays.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), RenderError> {
        self.replace_all(&[path], |path| Ok((path, bytes.to_owned())))?;
        self.sync_folders([path].into_iter());
        Ok(())
    }

    /// Puts files there whole, each in place of the one that is there; `texts` gives path and bytes. The
    /// disk has each before it takes the place of an old one.
    ///
    /// # Errors
    /// The first fault in the order of the files. Where one cannot be written beside its place, or not
    /// synced, all of them stay as they are.
    pub(super) fn replace_all<T: Sync>(
        &self,
        files: &[T],
        text: impl Fn(&T) -> Result<(&Path, Vec<u8>), RenderError> + Sync,
    ) -> Result<(), RenderError> {
        let written = files.par_iter().map(|file| {
            let (path, bytes) = text(file)?;
            Unfinished::write(&self.dir, path, &bytes)
        });
        let written: Vec<_> = written.collect();
        let written: Vec<_> = written.into_iter().collect::<Result<_, _>>()?;
        unfinished::sync(&self.dir, &written)?;
        written.into_iter().try_for_each(Unfinished::finish)
    }

    /// Waits until the disk knows that these files are in their places.
    pub(super) fn sync_folders<'p>(&self, files: impl Iterator<Item = &'p Path>) {
        unfinished::sync_folders(&self.dir, files);
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
                let place = read.ok().and_then(|_| marker::read(&start));
                listing.files.extend(place.map(|place| (path, place)));
            }
        }
        Ok(())
    }
}

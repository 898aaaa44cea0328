//! Whether the file that is open is still the one that the next start finds.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::fault::StoreError;

/// A file by its name, and which one had it when it was opened.
#[derive(Debug, Clone)]
pub struct SameFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SameFile {
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }

    /// SQLite writes on into a file that was moved away or deleted, and what it wrote would never be found again.
    ///
    /// # Errors
    /// Its name is another file's, or nobody's.
    pub fn check(&self) -> Result<(), StoreError> {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            return Ok(());
        }
        Err(StoreError::Moved {
            path: self.path.clone(),
        })
    }
}

/// The device, and the number that the file has there.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

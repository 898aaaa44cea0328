//! The lock that keeps a second process out of a file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::fault::StoreError;

/// Held for as long as this lives; the system gives it back however the process ends.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of a store's file, which lies beside it and stays there.
    ///
    /// # Errors
    /// Another process has it, or the lock file cannot be made.
    pub fn take(store: &Path) -> Result<Self, StoreError> {
        let path = beside(store, ".lock");
        let file = private_file(&path).map_err(|fault| StoreError::file(&path, fault))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
                path: store.to_owned(),
            }),
            Err(TryLockError::Error(fault)) => Err(StoreError::file(&path, fault)),
        }
    }
}

/// Opens a file to write, and makes it where there is none: nobody else may read it from then on.
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            // Copied from a backup, as a rule. Where it is another user's, that user says who may read it.
            let _ = file.set_permissions(std::fs::Permissions::from_mode(0o600));
        }
    }
    Ok(file)
}

/// The path of a file that belongs to the store's: `-wal`, `.lock`.
pub fn beside(store: &Path, suffix: &str) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

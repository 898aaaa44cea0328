//! A secret that is read again while the program runs, because its file may change.

use std::path::Path;

use secrecy::{ExposeSecret, SecretSlice};

use super::secret::{SecretFault, SecretRef};

/// A secret as it was read the last time that it could be.
#[derive(Debug)]
pub struct Reading {
    pub reference: SecretRef,
    secret: SecretSlice<u8>,
    /// Why it could not be read the last time was told already.
    pub failed: bool,
}

/// What came of reading it again.
#[derive(Debug)]
pub enum News {
    Same,
    Changed,
    /// It could be read until now; it stays as it was.
    Failed(SecretFault),
}

impl Reading {
    /// Reads it for the first time; `folder` is the configuration folder.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn first(reference: &SecretRef, folder: &Path) -> Result<Self, SecretFault> {
        Ok(Self {
            reference: reference.clone(),
            secret: reference.read(folder)?,
            failed: false,
        })
    }

    pub fn bytes(&self) -> &[u8] {
        self.secret.expose_secret()
    }

    /// Reads the whole file and compares it, not its times: two writes may have the same one.
    pub fn again(&mut self, folder: &Path) -> News {
        if !self.reference.can_change() {
            return News::Same;
        }
        match self.reference.read(folder) {
            Ok(secret) => {
                self.failed = false;
                if secret.expose_secret() == self.bytes() {
                    return News::Same;
                }
                self.secret = secret;
                News::Changed
            }
            Err(_) if self.failed => News::Same,
            Err(fault) => {
                self.failed = true;
                News::Failed(fault)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_read_again_and_a_fault_is_told_once_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s");
        fs::write(&file, "one").unwrap();
        let mut reading = Reading::first(&SecretRef::File("s".into()), folder.path()).unwrap();
        assert!(matches!(reading.again(folder.path()), News::Same));
        fs::write(&file, "two\n").unwrap();
        assert!(matches!(reading.again(folder.path()), News::Changed));
        assert_eq!(reading.bytes(), b"two");
        fs::remove_file(&file).unwrap();
        assert!(matches!(reading.again(folder.path()), News::Failed(_)));
        assert!(matches!(reading.again(folder.path()), News::Same));
        assert!(reading.failed);
        assert_eq!(reading.bytes(), b"two");
        fs::write(&file, "two").unwrap();
        assert!(matches!(reading.again(folder.path()), News::Same));
        assert!(!reading.failed);
        assert!(!format!("{reading:?}").contains("two"));
        let missing = Reading::first(&SecretRef::File("t".into()), folder.path());
        assert!(missing.is_err());
    }
}

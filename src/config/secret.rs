//! Secrets by reference: where one is, and how it is read once somebody needs it.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::SecretSlice;

/// The largest secret that is read; a private key has 4 kB.
pub const SECRET_LIMIT_BYTES: u64 = 64 * 1024;

/// Where a secret is. It is read when it is used, never together with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretRef {
    /// The name of an environment variable.
    Env(String),
    /// Relative to the configuration folder; `~` is the home folder.
    File(PathBuf),
}

/// Why a secret cannot be used. No message repeats any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretFault {
    #[error("the environment variable `{0}` is not set")]
    NotSet(String),
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is no file", .0.display())]
    NoFile(PathBuf),
    #[error("{} has more than {SECRET_LIMIT_BYTES} bytes, which is no secret", .0.display())]
    TooLarge(PathBuf),
    #[error("{0} is empty; put the secret there")]
    Empty(SecretRef),
}

impl SecretRef {
    /// Reads the secret without the one newline that editors leave at its end.
    ///
    /// `folder` is the configuration folder.
    ///
    /// # Errors
    /// Why it cannot be read, and that it is empty.
    pub fn read(&self, folder: &Path) -> Result<SecretSlice<u8>, SecretFault> {
        let mut secret = match self {
            Self::Env(name) => env_bytes(name)?,
            Self::File(path) => file_bytes(&file_path(path, folder))?,
        };
        if secret.last() == Some(&b'\n') {
            secret.pop();
            if secret.last() == Some(&b'\r') {
                secret.pop();
            }
        }
        if secret.is_empty() {
            return Err(SecretFault::Empty(self.clone()));
        }
        Ok(SecretSlice::from(secret))
    }

    /// Whether it may change while the program runs.
    pub fn can_change(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// As people name it: `env:NAME` or `file:PATH`.
impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

fn env_bytes(name: &str) -> Result<Vec<u8>, SecretFault> {
    let value = env::var_os(name).ok_or_else(|| SecretFault::NotSet(name.to_owned()))?;
    Ok(value.into_encoded_bytes())
}

/// Where a file is that the configuration names: below its folder, or below the home folder after `~`.
pub fn file_path(path: &Path, folder: &Path) -> PathBuf {
    let home = || env::var_os("HOME").filter(|home| !home.is_empty());
    match (path.strip_prefix("~"), home()) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => folder.join(path),
    }
}

fn file_bytes(path: &Path) -> Result<Vec<u8>, SecretFault> {
    let cannot = |source| SecretFault::Read {
        path: path.to_owned(),
        source,
    };
    // Opening a pipe would wait for somebody to write into it.
    if !path.metadata().map_err(cannot)?.is_file() {
        return Err(SecretFault::NoFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(SECRET_LIMIT_BYTES + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    if bytes.len() as u64 > SECRET_LIMIT_BYTES {
        return Err(SecretFault::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;

    use super::*;

    fn read_file(content: &[u8]) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("s"), content).unwrap();
        let reference = SecretRef::File(PathBuf::from("s"));
        let read = reference.read(folder.path());
        read.map(|secret| secret.expose_secret().to_vec())
            .map_err(|fault| {
                let shown = folder.path().display().to_string();
                fault.to_string().replace(&shown, "CONFIG")
            })
    }

    #[test]
    fn one_newline_at_the_end_is_no_part_of_a_secret() {
        assert_eq!(read_file(b"secret").unwrap(), b"secret");
        assert_eq!(read_file(b"secret\n").unwrap(), b"secret");
        assert_eq!(read_file(b"secret\r\n").unwrap(), b"secret");
        assert_eq!(read_file(b"secret\n\n").unwrap(), b"secret\n");
        assert_eq!(read_file(b" \xff secret ").unwrap(), b" \xff secret ");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let empty = "file:s is empty; put the secret there";
        assert_eq!(read_file(b"").unwrap_err(), empty);
        assert_eq!(read_file(b"\n").unwrap_err(), empty);
        let limit = usize::try_from(SECRET_LIMIT_BYTES).unwrap();
        assert!(read_file(&vec![b'a'; limit]).is_ok());
        assert_eq!(
            read_file(&vec![b'a'; limit + 1]).unwrap_err(),
            "CONFIG/s has more than 65536 bytes, which is no secret"
        );
        let folder = tempfile::tempdir().unwrap();
        let fault = |name: &str| {
            let fault = SecretRef::File(name.into()).read(folder.path()).err();
            let shown = folder.path().display().to_string();
            fault.unwrap().to_string().replace(&shown, "CONFIG")
        };
        assert_eq!(fault("none"), "cannot read CONFIG/none");
        assert_eq!(fault("."), "CONFIG/. is no file");
        let unset = SecretRef::Env("FLUX_SETUP_TEST_UNSET".into());
        assert_eq!(
            unset.read(folder.path()).err().unwrap().to_string(),
            "the environment variable `FLUX_SETUP_TEST_UNSET` is not set"
        );
    }

    #[test]
    fn files_lie_below_the_configuration_or_the_home_folder() {
        let below = |path: &str| file_path(Path::new(path), Path::new("/config"));
        assert_eq!(below("a/b"), Path::new("/config/a/b"));
        assert_eq!(below("/run/a"), Path::new("/run/a"));
        assert_eq!(below("~b"), Path::new("/config/~b"));
        let home = env::var("HOME").unwrap();
        assert_eq!(below("~/a"), Path::new(&home).join("a"));
    }

    #[test]
    fn a_reference_is_shown_by_its_name() {
        assert_eq!(SecretRef::Env("A".into()).to_string(), "env:A");
        assert_eq!(SecretRef::File("a/b".into()).to_string(), "file:a/b");
    }
}

//! Where the store is.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::fault::StoreError;

/// `sqlite:FILE` or `postgres://…`, of which nothing is ever shown.
#[derive(Clone)]
pub enum StoreUrl {
    Sqlite(PathBuf),
    Postgres(SecretString),
}

impl StoreUrl {
    /// Reads what the configuration says; a file is relative to `base`, the configuration's folder.
    ///
    /// # Errors
    /// What is neither; the message does not repeat what may be a password.
    pub fn read(text: &str, base: &Path) -> Result<Self, StoreError> {
        let refused = |url: &str, reason: &str| {
            Err(StoreError::Url {
                url: url.to_owned(),
                reason: reason.to_owned(),
            })
        };
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(SecretString::from(text)));
        }
        let Some(file) = text.strip_prefix("sqlite:") else {
            let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
            return refused(scheme, "it is of another kind");
        };
        // Both spellings of a URL are in use: `sqlite:FILE` and `sqlite://FILE`.
        let file = file.strip_prefix("//").unwrap_or(file);
        if file.is_empty() || file.contains(":memory:") {
            return refused(
                text,
                "it names no file, and what is accepted must outlive us",
            );
        }
        if file.contains('?') {
            return refused(text, "a file takes no options");
        }
        Ok(Self::Sqlite(base.join(file)))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://***"),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
            // What follows the scheme may hold a password.
            let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
            return refused(&format!("{scheme}:…"), "it is of another kind");
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<StoreUrl, StoreError> {
        StoreUrl::read(text, Path::new("/etc/fleet"))
    }

    #[test]
    fn a_file_is_relative_to_the_folder_of_the_configuration() {
        for (text, path) in [
            ("sqlite:flux-setup.db", "/etc/fleet/flux-setup.db"),
            ("sqlite://flux-setup.db", "/etc/fleet/flux-setup.db"),
            ("sqlite:/var/lib/a.db", "/var/lib/a.db"),
            ("sqlite:///var/lib/a.db", "/var/lib/a.db"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), format!("sqlite:{path}"));
        }
    }

    #[test]
    fn nothing_of_a_url_is_shown() {
        let url = read("postgres://user:secret@db.acme.io/flux").unwrap();
        assert_eq!(format!("{url} {url:?}"), "postgres://*** postgres://***");
    }

    #[test]
    fn what_names_no_store_is_refused() {
        for (text, expected) in [
            (
                "mysql://user:secret@host/db",
                "`mysql:…` names no store: it is of another kind",
            ),
            (
                "flux-setup.db",
                "`:…` names no store: it is of another kind",
            ),
            (
                "sqlite::memory:",
                "`sqlite::memory:` names no store: it names no file, and what is accepted must outlive us",
            ),
            (
                "sqlite:",
                "`sqlite:` names no store: it names no file, and what is accepted must outlive us",
            ),
            (
                "sqlite:a.db?mode=ro",
                "`sqlite:a.db?mode=ro` names no store: a file takes no options",
            ),
        ] {
            let fault = read(text).unwrap_err().to_string();
            let advice = "; write `sqlite:FILE` or `postgres://…`";
            assert_eq!(fault, format!("{expected}{advice}"));
        }
    }
}

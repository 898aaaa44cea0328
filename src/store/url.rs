//! Where the store is.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

/// `sqlite:FILE` or `postgres://…`, of which only the host is ever shown.
#[derive(Clone)]
pub enum StoreUrl {
    Sqlite(PathBuf),
    Postgres(SecretString),
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://***"),
        }
    }
}

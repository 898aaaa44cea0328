//! What can go wrong with the store.

use std::path::PathBuf;
use std::sync::Arc;

/// It can be cloned: one transaction that fails fails all that share it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("{}: another process has this store open; each needs a file of its own, or all one PostgreSQL", path.display())]
    InUse { path: PathBuf },
    #[error(
        "the store was written by a newer flux-setup (its schema is {found}, this program knows {known}); use that version, or another store"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "bringing the store to schema {version} failed half-way; restore a backup, or use another store"
    )]
    HalfMigrated { version: i64 },
    #[error(
        "the store's schema {version} is not the one that this program would have made; use the version that wrote it, or another store"
    )]
    OtherSchema { version: i64 },
    #[error(
        "the store holds {limit} deliveries that are not finished, and takes no more until some are"
    )]
    Backlog { limit: u64 },
    #[error("the store is busy: what is to be written waits for longer than it may; try again")]
    Busy,
    #[error("the store is closed")]
    Closed,
    #[error("the disk of the store is full; make room, and it goes on by itself")]
    DiskFull { source: Arc<sqlx::Error> },
    #[error(
        "another program holds a lock on the store; end what has it open, and it goes on by itself"
    )]
    Locked { source: Arc<sqlx::Error> },
    #[error(
        "the store cannot be written; give it a file system and a file that can be, and it goes on by itself"
    )]
    ReadOnly { source: Arc<sqlx::Error> },
    #[error("the store is damaged, and is left as it is; restore a backup, or use another store")]
    Damaged { source: Arc<sqlx::Error> },
    #[error("{} is the database of another program; use another file", path.display())]
    NotOurs { path: PathBuf },
    #[error("`{url}` names no store: {reason}; write `sqlite:FILE` or `postgres://…`")]
    Url { url: String, reason: String },
    #[error("cannot {what} {}", path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        source: Arc<std::io::Error>,
    },
    #[error("cannot {what}")]
    Sql {
        what: &'static str,
        source: Arc<sqlx::Error>,
    },
    #[error("cannot read what the store keeps of {what}; was it changed by hand?")]
    Unreadable { what: String, reason: String },
}

impl StoreError {
    pub(super) fn file(what: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File {
            what,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    /// What a fault of the database means to people, where we know.
    pub(super) fn sql(what: &'static str, source: sqlx::Error) -> Self {
        let code = source
            .as_database_error()
            .and_then(|fault| fault.code())
            .map(|code| code.into_owned());
        let source = Arc::new(source);
        // SQLite's are numbers whose lowest byte says the kind, PostgreSQL's have five characters.
        // https://www.sqlite.org/rescode.html, https://www.postgresql.org/docs/15/errcodes-appendix.html
        let kind = code.as_deref().map(|code| match code.len() {
            5 => code.to_owned(),
            _ => match code.parse::<u32>() {
                Ok(number) => (number & 0xff).to_string(),
                Err(_) => code.to_owned(),
            },
        });
        match kind.as_deref() {
            Some("13" | "53100") => Self::DiskFull { source },
            Some("5" | "6" | "55P03") => Self::Locked { source },
            Some("8" | "25006") => Self::ReadOnly { source },
            Some("11" | "26" | "XX001" | "XX002") => Self::Damaged { source },
            _ => Self::Sql { what, source },
        }
    }
}

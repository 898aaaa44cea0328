//! What can go wrong with the store.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// It can be cloned: one transaction that fails fails all that share it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("{}: another process has this store open; give each a store of its own", path.display())]
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
    #[error("the store is busy: what is asked of it waits for longer than it may; try again")]
    Busy,
    #[error("the store does not answer; its disk or its server hangs")]
    Hangs,
    #[error("the store is closed")]
    Closed,
    #[error("another replica holds `{lease}` by now, and goes on with its work")]
    NotHeld { lease: String },
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
    #[error("{}: its folder is not there; make it, or name another file", path.display())]
    NoFolder { path: PathBuf },
    #[error("{}: cannot open the store to write", path.display())]
    File {
        path: PathBuf,
        source: Arc<io::Error>,
    },
    #[error("the disk of the store fails; mend it, and it goes on by itself")]
    Disk { source: Arc<sqlx::Error> },
    #[error("{}: the store's file was moved away while it was open, so that nothing can be kept in it; put it back, or start anew", path.display())]
    Moved { path: PathBuf },
    #[error(
        "the store's file cannot be opened; see that it is there and can be written, and it goes on by itself"
    )]
    Gone { source: Arc<sqlx::Error> },
    #[error("PostgreSQL cannot be reached, or ended; once it can be, it goes on by itself")]
    Unreachable { source: Arc<sqlx::Error> },
    #[error("cannot {what}")]
    Sql {
        what: &'static str,
        source: Arc<sqlx::Error>,
    },
    #[error(
        "cannot read {what} in the store: {reason}; a later version wrote it, or it was changed by hand"
    )]
    Unreadable { what: String, reason: String },
}

impl StoreError {
    /// The file of a store, or one beside it, cannot be opened.
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            return Self::NoFolder { path };
        }
        let source = Arc::new(source);
        Self::File { path, source }
    }

    /// Whether it is of the world around, and the connection is as good as before.
    pub(super) fn leaves_the_connection(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::Locked { .. })
    }

    /// Whether it may be of what one call wrote, so that others that share its transaction are better off without it.
    pub(super) fn may_be_of_one_call(&self) -> bool {
        match self {
            Self::Unreadable { .. } => true,
            Self::Sql { source, .. } => source.as_database_error().is_some(),
            _ => false,
        }
    }

    /// What a fault of the database means to people, where we know.
    pub(super) fn sql(what: &'static str, source: sqlx::Error) -> Self {
        let code = source
            .as_database_error()
            .and_then(|fault| fault.code())
            .map(|code| kind(&code));
        let is_unreachable = matches!(
            source,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut
        );
        let source = Arc::new(source);
        match code.as_deref() {
            Some("13" | "53100") => Self::DiskFull { source },
            Some("5" | "6" | "55P03") => Self::Locked { source },
            Some("8" | "25006") => Self::ReadOnly { source },
            Some("10" | "58030") => Self::Disk { source },
            Some("11" | "26" | "XX001" | "XX002") => Self::Damaged { source },
            Some("14") => Self::Gone { source },
            // It is stopped, stops, or starts; or takes no more connections.
            Some("57P01" | "57P02" | "57P03" | "53300" | "08006" | "08003") => {
                Self::Unreachable { source }
            }
            _ if is_unreachable => Self::Unreachable { source },
            _ => Self::Sql { what, source },
        }
    }
}

/// SQLite's codes are numbers whose lowest byte says the kind, PostgreSQL's have five characters.
///
/// <https://www.sqlite.org/rescode.html>, <https://www.postgresql.org/docs/15/errcodes-appendix.html>
fn kind(code: &str) -> String {
    match code.parse::<u32>() {
        Ok(number) if code.len() != 5 => (number & 0xff).to_string(),
        _ => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection, SqliteConnection};

    use super::*;

    async fn sqlite(path: &Path) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(path);
        options.create_if_missing(true).connect().await.unwrap()
    }

    async fn fault_of(connection: &mut SqliteConnection, sql: &'static str) -> StoreError {
        let done = sqlx::query(sql).execute(connection).await;
        StoreError::sql("try", done.unwrap_err())
    }

    #[tokio::test]
    async fn each_fault_of_sqlite_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut connection = sqlite(&path).await;
        let fill = "CREATE TABLE t AS SELECT zeroblob(100000) AS bytes";
        sqlx::query("PRAGMA max_page_count = 2")
            .execute(&mut connection)
            .await
            .unwrap();
        let full = fault_of(&mut connection, fill).await;
        assert!(full.leaves_the_connection());
        assert_eq!(
            full.to_string(),
            "the disk of the store is full; make room, and it goes on by itself"
        );
        sqlx::query("PRAGMA query_only = ON")
            .execute(&mut connection)
            .await
            .unwrap();
        let read_only = fault_of(&mut connection, fill).await;
        assert!(!read_only.leaves_the_connection());
        assert_eq!(
            read_only.to_string(),
            "the store cannot be written; give it a file system and a file that can be, and it goes on by itself"
        );
        assert_eq!(
            fault_of(&mut connection, "SELEKT").await.to_string(),
            "cannot try"
        );
        connection.close().await.unwrap();
        let missing = SqliteConnectOptions::new().filename(folder.path().join("b.db"));
        let missing = StoreError::sql("try", missing.connect().await.unwrap_err());
        assert_eq!(
            missing.to_string(),
            "the store's file cannot be opened; see that it is there and can be written, and it goes on by itself"
        );
    }

    #[test]
    fn a_code_is_that_of_its_kind() {
        for (code, expected) in [
            ("13", "13"),
            ("1032", "8"),
            ("266", "10"),
            ("53100", "53100"),
        ] {
            assert_eq!(kind(code), expected);
        }
        let waited = StoreError::sql("try", sqlx::Error::PoolTimedOut);
        assert_eq!(
            waited.to_string(),
            "PostgreSQL cannot be reached, or ended; once it can be, it goes on by itself"
        );
    }
}

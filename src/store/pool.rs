//! Connections to SQLite or PostgreSQL, so that all that follows is written once for both.

use std::path::Path;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Executor, Sqlite};
use tokio::time::timeout;

use super::checkpoint::LOG_PAGES;
use super::fault::StoreError;
use super::postgres::{CONNECT_PATIENCE, Postgres, PostgresSession};
use super::pulse::Pulse;
use super::same_file::SameFile;

/// How long a statement waits for a lock that another program holds.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// How long one waits for a connection to say good-bye.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// Each has a cache of its own.
const SQLITE_READERS: u32 = 2;

#[derive(Debug, Clone)]
pub enum Pool {
    /// One connection writes; the others see what is committed meanwhile.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        file: SameFile,
    },
    Postgres(Postgres),
}

/// A connection to either.
pub enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// A connection that is given back where it is dropped.
#[derive(Debug)]
pub enum Session {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PostgresSession),
}

/// Runs the same expression on a connection to either.
macro_rules! on {
    ($connection:expr, $name:ident => $body:expr) => {
        match $connection {
            $crate::store::pool::Connection::Sqlite($name) => $body,
            $crate::store::pool::Connection::Postgres($name) => $body,
        }
    };
}
pub(super) use on;

impl Pool {
    /// Opens a file that is there.
    pub async fn sqlite(path: &Path) -> Result<Self, StoreError> {
        let what = "open the store";
        let file = SameFile::of(path).map_err(|fault| StoreError::file(path, fault))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(LOCK_PATIENCE)
            .journal_mode(SqliteJournalMode::Wal)
            // Committed means synced.
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", LOG_PAGES)
            .disable_statement_logging();
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(CONNECT_PATIENCE)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let writer = pool()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(|fault| StoreError::sql(what, fault))?;
        let readers = pool()
            .max_connections(SQLITE_READERS)
            .connect_lazy_with(options);
        Ok(Self::Sqlite {
            writer,
            readers,
            file,
        })
    }

    /// The one that writes.
    pub async fn writer(&self) -> Result<Session, StoreError> {
        match self {
            Self::Sqlite { writer, .. } => sqlite_session(writer).await,
            Self::Postgres(postgres) => postgres.writer().await.map(Session::Postgres),
        }
    }

    /// # Errors
    /// What is written now would not be there after a restart.
    pub fn check_file(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { file, .. } => file.check(),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// One that only reads.
    pub async fn reader(&self) -> Result<Session, StoreError> {
        match self {
            Self::Sqlite { readers, .. } => sqlite_session(readers).await,
            Self::Postgres(postgres) => postgres.reader().await.map(Session::Postgres),
        }
    }

    /// Something went wrong that may be of all connections, as where another server took the place of this one.
    pub fn suspect(&self, fault: &StoreError) {
        if let Self::Postgres(postgres) = self {
            postgres.suspect(fault);
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite {
                writer, readers, ..
            } => {
                readers.close().await;
                // The last connection that is closed brings all into the file.
                writer.close().await;
            }
            Self::Postgres(postgres) => {
                // Connections that a network forgot never come back.
                let _ = timeout(CLOSE_PATIENCE, postgres.pool().close()).await;
            }
        }
    }
}

async fn sqlite_session(pool: &SqlitePool) -> Result<Session, StoreError> {
    match pool.acquire().await {
        Ok(connection) => Ok(Session::Sqlite(connection)),
        // All of them are at work.
        Err(sqlx::Error::PoolTimedOut) => Err(StoreError::Busy),
        Err(fault) => Err(StoreError::sql("open the store", fault)),
    }
}

/// Transactions are begun and ended by hand: sqlx takes one for open that SQLite itself rolled back, as it does on a
/// full disk, and begins no other on that connection.
impl Session {
    pub fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(session) => Connection::Postgres(session.connection()),
        }
    }

    /// That of a connection to PostgreSQL, which a network may forget without a word.
    pub fn pulse(&self) -> Option<Pulse> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(session) => Some(session.pulse()),
        }
    }

    /// Begins a transaction that writes.
    pub async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            // With a plain `BEGIN` the lock would be asked for too late to be waited for.
            Self::Sqlite(connection) => connection.execute("BEGIN IMMEDIATE").await.map(|_| ()),
            Self::Postgres(session) => session.connection().execute("BEGIN").await.map(|_| ()),
        }
    }

    pub async fn commit(&mut self) -> Result<(), sqlx::Error> {
        on!(self.connection(), connection => connection.execute("COMMIT").await.map(|_| ()))
    }

    pub async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        on!(self.connection(), connection => connection.execute("ROLLBACK").await.map(|_| ()))
    }

    /// Gives up a connection that does not answer.
    pub fn abandon(self) {
        match self {
            Self::Sqlite(connection) => drop(connection.detach()),
            Self::Postgres(session) => drop(session.into_connection().detach()),
        }
    }

    /// Closes the connection, so that the next one is another.
    pub async fn close(self) {
        let closed = async {
            match self {
                Self::Sqlite(connection) => connection.close().await,
                Self::Postgres(session) => session.into_connection().close().await,
            }
        };
        // It may be broken already, or never answer.
        let _ = timeout(CLOSE_PATIENCE, closed).await;
    }
}

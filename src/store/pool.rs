//! Connections to SQLite or PostgreSQL, so that all that follows is written once for both.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Postgres, Sqlite};

use super::fault::StoreError;

/// How long a statement waits for a lock that another program holds.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// How long one waits for a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(4);
/// Each has a cache of its own.
const SQLITE_READERS: u32 = 2;
const POSTGRES_CONNECTIONS: u32 = 4;

#[derive(Debug, Clone)]
pub enum Pool {
    /// One connection writes; the others see what is committed meanwhile.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

/// A connection to either.
pub enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// Rolled back where it is dropped.
pub enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

pub enum Reader {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
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
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(LOCK_PATIENCE)
            .journal_mode(SqliteJournalMode::Wal)
            // Committed means synced.
            .synchronous(SqliteSynchronous::Full);
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
        Ok(Self::Sqlite { writer, readers })
    }

    pub async fn postgres(url: &SecretString) -> Result<Self, StoreError> {
        let what = "connect to PostgreSQL";
        let options = PgConnectOptions::from_str(url.expose_secret())
            .map_err(|fault| StoreError::sql(what, fault))?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(CONNECT_PATIENCE)
            .connect_with(options)
            .await
            .map_err(|fault| StoreError::sql(what, fault))?;
        Ok(Self::Postgres(pool))
    }

    /// Begins a transaction that writes.
    pub async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { writer, .. } => {
                Transaction::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)
            }
            Self::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
    }

    pub async fn reader(&self) -> Result<Reader, sqlx::Error> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Reader::Sqlite(readers.acquire().await?),
            Self::Postgres(pool) => Reader::Postgres(pool.acquire().await?),
        })
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                // The last connection that is closed brings all into the file.
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Transaction {
    pub fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(transaction) => Connection::Sqlite(transaction),
            Self::Postgres(transaction) => Connection::Postgres(transaction),
        }
    }

    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}

impl Reader {
    pub fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}

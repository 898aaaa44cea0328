//! Connections to PostgreSQL, and others in their place where the server may be another by now.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::fault::StoreError;
use super::history::Histories;
use super::pulse::Pulse;

/// How long one waits for a connection, to either database.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(4);
/// One writes, one listens, the others read.
const CONNECTIONS: u32 = 6;
/// Who reads waits for one of these, so that the others are never all at work where they are wanted.
const READERS: usize = CONNECTIONS as usize - 2;
/// At most so often all connections are given up.
const ANEW_EVERY: Duration = Duration::from_secs(2);

/// Committed means synced, whatever the server's default. A replica that stands still in the middle of a transaction
/// holds up the others for no longer than they wait.
const SETTINGS: &str = "SET lock_timeout = '3500ms'; \
    SET default_transaction_isolation = 'read committed'; \
    SET idle_in_transaction_session_timeout = '3s'; \
    SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') = 'off'";

/// A clone is the same.
#[derive(Debug, Clone)]
pub struct Postgres(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: PgConnectOptions,
    histories: Histories,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    pool: PgPool,
    readers: Arc<Semaphore>,
    since: Instant,
}

/// A connection that is given back where it is dropped.
#[derive(Debug)]
pub struct PostgresSession {
    connection: PoolConnection<sqlx::Postgres>,
    pulse: Pulse,
    /// Free again for another reader, once the connection is given back.
    _place: Option<OwnedSemaphorePermit>,
}

impl Postgres {
    pub async fn open(url: &SecretString) -> Result<Self, StoreError> {
        let what = "connect to PostgreSQL";
        let options = PgConnectOptions::from_str(url.expose_secret())
            .map_err(|fault| StoreError::sql(what, fault))?
            .application_name("flux-setup")
            .disable_statement_logging();
        let histories = Histories::default();
        let pool = pool_options(&histories)
            .connect_with(options.clone())
            .await
            .map_err(|fault| StoreError::sql(what, fault))?;
        let current = Mutex::new(Current::new(pool));
        Ok(Self(Arc::new(Inner {
            options,
            histories,
            current,
        })))
    }

    pub fn pool(&self) -> PgPool {
        let current = self.0.current.lock();
        let current = current.unwrap_or_else(PoisonError::into_inner);
        current.pool.clone()
    }

    /// The one that writes.
    pub async fn writer(&self) -> Result<PostgresSession, StoreError> {
        session(self.pool(), None).await
    }

    /// # Errors
    /// All that read are at work for longer than one waits: that says nothing of the server.
    pub async fn reader(&self) -> Result<PostgresSession, StoreError> {
        let (pool, readers) = {
            let current = self.0.current.lock();
            let current = current.unwrap_or_else(PoisonError::into_inner);
            (current.pool.clone(), Arc::clone(&current.readers))
        };
        let place = timeout(CONNECT_PATIENCE, readers.acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(StoreError::Busy);
        };
        session(pool, Some(place)).await
    }

    /// A connection of one's own, which waits for no other and hardly for locks; the token is told once the database
    /// is another one by what other connections say.
    pub async fn alone(&self) -> Result<(PgConnection, CancellationToken), sqlx::Error> {
        let mut connection = self.0.options.connect().await?;
        let history = ready(&mut connection, &self.0.histories).await?;
        connection.execute("SET lock_timeout = '1s'").await?;
        Ok((connection, history))
    }

    /// After a fault that may be of all connections they are made anew: those to a server that is a standby by now
    /// would be read for ever, and those that a network forgot would never answer.
    pub fn suspect(&self, fault: &StoreError) {
        let is_of_all = matches!(
            fault,
            StoreError::Hangs | StoreError::ReadOnly { .. } | StoreError::Unreachable { .. }
        );
        let current = self.0.current.lock();
        let mut current = current.unwrap_or_else(PoisonError::into_inner);
        if !is_of_all || current.since.elapsed() < ANEW_EVERY || current.pool.is_closed() {
            return;
        }
        debug!(%fault, "connections to PostgreSQL are made anew");
        *current =
            Current::new(pool_options(&self.0.histories).connect_lazy_with(self.0.options.clone()));
    }
}

impl Current {
    fn new(pool: PgPool) -> Self {
        Self {
            pool,
            readers: Arc::new(Semaphore::new(READERS)),
            since: Instant::now(),
        }
    }
}

impl PostgresSession {
    /// To ask the next, so that what was asked before is answered.
    pub fn connection(&mut self) -> &mut PgConnection {
        self.pulse.beat();
        &mut self.connection
    }

    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    pub fn into_connection(self) -> PoolConnection<sqlx::Postgres> {
        self.connection
    }
}

/// There is one to be had: who waits in vain waits for the server.
async fn session(
    pool: PgPool,
    place: Option<OwnedSemaphorePermit>,
) -> Result<PostgresSession, StoreError> {
    let acquired = pool.acquire().await;
    let connection = acquired.map_err(|fault| StoreError::sql("connect to PostgreSQL", fault))?;
    Ok(PostgresSession {
        connection,
        pulse: Pulse::default(),
        _place: place,
    })
}

fn pool_options(histories: &Histories) -> PgPoolOptions {
    let histories = histories.clone();
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECT_PATIENCE)
        .after_connect(move |connection, _| {
            let histories = histories.clone();
            Box::pin(async move { ready(connection, &histories).await.map(|_| ()) })
        })
}

/// # Errors
/// The server is a standby, of which nobody knows how far behind it is.
async fn ready(
    connection: &mut PgConnection,
    histories: &Histories,
) -> Result<CancellationToken, sqlx::Error> {
    connection.execute(SETTINGS).await?;
    let sql = "SELECT pg_is_in_recovery()";
    let is_standby: bool = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
    if is_standby {
        let reason = "the server is a standby";
        return Err(sqlx::Error::Io(std::io::Error::other(reason)));
    }
    Ok(histories.of(connection).await)
}

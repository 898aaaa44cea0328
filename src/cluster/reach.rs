//! A cluster whose connection is opened when it is needed, and anew when it does not serve any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::catalog::{ItemKey, ResourceVersion};

use super::access::ClusterAccess;
use super::annotate::{Asking, fault};
use super::connection::{Connection, Opening};
use super::failure::{Cause, Failure};
use super::fault::PatchFault;

/// A connection is opened again at most so often: it may run a credential plugin.
const REOPEN_AFTER: Duration = Duration::from_secs(5);

/// One cluster, shared by all that ask something of it.
#[derive(Debug)]
pub struct Cluster {
    access: ClusterAccess,
    opened: Mutex<Opened>,
}

#[derive(Debug, Default)]
struct Opened {
    last: Option<Result<Connection, Failure>>,
    at: Option<Instant>,
    /// Whoever used it was not served.
    is_suspect: bool,
    /// One that took too long: no other is begun before it ends.
    opening: Option<Opening>,
}

impl Cluster {
    pub fn new(access: ClusterAccess) -> Self {
        Self {
            access,
            opened: Mutex::default(),
        }
    }

    /// A cluster that is reached over this connection only.
    pub fn over(access: ClusterAccess, connection: Connection) -> Self {
        let opened = Opened {
            last: Some(Ok(connection)),
            ..Opened::default()
        };
        Self {
            access,
            opened: Mutex::new(opened),
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.access.name
    }

    /// The connection, opened where there is none; a kubeconfig that was missing may be there now.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub async fn connection(&self) -> Result<Connection, Failure> {
        let mut opened = self.opened.lock().await;
        let is_recent = opened.at.is_some_and(|at| at.elapsed() < REOPEN_AFTER);
        match &opened.last {
            Some(Ok(connection)) if is_recent || !opened.is_suspect => Ok(connection.clone()),
            Some(Err(failure)) if is_recent => Err(failure.clone()),
            _ => {
                let begin = || Connection::opening(&self.access);
                let mut opening = opened.opening.take().unwrap_or_else(begin);
                let connection = Connection::opened(&mut opening).await;
                let connection = connection
                    .map_err(|error| Failure::new(Cause::Unauthorized, error.to_string()));
                *opened = Opened {
                    last: Some(connection.clone()),
                    at: Some(Instant::now()),
                    is_suspect: false,
                    opening: (!opening.is_finished()).then_some(opening),
                };
                connection
            }
        }
    }

    /// Tells that a request over this connection failed, so that another is opened where that may help.
    pub async fn failed(&self, connection: &Connection, failure: &Failure) {
        if !failure.cause.asks_for_new_connection() {
            return;
        }
        let mut opened = self.opened.lock().await;
        let is_it = matches!(&opened.last, Some(Ok(known)) if known.is_same(connection));
        opened.is_suspect |= is_it && opened.at.is_some();
    }

    /// As [`Connection::annotate`], over the connection that there is.
    ///
    /// # Errors
    /// See [`PatchFault`].
    pub async fn annotate(
        &self,
        key: &ItemKey,
        token: &str,
    ) -> Result<Option<ResourceVersion>, PatchFault> {
        self.ask(key, Asking::plainly(token)).await
    }

    /// As [`Self::annotate`], with what is asked of a HelmRelease beside.
    ///
    /// # Errors
    /// See [`PatchFault`].
    pub async fn ask(
        &self,
        key: &ItemKey,
        asking: Asking<'_>,
    ) -> Result<Option<ResourceVersion>, PatchFault> {
        let connection = self
            .connection()
            .await
            .map_err(|failure| PatchFault::Later {
                reason: failure.reason,
                retry_after: None,
                busy: false,
            })?;
        match connection.patch(key, asking).await {
            Ok(version) => Ok(version),
            Err((failure, status)) => {
                self.failed(&connection, &failure).await;
                Err(fault(key, failure, &status))
            }
        }
    }
}

//! Leases in PostgreSQL: taken, renewed and given back over a connection of their own.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fault::StoreError;
use super::fence::Fence;
use super::news::{News, tell};
use super::postgres::Postgres;
use super::writer::within;

/// How long a lease lasts after it was renewed, by the database's clock. Who does not renew it is taken for dead then.
pub const LEASE: Duration = Duration::from_secs(9);
/// How long its holder acts after it was renewed, by its own clock; the rest is for what is on its way.
pub const ACT: Duration = Duration::from_secs(6);
/// For how long a replica is counted that was not heard of.
const LIVE: Duration = LEASE;
/// Replicas and leases that nobody knows any more are forgotten.
const FORGET: Duration = Duration::from_secs(86_400);
/// How long one step may take, so that the next is in time.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// The present time, in microseconds since 1970. Not that of the transaction, which may have waited.
macro_rules! now {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    };
}

/// All leases, and who is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Board {
    pub leases: Vec<LeaseRow>,
    /// The replicas that were heard of lately and may take the same leases, ours among them.
    pub replicas: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    pub name: String,
    /// `None`: nobody holds it.
    pub holder: Option<String>,
    pub epoch: i64,
}

/// The way to the leases, of one replica.
#[derive(Debug)]
pub struct Leases {
    postgres: Postgres,
    /// With what tells that the database is another one by now.
    connection: Option<(PgConnection, CancellationToken)>,
    replica: Arc<str>,
    knows: String,
}

impl Leases {
    pub(super) fn new(postgres: Postgres, replica: Arc<str>) -> Self {
        Self {
            postgres,
            connection: None,
            replica,
            knows: String::new(),
        }
    }

    /// By which name others know us; no two processes ever have the same.
    pub fn replica(&self) -> &Arc<str> {
        &self.replica
    }

    /// Which leases this replica may take, in any order.
    pub fn know<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_unstable();
        self.knows = names.join("\n");
    }

    /// Says that we live, and renews what we hold; what another has by now is lost.
    ///
    /// # Errors
    /// Nothing is known then; what is held runs out by itself.
    pub async fn beat(&mut self, held: &[Fence]) -> Result<Board, StoreError> {
        // The lease lasts from when the database takes it, which is later.
        let sent_at = Instant::now();
        // What has run out here is not renewed: others may have it.
        let held: Vec<&Fence> = held.iter().filter(|fence| fence.is_held()).collect();
        let names: Vec<String> = held.iter().map(|fence| fence.lease().to_owned()).collect();
        let board = within(PATIENCE, self.beaten(&names)).await;
        let mut board = self.good(board)?;
        for fence in &held {
            let is_ours = |row: &LeaseRow| {
                row.name == fence.lease()
                    && row.epoch == fence.epoch()
                    && row.holder.as_deref() == Some(fence.holder())
            };
            if board.leases.iter().any(is_ours) {
                fence.extend(sent_at + ACT);
            } else {
                fence.lose();
            }
        }
        // Of an earlier tenure of ours that nobody holds any more: it is free, for us at once.
        for row in &mut board.leases {
            let is_held = |fence: &&Fence| fence.lease() == row.name && fence.is_held();
            if row.holder.as_deref() == Some(&*self.replica) && !held.iter().any(is_held) {
                row.holder = None;
            }
        }
        Ok(board)
    }

    /// Takes a lease that nobody holds; `None` where somebody was faster.
    pub async fn take(&mut self, name: &str) -> Result<Option<Fence>, StoreError> {
        let sent_at = Instant::now();
        let taken = within(PATIENCE, self.taken(name)).await;
        let taken = self.good(taken)?;
        let fence = |(epoch, history)| {
            Fence::new(
                name,
                Arc::clone(&self.replica),
                epoch,
                sent_at + ACT,
                history,
            )
        };
        Ok(taken.map(fence))
    }

    /// Lets others have it at once. All that was done under it is to be over.
    pub async fn give_back(&mut self, fence: &Fence) -> Result<(), StoreError> {
        fence.lose();
        let given = within(PATIENCE, self.given(fence)).await;
        self.good(given)
    }

    /// Is counted no longer.
    pub async fn leave(&mut self) -> Result<(), StoreError> {
        let left = within(PATIENCE, self.left()).await;
        self.good(left)
    }

    /// A connection on which something went wrong is given up.
    fn good<T>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(fault) = &done {
            self.postgres.suspect(fault);
            self.connection = None;
        }
        done
    }

    async fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        Ok(&mut self.opened().await?.0)
    }

    async fn opened(&mut self) -> Result<&mut (PgConnection, CancellationToken), StoreError> {
        let opened = match self.connection.take() {
            Some(opened) if !opened.1.is_cancelled() => opened,
            _ => {
                let opened = self.postgres.alone().await;
                opened.map_err(|fault| StoreError::sql("connect to PostgreSQL", fault))?
            }
        };
        Ok(self.connection.insert(opened))
    }

    async fn beaten(&mut self, names: &[String]) -> Result<Board, StoreError> {
        let (replica, knows) = (Arc::clone(&self.replica), self.knows.clone());
        let connection = self.connection().await?;
        let beaten = async {
            let seen = concat!(
                "INSERT INTO replica (id, knows, seen_at) VALUES ($1, $2, ",
                now!(),
                ") \
                 ON CONFLICT (id) DO UPDATE SET knows = excluded.knows, seen_at = excluded.seen_at"
            );
            sqlx::query(seen)
                .bind(&*replica)
                .bind(&knows)
                .execute(&mut *connection)
                .await?;
            let renew = concat!(
                "UPDATE lease SET until = ",
                now!(),
                " + $3 WHERE holder = $1 AND name = ANY($2)"
            );
            sqlx::query(renew)
                .bind(&*replica)
                .bind(names)
                .bind(micros(LEASE))
                .execute(&mut *connection)
                .await?;
            let forget = concat!("DELETE FROM replica WHERE seen_at < ", now!(), " - $1");
            sqlx::query(forget)
                .bind(micros(FORGET))
                .execute(&mut *connection)
                .await?;
            let forget = concat!("DELETE FROM lease WHERE until < ", now!(), " - $1");
            sqlx::query(forget)
                .bind(micros(FORGET))
                .execute(&mut *connection)
                .await?;
            let leases = concat!(
                "SELECT name, holder, epoch, until > ",
                now!(),
                " FROM lease ORDER BY name"
            );
            let leases: Vec<(String, String, i64, bool)> =
                sqlx::query_as(leases).fetch_all(&mut *connection).await?;
            let replicas = concat!(
                "SELECT id FROM replica WHERE seen_at > ",
                now!(),
                " - $1 AND knows = $2 ORDER BY id"
            );
            let replicas = sqlx::query_scalar(replicas)
                .bind(micros(LIVE))
                .bind(&knows)
                .fetch_all(&mut *connection)
                .await?;
            let row = |(name, holder, epoch, is_held)| LeaseRow {
                name,
                holder: Some(holder).filter(|_| is_held),
                epoch,
            };
            let leases = leases.into_iter().map(row).collect();
            Ok(Board { leases, replicas })
        };
        beaten
            .await
            .map_err(|fault| StoreError::sql("renew leases", fault))
    }

    async fn taken(&mut self, name: &str) -> Result<Option<(i64, CancellationToken)>, StoreError> {
        let replica = Arc::clone(&self.replica);
        let sql = concat!(
            "INSERT INTO lease (name, holder, epoch, until) VALUES ($1, $2, 1, ",
            now!(),
            " + $3) \
             ON CONFLICT (name) DO UPDATE \
             SET holder = excluded.holder, epoch = lease.epoch + 1, until = excluded.until \
             WHERE lease.until <= ",
            now!(),
            " OR lease.holder = excluded.holder RETURNING epoch"
        );
        let (connection, history) = self.opened().await?;
        let taken: Result<Option<i64>, _> = sqlx::query_scalar(sql)
            .bind(name)
            .bind(&*replica)
            .bind(micros(LEASE))
            .fetch_optional(connection)
            .await;
        let epoch = taken.map_err(|fault| StoreError::sql("take a lease", fault))?;
        Ok(epoch.map(|epoch| (epoch, history.clone())))
    }

    async fn given(&mut self, fence: &Fence) -> Result<(), StoreError> {
        let sql = concat!(
            "UPDATE lease SET holder = '', until = ",
            now!(),
            " \
             WHERE name = $1 AND epoch = $2 AND holder = $3"
        );
        let replica = Arc::clone(&self.replica);
        let connection = self.connection().await?;
        let given = async {
            sqlx::query(sql)
                .bind(fence.lease())
                .bind(fence.epoch())
                .bind(fence.holder())
                .execute(&mut *connection)
                .await?;
            tell(connection, &replica, &News::Lease).await
        };
        given
            .await
            .map_err(|fault| StoreError::sql("give back a lease", fault))
    }

    async fn left(&mut self) -> Result<(), StoreError> {
        let replica = Arc::clone(&self.replica);
        let connection = self.connection().await?;
        let left = async {
            let sql = "DELETE FROM replica WHERE id = $1";
            sqlx::query(sql)
                .bind(&*replica)
                .execute(&mut *connection)
                .await?;
            tell(connection, &replica, &News::Lease).await
        };
        left.await
            .map_err(|fault| StoreError::sql("take leave of other replicas", fault))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

//! The one row that writers take first, and the numbers that they keep.

use std::collections::{BTreeMap, BTreeSet};

use crate::delivery::DeliveryState;

use super::fault::StoreError;
use super::fence::Fence;
use super::news::{News, tell};
use super::pool::{Session, on};

/// What [`Head::tally`] counts.
pub const DELIVERIES: &str = "delivery";
pub const OPEN_WORK: &str = "work";

/// Taken at the beginning of a transaction; what has changed is written at its end.
#[derive(Debug)]
pub struct Head {
    last_delivery: i64,
    last_work: i64,
    unfinished: i64,
    has_changed: bool,
    /// By subject and name, by how much the number grew.
    tally: BTreeMap<(&'static str, String), i64>,
    /// For other replicas.
    news: BTreeSet<News>,
    /// By lease and epoch, whether it is held.
    fences: BTreeMap<(String, i64), bool>,
}

impl Head {
    /// Waits for other writers to end. It writes, so that what cannot be written is known at once.
    pub async fn take(session: &mut Session) -> Result<Self, sqlx::Error> {
        let sql = "UPDATE head SET unfinished = unfinished WHERE id = 1 \
            RETURNING last_delivery, last_work, unfinished";
        let (last_delivery, last_work, unfinished) = on!(session.connection(), connection => {
            sqlx::query_as(sql).fetch_one(connection).await?
        });
        Ok(Self {
            last_delivery,
            last_work,
            unfinished,
            has_changed: false,
            tally: BTreeMap::new(),
            news: BTreeSet::new(),
            fences: BTreeMap::new(),
        })
    }

    /// Deliveries that are not over.
    pub fn unfinished(&self) -> u64 {
        u64::try_from(self.unfinished).unwrap_or_default()
    }

    /// The number that the next delivery has.
    pub fn next_delivery(&self) -> i64 {
        self.last_delivery + 1
    }

    pub fn next_work(&mut self) -> i64 {
        self.has_changed = true;
        self.last_work += 1;
        self.last_work
    }

    /// A delivery came to be, with the next number.
    pub fn delivery_is_new(&mut self, state: &DeliveryState) {
        self.last_delivery += 1;
        self.tell(News::Inbox);
        self.enter(state, 1);
    }

    /// Others hear it when this is committed.
    pub fn tell(&mut self, news: News) {
        self.news.insert(news);
    }

    /// Whether what is done under a lease may be written: until this is committed nobody else takes it.
    pub async fn admits(
        &mut self,
        session: &mut Session,
        fence: &Fence,
    ) -> Result<bool, StoreError> {
        let Session::Postgres(postgres) = session else {
            return Ok(true);
        };
        if !fence.is_of_this_history() {
            return Ok(false);
        }
        let key = (fence.lease().to_owned(), fence.epoch());
        if let Some(known) = self.fences.get(&key) {
            return Ok(*known);
        }
        let sql = "SELECT epoch FROM lease WHERE name = $1 AND epoch = $2 AND holder = $3 \
            FOR KEY SHARE";
        let held: Option<i64> = sqlx::query_scalar(sql)
            .bind(fence.lease())
            .bind(fence.epoch())
            .bind(fence.holder())
            .fetch_optional(postgres.connection())
            .await
            .map_err(|fault| StoreError::sql("look who holds a lease", fault))?;
        self.fences.insert(key, held.is_some());
        Ok(held.is_some())
    }

    /// A delivery's state is another.
    pub fn moved(&mut self, from: &DeliveryState, to: &DeliveryState) {
        self.enter(from, -1);
        self.enter(to, 1);
    }

    fn enter(&mut self, state: &DeliveryState, by: i64) {
        self.add(DELIVERIES, state.name(), by);
        if !state.is_over() {
            self.unfinished += by;
        }
    }

    /// A delivery that was over, with a state of this name, is no more.
    pub fn delivery_is_gone(&mut self, phase: &str) {
        self.add(DELIVERIES, phase, -1);
    }

    pub fn work_is_open(&mut self, cluster: &str) {
        self.tell(News::Work(cluster.to_owned()));
        self.add(OPEN_WORK, cluster, 1);
    }

    pub fn work_is_over(&mut self, cluster: &str) {
        self.add(OPEN_WORK, cluster, -1);
    }

    fn add(&mut self, subject: &'static str, name: &str, by: i64) {
        self.has_changed = true;
        *self.tally.entry((subject, name.to_owned())).or_default() += by;
    }

    /// Writes what has changed, and tells other replicas as `replica`.
    pub async fn leave(self, session: &mut Session, replica: &str) -> Result<(), sqlx::Error> {
        if let Session::Postgres(postgres) = &mut *session {
            for news in &self.news {
                tell(postgres.connection(), replica, news).await?;
            }
        }
        if !self.has_changed {
            return Ok(());
        }
        let sql =
            "UPDATE head SET last_delivery = $1, last_work = $2, unfinished = $3 WHERE id = 1";
        on!(session.connection(), connection => {
            sqlx::query(sql)
                .bind(self.last_delivery)
                .bind(self.last_work)
                .bind(self.unfinished)
                .execute(connection)
                .await?;
        });
        let sql = "INSERT INTO tally (subject, name, number) VALUES ($1, $2, $3) \
            ON CONFLICT (subject, name) DO UPDATE SET number = tally.number + excluded.number";
        for ((subject, name), by) in self.tally.into_iter().filter(|(_, by)| *by != 0) {
            on!(session.connection(), connection => {
                sqlx::query(sql).bind(subject).bind(name).bind(by).execute(connection).await?;
            });
        }
        Ok(())
    }
}

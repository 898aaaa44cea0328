//! Forgets what is over and old, in steps so small that nobody waits for them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::delivery::DeliveryState;

use super::fault::StoreError;
use super::head::{DELIVERIES, Head};
use super::model::Limits;
use super::pool::{Session, on};

/// How many rows of a table go in one step.
const STEP: i64 = 40;
/// How long others have the store for themselves between two steps: some 3,000 deliveries a second are
/// forgotten, which is more than come for long.
pub const PAUSE: Duration = Duration::from_millis(10);

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    pub deliveries: u64,
    /// Nothing more is to be forgotten now.
    pub is_all: bool,
}

/// Which deliveries go: those that ended first.
#[derive(Debug, Clone, Copy)]
struct Oldest {
    /// In microseconds since 1970.
    ended_until: i64,
    number: i64,
}

/// Takes one step.
pub async fn prune(
    session: &mut Session,
    head: &mut Head,
    limits: &Limits,
    now: Timestamp,
) -> Result<Pruned, StoreError> {
    let keep = i64::try_from(limits.keep).unwrap_or(i64::MAX);
    let too_many = finished(session).await?.saturating_sub(keep);
    let oldest = if too_many > 0 {
        Oldest {
            ended_until: i64::MAX,
            number: too_many.min(STEP),
        }
    } else {
        let age = SignedDuration::try_from(limits.keep_for).unwrap_or(SignedDuration::MAX);
        let until = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        Oldest {
            ended_until: until.as_microsecond(),
            number: STEP,
        }
    };
    if forget_work(session, oldest).await? == STEP {
        return Ok(Pruned {
            deliveries: 0,
            is_all: false,
        });
    }
    let forgotten = forget(session, oldest).await?;
    for (phase,) in &forgotten {
        head.delivery_is_gone(phase);
    }
    Ok(Pruned {
        deliveries: forgotten.len() as u64,
        is_all: forgotten.is_empty(),
    })
}

/// How many deliveries are over.
async fn finished(session: &mut Session) -> Result<i64, StoreError> {
    let sql = "SELECT name, number FROM tally WHERE subject = $1";
    let tally: Vec<(String, i64)> = on!(session.connection(), connection => {
        sqlx::query_as(sql).bind(DELIVERIES).fetch_all(connection).await
    })
    .map_err(|fault| StoreError::sql("count what is over", fault))?;
    let over = tally
        .into_iter()
        .filter(|(name, _)| !DeliveryState::UNFINISHED.contains(&name.as_str()));
    Ok(over.map(|(_, number)| number).sum())
}

async fn forget_work(session: &mut Session, oldest: Oldest) -> Result<i64, StoreError> {
    let sql = "DELETE FROM work WHERE id IN (SELECT id FROM work WHERE delivery IN \
        (SELECT id FROM delivery WHERE ended_at <= $1 ORDER BY ended_at, id LIMIT $2) LIMIT $3)";
    let deleted = on!(session.connection(), connection => {
        sqlx::query(sql)
            .bind(oldest.ended_until)
            .bind(oldest.number)
            .bind(STEP)
            .execute(connection)
            .await
            .map(|done| done.rows_affected())
    })
    .map_err(|fault| StoreError::sql("forget old work", fault))?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}

/// Returns the name of each one's state.
async fn forget(session: &mut Session, oldest: Oldest) -> Result<Vec<(String,)>, StoreError> {
    let sql = "DELETE FROM delivery WHERE id IN \
        (SELECT id FROM delivery WHERE ended_at <= $1 ORDER BY ended_at, id LIMIT $2) \
        RETURNING phase";
    on!(session.connection(), connection => {
        sqlx::query_as(sql)
            .bind(oldest.ended_until)
            .bind(oldest.number)
            .fetch_all(connection)
            .await
    })
    .map_err(|fault| StoreError::sql("forget old deliveries", fault))
}

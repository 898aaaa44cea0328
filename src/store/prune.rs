//! Forgets what is over and old, in steps so small that nobody waits for them.

use jiff::{SignedDuration, Timestamp};

use crate::delivery::DeliveryState;

use super::fault::StoreError;
use super::head::{DELIVERIES, Head};
use super::model::Limits;
use super::pool::{Transaction, on};
use super::row;

/// How many rows go in one step.
const STEP: i64 = 200;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    pub deliveries: u64,
    /// Nothing more is to be forgotten now.
    pub is_all: bool,
}

pub async fn prune(
    transaction: &mut Transaction,
    head: &mut Head,
    limits: &Limits,
    now: Timestamp,
) -> Result<Pruned, StoreError> {
    let what = "look for what is over and old";
    let age = SignedDuration::try_from(limits.keep_for).unwrap_or(SignedDuration::MAX);
    let oldest = now
        .checked_sub(age)
        .unwrap_or(Timestamp::MIN)
        .as_microsecond();
    let finished: i64 = finished(transaction).await?;
    let over = finished - i64::try_from(limits.keep).unwrap_or(i64::MAX);
    let sql = "SELECT id, state, ended_at FROM delivery WHERE ended_at IS NOT NULL \
        ORDER BY ended_at, id LIMIT $1";
    let old: Vec<(i64, String, i64)> = on!(transaction.connection(), connection => {
        sqlx::query_as(sql).bind(STEP).fetch_all(connection).await
    })
    .map_err(|fault| StoreError::sql(what, fault))?;
    let mut left = STEP;
    let mut pruned = Pruned {
        deliveries: 0,
        is_all: true,
    };
    for (nth, (id, state, ended_at)) in old.into_iter().enumerate() {
        let is_too_many = i64::try_from(nth).is_ok_and(|nth| nth < over);
        if !is_too_many && ended_at > oldest {
            return Ok(pruned);
        }
        left -= forget_work(transaction, id, left).await?;
        if left <= 0 {
            pruned.is_all = false;
            return Ok(pruned);
        }
        forget(transaction, head, id, &row::delivery_state(id, &state)?).await?;
        pruned.deliveries += 1;
        left -= 1;
    }
    pruned.is_all = pruned.deliveries == 0;
    Ok(pruned)
}

/// How many deliveries are over.
async fn finished(transaction: &mut Transaction) -> Result<i64, StoreError> {
    let sql = "SELECT name, number FROM tally WHERE subject = $1";
    let tally: Vec<(String, i64)> = on!(transaction.connection(), connection => {
        sqlx::query_as(sql).bind(DELIVERIES).fetch_all(connection).await
    })
    .map_err(|fault| StoreError::sql("count what is over", fault))?;
    let is_over = |name: &str| !["accepted", "working"].contains(&name);
    Ok(tally
        .into_iter()
        .filter(|(name, _)| is_over(name))
        .map(|(_, number)| number)
        .sum())
}

async fn forget_work(
    transaction: &mut Transaction,
    delivery: i64,
    limit: i64,
) -> Result<i64, StoreError> {
    let sql = "DELETE FROM work WHERE id IN \
        (SELECT id FROM work WHERE delivery = $1 ORDER BY id LIMIT $2)";
    let deleted = on!(transaction.connection(), connection => {
        sqlx::query(sql)
            .bind(delivery)
            .bind(limit)
            .execute(connection)
            .await
            .map(|done| done.rows_affected())
    })
    .map_err(|fault| StoreError::sql("forget old work", fault))?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}

async fn forget(
    transaction: &mut Transaction,
    head: &mut Head,
    id: i64,
    state: &DeliveryState,
) -> Result<(), StoreError> {
    on!(transaction.connection(), connection => {
        sqlx::query("DELETE FROM delivery WHERE id = $1")
            .bind(id)
            .execute(connection)
            .await
            .map(|_| ())
    })
    .map_err(|fault| StoreError::sql("forget an old delivery", fault))?;
    head.moved(Some(state), None);
    Ok(())
}

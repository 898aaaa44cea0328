//! What is asked of the store.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::delivery::{DeliveryState, Guid, PushedRef};

use super::fault::StoreError;
use super::head::{DELIVERIES, OPEN_WORK};
use super::model::{Counts, DeliveryId, Filter, StoredDelivery, StoredWork, WorkId};
use super::pool::{Pool, Session, on};
use super::row::{self, DeliveryRow, WorkRow};

/// The most work of one delivery that is shown.
const SHOWN_WORK: i64 = 10_000;
/// The most webhooks that one GUID is looked for in.
const SHOWN_WEBHOOKS: i64 = 100;
/// The newest deliveries of a repository among which those are found that name a ref.
const LOOKED_THROUGH: i64 = 20_000;

/// The beginning of every question for work.
macro_rules! work {
    ($rest:literal) => {
        concat!(
            "SELECT work.id, work.delivery, delivery.webhook, delivery.guid, work.cluster, \
             work.kind, work.namespace, work.name, work.state, work.proof \
             FROM work JOIN delivery ON delivery.id = work.delivery ",
            $rest
        )
    };
}

/// The question for deliveries that hold a text; `$position` says where it stands in another.
macro_rules! holding {
    ($position:literal) => {
        concat!(
            "SELECT id, content, state FROM \
             (SELECT id, content, state FROM delivery WHERE repository = $1 ORDER BY id DESC LIMIT $2) AS newest \
             WHERE ",
            $position,
            "(content, $3) > 0 ORDER BY id DESC LIMIT $4"
        )
    };
}

fn fault(fault: sqlx::Error) -> StoreError {
    StoreError::sql("read the store", fault)
}

pub async fn unmatched(
    pool: &Pool,
    after: Option<DeliveryId>,
    limit: u32,
) -> Result<Vec<StoredDelivery>, StoreError> {
    let sql = "SELECT id, content, state FROM delivery WHERE phase = $1 AND id > $2 \
        ORDER BY id LIMIT $3";
    let after = after.map_or(0, |after| after.0);
    let page = |after: i64| async move {
        let rows: Vec<DeliveryRow> = on!(pool.reader().await?.connection(), connection => {
            sqlx::query_as(sql)
                .bind(DeliveryState::Accepted.name())
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await
        })
        .map_err(fault)?;
        Ok(rows)
    };
    next_readable(
        after,
        page,
        |row| row.0,
        |rows| row::readable(rows, row::delivery),
    )
    .await
}

pub async fn open_work(
    pool: &Pool,
    cluster: &str,
    after: Option<WorkId>,
    limit: u32,
) -> Result<Vec<StoredWork>, StoreError> {
    let sql = work!(
        "WHERE work.cluster = $1 AND NOT work.is_over AND work.id > $2 ORDER BY work.id LIMIT $3"
    );
    page_of_work(pool, sql, cluster, after, limit).await
}

pub async fn followed_work(
    pool: &Pool,
    cluster: &str,
    after: Option<WorkId>,
    limit: u32,
) -> Result<Vec<StoredWork>, StoreError> {
    let sql = work!(
        "WHERE work.cluster = $1 AND work.is_followed AND work.id > $2 ORDER BY work.id LIMIT $3"
    );
    page_of_work(pool, sql, cluster, after, limit).await
}

async fn page_of_work(
    pool: &Pool,
    sql: &'static str,
    cluster: &str,
    after: Option<WorkId>,
    limit: u32,
) -> Result<Vec<StoredWork>, StoreError> {
    let after = after.map_or(0, |after| after.0);
    let page = |after: i64| async move {
        let rows: Vec<WorkRow> = on!(pool.reader().await?.connection(), connection => {
            sqlx::query_as(sql)
                .bind(row::text(cluster))
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await
        })
        .map_err(fault)?;
        Ok(rows)
    };
    next_readable(
        after,
        page,
        |row| row.0,
        |rows| row::readable(rows, row::work),
    )
    .await
}

/// The first page after a number of which something can be read; none means that nothing is left.
async fn next_readable<R, T, Read: Future<Output = Result<Vec<R>, StoreError>>>(
    mut after: i64,
    page: impl Fn(i64) -> Read,
    number: impl Fn(&R) -> i64,
    readable: impl Fn(Vec<R>) -> Vec<T>,
) -> Result<Vec<T>, StoreError> {
    loop {
        let rows = page(after).await?;
        let last = rows.last().map(&number);
        let found = readable(rows);
        match last {
            Some(last) if found.is_empty() => after = last,
            _ => return Ok(found),
        }
    }
}

pub async fn work(pool: &Pool, id: WorkId) -> Result<Option<StoredWork>, StoreError> {
    let sql = work!("WHERE work.id = $1");
    let found: Vec<WorkRow> = on!(pool.reader().await?.connection(), connection => {
        sqlx::query_as(sql).bind(id.0).fetch_all(connection).await
    })
    .map_err(fault)?;
    Ok(row::readable(found, row::work).pop())
}

pub async fn by_guid(
    pool: &Pool,
    guid: &Guid,
) -> Result<Vec<(StoredDelivery, Vec<StoredWork>)>, StoreError> {
    let mut reader = pool.reader().await?;
    let sql = "SELECT id, content, state FROM delivery WHERE guid = $1 ORDER BY webhook LIMIT $2";
    let deliveries: Vec<DeliveryRow> = on!(reader.connection(), connection => {
        sqlx::query_as(sql)
            .bind(guid.as_str())
            .bind(SHOWN_WEBHOOKS)
            .fetch_all(connection)
            .await
    })
    .map_err(fault)?;
    let mut found = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let sql = work!("WHERE work.delivery = $1 ORDER BY work.id LIMIT $2");
        let work: Vec<WorkRow> = on!(reader.connection(), connection => {
            sqlx::query_as(sql)
                .bind(delivery.0)
                .bind(SHOWN_WORK)
                .fetch_all(connection)
                .await
        })
        .map_err(fault)?;
        found.push((row::delivery(delivery)?, row::readable(work, row::work)));
    }
    Ok(found)
}

/// The newest work of which that is so, each delivery with its share of it.
pub async fn unapplied(
    pool: &Pool,
    limit: u32,
) -> Result<Vec<(StoredDelivery, Vec<StoredWork>)>, StoreError> {
    let mut reader = pool.reader().await?;
    let sql = work!("WHERE work.is_unapplied ORDER BY work.id DESC LIMIT $1");
    let work: Vec<WorkRow> = on!(reader.connection(), connection => {
        sqlx::query_as(sql).bind(i64::from(limit)).fetch_all(connection).await
    })
    .map_err(fault)?;
    let sql = "SELECT id, content, state FROM delivery WHERE id IN \
        (SELECT delivery FROM work WHERE is_unapplied ORDER BY id DESC LIMIT $1) ORDER BY id DESC";
    let deliveries: Vec<DeliveryRow> = on!(reader.connection(), connection => {
        sqlx::query_as(sql).bind(i64::from(limit)).fetch_all(connection).await
    })
    .map_err(fault)?;
    let mut of_delivery: HashMap<DeliveryId, Vec<StoredWork>> = HashMap::new();
    for work in row::readable(work, row::work) {
        of_delivery.entry(work.delivery).or_default().push(work);
    }
    let deliveries = row::readable(deliveries, row::delivery).into_iter();
    // What ended between the two questions has no work any more.
    let found = deliveries.filter_map(|stored| {
        let work = of_delivery.remove(&stored.id)?;
        Some((stored, work))
    });
    Ok(found.collect())
}

pub async fn stored(pool: &Pool, id: DeliveryId) -> Result<Option<StoredDelivery>, StoreError> {
    let sql = "SELECT id, content, state FROM delivery WHERE id = $1";
    let found: Option<DeliveryRow> = on!(pool.reader().await?.connection(), connection => {
        sqlx::query_as(sql).bind(id.0).fetch_optional(connection).await
    })
    .map_err(fault)?;
    found.map(row::delivery).transpose()
}

/// Each combination has a statement of its own, so that it is found by an index.
pub async fn deliveries(pool: &Pool, filter: &Filter) -> Result<Vec<StoredDelivery>, StoreError> {
    let repository = filter
        .repository
        .as_deref()
        .map(|name| row::text(name).to_lowercase());
    let state = filter.state.as_deref().map(row::text);
    let sql = match (&repository, &state) {
        (None, None) => {
            "SELECT id, content, state FROM delivery WHERE id < $3 ORDER BY id DESC LIMIT $4"
        }
        (Some(_), None) => {
            "SELECT id, content, state FROM delivery WHERE repository = $1 AND id < $3 \
             ORDER BY id DESC LIMIT $4"
        }
        (None, Some(_)) => {
            "SELECT id, content, state FROM delivery WHERE phase = $2 AND id < $3 \
             ORDER BY id DESC LIMIT $4"
        }
        (Some(_), Some(_)) => {
            "SELECT id, content, state FROM delivery WHERE repository = $1 AND phase = $2 \
             AND id < $3 ORDER BY id DESC LIMIT $4"
        }
    };
    let rows: Vec<DeliveryRow> = on!(pool.reader().await?.connection(), connection => {
        sqlx::query_as(sql)
            .bind(&repository)
            .bind(&state)
            .bind(filter.before.map_or(i64::MAX, |before| before.0))
            .bind(i64::from(filter.limit))
            .fetch_all(connection)
            .await
    })
    .map_err(fault)?;
    Ok(row::readable(rows, row::delivery))
}

pub async fn of_ref(
    pool: &Pool,
    repository: &str,
    reference: &PushedRef,
    limit: u32,
) -> Result<Vec<StoredDelivery>, StoreError> {
    let mut reader = pool.reader().await?;
    let sql = match &reader {
        Session::Sqlite(_) => holding!("instr"),
        Session::Postgres(_) => holding!("strpos"),
    };
    let named = format!("\"reference\":{}", row::json(reference)?);
    let rows: Vec<DeliveryRow> = on!(reader.connection(), connection => {
        sqlx::query_as(sql)
            .bind(row::text(repository).to_lowercase())
            .bind(LOOKED_THROUGH)
            .bind(&named)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await
    })
    .map_err(fault)?;
    Ok(row::readable(rows, row::delivery))
}

pub async fn counts(pool: &Pool) -> Result<Counts, StoreError> {
    let mut reader = pool.reader().await?;
    let sql = "SELECT subject, name, number FROM tally WHERE number > 0";
    let tally: Vec<(String, String, i64)> = on!(reader.connection(), connection => {
        sqlx::query_as(sql).fetch_all(connection).await
    })
    .map_err(fault)?;
    let size = match &reader {
        Session::Sqlite(_) => {
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        }
        Session::Postgres(_) => {
            "SELECT pg_total_relation_size('delivery') + pg_total_relation_size('work') \
             + pg_total_relation_size('note')"
        }
    };
    let size: i64 = on!(reader.connection(), connection => {
        sqlx::query_scalar(size).fetch_one(connection).await
    })
    .map_err(fault)?;
    let none = DeliveryState::NAMES.map(|name| (name.to_owned(), 0));
    let mut counts = Counts {
        deliveries: BTreeMap::from(none),
        open_work: BTreeMap::new(),
        size_bytes: u64::try_from(size).unwrap_or_default(),
    };
    for (subject, name, number) in tally {
        let number = u64::try_from(number).unwrap_or_default();
        match subject.as_str() {
            DELIVERIES => counts.deliveries.insert(name, number),
            OPEN_WORK => counts.open_work.insert(name, number),
            _ => None,
        };
    }
    Ok(counts)
}

pub async fn last_beat(pool: &Pool) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT beat_at FROM head WHERE id = 1";
    let beat: Option<String> = on!(pool.reader().await?.connection(), connection => {
        sqlx::query_scalar(sql).fetch_one(connection).await
    })
    .map_err(fault)?;
    let read = |beat: String| {
        beat.parse()
            .map_err(|fault: jiff::Error| StoreError::Unreadable {
                what: "the heartbeat".to_owned(),
                reason: fault.to_string(),
            })
    };
    beat.map(read).transpose()
}

//! Carries out what is to be written about deliveries and their work.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sqlx::QueryBuilder;

use crate::delivery::{DeliveryKey, DeliveryState, Proof, WorkState};

use super::fault::StoreError;
use super::head::Head;
use super::model::{DeliveryId, NewWork, StoredWork, WorkId, Write};
use super::pool::{Session, on};
use super::row;

/// Rows of one call.
const ROWS: usize = 100;

/// What a call did to the work of one delivery.
#[derive(Debug, Default)]
struct Settling {
    opened: i64,
    ended: i64,
    failed: u32,
    /// How many clusters were listed, and how many objects were found there.
    listed: u32,
    found: u32,
    /// When the last of the work that ended was over.
    ended_at: Option<Timestamp>,
}

struct Changing<'t> {
    session: &'t mut Session,
    head: &'t mut Head,
    settling: BTreeMap<i64, Settling>,
    made: Vec<StoredWork>,
}

/// Makes the changes of one call and returns its new work. What is over or unknown stays as it is.
pub async fn write(
    session: &mut Session,
    head: &mut Head,
    writes: &[Write],
) -> Result<Vec<StoredWork>, StoreError> {
    let mut changing = Changing {
        session,
        head,
        settling: BTreeMap::new(),
        made: Vec::new(),
    };
    for write in writes {
        match write {
            Write::Matched {
                delivery,
                state,
                work,
            } => changing.matched(*delivery, state, work).await?,
            Write::Listed { waited, work } => changing.listed(*waited, work).await?,
            Write::Work { id, state } => changing.went_on(*id, state).await?,
            Write::Proof { id, proof } => changing.seen(*id, proof).await?,
        }
    }
    changing.settle().await?;
    Ok(changing.made)
}

impl Changing<'_> {
    async fn matched(
        &mut self,
        delivery: DeliveryId,
        state: &DeliveryState,
        work: &[NewWork],
    ) -> Result<(), StoreError> {
        let Some((key, before)) = self.delivery(delivery.0).await? else {
            return Ok(());
        };
        if before != DeliveryState::Accepted {
            return Ok(());
        }
        self.set_state(delivery.0, &before, state).await?;
        if state.is_over() {
            return Ok(());
        }
        self.make(delivery.0, &key, work).await?;
        // Work may be over from the start: then there is nothing to wait for.
        self.settling.entry(delivery.0).or_default();
        Ok(())
    }

    async fn listed(&mut self, waited: WorkId, work: &[NewWork]) -> Result<(), StoreError> {
        let sql = "DELETE FROM work WHERE id = $1 AND NOT is_over AND kind IS NULL \
            RETURNING delivery, cluster";
        let deleted: Option<(i64, String)> = on!(self.session.connection(), connection => {
            sqlx::query_as(sql).bind(waited.0).fetch_optional(connection).await
        })
        .map_err(|fault| StoreError::sql("end the wait for a cluster", fault))?;
        let Some((delivery, cluster)) = deleted else {
            return Ok(());
        };
        let Some((key, _)) = self.delivery(delivery).await? else {
            return Ok(());
        };
        self.head.work_is_over(&cluster);
        let work = &self.new_in(delivery, &cluster, work).await?;
        let settling = self.settling.entry(delivery).or_default();
        settling.ended += 1;
        settling.listed += 1;
        settling.found += u32::try_from(work.len()).unwrap_or(u32::MAX);
        self.make(delivery, &key, work).await
    }

    /// Of what a delivery wakes in a cluster that which it has not woken there before.
    async fn new_in(
        &mut self,
        delivery: i64,
        cluster: &str,
        work: &[NewWork],
    ) -> Result<Vec<NewWork>, StoreError> {
        if work.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "SELECT id, kind, namespace, name, state FROM work \
            WHERE delivery = $1 AND cluster = $2 AND kind IS NOT NULL";
        let rows: Vec<(i64, String, String, String, String)> =
            on!(self.session.connection(), connection => {
                sqlx::query_as(sql).bind(delivery).bind(cluster).fetch_all(connection).await
            })
            .map_err(|fault| StoreError::sql("read what a delivery has woken", fault))?;
        // Whether all of its work was left alone.
        let mut known: HashMap<_, bool> = HashMap::with_capacity(rows.len());
        for (id, kind, namespace, name, state) in rows {
            let was_left = row::work_state(id, &state).is_ok_and(|state| state.is_left());
            *known.entry((kind, namespace, name)).or_insert(true) &= was_left;
        }
        let is_new = |new: &&NewWork| {
            let Some(object) = &new.object else {
                return true;
            };
            let key = (
                object.kind.name().to_owned(),
                row::text(&object.namespace).into_owned(),
                row::text(&object.name).into_owned(),
            );
            let is_woken_now = !new.state.is_over();
            known
                .get(&key)
                .is_none_or(|was_left| *was_left && is_woken_now)
        };
        Ok(work.iter().filter(is_new).cloned().collect())
    }

    async fn went_on(&mut self, id: WorkId, state: &WorkState) -> Result<(), StoreError> {
        // What is of no matter any more stays so.
        let sql = "UPDATE work SET state = $2, is_over = $3, is_followed = $4, \
            is_unapplied = (is_unapplied AND $5) \
            WHERE id = $1 AND NOT is_over RETURNING delivery, cluster";
        let json = row::json(state)?;
        let updated: Option<(i64, String)> = on!(self.session.connection(), connection => {
            sqlx::query_as(sql)
                .bind(id.0)
                .bind(&json)
                .bind(state.is_over())
                .bind(matches!(state, WorkState::Annotated { .. }))
                .bind(!state.is_settled())
                .fetch_optional(connection)
                .await
        })
        .map_err(|fault| StoreError::sql("keep how work went on", fault))?;
        if let (Some((delivery, cluster)), Some(at)) = (updated, state.ended_at()) {
            self.head.work_is_over(&cluster);
            let settling = self.settling.entry(delivery).or_default();
            settling.ended += 1;
            settling.failed += u32::from(state.has_failed());
            settling.ended_at = settling.ended_at.max(Some(at));
        }
        Ok(())
    }

    async fn seen(&mut self, id: WorkId, proof: &Proof) -> Result<(), StoreError> {
        let sql = "UPDATE work \
            SET proof = $2, is_followed = $3, is_unapplied = (is_unapplied AND $4) \
            WHERE id = $1 AND is_followed RETURNING cluster, kind, namespace, name";
        let json = row::json(proof)?;
        type Object = (String, Option<String>, Option<String>, Option<String>);
        let object: Option<Object> = on!(self.session.connection(), connection => {
            sqlx::query_as(sql)
                .bind(id.0)
                .bind(&json)
                .bind(!proof.is_over())
                .bind(!proof.is_settled())
                .fetch_optional(connection)
                .await
        })
        .map_err(|fault| StoreError::sql("keep how far an object has come", fault))?;
        match object {
            Some((cluster, Some(kind), Some(namespace), Some(name))) if proof.is_settled() => {
                self.is_applied(id, (cluster, kind, namespace, name)).await
            }
            _ => Ok(()),
        }
    }

    /// What the object was woken for before is of no matter any more.
    async fn is_applied(
        &mut self,
        id: WorkId,
        (cluster, kind, namespace, name): (String, String, String, String),
    ) -> Result<(), StoreError> {
        let sql = "UPDATE work SET is_unapplied = FALSE WHERE is_unapplied AND cluster = $2 \
            AND kind = $3 AND namespace = $4 AND name = $5 AND id < $1";
        on!(self.session.connection(), connection => {
            sqlx::query(sql)
                .bind(id.0)
                .bind(cluster)
                .bind(kind)
                .bind(namespace)
                .bind(name)
                .execute(connection)
                .await
                .map(|_| ())
        })
        .map_err(|fault| StoreError::sql("keep how far an object has come", fault))
    }

    /// Many rows by one call, for each call takes the way to the database and back.
    async fn make(
        &mut self,
        delivery: i64,
        key: &DeliveryKey,
        work: &[NewWork],
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO work \
            (id, delivery, cluster, kind, namespace, name, state, is_over, is_unapplied) ";
        for some in work.chunks(ROWS) {
            let mut rows = Vec::with_capacity(some.len());
            for new in some {
                rows.push((self.head.next_work(), new, row::json(&new.state)?));
            }
            on!(self.session.connection(), connection => {
                let mut insert = QueryBuilder::new(sql);
                insert.push_values(&rows, |mut row, (id, new, json)| {
                    let object = new.object.as_ref();
                    row.push_bind(*id)
                        .push_bind(delivery)
                        .push_bind(row::text(&new.cluster).into_owned())
                        .push_bind(object.map(|object| object.kind.name()))
                        .push_bind(object.map(|object| row::text(&object.namespace).into_owned()))
                        .push_bind(object.map(|object| row::text(&object.name).into_owned()))
                        .push_bind(json.clone())
                        .push_bind(new.state.is_over())
                        .push_bind(object.is_some() && !new.state.is_settled());
                });
                let insert = insert.build().persistent(matches!(some.len(), 1 | ROWS));
                insert.execute(connection).await.map(|_| ())
            })
            .map_err(|fault| StoreError::sql("keep what is to be done", fault))?;
            for (id, new, _) in rows {
                self.made(delivery, key, id, new);
            }
        }
        Ok(())
    }

    fn made(&mut self, delivery: i64, key: &DeliveryKey, id: i64, new: &NewWork) {
        let settling = self.settling.entry(delivery).or_default();
        match new.state.ended_at() {
            Some(at) => {
                settling.failed += u32::from(new.state.has_failed());
                settling.ended_at = settling.ended_at.max(Some(at));
            }
            None => {
                settling.opened += 1;
                self.head.work_is_open(&row::text(&new.cluster));
            }
        }
        self.made.push(StoredWork {
            id: WorkId(id),
            delivery: DeliveryId(delivery),
            key: key.clone(),
            cluster: new.cluster.clone(),
            object: new.object.clone(),
            state: new.state.clone(),
            proof: None,
        });
    }

    /// Sees for each delivery whose work changed whether all of it is over now.
    async fn settle(&mut self) -> Result<(), StoreError> {
        for (delivery, settling) in std::mem::take(&mut self.settling) {
            let sql = "UPDATE delivery SET open_work = open_work + $2 WHERE id = $1 \
                RETURNING open_work, state";
            let updated: Option<(i64, String)> = on!(self.session.connection(), connection => {
                sqlx::query_as(sql)
                    .bind(delivery)
                    .bind(settling.opened - settling.ended)
                    .fetch_optional(connection)
                    .await
            })
            .map_err(|fault| StoreError::sql("count the work of a delivery", fault))?;
            let Some((open, state)) = updated else {
                continue;
            };
            let before = row::delivery_state(delivery, &state)?;
            let open = u32::try_from(open).unwrap_or_default();
            let now = settling.ended_at.unwrap_or_else(Timestamp::now);
            let mut after = before.clone();
            if settling.listed > 0 {
                after = after.listed(settling.listed, settling.found, now);
            }
            let after = after.with_failed(settling.failed).with_open(open, now);
            if after != before {
                self.set_state(delivery, &before, &after).await?;
            }
        }
        Ok(())
    }

    async fn delivery(
        &mut self,
        id: i64,
    ) -> Result<Option<(DeliveryKey, DeliveryState)>, StoreError> {
        let sql = "SELECT webhook, guid, state FROM delivery WHERE id = $1";
        let found: Option<(String, String, String)> =
            on!(self.session.connection(), connection => {
                sqlx::query_as(sql).bind(id).fetch_optional(connection).await
            })
            .map_err(|fault| StoreError::sql("read a delivery", fault))?;
        let Some((webhook, guid, state)) = found else {
            return Ok(None);
        };
        let key = row::key(id, webhook, &guid)?;
        Ok(Some((key, row::delivery_state(id, &state)?)))
    }

    async fn set_state(
        &mut self,
        id: i64,
        before: &DeliveryState,
        after: &DeliveryState,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE delivery SET phase = $2, state = $3, ended_at = $4 WHERE id = $1";
        let json = row::json(after)?;
        on!(self.session.connection(), connection => {
            sqlx::query(sql)
                .bind(id)
                .bind(after.name())
                .bind(&json)
                .bind(after.ended_at().map(Timestamp::as_microsecond))
                .execute(connection)
                .await
                .map(|_| ())
        })
        .map_err(|fault| StoreError::sql("keep what became of a delivery", fault))?;
        self.head.moved(before, after);
        Ok(())
    }
}

//! Takes a delivery in, once.

use crate::delivery::{Delivery, DeliveryState};

use super::fault::StoreError;
use super::head::Head;
use super::model::{Accepted, DeliveryId};
use super::news::News;
use super::pool::{Session, on};
use super::row;

/// A delivery as its row has it; made by the caller, so that the one writer has less to do.
#[derive(Debug)]
pub struct NewDelivery {
    webhook: String,
    guid: String,
    repository: Option<String>,
    content: String,
}

impl NewDelivery {
    pub fn new(delivery: &Delivery) -> Result<Self, StoreError> {
        Ok(Self {
            webhook: row::text(&delivery.key.webhook.0).into_owned(),
            guid: delivery.key.guid.as_str().to_owned(),
            repository: delivery
                .repository
                .as_ref()
                .map(|repository| row::text(&repository.full_name).to_lowercase()),
            content: row::json(delivery)?,
        })
    }
}

/// The outer fault is of the transaction, the inner one of this delivery alone.
pub async fn accept(
    session: &mut Session,
    head: &mut Head,
    delivery: &NewDelivery,
    backlog: u64,
) -> Result<Result<Accepted, StoreError>, StoreError> {
    let what = "keep a delivery";
    let is_full = head.unfinished() >= backlog;
    let accepted = DeliveryState::Accepted;
    if !is_full {
        let id = head.next_delivery();
        let sql = "INSERT INTO delivery \
            (id, webhook, guid, repository, phase, state, content, open_work, ended_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, 0, NULL) ON CONFLICT (guid, webhook) DO NOTHING";
        let state = row::json(&accepted)?;
        let inserted = on!(session.connection(), connection => {
            sqlx::query(sql)
                .bind(id)
                .bind(&delivery.webhook)
                .bind(&delivery.guid)
                .bind(&delivery.repository)
                .bind(accepted.name())
                .bind(&state)
                .bind(&delivery.content)
                .execute(connection)
                .await
                .map(|done| done.rows_affected())
        });
        if inserted.map_err(|fault| StoreError::sql(what, fault))? > 0 {
            head.delivery_is_new(&accepted);
            return Ok(Ok(Accepted::New(DeliveryId(id))));
        }
    }
    let Some((id, state)) = seen(session, delivery).await? else {
        return Ok(Err(StoreError::Backlog { limit: backlog }));
    };
    if !state.is_taken_again() {
        return Ok(Ok(Accepted::Seen(DeliveryId(id), state)));
    }
    if is_full {
        return Ok(Err(StoreError::Backlog { limit: backlog }));
    }
    take_again(session, id, delivery).await?;
    head.tell(News::Inbox);
    head.moved(&state, &accepted);
    Ok(Ok(Accepted::Again(DeliveryId(id))))
}

async fn seen(
    session: &mut Session,
    delivery: &NewDelivery,
) -> Result<Option<(i64, DeliveryState)>, StoreError> {
    let sql = "SELECT id, state FROM delivery WHERE guid = $1 AND webhook = $2";
    let found: Option<(i64, String)> = on!(session.connection(), connection => {
        sqlx::query_as(sql)
            .bind(&delivery.guid)
            .bind(&delivery.webhook)
            .fetch_optional(connection)
            .await
    })
    .map_err(|fault| StoreError::sql("look for a delivery", fault))?;
    found
        .map(|(id, state)| Ok((id, row::delivery_state(id, &state)?)))
        .transpose()
}

/// What became of its work the last time is forgotten: all of it was over, and is done anew.
async fn take_again(
    session: &mut Session,
    id: i64,
    delivery: &NewDelivery,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM work WHERE delivery = $1 AND is_over";
    on!(session.connection(), connection => {
        sqlx::query(sql).bind(id).execute(connection).await.map(|_| ())
    })
    .map_err(|fault| StoreError::sql("forget the work of a delivery", fault))?;
    let sql = "UPDATE delivery SET repository = $2, phase = $3, state = $4, content = $5, \
        ended_at = NULL WHERE id = $1";
    let accepted = DeliveryState::Accepted;
    let state = row::json(&accepted)?;
    on!(session.connection(), connection => {
        sqlx::query(sql)
            .bind(id)
            .bind(&delivery.repository)
            .bind(accepted.name())
            .bind(&state)
            .bind(&delivery.content)
            .execute(connection)
            .await
            .map(|_| ())
    })
    .map_err(|fault| StoreError::sql("take a delivery again", fault))
}

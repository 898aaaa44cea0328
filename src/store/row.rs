//! Rows of the tables, and what they say.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::error;

use crate::catalog::{ItemKey, Kind};
use crate::delivery::{Delivery, DeliveryKey, DeliveryState, Guid, WebhookName, WorkState};

use super::fault::StoreError;
use super::model::{DeliveryId, StoredDelivery, StoredWork, WorkId};

/// `id, content, state` of a delivery.
pub type DeliveryRow = (i64, String, String);

/// `id, delivery, webhook, guid, cluster, kind, namespace, name, state, proof` of a piece of work.
pub type WorkRow = (
    i64,
    i64,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
);

pub fn delivery((id, content, state): DeliveryRow) -> Result<StoredDelivery, StoreError> {
    Ok(StoredDelivery {
        id: DeliveryId(id),
        delivery: read::<Delivery>(&content, format_args!("delivery {id}"))?,
        state: delivery_state(id, &state)?,
    })
}

pub fn delivery_state(id: i64, state: &str) -> Result<DeliveryState, StoreError> {
    read(state, format_args!("the state of delivery {id}"))
}

pub fn key(delivery: i64, webhook: String, guid: &str) -> Result<DeliveryKey, StoreError> {
    let guid = Guid::read(guid).map_err(|reason| StoreError::Unreadable {
        what: format!("the GUID of delivery {delivery}"),
        reason,
    })?;
    let webhook = WebhookName(webhook);
    Ok(DeliveryKey { webhook, guid })
}

pub fn work(row: WorkRow) -> Result<StoredWork, StoreError> {
    let (id, delivery, webhook, guid, cluster, kind, namespace, name, state, proof) = row;
    let object = match (kind, namespace, name) {
        (Some(kind), Some(namespace), Some(name)) => {
            let kind = Kind::read(&kind).ok_or_else(|| StoreError::Unreadable {
                what: format!("work {id}"),
                reason: format!("unknown kind `{kind}`"),
            })?;
            Some(ItemKey {
                kind,
                namespace: namespace.into(),
                name: name.into(),
            })
        }
        _ => None,
    };
    Ok(StoredWork {
        id: WorkId(id),
        delivery: DeliveryId(delivery),
        key: key(delivery, webhook, &guid)?,
        cluster: Arc::from(cluster),
        object,
        state: work_state(id, &state)?,
        proof: proof
            .map(|proof| read(&proof, format_args!("the proof of work {id}")))
            .transpose()?,
    })
}

pub fn work_state(id: i64, state: &str) -> Result<WorkState, StoreError> {
    read(state, format_args!("the state of work {id}"))
}

/// Those that can be read. One that a later version wrote, or that was changed by hand, harms only itself.
pub fn readable<R, T>(rows: Vec<R>, read: impl Fn(R) -> Result<T, StoreError>) -> Vec<T> {
    let read = |row| match read(row) {
        Ok(value) => Some(value),
        Err(fault) => {
            error!(error = &fault as &dyn Error, "left out a row of the store");
            None
        }
    };
    rows.into_iter().filter_map(read).collect()
}

/// As it is kept.
pub fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|fault| StoreError::Unreadable {
        what: "what is to be kept".to_owned(),
        reason: fault.to_string(),
    })
}

/// A text that PostgreSQL takes too: it refuses NUL, which no name that GitHub or Kubernetes gives has.
/// (JSON has none: there it is written as an escape.)
pub fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        return Cow::Owned(text.replace('\0', "\u{fffd}"));
    }
    Cow::Borrowed(text)
}

fn read<T: DeserializeOwned>(json: &str, what: fmt::Arguments<'_>) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|fault| StoreError::Unreadable {
        what: what.to_string(),
        reason: fault.to_string(),
    })
}

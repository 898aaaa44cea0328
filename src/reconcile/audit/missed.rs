//! A delivery that never came in: fetched with its payload and put where the door puts those that come.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::delivery::{Content, Delivery, DeliveryKey, Guid, WebhookName};
use crate::github::hooks::{Attempt, DetailFault, HookApi};
use crate::github::{CallFault, Refusal};
use crate::reconcile::steps::Mode;
use crate::store::{Accepted, Store, StoreError};

/// Where what was missed is put.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    pub(super) webhook: WebhookName,
    pub(super) store: Store,
    pub(super) arrived: Arc<Notify>,
    pub(super) mode: Mode,
}

/// What became of a delivery that was not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolved {
    BackFilled,
    /// It came while we looked.
    Came,
    /// GitHub was asked to deliver it again.
    Redelivered,
    Unreadable,
}

/// Why an audit cannot go on now. It goes on later, where it stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditFault {
    #[error(transparent)]
    Call(#[from] CallFault),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Inbox {
    /// Whether a delivery came in, or was taken in before.
    pub(super) async fn has(&self, guid: &Guid) -> Result<bool, AuditFault> {
        let kept = match self.store.delivery(guid).await {
            // It is there, as a later version wrote it.
            Err(StoreError::Unreadable { .. }) => return Ok(true),
            kept => kept?,
        };
        let mut kept = kept.iter().map(|(stored, _)| &stored.delivery.key.webhook);
        Ok(kept.any(|webhook| *webhook == self.webhook))
    }

    /// Takes in what an attempt was to deliver. Where its payload cannot be read, GitHub is asked to deliver it
    /// again: once, for what is no better then never will be.
    pub(super) async fn resolve(
        &self,
        api: &HookApi,
        hook: u64,
        attempt: &Attempt,
    ) -> Result<Resolved, AuditFault> {
        let guid = &attempt.guid;
        let fault = match content(api, hook, attempt).await {
            Ok(content) => return self.take(guid, content).await,
            Err(fault) => fault,
        };
        let fault = match fault {
            DetailFault::Call(fault) if !is_final(&fault) => {
                return Err(fault.into());
            }
            fault => with_causes(&fault),
        };
        let webhook = &self.webhook;
        if attempt.redelivery {
            warn!(%webhook, delivery = %guid, "the delivery {webhook}/{guid} is lost: {fault}");
            return Ok(Resolved::Unreadable);
        }
        if self.mode == Mode::Shadow {
            warn!(%webhook, delivery = %guid, "the delivery {webhook}/{guid} is not asked for again, for nothing is to be touched: {fault}");
            return Ok(Resolved::Unreadable);
        }
        match api.redeliver(hook, attempt.id).await {
            Ok(()) => {
                info!(%webhook, delivery = %guid, "asked GitHub to deliver {webhook}/{guid} again: {fault}");
                Ok(Resolved::Redelivered)
            }
            Err(refused @ CallFault::Refused { .. }) => {
                warn!(%webhook, delivery = %guid, "the delivery {webhook}/{guid} is lost: {fault}; and it is not delivered again: {refused}");
                Ok(Resolved::Unreadable)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn take(&self, guid: &Guid, content: Content) -> Result<Resolved, AuditFault> {
        let key = DeliveryKey {
            webhook: self.webhook.clone(),
            guid: guid.clone(),
        };
        let delivery = Delivery::new(key, Timestamp::now(), content);
        match self.store.accept(&delivery).await? {
            Accepted::New(_) | Accepted::Again(_) => {
                self.arrived.notify_one();
                Ok(Resolved::BackFilled)
            }
            Accepted::Seen(..) => Ok(Resolved::Came),
        }
    }
}

async fn content(api: &HookApi, hook: u64, attempt: &Attempt) -> Result<Content, DetailFault> {
    let detail = api.detail(hook, attempt.id).await?;
    detail.content().map_err(DetailFault::Payload)
}

/// Whether asking for it again brings no more.
fn is_final(fault: &CallFault) -> bool {
    matches!(
        fault,
        CallFault::TooLarge { .. }
            | CallFault::BadAnswer { .. }
            | CallFault::Refused {
                reason: Refusal::NotFound { .. }
                    | Refusal::Gone
                    | Refusal::Invalid
                    | Refusal::Other,
                ..
            }
    )
}

/// A fault with what led to it.
fn with_causes(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(fault) = cause {
        text += &format!(": {fault}");
        cause = fault.source();
    }
    text
}

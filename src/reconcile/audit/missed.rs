//! A delivery that never came in: fetched with its payload and put where the door puts those that come.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, Notify};
use tracing::{debug, info, warn};

use crate::delivery::{Content, Delivery, DeliveryKey, Guid, WebhookName};
use crate::github::hooks::{Attempt, DETAIL_LIMIT_BYTES, DetailFault, HookApi};
use crate::github::{BODY_LIMIT_BYTES, CallFault, Refusal};
use crate::reconcile::steps::Mode;
use crate::store::{Accepted, Store, StoreError};

/// Deliveries that are fetched beside each other; the identity has other things to ask as well.
pub(super) const AT_ONCE: usize = 4;

/// Where what was missed is put.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    pub(super) webhook: WebhookName,
    pub(super) store: Store,
    pub(super) arrived: Arc<Notify>,
    pub(super) mode: Mode,
    /// Held by whoever fetches a large delivery, of all webhooks one at a time.
    pub(super) large: Arc<Mutex<()>>,
}

/// An attempt to deliver what is not in the store, or failed there before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missed<'a> {
    pub(super) attempt: &'a Attempt,
    /// As of [`Inbox::has`].
    pub(super) again: Option<Timestamp>,
}

impl<'a> Missed<'a> {
    /// `ahead`: by how much GitHub's clock is ahead of ours.
    pub(super) fn of(attempt: &'a Attempt, ahead: SignedDuration) -> Self {
        let at = attempt.delivered_at;
        let again = attempt.redelivery && !attempt.is_taken();
        Self {
            attempt,
            again: again.then(|| at.checked_sub(ahead).unwrap_or(at)),
        }
    }
}

/// What became of a delivery that was not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolved {
    BackFilled,
    /// It came while we looked.
    Came,
    /// GitHub was asked to deliver it again.
    Redelivered,
    /// It cannot be read now, and is looked at later.
    Later,
    /// Nothing more is tried.
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
    /// Whether a delivery came in, or was taken in before. `again`: when it was delivered again, and that did not
    /// come in; what has failed before that is to be worked once more.
    pub(super) async fn has(
        &self,
        guid: &Guid,
        again: Option<Timestamp>,
    ) -> Result<bool, AuditFault> {
        let kept = match self.store.delivery(guid).await {
            // It is there, as a later version wrote it.
            Err(StoreError::Unreadable { .. }) => return Ok(true),
            kept => kept?,
        };
        let mut kept = kept.iter().map(|(stored, _)| stored);
        let kept = kept.find(|stored| stored.delivery.key.webhook == self.webhook);
        let Some(kept) = kept else { return Ok(false) };
        let failed_at = kept.state.ended_at();
        let failed_at = failed_at.filter(|_| kept.state.is_taken_again());
        Ok(again
            .zip(failed_at)
            .is_none_or(|(again, failed_at)| again <= failed_at))
    }

    /// Takes in what an attempt was to deliver. Where its payload cannot be read, or GitHub has no answer, and it may
    /// be asked, it is asked to deliver it again.
    ///
    /// # Errors
    /// GitHub cannot be asked. That it knows nothing of a delivery which it lists says that it does not show us
    /// any more of it: where it cannot be told from one that is gone, nothing is taken for gone.
    pub(super) async fn resolve(
        &self,
        api: &HookApi,
        hook: u64,
        (guid, attempt): (&Guid, u64),
        may_ask: bool,
    ) -> Result<Resolved, AuditFault> {
        let fault = match self.content(api, hook, attempt).await {
            Ok(content) => return self.take(guid, content).await,
            Err(fault) => fault,
        };
        let webhook = &self.webhook;
        let is_shadow = self.mode == Mode::Shadow;
        let fault = match fault {
            DetailFault::Call(gone) if is_gone(&gone) => {
                if is_shadow {
                    return Err(gone.into());
                }
                return match api.redeliver(hook, attempt).await {
                    Ok(()) => {
                        info!(%webhook, delivery = %guid, "asked GitHub to deliver {webhook}/{guid} again: {gone}");
                        Ok(Resolved::Redelivered)
                    }
                    Err(CallFault::Refused { .. }) => Err(gone.into()),
                    Err(fault) => Err(fault.into()),
                };
            }
            DetailFault::Call(fault) if is_unanswered(&fault) && (is_shadow || !may_ask) => {
                return Err(fault.into());
            }
            DetailFault::Call(fault) if !is_unreadable(&fault) && !is_unanswered(&fault) => {
                return Err(fault.into());
            }
            fault => with_causes(&fault),
        };
        if !may_ask {
            debug!(%webhook, delivery = %guid, "the delivery {webhook}/{guid} is looked at later: {fault}");
            return Ok(Resolved::Later);
        }
        if is_shadow {
            warn!(%webhook, delivery = %guid, "the delivery {webhook}/{guid} is not asked for again, for nothing is to be touched: {fault}");
            return Ok(Resolved::Unreadable);
        }
        match api.redeliver(hook, attempt).await {
            Ok(()) => {
                info!(%webhook, delivery = %guid, "asked GitHub to deliver {webhook}/{guid} again: {fault}");
                Ok(Resolved::Redelivered)
            }
            Err(refused) if is_of_one_delivery(&refused) => {
                warn!(%webhook, delivery = %guid, "the delivery {webhook}/{guid} cannot be read: {fault}; and it is not delivered again: {refused}; it is tried on");
                Ok(Resolved::Later)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// What an attempt was to deliver. Few are large, and which ones is known only once they come: those are fetched
    /// again one after another, so that memory is bounded by what one takes.
    async fn content(
        &self,
        api: &HookApi,
        hook: u64,
        attempt: u64,
    ) -> Result<Content, DetailFault> {
        let detail = api.detail(hook, attempt, BODY_LIMIT_BYTES).await;
        let is_large = matches!(detail, Err(DetailFault::Call(CallFault::TooLarge { .. })));
        if !is_large {
            return detail?.content().map_err(DetailFault::Payload);
        }
        let _turn = self.large.lock().await;
        let detail = api.detail(hook, attempt, DETAIL_LIMIT_BYTES).await?;
        detail.content().map_err(DetailFault::Payload)
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

/// Whether GitHub says that there is no such thing, which it also says of what must not be seen.
pub(super) fn is_gone(fault: &CallFault) -> bool {
    matches!(
        fault,
        CallFault::Refused {
            reason: Refusal::NotFound { .. } | Refusal::Gone,
            ..
        }
    )
}

/// Whether there was an answer, and it was none to what was asked.
fn is_unreadable(fault: &CallFault) -> bool {
    matches!(
        fault,
        CallFault::TooLarge { .. }
            | CallFault::BadAnswer { .. }
            | CallFault::Refused {
                reason: Refusal::Invalid | Refusal::Other,
                ..
            }
    )
}

/// Whether nothing of use came back: of GitHub as a whole that says something only where it shows no list either.
pub(super) fn is_unanswered(fault: &CallFault) -> bool {
    matches!(
        fault,
        CallFault::Failed { .. } | CallFault::TimedOut { .. } | CallFault::Unreachable { .. }
    )
}

/// Whether others may be had although this one is not.
pub(super) fn is_of_one_delivery(fault: &CallFault) -> bool {
    let is_refused = matches!(fault, CallFault::Refused { .. });
    is_unreadable(fault) || (is_refused && !fault.is_of_credential())
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

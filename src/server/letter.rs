//! A body with what its headers said: who signed it, and what it says.

use std::sync::Arc;

use tracing::error;

use crate::delivery::Content;
use crate::github::payload::{self, Encoding};
use crate::github::signature::{Signature, WebhookSecret};

use super::answer::Refusal;
use super::body::Held;

/// A body beyond this takes more than a millisecond to judge, and others are served meanwhile.
const JUDGED_AT_ONCE_BYTES: usize = 256 * 1024;

pub(super) struct Letter {
    pub(super) body: Held,
    pub(super) encoding: Encoding,
    pub(super) signature: Signature,
    pub(super) event: String,
    pub(super) secrets: Arc<[WebhookSecret]>,
}

/// A letter that was rightly signed.
pub(super) struct Judged {
    /// The place of the secret in the list.
    pub(super) secret: usize,
    pub(super) content: Result<Content, Refusal>,
}

impl Letter {
    /// # Errors
    /// The signature is of none of the secrets.
    pub(super) async fn judged(self) -> Result<Judged, Refusal> {
        if self.body.bytes().len() <= JUDGED_AT_ONCE_BYTES {
            return self.judge();
        }
        let judged = tokio::task::spawn_blocking(move || self.judge()).await;
        judged.unwrap_or_else(|fault| {
            error!("a body could not be judged by a fault of ours: {fault}");
            Err(Refusal::NotKept)
        })
    }

    fn judge(self) -> Result<Judged, Refusal> {
        let body = self.body.bytes();
        let secret = self.signature.verify(body, &self.secrets);
        let secret = secret.map_err(Refusal::Signature)?;
        let content = payload::read(self.encoding, &self.event, body);
        let content = content.map_err(Refusal::Payload);
        Ok(Judged { secret, content })
    }
}

//! What can go wrong with the doors as a whole.

use std::io;
use std::net::SocketAddr;

use crate::config::{SecretFault, SecretRef};

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(
        "cannot listen on {address} for {door}; let `server.{door}.listen` name a free address of this machine"
    )]
    Listen {
        door: &'static str,
        address: SocketAddr,
        source: io::Error,
    },
    #[error(
        "`server.api.listen` is {0}, which others can reach, and `server.api.tokens` is empty; list a token, or listen on 127.0.0.1"
    )]
    OpenApi(SocketAddr),
    #[error("cannot use the secret {reference} of webhook `{webhook}`")]
    WebhookSecret {
        webhook: String,
        reference: SecretRef,
        source: SecretFault,
    },
    #[error("cannot use the token {reference} of `{name}` in `server.api.tokens`")]
    ApiToken {
        name: String,
        reference: SecretRef,
        source: SecretFault,
    },
    #[error("webhook `{0}` has no secret; list one under `secrets`")]
    NoSecret(String),
    #[error("the door for {0} closed without being asked to")]
    Ended(&'static str),
}

//! What can go wrong with a cluster.

use std::time::Duration;

/// Why an object was not annotated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchFault {
    #[error("the object is gone")]
    Gone,
    /// It will be refused as well when it is tried again.
    #[error("the API server refuses the annotation: {0}")]
    Refused(String),
    /// It may work later.
    #[error("{reason}")]
    Later {
        reason: String,
        /// What the server asked to wait.
        retry_after: Option<Duration>,
        /// The server has too much to do: fewer requests at once.
        busy: bool,
    },
}

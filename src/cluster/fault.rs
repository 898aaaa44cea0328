//! What can go wrong with a cluster.

use std::path::PathBuf;
use std::time::Duration;

/// Why there is no connection to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("cannot use {}: {reason}", shown(path))]
    Kubeconfig {
        /// `None`: that of `$KUBECONFIG` or `~/.kube/config`.
        path: Option<PathBuf>,
        /// Without what stands in it.
        reason: String,
    },
    #[error("cannot use the service account of this pod: {reason}")]
    InCluster { reason: String },
    #[error("{reason}")]
    Client { reason: String },
    #[error(
        "the credential plugin of the kubeconfig crashed our client; run it by hand to see why"
    )]
    Plugin,
    #[error("no credentials within {} s; run the credential plugin of the kubeconfig by hand to see why", limit.as_secs())]
    TooLate { limit: Duration },
}

/// Why an object was not annotated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchFault {
    #[error("the object is gone")]
    Gone,
    /// It will be refused as well when it is tried again.
    #[error("the API server refuses the annotation: {0}")]
    Refused(String),
    /// We lack the right, which somebody may give us later.
    #[error("{0}")]
    Forbidden(String),
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

fn shown(kubeconfig: &Option<PathBuf>) -> String {
    match kubeconfig {
        Some(path) => format!("kubeconfig {}", path.display()),
        None => "the kubeconfig".to_owned(),
    }
}

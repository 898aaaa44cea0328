//! How a cluster is reached.

use std::path::PathBuf;
use std::sync::Arc;

/// A cluster and where its address and credentials stand.
///
/// Without kubeconfig and context it is the cluster that this program runs in; outside of one, the current context of
/// `$KUBECONFIG` or `~/.kube/config`. A context without a kubeconfig is one of those files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAccess {
    pub name: Arc<str>,
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
}

//! What identifies an object within a cluster.

use std::fmt;
use std::sync::Arc;

/// An object within one cluster, as Flux's inventory and the API server tell it apart: the version
/// of the API is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Empty for the core group.
    pub group: Arc<str>,
    pub kind: Arc<str>,
    /// `None` for an object that belongs to the whole cluster.
    pub namespace: Option<Arc<str>>,
    pub name: Arc<str>,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {}/{}", self.kind, namespace, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

//! What identifies an object within a cluster.

use std::fmt;
use std::sync::Arc;

use super::yaml::Node;

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

/// Whether a document is of a kind of Flux, as its API version says.
pub fn is_of_flux(document: &Node) -> bool {
    let version = document.get("apiVersion").and_then(Node::as_str);
    version.is_some_and(|version| version.contains(".toolkit.fluxcd.io/"))
}

//! A manifest as it is compared: canonical, with its cluster and without our own labels.

use std::fmt;
use std::sync::Arc;

use crate::config::{MANAGED_BY_LABEL, OUR_LABELS};
use crate::flux::canonical;
use crate::flux::yaml::{Entry, Node, Span};
use crate::plan::MANAGED_BY;

/// What tells objects of a fleet apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// `None` where nothing says it.
    pub cluster: Option<Arc<str>>,
    /// The group of the API, for kinds of one name in two groups.
    pub group: Arc<str>,
    pub kind: Arc<str>,
    /// Empty for what lies in none, or does not say in which.
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)?;
        match &self.cluster {
            Some(cluster) => write!(f, " on {cluster}"),
            None => Ok(()),
        }
    }
}

/// A document that was read or rendered.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub object: ObjectName,
    /// Where it was written.
    pub span: Span,
    /// In the one form of all that mean the same, without our own labels.
    pub document: Node,
    /// Our own labels, in order of their names.
    pub(super) labels: Vec<(String, String)>,
}

impl Manifest {
    /// `None` for a document that is no object with a kind and a name.
    pub fn new(cluster: Option<Arc<str>>, document: &Node) -> Option<Self> {
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(Arc::from);
        let metadata = document.get("metadata")?;
        let version: Arc<str> = text(document, "apiVersion").unwrap_or_default();
        let object = ObjectName {
            cluster,
            group: version
                .split_once('/')
                .map_or("", |(group, _)| group)
                .into(),
            kind: text(document, "kind")?,
            namespace: text(metadata, "namespace").unwrap_or_default(),
            name: text(metadata, "name")?,
        };
        let mut whole = canonical(document);
        let labels = take_labels(&mut whole);
        Some(Self {
            object,
            span: document.span,
            document: whole,
            labels,
        })
    }

    /// Whether we wrote it, so that nobody else manages it.
    pub(super) fn is_ours(&self) -> bool {
        self.our_label(MANAGED_BY_LABEL) == Some(MANAGED_BY)
    }

    /// What a label of our own says.
    pub fn our_label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        let found = labels.find(|(label, _)| label == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn spec(&self, key: &str) -> Option<&Node> {
        self.document.get("spec")?.get(key)
    }

    /// A text below `spec`, or below a map there.
    pub(super) fn spec_text(&self, keys: &[&str]) -> &str {
        let spec = self.document.get("spec");
        let found = spec.and_then(|spec| keys.iter().try_fold(spec, |node, key| node.get(key)));
        found.and_then(Node::as_str).unwrap_or_default()
    }
}

fn take_labels(document: &mut Node) -> Vec<(String, String)> {
    let mut taken = Vec::new();
    let find = |entries: &mut Vec<Entry>, key: &str| entries.iter().position(|it| it.key == key);
    let Some(entries) = document.as_mapping_mut() else {
        return taken;
    };
    let Some(at) = find(entries, "metadata") else {
        return taken;
    };
    let Some(metadata) = entries[at].node.as_mapping_mut() else {
        return taken;
    };
    let Some(at) = find(metadata, "labels") else {
        return taken;
    };
    let Some(labels) = metadata[at].node.as_mapping_mut() else {
        return taken;
    };
    labels.retain(|one| {
        let is_ours = OUR_LABELS.contains(&&*one.key);
        if is_ours {
            let value = one.node.as_str().unwrap_or_default();
            taken.push((one.key.to_string(), value.to_owned()));
        }
        !is_ours
    });
    if labels.is_empty() {
        metadata.remove(at);
    }
    taken.sort_unstable();
    taken
}

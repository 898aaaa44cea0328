//! What is rendered refers to and does not render: somebody else manages that.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::flux::yaml::Node;

use super::manifest::{Manifest, ObjectName};
use super::pairs::source_of;

/// Kind, namespace and name.
type Named = (Arc<str>, Arc<str>, Arc<str>);

/// What is rendered refers to as somebody else's, with the clusters where it does.
pub(super) struct Others(HashMap<Named, HashSet<Option<Arc<str>>>>);

impl Others {
    pub(super) fn of(new: &[Manifest]) -> Self {
        let rendered: HashSet<_> = new.iter().map(|one| named(&one.object)).collect();
        let mut others = Self(HashMap::new());
        let kustomizations = new
            .iter()
            .filter(|one| &*one.object.kind == "Kustomization");
        for one in kustomizations {
            let waits = one.spec("dependsOn").and_then(Node::as_sequence);
            let waits = waits.unwrap_or_default().iter().map(|item| {
                let text = |key| item.get(key).and_then(Node::as_str).map(Arc::from);
                ObjectName {
                    namespace: text("namespace").unwrap_or_else(|| one.object.namespace.clone()),
                    name: text("name").unwrap_or_default(),
                    ..one.object.clone()
                }
            });
            for object in waits.chain([source_of(one)]) {
                if !rendered.contains(&named(&object)) {
                    let (named, cluster) = named(&object);
                    others.0.entry(named).or_default().insert(cluster);
                }
            }
        }
        others
    }

    pub(super) fn has(&self, one: &Manifest) -> bool {
        let is_bootstrap = &*one.object.namespace == BOOTSTRAP && &*one.object.name == BOOTSTRAP;
        let (named, cluster) = named(&one.object);
        let is_named = self.0.get(&named).is_some_and(|clusters| {
            cluster.is_none() || clusters.contains(&cluster) || clusters.contains(&None)
        });
        is_bootstrap || is_named
    }
}

/// What a reference names, and where.
fn named(object: &ObjectName) -> (Named, Option<Arc<str>>) {
    let ObjectName {
        kind,
        namespace,
        name,
        cluster,
        ..
    } = object;
    (
        (kind.clone(), namespace.clone(), name.clone()),
        cluster.clone(),
    )
}

/// Name and namespace of what `flux bootstrap` writes.
const BOOTSTRAP: &str = "flux-system";

//! The objects of the user's templates as their texts show them: what they are, and what they refer to.

use crate::flux::ObjectKey;
use crate::flux::yaml::{Node, Span};
use crate::plan::PlannedObject;

use super::engine::into_text;
use super::{Templates, identity};

/// The group of Kustomizations.
pub(super) const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
/// The group of GitRepositories and the like.
pub(super) const SOURCE: &str = "source.toolkit.fluxcd.io";

/// An object as its text shows it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) key: ObjectKey,
    /// Of a Kustomization; of other kinds nothing is said.
    pub(super) references: Vec<Reference>,
}

/// Another object that a Kustomization names.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) to: ObjectKey,
    /// Where in the text, and by which keys.
    pub(super) span: Span,
    pub(super) path: String,
}

/// What the object's template writes; `None` where it cannot, which the proof says.
pub(super) fn document(object: &PlannedObject<'_>, templates: &Templates) -> Option<Node> {
    if !templates.contains(&object.template) {
        return None;
    }
    let mut out = Vec::new();
    templates.render(object, &mut out).ok()?;
    identity::one_document(&into_text(out), u32::MAX).ok()
}

/// What is an object of this document.
pub(super) fn written(document: &Node) -> Option<Written> {
    let api_version = text(document, "apiVersion")?;
    let metadata = document.get("metadata")?;
    let key = ObjectKey {
        group: api_version
            .rsplit_once('/')
            .map_or("", |(group, _)| group)
            .into(),
        kind: text(document, "kind")?.into(),
        namespace: text(metadata, "namespace").map(Into::into),
        name: text(metadata, "name")?.into(),
    };
    let is_kustomization = &*key.group == KUSTOMIZE && &*key.kind == "Kustomization";
    let references = match document.get("spec") {
        Some(spec) if is_kustomization => references(spec, &key),
        _ => Vec::new(),
    };
    Some(Written { key, references })
}

fn references(spec: &Node, own: &ObjectKey) -> Vec<Reference> {
    let to = |node: &Node, group: &str, kind: &str| {
        let namespace = text(node, "namespace").map(Into::into);
        Some(ObjectKey {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.or_else(|| own.namespace.clone()),
            name: text(node, "name")?.into(),
        })
    };
    let source = spec.get("sourceRef").and_then(|node| {
        Some(Reference {
            to: to(node, SOURCE, text(node, "kind")?)?,
            span: node.get("name")?.span,
            path: "spec.sourceRef.name".to_owned(),
        })
    });
    let dependencies = spec.get("dependsOn").and_then(Node::as_sequence);
    let dependencies = dependencies.unwrap_or_default().iter().enumerate();
    let dependencies = dependencies.filter_map(|(index, node)| {
        Some(Reference {
            to: to(node, KUSTOMIZE, "Kustomization")?,
            span: node.get("name")?.span,
            path: format!("spec.dependsOn[{index}].name"),
        })
    });
    source.into_iter().chain(dependencies).collect()
}

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}

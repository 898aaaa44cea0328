//! Whether a text is one document, and the object that was planned.

use crate::flux::yaml::{Node, Resolved, read};

/// Kinds of Kubernetes and Flux that have no namespace.
const CLUSTER_WIDE: &[&str] = &[
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

/// Reads a text that must be exactly one mapping.
pub(super) fn one_document(text: &str, source: u32) -> Result<Node, String> {
    let (mut documents, faults) = read(text, source);
    if let Some(fault) = faults.first() {
        let line = text[..(fault.span.start as usize).min(text.len())]
            .bytes()
            .filter(|byte| *byte == b'\n')
            .count();
        return Err(format!(
            "what it writes is no YAML, in line {} of it: {}",
            line + 1,
            fault.message
        ));
    }
    match (documents.pop(), documents.len()) {
        (Some(node), 0) if node.as_mapping().is_some() => Ok(node),
        (Some(node), 0) => Err(format!("it writes {} instead of an object", node.kind())),
        (None, _) => Err("it writes no document".to_owned()),
        (Some(_), more) => Err(format!(
            "it writes {} documents; it must write exactly one",
            more + 1
        )),
    }
}

/// Compares name, namespace, labels and kind with what the template was handed.
///
/// An object whose kind belongs to the whole cluster may leave its namespace out. More labels than
/// were handed are no fault.
///
/// # Errors
/// What differs, as a message.
pub(super) fn judge(
    document: &Node,
    values: &[(&'static str, Node)],
    kind: Option<&str>,
) -> Result<(), String> {
    let handed = |name: &str| {
        values
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, node)| node)
    };
    let written_kind = document.get("kind").and_then(Node::as_str);
    let Some(written_kind) = written_kind else {
        return Err("its document has no `kind`".to_owned());
    };
    if document.get("apiVersion").and_then(Node::as_str).is_none() {
        return Err("its document has no `apiVersion`".to_owned());
    }
    if let Some(kind) = kind
        && kind != written_kind
    {
        return Err(format!(
            "its document is a `{written_kind}`, not a `{kind}`"
        ));
    }
    let metadata = document.get("metadata");
    let written = |name: &str| metadata.and_then(|metadata| metadata.get(name));
    for name in ["name", "namespace"] {
        let Some(planned) = handed(name) else {
            continue;
        };
        let found = written(name);
        if found.is_none() && name == "namespace" && CLUSTER_WIDE.contains(&written_kind) {
            continue;
        }
        if found.and_then(Node::as_str) != planned.as_str() {
            return Err(format!(
                "its document needs `metadata.{name}` as it is planned: `{name}: {{{{ {name} }}}}`"
            ));
        }
    }
    let labels = written("labels");
    for label in handed("labels")
        .and_then(Node::as_mapping)
        .unwrap_or_default()
    {
        let found = labels.and_then(|labels| labels.get(&label.key));
        if !found.is_some_and(|found| same_scalar(found, &label.node)) {
            return Err(format!(
                "its document lacks the label `{}`; write all of them: `labels: {{{{ labels | \
                 yaml(indent=4) }}}}`",
                label.key
            ));
        }
    }
    Ok(())
}

fn same_scalar(a: &Node, b: &Node) -> bool {
    match (a.as_scalar(), b.as_scalar()) {
        (Some(a), Some(b)) => match (a.resolve(), b.resolve()) {
            (Resolved::String, Resolved::String) => a.text == b.text,
            (a, b) => a == b,
        },
        _ => false,
    }
}

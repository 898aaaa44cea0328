//! Whether a text is one document, and the object that was planned.

use crate::flux::yaml::{Entry, Node, Resolved, Value, read};

/// The API groups of Kubernetes itself whose kinds lie in namespaces, and those kinds of them that do
/// not; of any other group its CRD alone knows.
const IN_NAMESPACES: [(&str, &[&str]); 10] = [
    ("", &["Namespace", "Node", "PersistentVolume"]),
    ("apps", &[]),
    ("autoscaling", &[]),
    ("batch", &[]),
    ("coordination.k8s.io", &[]),
    ("discovery.k8s.io", &[]),
    ("events.k8s.io", &[]),
    (
        "networking.k8s.io",
        &["IPAddress", "IngressClass", "ServiceCIDR"],
    ),
    ("policy", &[]),
    (
        "rbac.authorization.k8s.io",
        &["ClusterRole", "ClusterRoleBinding"],
    ),
];

/// Whether it is a kind of Kubernetes itself that lies in a namespace.
fn lies_in_a_namespace(api_version: &str, kind: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    IN_NAMESPACES
        .iter()
        .any(|(known, cluster_wide)| *known == group && !cluster_wide.contains(&kind))
}

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
/// A namespace that is written must be the planned one. That it is missing is only a fault of kinds
/// that Kubernetes itself keeps in namespaces: of all others [`lacks_namespace`] asks their CRDs. More
/// labels than were handed are no fault.
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
    let Some(api_version) = document.get("apiVersion").and_then(Node::as_str) else {
        return Err("its document has no `apiVersion`".to_owned());
    };
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
        if found.is_none() && name == "namespace" && !lies_in_a_namespace(api_version, written_kind)
        {
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

/// Whether a custom kind is kept in namespaces and its document names none: an apply would put it into
/// whichever namespace is the default there.
///
/// `refuses_namespace` says of the document with its planned namespace whether its kind takes none.
pub(super) fn lacks_namespace(
    document: &Node,
    values: &[(&'static str, Node)],
    refuses_namespace: impl FnOnce(&Node) -> bool,
) -> bool {
    let metadata = document.get("metadata");
    let written = metadata.and_then(|metadata| metadata.get("namespace"));
    let api_version = document.get("apiVersion").and_then(Node::as_str);
    let group = api_version.and_then(|version| Some(version.split_once('/')?.0));
    let is_custom = group.is_some_and(|group| group.contains('.') && !group.ends_with(".k8s.io"));
    let planned = values.iter().find(|(name, _)| *name == "namespace");
    let (None, true, Some((name, planned))) = (written, is_custom, planned) else {
        return false;
    };
    let mut with_namespace = document.clone();
    if let Value::Mapping(entries) = &mut with_namespace.value
        && let Some(metadata) = entries.iter_mut().find(|entry| entry.key == "metadata")
        && let Value::Mapping(entries) = &mut metadata.node.value
    {
        entries.push(Entry::new(*name, planned.clone()));
    }
    !refuses_namespace(&with_namespace)
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

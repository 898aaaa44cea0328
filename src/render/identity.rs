//! Whether a text is one document, and the object that was planned.

use crate::flux::schema::Scope;
use crate::flux::yaml::{Node, Resolved, read};

use super::mend::is_mended;

/// Something that is wrong with a document as a whole.
#[derive(Debug, PartialEq)]
pub(super) struct DocumentFault {
    /// The byte of the text that it is about.
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl DocumentFault {
    fn new(at: usize, message: impl Into<String>, hint: &str) -> Self {
        Self {
            at,
            message: message.into(),
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
        }
    }
}

/// Reads a text that must be exactly one mapping.
pub(super) fn one_document(text: &str, source: u32) -> Result<Node, DocumentFault> {
    let (mut documents, faults) = read(text, source);
    if let Some(fault) = faults.first() {
        let at = (fault.span.start as usize).min(text.len());
        let line = text[..at].bytes().filter(|byte| *byte == b'\n').count();
        let message = format!(
            "what it writes is no YAML, in line {} of it: {}",
            line + 1,
            fault.message
        );
        return Err(DocumentFault::new(
            at,
            message,
            fault.hint.as_deref().unwrap_or_default(),
        ));
    }
    let hint = "an object of its own needs a template of its own";
    let second = documents
        .get(1)
        .map_or(0, |second| second.span.start as usize);
    match (documents.pop(), documents.len()) {
        (Some(node), 0) if node.as_mapping().is_some() => Ok(node),
        (Some(node), 0) => {
            let message = format!("it writes {} instead of an object", node.kind());
            Err(DocumentFault::new(0, message, ""))
        }
        (None, _) => Err(DocumentFault::new(0, "it writes no document", "")),
        (Some(_), more) => {
            let message = format!(
                "it writes {} documents; it must write exactly one",
                more + 1
            );
            Err(DocumentFault::new(second, message, hint))
        }
    }
}

/// Compares name, namespace, labels and kind with what the template was handed.
///
/// A namespace that is written must be the planned one; whether it may be missing depends on the
/// `scope` of the kind. More labels than were handed are no fault.
pub(super) fn judge(
    document: &Node,
    values: &[(&'static str, Node)],
    kind: Option<&str>,
    scope: Scope,
) -> Vec<DocumentFault> {
    let mut found = Vec::new();
    let handed = |name: &str| {
        values
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, node)| node)
    };
    let text = |key: &str| match document.get(key) {
        Some(node) if is_mended(node) => Ok(""),
        node => node.and_then(Node::as_str).ok_or_else(|| {
            DocumentFault::new(
                node.map_or(0, start),
                format!("its document has no `{key}`"),
                &format!("write `{key}: …` at the top of the template"),
            )
        }),
    };
    let written_kind = text("kind");
    if let (Ok(written), Some(kind)) = (&written_kind, kind)
        && !written.is_empty()
        && *written != kind
    {
        let at = document.get("kind").map_or(0, start);
        let message = format!("its document is a `{written}`, not a `{kind}`");
        let hint = format!("write `kind: {kind}`");
        found.push(DocumentFault::new(at, message, &hint));
    }
    found.extend(
        [written_kind, text("apiVersion")]
            .into_iter()
            .filter_map(Result::err),
    );
    if !found.is_empty() {
        return found;
    }
    let metadata = document.get("metadata");
    if metadata.is_some_and(is_mended) {
        return found;
    }
    let before = metadata.map_or(0, start);
    let written = |name: &str| metadata.and_then(|metadata| metadata.get(name));
    for name in ["name", "namespace"] {
        let Some(planned) = handed(name) else {
            continue;
        };
        let node = written(name);
        let is_planned = node.and_then(Node::as_str) == planned.as_str();
        if is_planned || node.is_some_and(is_mended) {
            continue;
        }
        if node.is_none() && name == "namespace" {
            if scope == Scope::Cluster {
                continue;
            }
            if scope == Scope::Unknown {
                let text = |key| document.get(key).and_then(Node::as_str).unwrap_or_default();
                let message = format!(
                    "nothing says whether a {} of {} lies in a namespace",
                    text("kind"),
                    text("apiVersion")
                );
                let hint = "write `namespace: {{ namespace }}` below its `metadata`, or name its \
                            CustomResourceDefinition under `crds`";
                found.push(DocumentFault::new(before, message, hint));
                continue;
            }
        }
        let message = format!("its document needs `metadata.{name}` as it is planned");
        let hint = format!("write `{name}: {{{{ {name} }}}}` below its `metadata`");
        found.push(DocumentFault::new(
            node.map_or(before, start),
            message,
            &hint,
        ));
    }
    let labels = written("labels");
    if labels.is_some_and(is_mended) {
        return found;
    }
    let handed = handed("labels").and_then(Node::as_mapping);
    let missing = handed.unwrap_or_default().iter().find(|label| {
        let written = labels.and_then(|labels| labels.get(&label.key));
        !written.is_some_and(|one| is_mended(one) || same_scalar(one, &label.node))
    });
    if let Some(label) = missing {
        let message = format!("its document lacks the label `{}`", label.key);
        let hint = "write all of them: `labels: {{ labels | yaml(indent=4) }}`";
        found.push(DocumentFault::new(
            labels.map_or(before, start),
            message,
            hint,
        ));
    }
    found
}

fn start(node: &Node) -> usize {
    node.span.start as usize
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

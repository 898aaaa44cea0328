//! Where the values of a document were configured, so that its faults are said there.

use std::borrow::Cow;

use crate::config::Finding;
use crate::flux::Fault;
use crate::flux::yaml::{Node, Span, Value};
use crate::plan::{PlannedObject, Values};

use super::Templates;

/// Says faults of a document where their values were configured.
pub(super) fn relocate(
    faults: Vec<Fault>,
    values: &Values,
    fallback: Span,
    document: &Node,
) -> Vec<Finding> {
    faults
        .into_iter()
        .map(|fault| {
            let steps = steps(&fault.path);
            let span = configured_key(fault.span, document, values, &steps)
                .or_else(|| configured(values, &steps))
                .or_else(|| same_text(document, &steps, values))
                .unwrap_or(fallback);
            Finding {
                span,
                ..fault.into()
            }
        })
        .collect()
}

/// Says faults of a document that a template of the user's wrote: where their values were configured,
/// with the line that writes them, or else at that line.
pub(super) fn of_users(
    object: &PlannedObject,
    faults: Vec<Fault>,
    document: &Node,
    templates: &Templates,
) -> Vec<Finding> {
    let values = object.values();
    let mapped = templates.write_mapped(&object.template, &values);
    let said = |fault: Fault| {
        let steps = steps(&fault.path);
        let mapped = mapped.as_ref();
        let written = mapped.and_then(|one| templates.place(one, fault.span.start as usize));
        let Some((template, line)) = written else {
            // a copy of ours, or one that writes nothing of its own
            return relocate(vec![fault], &values, object.span, document);
        };
        // a template may write something else where a value of that name was configured
        let is_it = |node: &Node| {
            at_path(document, &steps).is_some_and(|written| written.to_json() == node.to_json())
        };
        let configured = find(&values, &steps)
            .filter(|(node, whole)| *whole && node.span != object.span && is_it(node))
            .map(|(node, _)| node.span);
        let is_value = templates.writes_a_value(line, template);
        let configured = configured
            .filter(|_| is_value)
            .or_else(|| same_text(document, &steps, &values).filter(|_| is_value));
        let mut finding: Finding = fault.into();
        finding.span = configured.unwrap_or(line);
        finding.message = match configured {
            Some(_) => {
                let line = templates.line(line, template);
                format!(
                    "{} (written by line {line} of template `{template}`)",
                    finding.message
                )
            }
            None => format!("template `{template}`: {}", finding.message),
        };
        vec![finding]
    };
    faults.into_iter().flat_map(said).collect()
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step<'a> {
    Key(Cow<'a, str>),
    Index(usize),
}

/// Takes a path as `metadata.labels["x/y"]` or `spec.dependsOn[0].name` apart.
fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[\"") {
            let end = after.find("\"]").unwrap_or(after.len());
            let key = after[..end].replace("\\\"", "\"").replace("\\\\", "\\");
            steps.push(Step::Key(key.into()));
            rest = after.get(end + 2..).unwrap_or_default();
        } else if let Some(after) = rest.strip_prefix('[') {
            let end = after.find(']').unwrap_or(after.len());
            steps.push(Step::Index(after[..end].parse().unwrap_or(usize::MAX)));
            rest = after.get(end + 1..).unwrap_or_default();
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Key(rest[..end].into()));
            if end == 0 {
                // no path of ours has an empty key: the rest is unknown
                break;
            }
            rest = &rest[end..];
        }
    }
    steps
}

/// The value at a path of the document, or else what lies nearest above it.
pub(super) fn nearest_value<'v>(path: &str, values: &'v Values) -> Option<&'v Node> {
    find(values, &steps(path)).map(|(node, _)| node)
}

/// Where the value at a path of the document was configured, or else what lies nearest above it.
fn configured(values: &Values, steps: &[Step<'_>]) -> Option<Span> {
    find(values, steps).map(|(node, _)| node.span)
}

/// Where the key was configured, if it is the key at a path of the document that is at fault and not
/// its value.
fn configured_key(at: Span, document: &Node, values: &Values, steps: &[Step<'_>]) -> Option<Span> {
    let (Step::Key(key), above) = steps.split_last()? else {
        return None;
    };
    let entry = |node: &Node| {
        let mut entries = node.as_mapping()?.iter();
        entries.find(|entry| entry.key == *key).cloned()
    };
    let written = entry(at_path(document, above)?)?;
    if written.key_span != at || written.node.span == at {
        return None;
    }
    let (node, true) = find(values, above)? else {
        return None;
    };
    Some(entry(node)?.key_span)
}

/// The value, and whether the whole path leads to it; else what lies nearest above.
fn find<'v>(values: &'v Values, steps: &[Step<'_>]) -> Option<(&'v Node, bool)> {
    let key = |at: usize| match steps.get(at) {
        Some(Step::Key(key)) => Some(&**key),
        _ => None,
    };
    let (name, below) = match key(0)? {
        "metadata" => (key(1)?, 2),
        name => (name, 1),
    };
    let (_, node) = values.iter().find(|(value, _)| *value == name)?;
    let mut node = node;
    for step in steps.get(below..).unwrap_or_default() {
        match below_node(node, step) {
            Some(next) => node = next,
            None => return Some((node, false)),
        }
    }
    Some((node, true))
}

pub(super) fn below_node<'a>(node: &'a Node, step: &Step<'_>) -> Option<&'a Node> {
    match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.as_sequence()?.get(*index),
    }
}

fn at_path<'a>(document: &'a Node, steps: &[Step<'_>]) -> Option<&'a Node> {
    steps.iter().try_fold(document, below_node)
}

/// Where a text of the document was configured that a template put elsewhere.
fn same_text(document: &Node, steps: &[Step<'_>], values: &Values) -> Option<Span> {
    let text = &at_path(document, steps)?.as_scalar()?.text;
    ["vars", "spec"].iter().find_map(|wanted| {
        let (_, value) = values.iter().find(|(name, _)| name == wanted)?;
        find_text(value, text)
    })
}

fn find_text(node: &Node, text: &str) -> Option<Span> {
    match &node.value {
        Value::Scalar(scalar) => (scalar.text == text).then_some(node.span),
        Value::Sequence(items) => items.iter().find_map(|item| find_text(item, text)),
        Value::Mapping(entries) => entries
            .iter()
            .find_map(|entry| find_text(&entry.node, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, configured, steps};
    use crate::flux::yaml::{Entry, Node, Span};

    #[test]
    fn a_path_is_taken_apart() {
        let key = |text: &'static str| Step::Key(text.into());
        assert_eq!(steps(""), []);
        assert_eq!(
            steps("metadata.labels[\"x/y\"].a"),
            [key("metadata"), key("labels"), key("x/y"), key("a")]
        );
        assert_eq!(
            steps("spec.dependsOn[2].name"),
            [key("spec"), key("dependsOn"), Step::Index(2), key("name")]
        );
    }

    fn at(start: u32) -> Span {
        Span {
            source: 1,
            start,
            end: start + 1,
        }
    }

    #[test]
    fn a_fault_is_said_where_its_value_was_configured() {
        let spec = Node::mapping(
            at(1),
            [
                Entry::new("interval", Node::string(at(2), "banana")),
                Entry::new("ref", Node::mapping(at(3), [])),
            ],
        );
        let values = vec![("name", Node::string(at(4), "web")), ("spec", spec)];
        let place = |path| configured(&values, &steps(path));
        assert_eq!(place("spec.interval"), Some(at(2)));
        assert_eq!(place("spec.ref.branch"), Some(at(3)));
        assert_eq!(place("spec.nope"), Some(at(1)));
        assert_eq!(place("metadata.name"), Some(at(4)));
        assert_eq!(place("metadata.labels[\"a\"]"), None);
        assert_eq!(place("apiVersion"), None);
    }
}

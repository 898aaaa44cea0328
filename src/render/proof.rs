//! Proves a plan before anything is written: every document is read again and judged, and what is
//! wrong with it is said where it was configured.

use std::collections::HashSet;

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use crate::config::{Class, Finding, Severity};
use crate::flux::yaml::{Entry, Node, Span, Value};
use crate::flux::{Fault, FaultClass, FaultSeverity};
use crate::plan::{Plan, PlannedObject, Values};

use super::bounds::DOCUMENT_LIMIT_BYTES;
use super::manifests::into_text;
use super::{Templates, identity};

/// How many objects are proved before their findings are looked through: it bounds memory.
const CHUNK: usize = 4096;

/// What the document of an object is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofBy {
    /// The text, read again.
    Text,
    /// The values, for our own templates: those write nothing but the values, and tests hold that
    /// the text reads back as just them. Where the values show a fault, the text has the last word;
    /// templates of the user's are proved by their text alone.
    ///
    /// It takes a third of the time, and finds the same in sound and in faulty fleets.
    Values,
}

/// Renders and judges every object, and returns what is wrong in the plan's order; what many
/// objects have in common is said once.
///
/// `judge` says what the API server and Flux have against a document of an object.
pub fn prove(
    plan: &Plan,
    templates: &Templates,
    by: ProofBy,
    judge: &(dyn Fn(&PlannedObject, &Node) -> Vec<Fault> + Sync),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut known = HashSet::new();
    for chunk in plan.objects.chunks(CHUNK) {
        let found: Vec<_> = chunk
            .par_iter()
            .flat_map_iter(|object| prove_object(object, templates, by, judge))
            .collect();
        for finding in found {
            let key = (
                finding.class,
                finding.span,
                finding.path.clone(),
                finding.message.clone(),
            );
            if known.insert(key) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn prove_object(
    object: &PlannedObject,
    templates: &Templates,
    by: ProofBy,
    judge: &(dyn Fn(&PlannedObject, &Node) -> Vec<Fault> + Sync),
) -> Vec<Finding> {
    if !templates.contains(&object.template) {
        // that is said by the plan, or by the findings of the template itself
        return Vec::new();
    }
    let users = templates.is_users(&object.template);
    if !object.complete {
        return match document_of(&object.template, object.values(), object.span) {
            Some(document) if !users => prove_incomplete(object, &document, judge),
            _ => Vec::new(),
        };
    }
    if by == ProofBy::Values
        && !users
        && let Some(document) = document_of(&object.template, object.values(), object.span)
        && longest_text(&document, 0) < DOCUMENT_LIMIT_BYTES
        && judge(object, &document).is_empty()
    {
        return Vec::new();
    }
    let document = match read_back(object, templates) {
        Ok(document) => document,
        Err(finding) => return vec![finding],
    };
    let faults = judge(object, &document);
    if faults.is_empty() {
        return Vec::new();
    }
    let fallback = templates.span(&object.template).unwrap_or(object.span);
    relocate(faults, &object.values(), fallback, &document)
}

/// What is wrong with the values that were written for an object which lacks others: that something
/// is missing means nothing, for there is a finding already.
fn prove_incomplete(
    object: &PlannedObject,
    document: &Node,
    judge: &(dyn Fn(&PlannedObject, &Node) -> Vec<Fault> + Sync),
) -> Vec<Finding> {
    let values = object.values();
    let mut faults = judge(object, document);
    faults.retain(|fault| {
        find(&values, &steps(&fault.path)).is_some_and(|(node, whole)| {
            whole && node.as_scalar().is_some() && node.span != object.span
        })
    });
    relocate(faults, &values, object.span, document)
}

/// The one document that the object's template writes, if it is the planned object.
fn read_back(object: &PlannedObject, templates: &Templates) -> Result<Node, Finding> {
    let mut out = Vec::new();
    templates.render(object, &mut out)?;
    let text = into_text(out);
    identity::one_document(&text, u32::MAX)
        .and_then(|document| {
            identity::judge(&document, &object.values(), object.kind).map(|()| document)
        })
        .map_err(|message| {
            let span = templates.span(&object.template).unwrap_or(object.span);
            let message = format!(
                "template `{}` does not write `{}` as it is planned: {message}",
                object.template, object.name
            );
            Finding::error(span, "", message)
        })
}

/// The document that one of our templates writes of these values; `None` for another template.
pub fn document_of(template: &str, values: Values, span: Span) -> Option<Node> {
    let (group, kind) = match template {
        "git-repository" => ("source.toolkit.fluxcd.io/v1", "GitRepository"),
        "oci-repository" => ("source.toolkit.fluxcd.io/v1", "OCIRepository"),
        "kustomization" => ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        _ => return None,
    };
    let mut metadata = Vec::with_capacity(4);
    let mut rest = Vec::with_capacity(2);
    for (name, node) in values {
        match name {
            "annotations" if node.as_mapping().is_none_or(<[Entry]>::is_empty) => {}
            "name" | "namespace" | "labels" | "annotations" => {
                metadata.push(Entry::new(name, node));
            }
            "spec" => rest.push(Entry::new(name, node)),
            _ => {}
        }
    }
    let order = ["name", "namespace", "labels", "annotations"];
    metadata.sort_by_key(|entry| order.iter().position(|name| *name == entry.key));
    let mut entries = Vec::with_capacity(4);
    entries.push(Entry::new("apiVersion", Node::string(span, group)));
    entries.push(Entry::new("kind", Node::string(span, kind)));
    entries.push(Entry::new("metadata", Node::mapping(span, metadata)));
    entries.append(&mut rest);
    Some(Node::mapping(span, entries))
}

/// The most bytes that the text of a node has: whether a document is too long is only known from
/// its text, and few come near.
fn longest_text(node: &Node, indent: usize) -> usize {
    // `\x01` is the longest escape of one byte; a number may be written in another form
    let quoted = |text: &str| 4 * text.len() + 24;
    let line = indent + 8;
    match &node.value {
        Value::Scalar(scalar) => quoted(&scalar.text),
        Value::Sequence(items) => items
            .iter()
            .map(|item| line + longest_text(item, indent + 2))
            .sum(),
        Value::Mapping(entries) => entries
            .iter()
            .map(|entry| line + quoted(&entry.key) + longest_text(&entry.node, indent + 2))
            .sum(),
    }
}

/// Says faults of a document where their values were configured.
fn relocate(faults: Vec<Fault>, values: &Values, fallback: Span, document: &Node) -> Vec<Finding> {
    faults
        .into_iter()
        .map(|fault| {
            let steps = steps(&fault.path);
            let span = configured(values, &steps)
                .or_else(|| same_text(document, &steps, values))
                .unwrap_or(fallback);
            Finding {
                class: match fault.class {
                    FaultClass::Api => Class::Api,
                    FaultClass::Flux => Class::Flux,
                },
                severity: match fault.severity {
                    FaultSeverity::Error => Severity::Error,
                    FaultSeverity::Warning => Severity::Warning,
                },
                span,
                path: fault.path,
                message: fault.message,
                hint: fault.hint,
            }
        })
        .collect()
}

#[derive(Debug, PartialEq)]
enum Step<'a> {
    Key(std::borrow::Cow<'a, str>),
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

/// Where the value at a path of the document was configured, or else what lies nearest above it.
fn configured(values: &Values, steps: &[Step<'_>]) -> Option<Span> {
    find(values, steps).map(|(node, _)| node.span)
}

/// The value at a path of the document, and whether the whole path leads to it; else what lies
/// nearest above.
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

fn below_node<'a>(node: &'a Node, step: &Step<'_>) -> Option<&'a Node> {
    match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.as_sequence()?.get(*index),
    }
}

/// Where a text of the document was configured that a template put elsewhere.
fn same_text(document: &Node, steps: &[Step<'_>], values: &Values) -> Option<Span> {
    let mut node = document;
    for step in steps {
        node = below_node(node, step)?;
    }
    let text = &node.as_scalar()?.text;
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
    use super::{Step, configured, document_of, steps};
    use crate::flux::yaml::{Entry, Node, Span, read};
    use crate::render::{Templates, UserTemplate};
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

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

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            prop_oneof![
                Just("on"),
                Just("yes"),
                Just("1_000"),
                Just("0x1F"),
                Just(".nan"),
                Just(""),
                Just("~"),
                Just("a: b"),
                Just("---"),
                Just("{{ x }}"),
                Just("${x}"),
                Just("\u{2028}\u{85}\u{feff}"),
                Just("'\"#\n\t\r"),
            ]
            .prop_map(str::to_owned),
            "[a-z0-9./-]{1,20}",
        ]
    }

    fn node() -> impl Strategy<Value = Node> {
        let leaf = prop_oneof![
            4 => text().prop_map(|text| Node::string(Span::default(), text)),
            1 => any::<bool>().prop_map(|value| Node::boolean(Span::default(), value)),
            1 => any::<i64>().prop_map(|value| Node::integer(Span::default(), value)),
            1 => Just(Node::null(Span::default())),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| Node::sequence(Span::default(), items)),
                mapping(inner),
            ]
        })
    }

    fn mapping(value: impl Strategy<Value = Node>) -> impl Strategy<Value = Node> {
        proptest::collection::btree_map(text(), value, 0..4).prop_map(|entries| {
            Node::mapping(
                Span::default(),
                entries.into_iter().map(|(key, node)| Entry::new(key, node)),
            )
        })
    }

    proptest! {
        #[test]
        fn any_values_render_to_text_that_reads_back_as_just_them(
            name in text(),
            namespace in text(),
            labels in mapping(text().prop_map(|text| Node::string(Span::default(), text))),
            annotations in mapping(text().prop_map(|text| Node::string(Span::default(), text))),
            spec in mapping(node()),
            template in prop_oneof![
                Just("kustomization"), Just("git-repository"), Just("oci-repository")
            ],
        ) {
            let values = vec![
                ("labels", labels),
                ("annotations", annotations),
                ("name", Node::string(Span::default(), name)),
                ("namespace", Node::string(Span::default(), namespace)),
                ("spec", spec),
            ];
            let (templates, _) = Templates::load(Vec::new());
            let mut out = Vec::new();
            templates.write(template, &values, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            // the same template, but with maps that are taken apart
            let apart = format!("{{% if spec == 1 %}}{{% endif %}}{{% if labels == 1 %}}{{% endif %}}\
                {{% if annotations == 1 %}}{{% endif %}}{}", templates.text(template));
            let (user, findings) = Templates::load(vec![UserTemplate {
                name: template.to_owned(), source: 0, text: apart,
            }]);
            assert_eq!(findings, []);
            let mut again = Vec::new();
            user.write(template, &values, &mut again).unwrap();
            assert_eq!(String::from_utf8(again).unwrap(), text);
            let (documents, faults) = read(&text, 0);
            assert_eq!(faults, [], "{text}");
            assert_eq!(documents.len(), 1, "{text}");
            let wanted = document_of(template, values, Span::default()).unwrap();
            assert_eq!(documents[0].to_json(), wanted.to_json(), "{text}");
        }
    }
}

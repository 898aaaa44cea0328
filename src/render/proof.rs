//! Proves a plan before anything is written: every document is read again and judged, and what is
//! wrong with it is said where it was configured.

use std::collections::HashSet;
use std::fmt;

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use crate::config::Finding;
use crate::flux::Fault;
use crate::flux::schema::Scope;
use crate::flux::yaml::{Entry, Node, Span, Value};
use crate::plan::{Plan, PlannedObject, Values};

use super::bounds::DOCUMENT_LIMIT_BYTES;
use super::configured::{nearest_value, of_users, relocate};
use super::engine::into_text;
use super::identity::DocumentFault;
use super::twin::changed_by_a_value;
use super::{Templates, identity};

/// How many objects are proved before their findings are looked through: it bounds memory.
const CHUNK: usize = 4096;

/// What the document of an object is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofBy {
    /// The text, read again: what [`ProofBy::Values`] is held against in tests and measurements.
    Text,
    /// The values, for our own templates: those write nothing but the values, and tests hold that
    /// the text reads back as just them. Where the values show a fault, the text has the last word;
    /// templates of the user's are proved by their text alone.
    ///
    /// It takes a third of the time, and finds the same in sound and in faulty fleets.
    Values,
}

/// Whom a proof asks.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// What the API server and Flux have against a document of an object.
    pub faults: &'a (dyn Fn(&PlannedObject, &Node) -> Vec<Fault> + Sync),
    /// Where objects of the document's kind live in the object's cluster.
    pub scope: &'a (dyn Fn(&PlannedObject, &Node) -> Scope + Sync),
}

impl fmt::Debug for Judge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").finish_non_exhaustive()
    }
}

/// Renders and judges every object, and returns what is wrong in the plan's order; what many
/// objects have in common is said once.
pub fn prove(plan: &Plan, templates: &Templates, by: ProofBy, judge: Judge<'_>) -> Vec<Finding> {
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
    judge: Judge<'_>,
) -> Vec<Finding> {
    if !templates.contains(&object.template) {
        // that is said by the plan, or by the findings of the template itself
        return Vec::new();
    }
    let users = templates.is_users(&object.template);
    if !object.complete {
        return match document_of(&object.template, object.values(), object.span) {
            Some(document) if !users => prove_incomplete(object, &document, judge.faults),
            _ => Vec::new(),
        };
    }
    if by == ProofBy::Values
        && !users
        && let Some(document) = document_of(&object.template, object.values(), object.span)
        && longest_text(&document, 0) < DOCUMENT_LIMIT_BYTES
        && (judge.faults)(object, &document).is_empty()
    {
        return Vec::new();
    }
    let mut out = Vec::new();
    if let Err(finding) = templates.render(object, &mut out) {
        return vec![finding];
    }
    let text = into_text(out);
    let document = match identity::one_document(&text, u32::MAX) {
        Ok(document) => document,
        Err(fault) => return vec![of_document(object, templates, fault)],
    };
    let scope = (judge.scope)(object, &document);
    let wrong = identity::judge(&document, &object.values(), object.kind, scope);
    if !wrong.is_empty() {
        let wrong = wrong.into_iter();
        return wrong
            .map(|fault| of_document(object, templates, fault))
            .collect();
    }
    if users && let Some(mut fault) = changed_by_a_value(object, &document, templates) {
        fault.message = format!(
            "it lets a value of `{}` change more than its own text: {}",
            object.name, fault.message
        );
        return vec![of_document(object, templates, fault)];
    }
    let faults = (judge.faults)(object, &document);
    if faults.is_empty() {
        Vec::new()
    } else if users {
        of_users(object, faults, &document, templates)
    } else {
        relocate(faults, &object.values(), object.span, &document)
    }
}

/// A fault of the whole document, where a template of the user's wrote it.
fn of_document(object: &PlannedObject, templates: &Templates, fault: DocumentFault) -> Finding {
    templates
        .placed(&object.template, &object.values(), fault)
        .finding(object.span)
}

/// What is wrong with the values that were written for an object which lacks others. That its `spec`
/// lacks something means nothing, for there is a finding already; what a value lacks that was written
/// whole is told.
fn prove_incomplete(
    object: &PlannedObject,
    document: &Node,
    judge: &(dyn Fn(&PlannedObject, &Node) -> Vec<Fault> + Sync),
) -> Vec<Finding> {
    let values = object.values();
    let mut faults = judge(object, document);
    faults.retain(|fault| {
        nearest_value(&fault.path, &values).is_some_and(|nearest| nearest.span != object.span)
    });
    relocate(faults, &values, object.span, document)
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

#[cfg(test)]
mod tests {
    use super::document_of;
    use crate::flux::yaml::{Entry, Node, Span, read};
    use crate::render::{Templates, UserTemplate};
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

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

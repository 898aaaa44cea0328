//! Values for the canary: texts made tame or hostile, and each value of what is closed.

use crate::config::EnvironmentKind;
use crate::flux::yaml::{Node, Resolved, Value};
use crate::plan::Values;

/// Kinds of sources that branches may ask for.
const SOURCE_KINDS: [&str; 4] = [
    "GitRepository",
    "OCIRepository",
    "Bucket",
    "ExternalArtifact",
];

/// What is put behind a number in place of a text: YAML's own signs, each of which ends a quoted or
/// plain scalar or begins something else.
const HOSTILE: &str =
    "\" # ', evil: true}]\n---\nkind: Evil\n- |\t\\ *a &b !c %d @e `f {{ g }} yes";

pub(super) fn tame_text(number: usize, _: &str) -> String {
    format!("tame{number}x")
}

pub(super) fn hostile_text(number: usize, _: &str) -> String {
    format!("hostile{number}x{HOSTILE}")
}

/// The path of every text that is replaced, in the order of their numbers.
pub(super) fn text_paths(
    values: &[(&'static str, Node)],
    keeps: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut paths = Vec::new();
    let mut walk = Replace {
        number: 0,
        keeps,
        replace: |_: usize, text: &str| text.to_owned(),
        visit: |path: &str| paths.push(path.to_owned()),
    };
    for (name, node) in values {
        walk.node(name, node);
    }
    paths
}

pub(super) fn replaced(
    values: &[(&'static str, Node)],
    keeps: &dyn Fn(&str) -> bool,
    replace: impl Fn(usize, &str) -> String,
) -> Values {
    let mut walk = Replace {
        number: 0,
        keeps,
        replace,
        visit: |_: &str| {},
    };
    values
        .iter()
        .map(|(name, node)| (*name, walk.node(name, node)))
        .collect()
}

/// Replaces the texts of values, numbering them.
struct Replace<'a, F, V> {
    number: usize,
    keeps: &'a dyn Fn(&str) -> bool,
    replace: F,
    visit: V,
}

impl<F: Fn(usize, &str) -> String, V: FnMut(&str)> Replace<'_, F, V> {
    fn node(&mut self, path: &str, node: &Node) -> Node {
        match &node.value {
            Value::Scalar(scalar) => {
                let text = &scalar.text;
                // an empty text says that there is none: templates may branch on that
                let stays = scalar.resolve() != Resolved::String
                    || text.is_empty()
                    || is_closed(path)
                    || (self.keeps)(text);
                if stays {
                    return node.clone();
                }
                (self.visit)(path);
                let new = (self.replace)(self.number, text);
                self.number += 1;
                Node::string(node.span, new)
            }
            Value::Sequence(items) => Node {
                span: node.span,
                value: Value::Sequence(
                    items
                        .iter()
                        .enumerate()
                        .map(|(index, item)| self.node(&format!("{path}[{index}]"), item))
                        .collect(),
                ),
            },
            Value::Mapping(entries) => Node {
                span: node.span,
                value: Value::Mapping(
                    entries
                        .iter()
                        .map(|entry| {
                            let mut entry = entry.clone();
                            entry.node = self.node(&format!("{path}.{}", entry.key), &entry.node);
                            entry
                        })
                        .collect(),
                ),
            },
        }
    }
}

/// Whether the text under this path is one of a few words that we or Flux chose.
fn is_closed(path: &str) -> bool {
    matches!(
        path,
        "environment.kind"
            | "source.kind"
            | "source.apiVersion"
            | "spec.sourceRef.kind"
            | "spec.sourceRef.apiVersion"
    )
}

/// Whether one of the texts is such, under one of the names.
pub(super) fn has_text(
    values: &[(&'static str, Node)],
    is_such: &dyn Fn(&str, &str) -> bool,
) -> bool {
    fn has(node: &Node, is_such: &dyn Fn(&str) -> bool) -> bool {
        match &node.value {
            Value::Scalar(scalar) => is_such(&scalar.text),
            Value::Sequence(items) => items.iter().any(|item| has(item, is_such)),
            Value::Mapping(entries) => entries.iter().any(|entry| has(&entry.node, is_such)),
        }
    }
    values
        .iter()
        .any(|(name, node)| has(node, &|text| is_such(name, text)))
}

/// What a value is, and one bit for each kind of value that lies in it.
pub(super) fn forms(node: &Node) -> (u16, u16) {
    fn own(node: &Node) -> u16 {
        let form = match &node.value {
            Value::Mapping(entries) => u16::from(entries.is_empty()),
            Value::Sequence(items) => 2 + u16::from(items.is_empty()),
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::String => 4 + u16::from(scalar.text.is_empty()),
                Resolved::Null => 6,
                Resolved::Bool(_) => 7,
                Resolved::Integer(_) => 8,
                Resolved::Float(_) => 9,
            },
        };
        1 << form
    }
    fn within(node: &Node) -> u16 {
        let below = |all: u16, node: &Node| all | own(node) | within(node);
        match &node.value {
            Value::Sequence(items) => items.iter().fold(0, below),
            Value::Mapping(entries) => entries.iter().map(|entry| &entry.node).fold(0, below),
            Value::Scalar(_) => 0,
        }
    }
    (own(node), within(node))
}

/// The values, with each value of what is closed under the names that are asked for: one change at
/// a time.
pub(super) fn variants(
    values: &[(&'static str, Node)],
    is_asked: &dyn Fn(&str) -> bool,
) -> Vec<Values> {
    let mut all = vec![values.to_vec()];
    let mut paths = Vec::new();
    for (name, node) in values.iter().filter(|(name, _)| is_asked(name)) {
        closed_paths(name.to_string(), node, &mut paths);
    }
    for (path, choices) in paths {
        for choice in choices {
            let changed = values
                .iter()
                .map(|(name, node)| (*name, with_scalar(name, node, &path, &choice)))
                .collect();
            all.push(changed);
        }
    }
    all
}

/// Scalars that take a few values only, and the values that they do not have now.
fn closed_paths(path: String, node: &Node, paths: &mut Vec<(String, Vec<Node>)>) {
    match &node.value {
        Value::Scalar(scalar) => {
            let words = match path.as_str() {
                "environment.kind" => EnvironmentKind::ALL.map(EnvironmentKind::name).to_vec(),
                "source.kind" | "spec.sourceRef.kind" => SOURCE_KINDS.to_vec(),
                _ => Vec::new(),
            };
            let mut choices: Vec<_> = words
                .into_iter()
                .filter(|word| *word != scalar.text)
                .map(|word| Node::string(node.span, word))
                .collect();
            if let Resolved::Bool(value) = scalar.resolve() {
                choices.push(Node::boolean(node.span, !value));
            }
            if !choices.is_empty() {
                paths.push((path, choices));
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                closed_paths(format!("{path}[{index}]"), item, paths);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                closed_paths(format!("{path}.{}", entry.key), &entry.node, paths);
            }
        }
    }
}

fn with_scalar(path: &str, node: &Node, wanted: &str, choice: &Node) -> Node {
    if path == wanted {
        return choice.clone();
    }
    let mut changed = node.clone();
    match &mut changed.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                *item = with_scalar(&format!("{path}[{index}]"), item, wanted, choice);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                let path = format!("{path}.{}", entry.key);
                entry.node = with_scalar(&path, &entry.node, wanted, choice);
            }
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use crate::flux::yaml::{Node, Span, read};

    use super::{forms, variants};

    fn node(text: &str) -> Node {
        read(text, 0).0.remove(0)
    }

    #[test]
    fn forms_tell_what_lies_in_a_value_and_not_how_much() {
        let same = |one: &str, other: &str| forms(&node(one)) == forms(&node(other));
        assert!(same("{a: b}", "{c: d, e: f}"));
        assert!(same("{a: [{b: c}]}", "{a: [{b: c, d: e}, {f: g}], h: i}"));
        assert!(!same("{a: b}", "{a: 1}"));
        assert!(!same("{a: b}", "[b]"));
        assert!(!same("{a: [{b: c}]}", "[{a: [b]}]"));
        assert!(!same("{}", "{a: b}"));
        assert!(!same("{a: {}}", "{a: {b: c}}"));
    }

    #[test]
    fn what_is_closed_is_varied_under_names_that_are_asked_for() {
        let values = vec![
            ("environment", node("{name: e, kind: staging}")),
            ("vars", node("{flag: true, text: a}")),
            ("name", Node::string(Span::default(), "web")),
        ];
        assert_eq!(variants(&values, &|_| true).len(), 1 + 3 + 1);
        assert_eq!(variants(&values, &|name| name == "vars").len(), 1 + 1);
        assert_eq!(variants(&values, &|_| false).len(), 1);
    }
}

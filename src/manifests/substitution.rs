//! Variables in manifests, and what kustomize-controller puts in their place after a build.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::flux::yaml::{Entry, Node, Resolved, Span, Value, read};

use super::applied::is_empty;
use super::references::text;

/// How a variable begins.
pub(super) const VARIABLE: &str = "${";

/// How many defaults may stand within each other; a text with more is taken for none that Flux takes.
const DEEPEST: usize = 100;

/// What a variable is.
enum Known<'v> {
    Value(&'v str),
    /// Nothing says anything of it: only its default counts.
    Unset,
    Unknown,
}

/// The variables of a Kustomization.
#[derive(Debug)]
pub(super) struct Values<'a> {
    /// `None`: of that one only the name is known.
    named: HashMap<&'a str, Option<String>>,
    /// Whether there are no others.
    is_whole: bool,
}

impl<'a> Values<'a> {
    /// Those of `postBuild`; `None` where it puts nothing in. Elsewhere there may be others that
    /// `is_changed` speaks of: then none is known.
    pub(super) fn of(applier: &'a Node, is_changed: bool) -> Option<Self> {
        let unknown = Self {
            named: HashMap::new(),
            is_whole: false,
        };
        if is_changed {
            return Some(unknown);
        }
        let post_build = applier.get("spec")?.get("postBuild")?;
        let entries = post_build.get("substitute").and_then(Node::as_mapping);
        let named = entries.unwrap_or_default().iter().map(|entry| {
            let text = entry.node.as_scalar().map(|scalar| &*scalar.text);
            // what stands in a Kustomization may hold variables itself
            let known = text.filter(|text| !text.contains(VARIABLE));
            (&*entry.key, known.map(|text| text.replace('\n', "")))
        });
        let values = Self {
            named: named.collect(),
            is_whole: post_build.get("substituteFrom").is_none_or(is_empty),
        };
        let is_always = text(post_build, "substituteStrategy") == Some("Always");
        (!values.named.is_empty() || !values.is_whole || is_always).then_some(values)
    }

    /// None of them is known.
    pub(super) fn unknown() -> Self {
        Self {
            named: HashMap::new(),
            is_whole: false,
        }
    }

    fn known(&self, name: &str) -> Known<'_> {
        match self.named.get(name) {
            Some(Some(value)) => Known::Value(value),
            None if self.is_whole => Known::Unset,
            Some(None) | None => Known::Unknown,
        }
    }
}

/// Places of a document that hold what is not known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Open {
    /// Texts, and maps with such a key.
    pub(super) values: HashSet<Span>,
    /// Maps and lists around them.
    pub(super) around: HashSet<Span>,
    /// Texts of which all is known.
    pub(super) put_in: HashSet<Span>,
}

/// The document with the values in place of the variables; what is not known stays as it is.
pub(super) fn put_in(document: &Node, values: &Values<'_>, open: &mut Open) -> Node {
    let before = open.values.len();
    let put = match &document.value {
        Value::Scalar(scalar) if scalar.text.contains(VARIABLE) => {
            match filled(&scalar.text, values) {
                Some(filled) => {
                    open.put_in.insert(document.span);
                    as_read(&scalar.text, &filled, document.span)
                }
                None => {
                    open.values.insert(document.span);
                    document.clone()
                }
            }
        }
        Value::Scalar(_) => document.clone(),
        Value::Sequence(items) => Node::sequence(
            document.span,
            items.iter().map(|item| put_in(item, values, open)),
        ),
        Value::Mapping(entries) => {
            let entries = entries.iter().map(|entry| {
                let node = put_in(&entry.node, values, open);
                let key = match entry.key.contains(VARIABLE) {
                    true => filled(&entry.key, values).map(Cow::Owned),
                    false => Some(entry.key.clone()),
                };
                if key.is_none() {
                    open.values.extend([entry.key_span, document.span]);
                }
                Entry {
                    key: key.unwrap_or_else(|| entry.key.clone()),
                    key_span: entry.key_span,
                    node,
                }
            });
            Node::mapping(document.span, entries.collect::<Vec<_>>())
        }
    };
    if open.values.len() > before && document.as_scalar().is_none() {
        open.around.insert(document.span);
    }
    put
}

/// A text with all its variables filled in; `None` where one is not known, or the text is none that
/// Flux takes. Source: `Parse` in `fluxcd/pkg`, `envsubst/parse/parse.go`.
fn filled(text: &str, values: &Values<'_>) -> Option<String> {
    let mut rest = text;
    read_text(&mut rest, values, 0).flatten()
}

/// Up to the end, or to the brace that closes; outside `None`: that is no text for Flux, inside: not known.
/// `depth` counts the variables around it.
fn read_text(rest: &mut &str, values: &Values<'_>, depth: usize) -> Option<Option<String>> {
    if depth > DEEPEST {
        return None;
    }
    let mut text = Some(String::new());
    while let Some(c) = rest.chars().next() {
        if depth > 0 && c == '}' {
            return Some(text);
        }
        if let Some(behind) = rest.strip_prefix("$$") {
            *rest = behind;
            text = text.map(|text| text + "$");
        } else if let Some(behind) = rest.strip_prefix(VARIABLE) {
            *rest = behind;
            let value = read_variable(rest, values, depth)?;
            text = text.zip(value).map(|(text, value)| text + &value);
        } else {
            *rest = &rest[c.len_utf8()..];
            if let Some(text) = &mut text {
                text.push(c);
            }
        }
    }
    (depth == 0).then_some(text)
}

fn read_variable(rest: &mut &str, values: &Values<'_>, depth: usize) -> Option<Option<String>> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = rest.find(|c| !is_of_name(c))?;
    let (name, behind) = rest.split_at(end);
    let default = [":=", ":-", "="]
        .iter()
        .find_map(|it| behind.strip_prefix(it));
    let default = match default {
        Some(behind) => {
            *rest = behind;
            Some(read_text(rest, values, depth + 1)?)
        }
        None => {
            *rest = behind;
            None
        }
    };
    *rest = rest.strip_prefix('}').filter(|_| !name.is_empty())?;
    Some(match (values.known(name), default) {
        (Known::Unknown, _) | (Known::Unset, None) => None,
        (Known::Unset | Known::Value(""), Some(default)) => default,
        (Known::Value(value), _) => Some(value.to_owned()),
    })
}

/// What Flux's reader makes of the text: it is put into a text of YAML, where a value needs no quotes that
/// needed none before. That YAML is only read by Flux itself.
fn as_read(written: &str, filled: &str, span: Span) -> Node {
    let is_plain = |text: &str| {
        plain(text).is_some_and(|node| node.as_scalar().is_some_and(|it| it.text == text))
    };
    let node = is_plain(written).then(|| plain(filled)).flatten();
    node.map_or_else(
        || Node::string(span, filled.to_owned()),
        |node| settled(&node, span),
    )
}

/// The value that is read of `a: TEXT`.
fn plain(text: &str) -> Option<Node> {
    if text.contains('\n') {
        return None;
    }
    let (mut documents, faults) = read(&format!("a: {text}\n"), 0);
    if !faults.is_empty() || documents.len() != 1 {
        return None;
    }
    let mut document = documents.pop()?;
    match &mut document.as_mapping_mut()?[..] {
        [entry] => Some(entry.node.clone()),
        _ => None,
    }
}

/// As values that every reader takes alike, all at one place.
fn settled(node: &Node, span: Span) -> Node {
    match &node.value {
        Value::Scalar(scalar) => match scalar.resolve() {
            Resolved::Null => Node::null(span),
            Resolved::Bool(value) => Node::boolean(span, value),
            Resolved::Integer(value) => i64::try_from(value)
                .map_or_else(|_| node.clone(), |value| Node::integer(span, value)),
            Resolved::Float(_) => Node {
                span,
                value: node.value.clone(),
            },
            Resolved::String => Node::string(span, scalar.text.clone()),
        },
        Value::Sequence(items) => {
            Node::sequence(span, items.iter().map(|item| settled(item, span)))
        }
        Value::Mapping(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|it| Entry::new(it.key.clone(), settled(&it.node, span)));
            Node::mapping(span, entries.collect::<Vec<_>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Open, Values, filled, put_in};
    use crate::flux::yaml::read;

    fn applier(post_build: &str) -> crate::flux::yaml::Node {
        let text = format!("spec: {{postBuild: {{{post_build}}}}}\n");
        read(&text, 0).0.remove(0)
    }

    fn said(post_build: &str, text: &str) -> Option<String> {
        let applier = applier(post_build);
        filled(text, &Values::of(&applier, false).unwrap())
    }

    #[test]
    fn what_is_known_is_put_in_and_what_is_not_stays() {
        let known = "substitute: {A: x, E: '', NUM: \"1\\n2\", V: '${W}'}";
        for (text, result) in [
            ("${A}", Some("x")),
            ("a-${A}-${A}b", Some("a-x-xb")),
            ("${A:=y}", Some("x")),
            ("${E:-y}", Some("y")),
            ("${B:=y}", Some("y")),
            ("${B=y z}", Some("y z")),
            ("${B:=${A}-${C:=z}}", Some("x-z")),
            ("${A:=${B}}", Some("x")),
            ("${NUM}", Some("12")),
            ("$${B} $A", Some("${B} $A")),
            ("${B}", None),
            ("${B:=${C}}", None),
            ("${V}", None),
            ("${A^^}", None),
            ("${A", None),
            ("${}", None),
        ] {
            assert_eq!(said(known, text).as_deref(), result, "{text}");
        }
        let from = format!("{known}, substituteFrom: [{{kind: Secret, name: a}}]");
        assert_eq!(said(&from, "${A}").as_deref(), Some("x"));
        assert_eq!(said(&from, "${B:=y}"), None);
    }

    #[test]
    fn without_variables_nothing_is_put_in() {
        assert!(Values::of(&applier(""), false).is_none());
        assert!(Values::of(&applier("substituteFrom: []"), false).is_none());
        assert!(Values::of(&applier("substituteStrategy: Always"), false).is_some());
        assert!(Values::of(&applier(""), true).is_some());
    }

    #[test]
    fn a_value_is_what_flux_reads_of_it_whether_it_was_quoted_or_not() {
        let applier =
            applier("substitute: {B: 'yes', NUM: '010', S: '1.2.3', L: '[a, b]', X: 'a: b'}");
        let values = Values::of(&applier, false).unwrap();
        let text = "a: ${B}\nb: '${B}'\nc: \"${NUM}\"\nd: ${S}\ne: ${L}\nf: '* ${B}'\n${S}: ${Z}\n";
        let mut open = Open::default();
        let put = put_in(&read(text, 0).0[0], &values, &mut open);
        assert_eq!(
            put.to_json(),
            serde_json::json!({"a": true, "b": true, "c": 8, "d": "1.2.3", "e": ["a", "b"], "f": "* yes", "1.2.3": "${Z}"})
        );
        assert_eq!((open.values.len(), open.around.len()), (1, 1));
        assert_eq!(open.put_in.len(), 6);
    }
}

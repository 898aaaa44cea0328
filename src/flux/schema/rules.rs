//! CEL rules of a schema (`x-kubernetes-validations`), compiled when they are first asked.

use std::fmt;
use std::sync::OnceLock;

use kube_cel::{CompiledSchema, ErrorKind, Validator, compile_schema};
use serde_json::Value as Json;

use super::value::{entry, to_json};
use crate::flux::yaml::{Entry, Node};

/// The rules of one schema node, without those of the nodes below it.
pub(super) struct Rules {
    /// The schema of the node, without the rules of the nodes below it.
    schema: Json,
    compiled: OnceLock<CompiledSchema>,
    texts: Vec<Box<str>>,
    /// For each rule the properties of which one that is absent makes the rule hold.
    absent: Vec<Vec<Box<str>>>,
}

/// What a rule has against a value.
pub(super) struct Broken {
    pub(super) message: String,
    pub(super) rule: String,
    /// We cannot evaluate the rule; the API server can.
    pub(super) unknown: bool,
}

impl Rules {
    pub(super) fn of(schema: &Json) -> Option<Self> {
        let rules = schema.get("x-kubernetes-validations")?.as_array()?;
        if rules.is_empty() {
            return None;
        }
        let mut own = schema.clone();
        strip(&mut own, true);
        let text = |rule: &Json| Box::from(rule["rule"].as_str().unwrap_or(""));
        let texts: Vec<Box<str>> = rules.iter().map(text).collect();
        Some(Self {
            schema: own,
            compiled: OnceLock::new(),
            absent: texts
                .iter()
                .map(|text| holds_without(text, schema))
                .collect(),
            texts,
        })
    }

    fn compiled(&self) -> &CompiledSchema {
        self.compiled.get_or_init(|| compile_schema(&self.schema))
    }

    /// # Errors
    /// What is wrong with a rule that cannot be read.
    pub(super) fn prove(&self) -> Result<(), String> {
        match self.compiled().compilation_errors().first() {
            Some(fault) => Err(fault.to_string()),
            None => Ok(()),
        }
    }

    /// What the rules have against a value that has its defaults.
    pub(super) fn broken(&self, node: &Node) -> Vec<Broken> {
        thread_local! {
            static VALIDATOR: Validator = Validator::new();
        }
        let json = to_json(node);
        VALIDATOR.with(|validator| {
            match validator.validate_compiled(self.compiled(), &json, None) {
                Ok(()) => Vec::new(),
                Err(faults) => faults
                    .into_iter()
                    .map(|fault| Broken {
                        unknown: fault.kind == ErrorKind::UnsupportedReference,
                        message: fault.message,
                        rule: fault.rule,
                    })
                    .collect(),
            }
        })
    }

    /// A rule that looks at the property of a name, and not only whether it is there.
    pub(super) fn looking_at(&self, name: &str) -> Option<&str> {
        let (here, asked) = (format!(".{name}"), format!("has(self.{name})"));
        let mut texts = self.texts.iter().map(|text| &**text);
        texts.find(|text| text.replace(&asked, "").contains(&here))
    }

    /// Whether every rule holds because a property is absent, whatever the others are.
    pub(super) fn hold_for(&self, entries: &[Entry]) -> bool {
        self.absent
            .iter()
            .all(|names| names.iter().any(|name| entry(entries, name).is_none()))
    }
}

/// Whether a text can be read as an expression of CEL, whatever it speaks of.
pub fn is_expression(text: &str) -> bool {
    let schema =
        serde_json::json!({"type": "object", "x-kubernetes-validations": [{"rule": text}]});
    Rules::of(&schema).is_none_or(|rules| rules.prove().is_ok())
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("absent", &self.absent)
            .finish_non_exhaustive()
    }
}

/// Takes the rules out of all schemas below the topmost, and defaults out of all: the values that
/// are judged have theirs.
fn strip(schema: &mut Json, topmost: bool) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if !topmost {
        object.remove("x-kubernetes-validations");
    }
    object.remove("default");
    for (key, value) in object {
        match (key.as_str(), value) {
            ("items" | "additionalProperties" | "not", schema) => strip(schema, false),
            ("properties", Json::Object(properties)) => {
                properties
                    .iter_mut()
                    .for_each(|(_, schema)| strip(schema, false));
            }
            ("allOf" | "anyOf" | "oneOf", Json::Array(parts)) => {
                parts.iter_mut().for_each(|schema| strip(schema, false));
            }
            _ => {}
        }
    }
}

/// The properties of which one being absent makes `rule` true: the rule is a chain of `||` with
/// the link `!has(self.NAME)`. In CEL one true link makes the chain true, even where others fail.
fn holds_without(rule: &str, schema: &Json) -> Vec<Box<str>> {
    links(rule)
        .into_iter()
        .filter_map(|link| link.trim().strip_prefix("!has(self.")?.strip_suffix(')'))
        .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        // A default would make it present.
        .filter(|name| schema["properties"][*name]["default"].is_null())
        .map(Box::from)
        .collect()
}

/// The parts of a rule between `||` that stand in no brackets. A rule with quotes inside of which
/// brackets stand, or with a conditional, is one part.
fn links(rule: &str) -> Vec<&str> {
    if rule.contains(['?', '\\']) {
        return vec![rule];
    }
    let (mut depth, mut start, mut quote) = (0i32, 0, None);
    let mut parts = Vec::new();
    for (at, byte) in rule.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth -= 1,
            (None, b'|') if depth == 0 && rule[at..].starts_with("||") => {
                parts.push(&rule[start..at]);
                start = at + 2;
            }
            (None, _) => {}
        }
    }
    parts.push(&rule[start.min(rule.len())..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_absent_property_is_known_to_satisfy_a_chain_of_alternatives() {
        let schema = json!({"properties": {"b": {"default": 1}}});
        let names = |rule: &str| holds_without(rule, &schema);
        assert_eq!(names("!has(self.a) || self.a == 'x||y'"), [Box::from("a")]);
        assert_eq!(names("self.p == 1 || !has(self.a)"), [Box::from("a")]);
        assert!(names("!has(self.b) || self.b > 0").is_empty());
        assert!(names("has(self.a) || has(self.c)").is_empty());
        assert!(names("!(has(self.a) || !has(self.c))").is_empty());
        assert!(names("!has(self.a) ? self.c : self.d").is_empty());
        assert!(names("!has(self.a) && self.c").is_empty());
    }
}

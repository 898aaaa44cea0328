//! What the API server makes of a node: a scalar's type, numbers as Go's JSON keeps them, defaults.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::flux::yaml::{Entry, Node, Resolved, Scalar, Span, Value};

/// A node as the API server holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Plain<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that is no `i64`: with a fraction, or too large.
    Float(f64),
    Text(&'a str),
    List(&'a [Node]),
    Map(&'a [Entry]),
}

impl Plain<'_> {
    /// What people call it, with its article.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Plain::Null => "null",
            Plain::Bool(_) => "a boolean",
            Plain::Int(_) => "an integer",
            Plain::Float(_) => "a number",
            Plain::Text(_) => "a string",
            Plain::List(_) => "a list",
            Plain::Map(_) => "a map",
        }
    }

    pub(super) fn is_scalar(&self) -> bool {
        !matches!(self, Plain::Null | Plain::List(_) | Plain::Map(_))
    }
}

pub(super) fn read(node: &Node) -> Plain<'_> {
    match &node.value {
        Value::Mapping(entries) => Plain::Map(entries),
        Value::Sequence(items) => Plain::List(items),
        Value::Scalar(scalar) if !scalar.plain => Plain::Text(&scalar.text),
        Value::Scalar(scalar) => resolve(scalar),
    }
}

fn resolve(scalar: &Scalar) -> Plain<'_> {
    match scalar.resolve() {
        Resolved::Null => Plain::Null,
        Resolved::Bool(value) => Plain::Bool(value),
        // One beyond `i64` is read back as a floating point number.
        Resolved::Integer(value) => {
            i64::try_from(value).map_or(Plain::Float(value as f64), Plain::Int)
        }
        Resolved::Float(value) => number(value),
        Resolved::String => Plain::Text(&scalar.text),
    }
}

/// A floating point number after the way through JSON that every manifest takes: one without a
/// fraction is written without a point and read back as an integer, where it fits.
pub(super) fn number<'a>(float: f64) -> Plain<'a> {
    // Go writes an exponent from 1e21 on, and its reader takes no integer with one.
    if float.fract() == 0.0
        && float.abs() < 1e21
        && let Ok(int) = format!("{float}").parse::<i64>()
    {
        return Plain::Int(int);
    }
    Plain::Float(float)
}

/// Whether a floating point number counts as an integer: within the range in which JSON numbers
/// are exact, and so near to an integer that Go's check takes it for one.
///
/// Source: `IsFloat64AJSONInteger` in `github.com/go-openapi/swag`, `convert.go`. It compares
/// negative numbers in a way that only whole ones pass.
pub(super) fn is_whole(float: f64) -> bool {
    const EXACT: f64 = 9_007_199_254_740_991.0;
    const NEAR: f64 = 1e-9;
    if float.abs() > EXACT || float.is_nan() {
        return false;
    }
    let cut = float.trunc();
    cut == float || (cut > 0.0 && (float - cut) / (float + cut) < NEAR)
}

/// The entry of a mapping that has this key; the last one where it is written twice.
pub(super) fn entry<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().rev().find(|entry| entry.key == key)
}

/// Whether two nodes hold the same value; the order of keys does not count.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    match (read(a), read(b)) {
        (Plain::Int(int), Plain::Float(float)) | (Plain::Float(float), Plain::Int(int)) => {
            int as f64 == float
        }
        (Plain::List(a), Plain::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Plain::Map(a), Plain::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|left| {
                    entry(b, &left.key).is_some_and(|right| same(&left.node, &right.node))
                })
        }
        (a, b) => a == b,
    }
}

pub(super) fn to_json(node: &Node) -> Json {
    match read(node) {
        Plain::Null => Json::Null,
        Plain::Bool(value) => Json::Bool(value),
        Plain::Int(value) => Json::from(value),
        Plain::Float(value) => Json::from(value),
        Plain::Text(value) => Json::from(value),
        Plain::List(items) => items.iter().map(to_json).collect(),
        Plain::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone().into_owned(), to_json(&entry.node)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// The node of a value that stands in a schema, as if it had been written at `span`.
pub(super) fn from_json(json: &Json, span: Span) -> Node {
    let scalar = |text: String, plain: bool| {
        Value::Scalar(Scalar {
            text: Cow::Owned(text),
            plain,
        })
    };
    let value = match json {
        Json::Null => scalar("null".into(), true),
        Json::Bool(value) => scalar(value.to_string(), true),
        Json::Number(value) => scalar(value.to_string(), true),
        Json::String(value) => scalar(value.clone(), false),
        Json::Array(items) => {
            Value::Sequence(items.iter().map(|item| from_json(item, span)).collect())
        }
        Json::Object(entries) => Value::Mapping(
            entries
                .iter()
                .map(|(key, value)| Entry {
                    key: Cow::Owned(key.clone()),
                    key_span: span,
                    node: from_json(value, span),
                })
                .collect(),
        ),
    };
    Node { span, value }
}

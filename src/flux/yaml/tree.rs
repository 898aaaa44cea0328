//! Building trees in code, and looking into them.

use std::borrow::Cow;

use super::{Entry, Node, Resolved, Scalar, Span, Value};

impl Node {
    /// A string, whatever it looks like.
    pub fn string(span: Span, text: impl Into<Cow<'static, str>>) -> Self {
        Self::scalar(span, text, false)
    }

    pub fn boolean(span: Span, value: bool) -> Self {
        Self::scalar(span, if value { "true" } else { "false" }, true)
    }

    pub fn integer(span: Span, value: i64) -> Self {
        Self::scalar(span, value.to_string(), true)
    }

    pub fn null(span: Span) -> Self {
        Self::scalar(span, "", true)
    }

    pub fn sequence(span: Span, items: impl IntoIterator<Item = Node>) -> Self {
        Self {
            span,
            value: Value::Sequence(items.into_iter().collect()),
        }
    }

    pub fn mapping(span: Span, entries: impl IntoIterator<Item = Entry>) -> Self {
        Self {
            span,
            value: Value::Mapping(entries.into_iter().collect()),
        }
    }

    fn scalar(span: Span, text: impl Into<Cow<'static, str>>, plain: bool) -> Self {
        Self {
            span,
            value: Value::Scalar(Scalar {
                text: text.into(),
                plain,
            }),
        }
    }

    /// The text, where the value is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if scalar.resolve() == Resolved::String => Some(&scalar.text),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.as_scalar()?.resolve() {
            Resolved::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.as_scalar()
            .is_some_and(|scalar| scalar.resolve() == Resolved::Null)
    }

    /// The entries of a mapping.
    pub fn as_mapping(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    pub fn as_mapping_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.value {
            Value::Mapping(entries) => Some(entries),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    /// The items of a sequence.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            Value::Scalar(_) | Value::Mapping(_) => None,
        }
    }

    /// The entry of a mapping that has this key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_mapping()?.iter().find(|entry| entry.key == key)
    }

    /// The value that a mapping has under this key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// What the value is, as a person calls it: `text`, `a list`.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Mapping(_) => "a map",
            Value::Sequence(_) => "a list",
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => "nothing",
                Resolved::Bool(_) => "true or false",
                Resolved::Integer(_) | Resolved::Float(_) => "a number",
                Resolved::String => "text",
            },
        }
    }

    /// The value as the API server gets it: what Flux's reader makes of the text, as JSON.
    ///
    /// JSON has no infinity and no NaN, where that reader gives up: they become their text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Sequence(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.to_string(), entry.node.to_json()))
                    .collect(),
            ),
            Value::Scalar(scalar) => {
                let text = || Json::String(scalar.text.to_string());
                match scalar.resolve() {
                    Resolved::Null => Json::Null,
                    Resolved::Bool(value) => Json::Bool(value),
                    Resolved::Integer(value) => {
                        serde_json::Number::from_i128(value).map_or_else(text, Json::Number)
                    }
                    Resolved::Float(value) => {
                        serde_json::Number::from_f64(value).map_or_else(text, Json::Number)
                    }
                    Resolved::String => text(),
                }
            }
        }
    }
}

impl Entry {
    /// An entry that was made in code: key and value share the place they come from.
    pub fn new(key: impl Into<Cow<'static, str>>, node: Node) -> Self {
        Self {
            key: key.into(),
            key_span: node.span,
            node,
        }
    }
}

//! Objects as YAML, with comments where a person has to look.

use std::fmt::{self, Write};

use serde_json::{Value, json};

use crate::flux::yaml::{Entry, Node, Span, write_node};

/// One object to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    comments: Vec<String>,
    pub object: Value,
}

impl Document {
    pub(super) fn new(object: Value) -> Self {
        Self {
            comments: Vec::new(),
            object,
        }
    }

    /// With a line above it.
    pub(super) fn with(mut self, comment: impl Into<String>) -> Self {
        self.comments.push(comment.into());
        self
    }
}

/// Writes documents as one stream, each after `---`.
///
/// # Errors
/// Only those of `out`.
pub fn write_documents(documents: &[Document], out: &mut impl Write) -> fmt::Result {
    for document in documents {
        out.write_str("---\n")?;
        for comment in &document.comments {
            // What stands in it may come from a file name.
            let line: String = comment
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            writeln!(out, "# {line}")?;
        }
        let mut text = String::new();
        write_node(&node(&document.object), 0, &mut text)?;
        writeln!(out, "{}", text.trim_start())?;
    }
    Ok(())
}

/// The same as one object of JSON, which can be applied too.
pub fn as_list(documents: &[Document]) -> Value {
    let items = documents.iter().map(|document| document.object.clone());
    let items: Vec<Value> = items.collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn node(value: &Value) -> Node {
    let nowhere = Span::default();
    match value {
        Value::Null => Node::null(nowhere),
        Value::Bool(value) => Node::boolean(nowhere, *value),
        Value::Number(number) => Node::integer(nowhere, number.as_i64().unwrap_or_default()),
        Value::String(text) => Node::string(nowhere, text.clone()),
        Value::Array(items) => Node::sequence(nowhere, items.iter().map(node)),
        Value::Object(fields) => Node::mapping(
            nowhere,
            fields.iter().map(|(key, value)| Entry {
                key: key.clone().into(),
                key_span: nowhere,
                node: node(value),
            }),
        ),
    }
}

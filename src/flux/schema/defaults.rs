//! An object with the defaults of its schema, as the rules of the schema see it.

use super::shape::{Others, Schema};
use super::value::{Plain, entry, from_json, read};
use crate::flux::yaml::{Entry, Node, Value};

/// The node as the API server holds it after it filled in defaults and dropped what is dropped.
pub(super) fn with_defaults(schema: &Schema, node: &Node) -> Node {
    let span = node.span;
    let filled = |schema: Option<&Schema>, node: &Node| match schema {
        Some(schema) => match (&schema.default, read(node)) {
            (Some(default), Plain::Null) if !schema.nullable => {
                with_defaults(schema, &from_json(default, node.span))
            }
            _ => with_defaults(schema, node),
        },
        None => node.clone(),
    };
    let value = match &node.value {
        Value::Scalar(scalar) => Value::Scalar(scalar.clone()),
        Value::Sequence(items) => Value::Sequence(
            items
                .iter()
                .map(|item| filled(schema.items.as_deref(), item))
                .collect(),
        ),
        Value::Mapping(entries) => {
            let mut all = Vec::with_capacity(entries.len() + schema.defaulted);
            for one in entries {
                let child = match (schema.find(&one.key), &schema.others) {
                    (Some(index), _) => Some(&schema.properties[index].schema),
                    (None, Others::Of(schema)) => Some(&**schema),
                    _ => None,
                };
                if child.is_some_and(|child| child.dropped) {
                    continue;
                }
                all.push(Entry {
                    node: filled(child, &one.node),
                    ..one.clone()
                });
            }
            for property in &schema.properties {
                if let Some(default) = &property.schema.default
                    && entry(entries, &property.name).is_none()
                {
                    all.push(Entry {
                        key: property.name.to_string().into(),
                        key_span: span,
                        node: with_defaults(&property.schema, &from_json(default, span)),
                    });
                }
            }
            Value::Mapping(all)
        }
    };
    Node { span, value }
}

//! The elements of a list that must differ: those of a set, and those of a list with keys.

use super::found::Found;
use super::shape::{List, Schema};
use super::value::{Plain, entry, from_json, read, same};
use crate::flux::fault::Path;
use crate::flux::yaml::{Entry, Node, Span};

/// Elements of a set must differ, those of a keyed list in their keys.
pub(super) fn tell_apart(
    found: &mut Found,
    schema: &Schema,
    items: &[Node],
    path: &Path<'_>,
    types_only: bool,
) {
    match &schema.list {
        List::Atomic => {}
        List::Set => {
            for (index, item) in items.iter().enumerate() {
                let at = path.index(index);
                let value = read(item);
                if !value.is_scalar() {
                    found.fault(
                        item.span,
                        &at,
                        format!("an element of a set cannot be {}", value.noun()),
                    );
                } else if items[..index].iter().any(|earlier| same(earlier, item)) {
                    found.fault(item.span, &at, "is in the set already").hint =
                        Some("take it out: each may stand there once".into());
                }
            }
        }
        List::Map(keys) => {
            let mut known: Vec<Vec<Option<Node>>> = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let at = path.index(index);
                let Plain::Map(entries) = read(item) else {
                    let noun = read(item).noun();
                    found.fault(
                        item.span,
                        &at,
                        format!("must be a map with its keys, not {noun}"),
                    );
                    continue;
                };
                let values: Vec<Option<Node>> = keys
                    .iter()
                    .map(|key| key_value(schema, entries, key, item.span, types_only))
                    .collect();
                if values.iter().all(Option::is_none) {
                    found.fault(
                        item.span,
                        &at,
                        format!("`{}` is required", keys.join("`, `")),
                    );
                    continue;
                }
                let is_same = |earlier: &Vec<Option<Node>>| {
                    earlier.iter().zip(&values).all(|pair| match pair {
                        (Some(a), Some(b)) => same(a, b),
                        (None, None) => true,
                        _ => false,
                    })
                };
                if known.iter().any(is_same) {
                    let names = keys.join("` and `");
                    found.fault(
                        item.span,
                        &at,
                        format!("another element has the same `{names}`"),
                    );
                }
                known.push(values);
            }
        }
    }
}

/// The value that tells an element of a keyed list apart, with its default; where values count, a
/// `null` has become the default.
fn key_value(
    schema: &Schema,
    entries: &[Entry],
    key: &str,
    span: Span,
    types_only: bool,
) -> Option<Node> {
    let items = schema.items.as_ref();
    let property = items.and_then(|items| items.properties.get(items.find(key)?));
    let default = property.and_then(|property| property.schema.default.as_ref());
    let found = entry(entries, key).map(|one| &one.node);
    match (found, default, property) {
        (Some(node), Some(default), Some(property))
            if !types_only && !property.schema.nullable && read(node) == Plain::Null =>
        {
            Some(from_json(default, span))
        }
        (Some(node), ..) => Some(node.clone()),
        (None, default, _) => default.map(|default| from_json(default, span)),
    }
}

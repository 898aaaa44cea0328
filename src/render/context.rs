//! Hands the plan's values to Tera, without a detour through serde.

use std::borrow::Cow;
use std::sync::Arc;

use tera::value::Key;
use tera::{Map, Value};

use crate::flux::yaml::{self, Node, Resolved, Scalar, write_node};

/// The value of a node: strings stay strings, booleans and numbers become what they are.
pub(crate) fn tera_value(node: &Node) -> Value {
    match &node.value {
        yaml::Value::Scalar(scalar) => tera_scalar(node, scalar),
        yaml::Value::Sequence(items) => {
            Value::from(items.iter().map(tera_value).collect::<Vec<_>>())
        }
        yaml::Value::Mapping(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for entry in entries {
                let key = match &entry.key {
                    Cow::Borrowed(key) => Key::Str(key),
                    Cow::Owned(key) => Key::String(Arc::from(key.as_str())),
                };
                map.insert(key, tera_value(&entry.node));
            }
            Value::from(map)
        }
    }
}

/// The value of a node that is only written by `yaml(indent=…)`: a map or list is that text already.
pub(crate) fn whole_value(node: &Node, indent: usize) -> Value {
    let is_empty = match &node.value {
        yaml::Value::Scalar(_) => return tera_value(node),
        yaml::Value::Sequence(items) => items.is_empty(),
        yaml::Value::Mapping(entries) => entries.is_empty(),
    };
    let mut text = String::with_capacity(256);
    if is_empty || write_node(node, indent, &mut text).is_err() {
        return tera_value(node);
    }
    Value::safe_string(&text)
}

fn tera_scalar(node: &Node, scalar: &Scalar) -> Value {
    match scalar.resolve() {
        Resolved::String => Value::normal_string(&scalar.text),
        Resolved::Null => Value::none(),
        Resolved::Bool(value) => Value::from(value),
        Resolved::Integer(value) => Value::from(value),
        Resolved::Float(_) => {
            // written as the reader has it: a float of Tera's would be written in another form
            let mut text = String::new();
            match write_node(node, 0, &mut text) {
                Ok(()) => Value::safe_string(text.trim_start()),
                Err(_) => Value::normal_string(&scalar.text),
            }
        }
    }
}

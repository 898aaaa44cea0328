//! Hands the plan's values to Tera, without a detour through serde.

use std::sync::Arc;

use tera::value::Key;
use tera::{Map, Value};

use crate::flux::yaml::{self, Node, Scalar};

use super::scalar_text::{Meaning, meaning};

/// The value of a node: strings stay strings, booleans and numbers become what they are.
pub(crate) fn tera_value(node: &Node) -> Value {
    match &node.value {
        yaml::Value::Scalar(scalar) => tera_scalar(scalar),
        yaml::Value::Sequence(items) => {
            Value::from(items.iter().map(tera_value).collect::<Vec<_>>())
        }
        yaml::Value::Mapping(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for entry in entries {
                let key = match &entry.key {
                    std::borrow::Cow::Borrowed(key) => Key::Str(key),
                    std::borrow::Cow::Owned(key) => Key::String(Arc::from(key.as_str())),
                };
                map.insert(key, tera_value(&entry.node));
            }
            Value::from(map)
        }
    }
}

fn tera_scalar(scalar: &Scalar) -> Value {
    if !scalar.plain {
        return Value::normal_string(&scalar.text);
    }
    match meaning(&scalar.text) {
        Meaning::Text => Value::normal_string(&scalar.text),
        Meaning::Null => Value::none(),
        Meaning::Boolean(value) => Value::from(value),
        Meaning::Integer(value) => Value::from(value),
        // written as it was: a float of Tera's would be written in another form
        Meaning::Number => Value::safe_string(&scalar.text),
    }
}

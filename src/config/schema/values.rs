//! Shapes of values and maps, as the loader reads them.

use serde_json::{Map, Value, json};

/// What stands for a name that is filled in.
const GAP: &str = r"\{(project|object|environment|cluster)\}";

/// Text that is not empty.
pub(super) fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

/// A name of small letters, digits and `-`.
pub(super) fn dns_label() -> Value {
    json!({"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"})
}

/// A name that may be made of gaps.
pub(super) fn label_with_gaps() -> Value {
    json!({"anyOf": [dns_label(), with_gaps("a-z0-9", "-")]})
}

/// The name of an object, made likewise.
pub(super) fn object_name_with_gaps() -> Value {
    json!({"anyOf": [object_name(), with_gaps("a-z0-9", ".-")]})
}

/// The value of a label, made likewise.
pub(super) fn label_value_with_gaps() -> Value {
    let plain = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";
    json!({"anyOf": [
        {"type": "string", "maxLength": 63, "pattern": plain},
        with_gaps("A-Za-z0-9", "_.-"),
    ]})
}

/// Letters and gaps, with others between them.
fn with_gaps(letters: &str, between: &str) -> Value {
    let made = format!("^([{letters}]|{GAP})(([{letters}{between}]|{GAP})*([{letters}]|{GAP}))?$");
    json!({"type": "string", "allOf": [{"pattern": made}, {"pattern": r"\{"}]})
}

/// The name of an object, which may have dots.
pub(super) fn object_name() -> Value {
    json!({"type": "string", "maxLength": 253, "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"})
}

/// A duration of more than nothing, as people write it.
pub(super) fn duration() -> Value {
    json!({
        "type": "string",
        "pattern": r"^\s*(([0-9]+(\.[0-9]*)?|\.[0-9]+)\s*(h|min|ms|m|s)\s*)+$",
        "not": {"pattern": "^[^1-9]*$"},
        "examples": ["90s", "5m", "1h 30m"],
    })
}

/// What `shape` takes, or `null`, which takes away what a less specific layer says.
pub(super) fn or_null(shape: Value) -> Value {
    json!({"anyOf": [shape, {"type": "null"}]})
}

pub(super) fn list(item: Value) -> Value {
    json!({"type": "array", "items": item})
}

/// A list of texts; one alone will do.
pub(super) fn texts() -> Value {
    json!({"anyOf": [text(), list(text())]})
}

/// A map from any name.
pub(super) fn map_of(value: Value) -> Value {
    json!({"type": "object", "additionalProperties": value})
}

/// Names made of gaps.
pub(super) fn pattern() -> Value {
    json!({
        "type": "string",
        "pattern": format!("^([^{{}}]|{GAP})+$"),
    })
}

/// A path made likewise, where a variable that Flux substitutes is text.
pub(super) fn path() -> Value {
    json!({
        "type": "string",
        "pattern": format!(r"^([^{{}}]|{GAP}|\$\{{[^{{}}]*\}})+$"),
    })
}

/// A share of a limit.
pub(super) fn share() -> Value {
    json!({"anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": r"^(0*(100(\.0*)?|[0-9]{1,2}(\.[0-9]*)?|\.[0-9]+)\s*%|0*(0?(\.[0-9]*)?|1(\.0*)?))$", "minLength": 1},
    ]})
}

/// Requests an hour.
pub(super) fn amount() -> Value {
    json!({"type": "number", "minimum": 0})
}

/// A secret is named, never written.
pub(super) fn secret() -> Value {
    json!({
        "type": "object",
        "properties": {
            "env": {"description": "The name of an environment variable.", "type": "string", "minLength": 1},
            "file": {"description": "A file, relative to the configuration folder.", "type": "string", "minLength": 1},
        },
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    })
}

/// One key of a map: its name, what may stand there, and what it is for.
pub(super) type Key = (&'static str, Value, &'static str);

/// A map that takes these keys alone.
pub(super) fn map(keys: Vec<Key>) -> Value {
    let properties = keys.into_iter().map(|(name, shape, what)| {
        let mut property = Map::new();
        if !what.is_empty() {
            property.insert("description".into(), what.into());
        }
        if let Value::Object(mut shape) = shape {
            property.append(&mut shape);
        }
        (name.to_owned(), Value::Object(property))
    });
    json!({
        "type": "object",
        "properties": Value::Object(properties.collect()),
        "additionalProperties": false,
    })
}

/// The same shape with more to hold.
pub(super) fn with(mut shape: Value, more: Value) -> Value {
    if let (Some(shape), Value::Object(mut more)) = (shape.as_object_mut(), more) {
        shape.append(&mut more);
    }
    shape
}

pub(super) fn reference(definition: &str) -> Value {
    json!({"$ref": format!("#/$defs/{definition}")})
}

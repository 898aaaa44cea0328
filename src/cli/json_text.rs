//! Parts of a server's answer, safe to print.

use std::borrow::Cow;

use serde_json::Value;

use super::printable::printable;

/// A text of the answer, safe to print on one line; empty where there is none.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> Cow<'v, str> {
    match &value[name] {
        Value::String(text) => printable(text),
        Value::Null => "".into(),
        other => other.to_string().into(),
    }
}

pub(super) fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn object(object: &Value) -> String {
    if object.is_null() {
        return "(what the cluster has is not known)".to_owned();
    }
    format!(
        "{}/{}/{}",
        text(object, "kind"),
        text(object, "namespace"),
        text(object, "name")
    )
}

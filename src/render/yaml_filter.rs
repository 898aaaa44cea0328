//! The filter `yaml`: writes any value as block YAML, indented for the place where it stands.

use tera::{Error, ErrorKind, Kwargs, State, TeraResult, Value};

use crate::flux::yaml::write_scalar;

use super::bounds::DOCUMENT_LIMIT_BYTES;
use super::work;

/// Deepest `indent` that a template may ask for.
const INDENT_LIMIT: usize = 64;

/// `{{ value | yaml(indent=2) }}`: a map or list begins on a line of its own, a scalar where it is.
pub(crate) fn yaml(value: &Value, arguments: Kwargs, _: &State<'_>) -> TeraResult<Value> {
    if value.is_safe() && value.as_str().is_some() {
        // a map or list that was written whole, or a number
        return Ok(value.clone());
    }
    let indent = arguments.get::<usize>("indent")?.unwrap_or(0);
    if indent > INDENT_LIMIT {
        return Err(Error::message(format!(
            "`indent` is at most {INDENT_LIMIT}"
        )));
    }
    work::take(work::size(value))?;
    let mut out = String::new();
    write_value(value, indent, Start::AfterKey, &mut out)?;
    Ok(Value::safe_string(&out))
}

#[derive(Clone, Copy, PartialEq)]
enum Start {
    AfterKey,
    /// Behind `- `: the first key of a map stands on the same line.
    AfterDash,
}

fn write_value(value: &Value, indent: usize, start: Start, out: &mut String) -> TeraResult<()> {
    if out.len() > DOCUMENT_LIMIT_BYTES {
        return Err(Error::message(format!(
            "its document is longer than {DOCUMENT_LIMIT_BYTES} bytes"
        )));
    }
    if value.is_undefined() {
        // of this kind Tera says where the value stands, not the filter
        return Err(Error::new(ErrorKind::InvalidArgument {
            expected_type: "a value".to_owned(),
            actual_type: "undefined".to_owned(),
        }));
    }
    if let Some(map) = value.as_map() {
        if map.is_empty() {
            out.push_str("{}");
        }
        for (index, (key, item)) in map.iter().enumerate() {
            if index > 0 || start == Start::AfterKey {
                start_line(indent, out);
            }
            match key.as_str() {
                Some(key) => quote(key, out)?,
                None => out.push_str(&key.to_string()),
            }
            out.push(':');
            if !breaks_line(item) {
                out.push(' ');
            }
            write_value(item, indent + 2, Start::AfterKey, out)?;
        }
    } else if let Some(items) = value.as_array() {
        if items.is_empty() {
            out.push_str("[]");
        }
        for (index, item) in items.iter().enumerate() {
            if index > 0 || start == Start::AfterKey {
                start_line(indent, out);
            }
            out.push_str("- ");
            write_value(item, indent + 2, Start::AfterDash, out)?;
        }
    } else if value.is_none() {
        out.push_str("null");
    } else if let (Some(text), false) = (value.as_str(), value.is_safe()) {
        quote(text, out)?;
    } else {
        out.push_str(&value.to_string());
    }
    Ok(())
}

fn start_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn breaks_line(value: &Value) -> bool {
    value.as_map().is_some_and(|map| !map.is_empty())
        || value.as_array().is_some_and(|items| !items.is_empty())
}

fn quote(text: &str, out: &mut String) -> TeraResult<()> {
    write_scalar(text, out).map_err(Error::message)
}

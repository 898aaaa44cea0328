//! Functions and filters as Tera's own, but with an end to what they make.

use tera::{Error, Kwargs, State, TeraResult, Value};

use super::bounds::KEPT_LIMIT;
use super::work::{self, size};

/// Most numbers that `range` makes.
const RANGE_LIMIT: i64 = 100_000;

/// `range(end=…, start=…, step_by=…)`
pub(crate) fn range(arguments: Kwargs, _: &State<'_>) -> TeraResult<Vec<Value>> {
    let start = arguments.get::<i64>("start")?.unwrap_or(0);
    let end = arguments.must_get::<i64>("end")?;
    let step = arguments.get::<i64>("step_by")?.unwrap_or(1);
    if step == 0 {
        return Err(Error::message("`step_by` of `range` is not 0"));
    }
    let (low, high) = if step > 0 { (start, end) } else { (end, start) };
    if low > high {
        return Err(Error::message("`range` leads from `start` away from `end`"));
    }
    let count = high.abs_diff(low).div_ceil(step.unsigned_abs());
    if count > RANGE_LIMIT.unsigned_abs() {
        return Err(Error::message(format!(
            "`range` makes more than {RANGE_LIMIT} numbers"
        )));
    }
    work::take(16 * count)?;
    work::there_is(16 * count);
    let numbers = (0..).take(usize::try_from(count).unwrap_or(0));
    Ok(numbers
        .map(|index: i64| Value::from(start + index * step))
        .collect())
}

/// `str`
pub(crate) fn str(value: Value, _: Kwargs, _: &State<'_>) -> TeraResult<String> {
    bounded("str", value.to_string())
}

/// `unique`: it compares each with each.
pub(crate) fn unique(items: &[Value], _: Kwargs, _: &State<'_>) -> TeraResult<Vec<Value>> {
    let all: u64 = items.iter().map(size).sum();
    work::take(all.saturating_mul(items.len() as u64))?;
    let mut found: Vec<Value> = Vec::new();
    for item in items {
        if !found.contains(item) {
            found.push(item.clone());
        }
    }
    Ok(found)
}

/// `replace(from=…, to=…)`, as Tera's own, but refused where it makes too much of a text.
pub(crate) fn replace(text: &str, arguments: Kwargs, _: &State<'_>) -> TeraResult<String> {
    let from = arguments.must_get::<&str>("from")?;
    let to = arguments.must_get::<&str>("to")?;
    let grown = text.matches(from).count().saturating_mul(to.len());
    if grown.saturating_add(text.len()) > KEPT_LIMIT {
        return Err(too_long("replace"));
    }
    bounded("replace", text.replace(from, to))
}

/// `join(sep=…)`, as Tera's own, but refused where it makes too long a text.
pub(crate) fn join(items: &[Value], arguments: Kwargs, _: &State<'_>) -> TeraResult<String> {
    let separator = arguments.get::<&str>("sep")?.unwrap_or("");
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&item.to_string());
        if joined.len() > KEPT_LIMIT {
            return Err(too_long("join"));
        }
    }
    bounded("join", joined)
}

/// A text that a filter made, and which others may take up.
fn bounded(filter: &str, text: String) -> TeraResult<String> {
    if text.len() > KEPT_LIMIT {
        return Err(too_long(filter));
    }
    work::take(text.len() as u64)?;
    work::there_is(text.len() as u64);
    Ok(text)
}

fn too_long(filter: &str) -> Error {
    Error::message(format!(
        "`{filter}` makes a text that is longer than {KEPT_LIMIT} bytes"
    ))
}

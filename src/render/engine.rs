//! Tera as templates meet it: every value is quoted for YAML, and everything has a bound.

use std::io;

use tera::{Kwargs, State, Tera, TeraResult, Value};

use crate::flux::yaml::write_scalar;

use super::bounded_filters::{join, range, replace, str, unique};
use super::handed::REFUSED_FILTERS;
use super::includes::TEMPLATE_SUFFIX;
use super::source_map::mark;
use super::work::{kept, price, turn};
use super::yaml_filter::yaml;

/// Tera with our escaping, our filter and our counters.
pub(super) fn engine() -> Tera {
    let mut tera = Tera::default();
    tera.autoescape_on(vec![TEMPLATE_SUFFIX]);
    tera.set_escape_fn(|text, out| {
        let mut quoted = String::with_capacity(text.len() + 2);
        write_scalar(text, &mut quoted).map_err(io::Error::other)?;
        out.write_all(quoted.as_bytes())
    });
    tera.register_filter("yaml", yaml);
    tera.register_filter("replace", replace);
    tera.register_filter("join", join);
    tera.register_filter("str", str);
    tera.register_filter("unique", unique);
    for name in REFUSED_FILTERS {
        tera.register_filter(*name, refused);
    }
    tera.register_function("range", range);
    tera.register_function("turn__", turn);
    tera.register_function("price__", price);
    tera.register_function("kept__", kept);
    tera.register_function("mark__", mark);
    tera
}

/// Stands in for filters that are found by reading already, should a reading ever miss one.
fn refused(_: &Value, _: Kwargs, _: &State<'_>) -> TeraResult<Value> {
    Err(tera::Error::message(
        "this filter gets around the quoting of values",
    ))
}

/// What templates write is text: their own, or values that are.
pub(super) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

//! The manifests of a plan as machines read them: one JSON document, written while it is made.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::flux::yaml::{self, Node, Resolved, Value as Yaml};
use crate::plan::Plan;
use crate::render::{RenderError, Templates, each_manifest};

use super::report::JsonFinding;

/// A manifest and where it belongs; of these the cluster stands nowhere in its text.
#[derive(Serialize)]
struct Placed<'a> {
    environment: &'a str,
    /// `None` where the environment names no cluster.
    cluster: Option<&'a str>,
    project: &'a str,
    manifest: Value,
}

/// Writes `findings` and, a line each, `manifests`.
///
/// # Errors
/// An object that its template cannot write, or where `out` takes no more.
pub(super) fn write(
    plan: &Plan<'_>,
    templates: &Templates,
    findings: &[JsonFinding<'_>],
    out: &mut impl Write,
) -> Result<(), RenderError> {
    let mut is_first = true;
    write_head(findings, out).map_err(of_stream)?;
    each_manifest(plan, templates, |object, text| {
        let placed = Placed {
            environment: &object.environment,
            cluster: object.cluster.as_deref(),
            project: &object.project,
            manifest: yaml::read(text, 0).0.first().map_or(Value::Null, as_json),
        };
        let before: &[u8] = if is_first { b"\n    " } else { b",\n    " };
        is_first = false;
        out.write_all(before)
            .and_then(|()| Ok(serde_json::to_writer(&mut *out, &placed)?))
            .map_err(of_stream)
    })?;
    let end: &[u8] = if is_first { b"]\n}\n" } else { b"\n  ]\n}\n" };
    out.write_all(end).map_err(of_stream)
}

fn write_head(findings: &[JsonFinding<'_>], out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{\n  \"findings\": ")?;
    serde_json::to_writer(&mut *out, findings)?;
    out.write_all(b",\n  \"manifests\": [")
}

fn of_stream(source: io::Error) -> RenderError {
    RenderError::Stream { source }
}

/// As the API server takes it. A number that JSON does not have never passes the proof.
fn as_json(node: &Node) -> Value {
    match &node.value {
        Yaml::Sequence(items) => items.iter().map(as_json).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries.iter();
            entries
                .map(|entry| (entry.key.to_string(), as_json(&entry.node)))
                .collect()
        }
        Yaml::Scalar(scalar) => match scalar.resolve() {
            Resolved::Null => Value::Null,
            Resolved::Bool(value) => value.into(),
            Resolved::Integer(value) => i64::try_from(value)
                .map(Value::from)
                .or_else(|_| u64::try_from(value).map(Value::from))
                .unwrap_or_default(),
            Resolved::Float(value) => value.into(),
            Resolved::String => (*scalar.text).into(),
        },
    }
}

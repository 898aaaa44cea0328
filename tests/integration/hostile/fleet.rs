//! A fleet that says a text wherever the configuration takes one.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::run_in;
use crate::folders;

use super::corpus::{SHORT, corpus};

pub(super) const ENVIRONMENT: &str = "{ref: {branch: main}, path: ./deploy, prune: true}\n";

/// Prints a text wherever a template can.
const TEMPLATE: &str = r#"apiVersion: acme.example/v1
kind: Printed # {{ vars.value }}
metadata:
  name: {{ name }}
  namespace: {{ namespace }}
  labels: {{ labels | yaml(indent=4) }}
  annotations: {{ annotations | yaml(indent=4) }}
# {{ vars.value }}
spec:
  alone: {{ vars.value }}
  commented:   {{ vars.value }}   # {{ vars.value }}
  flow: [{{ vars.value }}, {inner: {{ vars.value }}, after: kept}, last]
  joined: {{ "before " ~ vars.value ~ " after" }}
  filtered: {{ vars.value | yaml(indent=4) }}
  spread: {{ vars.list | yaml(indent=4) }}
  tree: {{ vars | yaml(indent=4) }}
  items:
{%- for item in vars.list %}
    - {{ item }}
    - inner: {{ item }}
      after: kept
{%- endfor %}
{%- for key, item in vars.map %}
    - {{ key }}: {{ item }}
{%- endfor %}
{%- if environment.kind == "development" %}
  branched: {{ vars.value }}
{%- endif %}
  last: kept
"#;

/// What a fleet prints that has in each place of each text what `value_of` makes of the text; and its folder.
pub(super) fn rendered(value_of: &dyn Fn(&str) -> String) -> (String, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    folders::write(folder.path(), "environments/dev.yaml", ENVIRONMENT);
    folders::write(folder.path(), "templates/printed.yaml.tera", TEMPLATE);
    let projects: Vec<Value> = corpus()
        .iter()
        .enumerate()
        .map(|(index, text)| hostile_project(index, text, &value_of(text)))
        .collect();
    write_fleet(folder.path(), &json!({"projects": projects}));
    let run = run_in(folder.path(), &["render"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    (run.stdout, folder)
}

/// It is YAML, as it has to be.
const PATCH: &str = "kind: Deployment\nmetadata: {name: web}\n";

/// A project that says `value` wherever `text` is legal.
fn hostile_project(index: usize, text: &str, value: &str) -> Value {
    let name = format!("p{index:03}");
    // a document may have 1 MiB, and then not every field can take the longest texts
    let is_short = text.len() < SHORT;
    let key = if is_short { value } else { "long" };
    let mut project = json!({
        "name": name,
        "repository": format!("https://git.example/{name}"),
        "substitutions": {"VALUE": value},
        "annotations": {"acme.example/value": value},
        "vars": {"value": value, "key": key, "map": {key: key}, "list": [key, key], "deep": [{"a": [[key]]}]},
        "objects": [{"name": name}, {"name": format!("{name}-printed"), "template": "printed"}],
        "gitRepository": {"ignore": value, "sparseCheckout": [value]},
        "kustomization": {
            "patches": [{"patch": PATCH, "target": {"kind": key, "name": key, "labelSelector": value}}],
            "healthChecks": [{"apiVersion": "v1", "kind": "Service", "name": value, "namespace": key}],
            "healthCheckExprs": [{"apiVersion": "v1", "kind": key, "current": "status.ready"}],
            "commonMetadata": {"annotations": {"acme.example/value": value}},
            "components": [value],
            "images": [{"name": key, "newName": key, "newTag": key}],
        },
    });
    if is_path(text) {
        project["path"] = json!(value);
    }
    if is_label(text) {
        project["labels"] = json!({"acme.example/value": value});
    }
    project
}

fn is_path(text: &str) -> bool {
    let variables = text.matches("${").count();
    // other braces stand around names
    let are_variables = ['{', '}']
        .iter()
        .all(|brace| text.matches(*brace).count() == variables);
    !text.is_empty()
        && !text.contains('\0')
        && !text.split('/').any(|part| part == "..")
        && are_variables
}

fn is_label(text: &str) -> bool {
    let is_edge = |end: Option<char>| end.is_none_or(|end| end.is_ascii_alphanumeric());
    text.len() <= 63
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        && is_edge(text.chars().next())
        && is_edge(text.chars().last())
}

/// Writes the fleet's file so that whatever reads YAML has these texts: in double quotes, with all but plain letters as numbers.
pub(super) fn write_fleet(folder: &Path, fleet: &Value) {
    let mut text = String::new();
    write_yaml(fleet, &mut text);
    folders::write(folder, "flux-setup.yaml", text + "\n");
}

fn write_yaml(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => {
            out.push('"');
            for character in text.chars() {
                match character {
                    ' '..='~' if !matches!(character, '"' | '\\') => out.push(character),
                    _ => {
                        write!(out, "\\U{:08X}", u32::from(character)).expect("a string takes all")
                    }
                }
            }
            out.push('"');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_yaml(item, out);
                out.push_str(",\n ");
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (key, item) in entries {
                write_yaml(&json!(key), out);
                out.push_str(": ");
                write_yaml(item, out);
                out.push_str(",\n ");
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

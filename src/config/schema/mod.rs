//! The configuration files as JSON Schemas, for editors: what the loader takes, as far as shape goes.

mod fleet;
mod service;
mod settings;
mod values;

use serde_json::{Map, Value};

use values::map;

/// Which file a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaOf {
    /// `flux-setup.yaml`.
    Config,
    /// A file of `environments/`.
    Environment,
    /// A file that `include` names.
    Included,
}

/// The schema of a file, in draft 2020-12.
///
/// What it refuses the loader refuses too. The loader refuses more: what only several values, files or
/// the syntax of a URL, a ref or a pattern tell.
fn json_schema(of: SchemaOf) -> Value {
    let (title, mut root) = match of {
        SchemaOf::Config => ("flux-setup.yaml of flux-setup", fleet::fleet()),
        SchemaOf::Environment => ("An environment of flux-setup", fleet::environment()),
        SchemaOf::Included => ("An included file of flux-setup", map(fleet::lists())),
    };
    let mut definitions = settings::definitions();
    definitions.append(&mut fleet::definitions());
    definitions.append(&mut service::definitions());
    let mut schema = Map::new();
    schema.insert(
        "$schema".into(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    schema.insert("title".into(), title.into());
    if let Some(root) = root.as_object_mut() {
        schema.append(root);
    }
    let used = used(&Value::Object(schema.clone()), &definitions);
    definitions.retain(|name, _| used.contains(name));
    schema.insert("$defs".into(), Value::Object(definitions));
    Value::Object(schema)
}

/// The same as text, a line a key or definition: short enough to be kept beside the files, and to be
/// compared.
pub fn json_schema_text(of: SchemaOf) -> String {
    let schema = json_schema(of);
    let lines = |entries: &Map<String, Value>, indent: &str| {
        let lines = entries.iter();
        let lines =
            lines.map(|(key, value)| format!("{indent}{}: {value}", Value::from(key.as_str())));
        lines.collect::<Vec<_>>().join(",\n")
    };
    let top = schema.as_object().into_iter().flatten();
    let top = top.map(|(key, value)| match value.as_object() {
        Some(entries) if matches!(key.as_str(), "properties" | "$defs") => {
            format!("  \"{key}\": {{\n{}\n  }}", lines(entries, "    "))
        }
        _ => format!("  \"{key}\": {value}"),
    });
    format!("{{\n{}\n}}\n", top.collect::<Vec<_>>().join(",\n"))
}

/// Definitions that a schema leads to, through others too.
fn used(schema: &Value, definitions: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![schema];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(entries) => {
                let name = entries.get("$ref").and_then(Value::as_str);
                let name = name.and_then(|name| name.strip_prefix("#/$defs/"));
                if let Some(name) = name
                    && !found.iter().any(|known| known == name)
                {
                    found.push(name.to_owned());
                    waiting.extend(definitions.get(name));
                }
                waiting.extend(entries.values());
            }
            _ => {}
        }
    }
    found
}

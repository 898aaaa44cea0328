//! What editors are told of the files that `init` writes: their schemas, which lie beside them, so that it
//! holds without a network and for the version that wrote them.

use crate::config::{SchemaOf, json_schema_text};

const SCHEMAS: [(&str, SchemaOf); 2] = [
    (".flux-setup/config.schema.json", SchemaOf::Config),
    (".flux-setup/environment.schema.json", SchemaOf::Environment),
];

/// The files, each with a first line that names its schema, and the schemas.
pub(super) fn with_schemas<'f>(
    files: impl IntoIterator<Item = (&'f str, &'f str)>,
) -> Vec<(String, String)> {
    let files = files.into_iter().map(|(name, text)| {
        let up = "../".repeat(name.matches('/').count());
        let is_environment = name.starts_with("environments/");
        let (schema, _) = SCHEMAS[usize::from(is_environment)];
        let text = format!("# yaml-language-server: $schema={up}{schema}\n{text}");
        (name.to_owned(), text)
    });
    let schemas = SCHEMAS.map(|(name, of)| (name.to_owned(), json_schema_text(of)));
    files.chain(schemas).collect()
}

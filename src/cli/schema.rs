//! `flux-setup schema`: the configuration files as JSON Schemas.

use std::io::Write;

use crate::config::{SchemaOf, json_schema_text};

use super::args::{SchemaArguments, SchemaFile};
use super::outcome::Outcome;
use super::output;

pub(super) fn run(arguments: &SchemaArguments) -> anyhow::Result<Outcome> {
    let text = json_schema_text(match arguments.file {
        SchemaFile::Config => SchemaOf::Config,
        SchemaFile::Environment => SchemaOf::Environment,
        SchemaFile::Included => SchemaOf::Included,
    });
    output::data(|stdout| stdout.write_all(text.as_bytes()))?;
    Ok(Outcome::Done)
}

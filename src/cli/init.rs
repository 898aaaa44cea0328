//! `flux-setup init`: a configuration to start from.

use std::io::{self, Write};
use std::path::Path;

use super::args::{Format, GlobalArguments, InitArguments};
use super::editor::with_schemas;
use super::new_files::{quoted, shown_file, write_files};
use super::outcome::Outcome;
use super::printable::printable;
use super::{init_from, output};

/// What is written, below the folder.
const FILES: [(&str, &str); 4] = [
    ("flux-setup.yaml", include_str!("init/flux-setup.yaml")),
    (
        "environments/development.yaml",
        include_str!("init/environments/development.yaml"),
    ),
    (
        "environments/staging.yaml",
        include_str!("init/environments/staging.yaml"),
    ),
    (
        "environments/production.yaml",
        include_str!("init/environments/production.yaml"),
    ),
];

#[derive(serde::Serialize)]
struct Written<'a> {
    written: Vec<&'a str>,
}

pub(super) fn run(global: &GlobalArguments, arguments: &InitArguments) -> anyhow::Result<Outcome> {
    if arguments.from.is_some() || arguments.context.is_some() {
        return init_from::run(global, arguments);
    }
    let path = arguments.folder.as_ref().unwrap_or(&global.config);
    let files = with_schemas(FILES);
    write_files(path, &files)?;
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    match global.format {
        Format::Json => output::json(&Written { written: names })?,
        Format::Text => output::text(|stdout| print_next_steps(stdout, path, &names))?,
    }
    Ok(Outcome::Done)
}

fn print_next_steps(stdout: &mut dyn Write, path: &Path, names: &[&str]) -> io::Result<()> {
    for name in names {
        writeln!(stdout, "wrote {}", printable(&shown_file(path, name)))?;
    }
    let config = if path == Path::new(".") {
        String::new()
    } else {
        format!(" --config {}", quoted(&path.display().to_string()))
    };
    let fleet = shown_file(path, FILES[0].0);
    let width = "flux-setup validate".len() + config.len();
    writeln!(
        stdout,
        "\nIt renders as it is. Put your own projects into {}, then:",
        printable(&fleet)
    )?;
    for (command, what) in [
        ("validate", "finds what is wrong, with its place"),
        ("render", "prints the manifests"),
        ("budget", "says what they cost at GitHub"),
    ] {
        let command = format!("flux-setup {command}{config}");
        writeln!(stdout, "  {command:width$}  {what}")?;
    }
    Ok(())
}

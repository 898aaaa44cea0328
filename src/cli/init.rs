//! `flux-setup init`: a configuration to start from.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::args::{Format, GlobalArguments, InitArguments};
use super::outcome::Outcome;
use super::output;
use super::printable::printable;

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
    let path = arguments.folder.as_ref().unwrap_or(&global.config);
    write_files(path)?;
    match global.format {
        Format::Json => output::json(&Written {
            written: FILES.map(|(name, _)| name).to_vec(),
        })?,
        Format::Text => output::text(|stdout| print_next_steps(stdout, path))?,
    }
    Ok(Outcome::Done)
}

/// Writes all files or none: what exists already stays as it is.
fn write_files(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    fs::create_dir_all(path).with_context(|| format!("cannot make folder `{shown}`"))?;
    // Nothing is written through a link that leads out of the folder.
    let folder = Dir::open_ambient_dir(path, ambient_authority())
        .with_context(|| format!("cannot open folder `{shown}`"))?;
    for (name, _) in FILES {
        if folder.symlink_metadata(name).is_ok() {
            bail!(
                "`{}` exists already, so nothing was written; choose another folder: `flux-setup init DIR`",
                shown_file(path, name)
            );
        }
    }
    let mut written = Vec::new();
    for (name, text) in FILES {
        if let Err(error) = write_new(&folder, name, text) {
            for name in written {
                // What cannot be taken back is a whole file of ours: the next attempt names it.
                let _ = folder.remove_file(name);
            }
            return Err(error)
                .with_context(|| format!("cannot write `{}`", shown_file(path, name)));
        }
        written.push(name);
    }
    Ok(())
}

fn write_new(folder: &Dir, name: &str, text: &str) -> io::Result<()> {
    if let Some(parent) = Path::new(name).parent() {
        folder.create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = folder.open_with(name, &options)?;
    let written = file.write_all(text.as_bytes());
    if written.is_err() {
        // A half of a file would be in the way of the next attempt.
        let _ = folder.remove_file(name);
    }
    written
}

/// As people name it: without a folder that is the current one.
fn shown_file(folder: &Path, name: &str) -> String {
    let file = folder.join(name).display().to_string();
    file.strip_prefix("./").unwrap_or(&file).to_owned()
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,@%:=".contains(c);
    let word = printable(word);
    if word.chars().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn print_next_steps(stdout: &mut dyn Write, path: &Path) -> io::Result<()> {
    for (name, _) in FILES {
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

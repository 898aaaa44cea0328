//! Writes files where none are, and names them as people do.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::printable::printable;

/// Writes all files or none: what exists already stays as it is.
pub(super) fn write_files(path: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    let shown = path.display();
    fs::create_dir_all(path).with_context(|| format!("cannot make folder `{shown}`"))?;
    // Nothing is written through a link that leads out of the folder.
    let folder = Dir::open_ambient_dir(path, ambient_authority())
        .with_context(|| format!("cannot open folder `{shown}`"))?;
    for (name, _) in files {
        if folder.symlink_metadata(name).is_ok() {
            bail!(
                "`{}` exists already, so nothing was written; choose another folder: `flux-setup init DIR`",
                shown_file(path, name)
            );
        }
    }
    let mut written = Vec::new();
    for (name, text) in files {
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
pub(super) fn shown_file(folder: &Path, name: &str) -> String {
    let file = folder.join(name).display().to_string();
    file.strip_prefix("./").unwrap_or(&file).to_owned()
}

/// As a shell takes it for one word.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,@%:=".contains(c);
    let word = printable(word);
    if word.chars().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

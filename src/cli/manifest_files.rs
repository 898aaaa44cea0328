//! Reads files, folders and stdin with YAML documents, for commands that need no configuration.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::config::{FILE_LIMIT_BYTES, Finding, Folder, Sources, Unreadable};
use crate::flux::yaml::{self, Node, Span};

/// How deep folders may lie in each other.
const DEEPEST: usize = 64;

/// The most files that are read of one folder.
const MOST_FILES: usize = 100_000;

/// How a path is written that means stdin.
pub(super) const STDIN: &str = "-";

/// Texts with documents, and what was wrong when they were read.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) sources: Sources,
    pub(super) findings: Vec<Finding>,
}

impl Documents {
    /// The documents of a file, of all manifests below a folder, or of stdin. Files and folders below
    /// a folder that cannot be read are findings.
    ///
    /// # Errors
    /// Where the path names nothing that can be read, or a folder without manifests or with too many.
    pub(super) fn read(&mut self, path: &Path) -> anyhow::Result<Vec<Node>> {
        let mut documents = Vec::new();
        if path == Path::new(STDIN) {
            self.read_stdin(&mut documents)?;
        } else {
            self.read_path(path, &mut documents)?;
        }
        Ok(documents)
    }

    fn read_stdin(&mut self, documents: &mut Vec<Node>) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        let stdin = io::stdin().lock();
        let read = stdin.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes);
        read.context("cannot read stdin")?;
        if bytes.len() as u64 > FILE_LIMIT_BYTES {
            bail!(
                "stdin is larger than {} MiB; write it to a folder of files and name that",
                FILE_LIMIT_BYTES >> 20
            );
        }
        let text = String::from_utf8(bytes).context("stdin is not UTF-8 text")?;
        self.add(STDIN, text, documents);
        Ok(())
    }

    fn read_path(&mut self, path: &Path, documents: &mut Vec<Node>) -> anyhow::Result<()> {
        let shown = path.display();
        // What the path names is wanted, wherever a link on the way leads.
        let real = fs::canonicalize(path).with_context(|| format!("cannot find `{shown}`"))?;
        let (folder, file) = match (real.is_dir(), real.parent(), real.file_name()) {
            (false, Some(folder), Some(name)) => (folder, Some(PathBuf::from(name))),
            _ => (real.as_path(), None),
        };
        let below = Folder::open(folder).with_context(|| format!("cannot open `{shown}`"))?;
        let Some(file) = file else {
            let mut listing = Listing::default();
            listing.list(folder, Path::new(""), DEEPEST)?;
            if listing.files.is_empty() && listing.unlisted.is_empty() {
                bail!("`{shown}` holds no .yaml, .yml or .json file");
            }
            for (folder, reason) in &listing.unlisted {
                self.cannot_read(&path.join(folder), reason);
            }
            for file in &listing.files {
                self.read_file(&below, file, &path.join(file), documents);
            }
            return Ok(());
        };
        self.read_file(&below, &file, path, documents);
        Ok(())
    }

    /// Reads a file below a folder: what leads out of it is a fault, and so is one that is not there
    /// any more, or a link to one.
    fn read_file(&mut self, folder: &Folder, file: &Path, shown: &Path, documents: &mut Vec<Node>) {
        let name = named(shown);
        match folder.read(&file.to_string_lossy()) {
            Ok(text) => self.add(&name, text, documents),
            Err(Unreadable::Missing) => {
                self.cannot_read(shown, "is missing, or a link to what is missing");
            }
            Err(Unreadable::Because(reason)) => self.cannot_read(shown, &reason),
            Err(Unreadable::NotText { text, at }) => {
                let start = u32::try_from(at).unwrap_or(u32::MAX);
                let source = self.sources.add(name.clone(), text);
                let span = Span {
                    source,
                    start,
                    end: start.saturating_add(1),
                };
                let finding = Finding::error(span, "", format!("`{name}` is not UTF-8 text"));
                self.findings.push(finding.hint("save it as UTF-8"));
            }
        }
    }

    fn cannot_read(&mut self, path: &Path, reason: &str) {
        let name = named(path);
        let message = format!("`{name}` {reason}");
        let whole = Span {
            source: self.sources.add(name, ""),
            ..Span::default()
        };
        self.findings.push(Finding::error(whole, "", message));
    }

    fn add(&mut self, name: &str, text: String, documents: &mut Vec<Node>) {
        let source = self.sources.add(name, text);
        let (read, faults) = yaml::read(self.sources.text(source), source);
        self.findings.extend(faults.into_iter().map(Finding::from));
        documents.extend(read.into_iter().filter(|document| !document.is_null()));
    }
}

/// As people name it: without the folder that is the current one.
fn named(path: &Path) -> String {
    let name = path.display().to_string();
    name.strip_prefix("./").unwrap_or(&name).to_owned()
}

/// What lies below a folder, as paths below it.
#[derive(Debug, Default)]
struct Listing {
    /// The manifests, in order.
    files: Vec<PathBuf>,
    /// Folders that cannot be listed, and why in words that follow the name.
    unlisted: Vec<(PathBuf, String)>,
}

impl Listing {
    /// Lists the manifests below a folder; hidden ones and links to folders are passed over.
    fn list(&mut self, root: &Path, below: &Path, depth: usize) -> anyhow::Result<()> {
        let entries = match entries(&root.join(below)) {
            Ok(entries) => entries,
            Err(error) => {
                let reason = format!("cannot be listed: {error}");
                self.unlisted.push((below.to_owned(), reason));
                return Ok(());
            }
        };
        for (name, kind) in entries {
            let path = below.join(&name);
            let is_manifest = path
                .extension()
                .is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known));
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() && depth == 0 {
                let reason = format!("lies deeper than {DEEPEST} folders, and is not read");
                self.unlisted.push((path, reason));
            } else if kind.is_dir() {
                self.list(root, &path, depth - 1)?;
            } else if is_manifest && !root.join(&path).is_dir() {
                if self.files.len() == MOST_FILES {
                    bail!(
                        "`{}` holds more than {MOST_FILES} manifests; name the folders in it one by one",
                        root.display()
                    );
                }
                self.files.push(path);
            }
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> io::Result<Vec<(OsString, FileType)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((entry.file_name(), entry.file_type()?));
    }
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_manifest_more_than_are_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("web.yaml"), "").unwrap();
        let listed = |found: usize| {
            let mut listing = Listing {
                files: vec![PathBuf::new(); found],
                unlisted: Vec::new(),
            };
            let ended = listing.list(folder.path(), Path::new(""), DEEPEST);
            ended.map(|()| listing.files.len())
        };
        assert_eq!(listed(MOST_FILES - 1).unwrap(), MOST_FILES);
        let refused = listed(MOST_FILES).unwrap_err().to_string();
        assert!(
            refused
                .ends_with("` holds more than 100000 manifests; name the folders in it one by one"),
            "{refused}"
        );
    }
}

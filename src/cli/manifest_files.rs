//! Reads files, folders and stdin with YAML documents, for commands that need no configuration.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::config::{FILE_LIMIT_BYTES, Finding, Folder, Sources, Unreadable};
use crate::flux::yaml::{self, Node, Span};

use super::judging;

/// How deep folders may lie in each other.
const DEEPEST: usize = 64;

/// How a path is written that means stdin.
pub(super) const STDIN: &str = "-";

/// Texts with documents, and what was wrong when they were read.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) sources: Sources,
    pub(super) findings: Vec<Finding>,
}

impl Documents {
    /// The documents of a file, of all manifests below a folder, or of stdin. Files below a folder
    /// that cannot be read are findings.
    ///
    /// # Errors
    /// Where the path names nothing that can be read, or a folder without manifests.
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
            let mut files = Vec::new();
            list(folder, Path::new(""), DEEPEST, &mut files)?;
            if files.is_empty() {
                bail!("`{shown}` holds no .yaml, .yml or .json file");
            }
            for file in files {
                self.read_file(&below, &file, &path.join(&file), documents)?;
            }
            return Ok(());
        };
        self.read_file(&below, &file, path, documents)
    }

    /// Reads a file below a folder: what leads out of it is a fault.
    fn read_file(
        &mut self,
        folder: &Folder,
        file: &Path,
        shown: &Path,
        documents: &mut Vec<Node>,
    ) -> anyhow::Result<()> {
        let name = shown.display().to_string();
        let name = name.strip_prefix("./").unwrap_or(&name);
        match folder.read(&file.to_string_lossy()) {
            Ok(text) => self.add(name, text, documents),
            Err(Unreadable::Missing) => bail!("`{name}` is missing"),
            Err(Unreadable::Because(reason)) => {
                let source = self.sources.add(name, "");
                let whole = Span {
                    source,
                    start: 0,
                    end: 0,
                };
                self.findings
                    .push(Finding::error(whole, "", format!("`{name}` {reason}")));
            }
            Err(Unreadable::NotText { text, at }) => {
                let start = u32::try_from(at).unwrap_or(u32::MAX);
                let source = self.sources.add(name, text);
                let span = Span {
                    source,
                    start,
                    end: start.saturating_add(1),
                };
                let finding = Finding::error(span, "", format!("`{name}` is not UTF-8 text"));
                self.findings.push(finding.hint("save it as UTF-8"));
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, text: String, documents: &mut Vec<Node>) {
        let source = self.sources.add(name, text);
        let (read, faults) = yaml::read(self.sources.text(source), source);
        self.findings
            .extend(faults.into_iter().map(judging::of_yaml));
        documents.extend(read.into_iter().filter(|document| !document.is_null()));
    }
}

/// The manifests below a folder, in order, as paths below it; hidden ones and links to folders are
/// passed over.
fn list(root: &Path, below: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let folder = root.join(below);
    let failed = || format!("cannot list folder `{}`", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(&folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let kind = entry.file_type().with_context(failed)?;
        entries.push((entry.file_name(), kind));
    }
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    for (name, kind) in entries {
        let path = below.join(&name);
        let is_manifest = path
            .extension()
            .is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known));
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() && depth == 0 {
            bail!(
                "folders lie too deep in each other at `{}`",
                folder.display()
            );
        } else if kind.is_dir() {
            list(root, &path, depth - 1, files)?;
        } else if is_manifest && !folder.join(&name).is_dir() {
            files.push(path);
        }
    }
    Ok(())
}

//! `flux-setup validate --manifests`: plain manifests, judged without any configuration.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::config::{Class, FILE_LIMIT_BYTES, Finding, Folder, Severity, Sources, Unreadable};
use crate::flux::schema::{Coverage, Crds};
use crate::flux::yaml::{self, Node, Span};

use super::args::{Format, GlobalArguments};
use super::fleet::counted;
use super::judging;
use super::outcome::Outcome;
use super::{output, report};

/// How deep folders may lie in each other.
const DEEPEST: usize = 64;

/// Texts of manifests, and what was wrong when they were read.
#[derive(Debug, Default)]
struct Manifests {
    sources: Sources,
    documents: Vec<Node>,
    findings: Vec<Finding>,
}

pub(super) fn run(global: &GlobalArguments, path: &Path) -> anyhow::Result<Outcome> {
    let mut manifests = Manifests::default();
    if path == Path::new("-") {
        manifests.read_stdin()?;
    } else {
        manifests.read_path(path)?;
    }
    manifests.judge();
    report::print(&manifests.sources, &manifests.findings, global.format)?;
    let mut severities = manifests.findings.iter().map(|finding| finding.severity);
    if severities.any(|severity| severity == Severity::Error) {
        return Ok(Outcome::BadInput);
    }
    if global.format == Format::Text {
        let documents = counted(manifests.documents.len(), "document");
        output::text(|stdout| writeln!(stdout, "sound: {documents}"))?;
    }
    Ok(Outcome::Done)
}

impl Manifests {
    fn read_stdin(&mut self) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        let stdin = io::stdin().lock();
        let read = stdin.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes);
        read.context("cannot read stdin")?;
        if bytes.len() as u64 > FILE_LIMIT_BYTES {
            bail!("stdin is larger than {} MiB", FILE_LIMIT_BYTES >> 20);
        }
        let text = String::from_utf8(bytes).context("stdin is not UTF-8 text")?;
        self.add("-", text);
        Ok(())
    }

    fn read_path(&mut self, path: &Path) -> anyhow::Result<()> {
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
                self.read_file(&below, &file, &path.join(&file))?;
            }
            return Ok(());
        };
        self.read_file(&below, &file, path)
    }

    /// Reads a file below a folder: what leads out of it is a fault.
    fn read_file(&mut self, folder: &Folder, file: &Path, shown: &Path) -> anyhow::Result<()> {
        let name = shown.display().to_string();
        match folder.read(&file.to_string_lossy()) {
            Ok(text) => self.add(&name, text),
            Err(Unreadable::Missing) => bail!("`{name}` is missing"),
            Err(Unreadable::Because(reason)) => {
                let source = self.sources.add(name.as_str(), "");
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
                let source = self.sources.add(name.as_str(), text);
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

    fn add(&mut self, name: &str, text: String) {
        let source = self.sources.add(name, text);
        let (documents, faults) = yaml::read(self.sources.text(source), source);
        self.findings
            .extend(faults.into_iter().map(judging::of_yaml));
        let documents = documents.into_iter();
        self.documents.extend(documents.filter(is_applied));
    }

    /// Judges each document by the CRDs that are among them, and by ours.
    fn judge(&mut self) {
        let is_crd = |document: &&Node| {
            let kind = document.get("kind").and_then(Node::as_str);
            kind == Some("CustomResourceDefinition")
        };
        let mut crds = Crds::embedded().clone();
        for document in self.documents.iter().filter(is_crd) {
            let (own, faults) = Crds::from_documents([document]);
            self.findings
                .extend(faults.into_iter().map(judging::finding));
            crds = own.over(&crds);
        }
        let mut unknown: BTreeMap<String, (Span, usize)> = BTreeMap::new();
        for document in &self.documents {
            let faults = judging::all_faults(&crds, document);
            self.findings
                .extend(faults.into_iter().map(judging::finding));
            let coverage = crds.coverage(document);
            if matches!(coverage, Coverage::NoCrd { .. }) {
                unknown
                    .entry(coverage.to_string())
                    .or_insert((document.span, 0))
                    .1 += 1;
            }
        }
        for (what, (span, count)) in unknown {
            let start = Span {
                end: span.start,
                ..span
            };
            let documents = counted(count, "document");
            let finding = Finding::warning(start, "", format!("{documents} {what}"));
            let hint = "judge its CustomResourceDefinition together with it";
            self.findings.push(finding.class(Class::Api).hint(hint));
        }
    }
}

/// Whether a document is meant for an API server; kustomize's own configuration is not.
fn is_applied(document: &Node) -> bool {
    let version = document.get("apiVersion").and_then(Node::as_str);
    let is_kustomize =
        version.is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"));
    !document.is_null() && !is_kustomize
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

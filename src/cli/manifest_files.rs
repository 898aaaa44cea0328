//! Reads files, folders and stdin with YAML documents, for commands that need no configuration.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::config::{FILE_LIMIT_BYTES, Finding, Folder, Sources, Unreadable};
use crate::flux::yaml::{self, Node, Span};
use crate::manifests::{CLUSTERS, is_kustomization_file};

use super::other_files::OtherFiles;

/// How deep folders may lie in each other.
const DEEPEST: usize = 64;

/// The most files that are read of one folder.
const MOST_FILES: usize = 100_000;

/// The file that makes a folder a Helm chart.
const CHART: &str = "Chart.yaml";

/// What else of a chart is read by Helm alone.
const OF_CHARTS: [&str; 3] = [CHART, "Chart.lock", "templates"];

/// How a path is written that means stdin.
pub(super) const STDIN: &str = "-";

/// Texts with documents, and what was wrong when they were read.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) sources: Sources,
    pub(super) findings: Vec<Finding>,
    /// Files and folders below a folder that are left out.
    excluded: GlobSet,
    /// A file below a folder that is no manifest, without links on its way.
    passed_over: Option<PathBuf>,
    /// The folder that was read last, where it was one.
    pub(super) below: Option<Below>,
    /// What holds no object of the folder that was read last, once it is taken out.
    pub(super) others: OtherFiles,
}

/// A folder that was read.
#[derive(Debug)]
pub(super) struct Below {
    pub(super) folder: Folder,
    /// Without links.
    pub(super) root: PathBuf,
    /// As it was named.
    pub(super) shown: PathBuf,
    /// The paths of its files below it, by the numbers of their texts.
    pub(super) files: HashMap<u32, String>,
}

impl Below {
    /// Whether a folder that is named as its files are is there; `None` where it lies outside of this one.
    pub(super) fn has_folder(&self, folder: &Path) -> Option<bool> {
        let named = |path: &Path| -> PathBuf {
            let parts = path.components();
            parts.filter(|part| *part != Component::CurDir).collect()
        };
        let folder = named(folder);
        let below = folder.strip_prefix(named(&self.shown)).ok()?;
        Some(below.as_os_str().is_empty() || self.folder.is_folder(&slashed(below)))
    }
}

impl Documents {
    /// Lets a file of ours lie among the manifests.
    pub(super) fn pass_over(&mut self, file: Option<&Path>) {
        self.passed_over = file.and_then(|file| fs::canonicalize(file).ok());
    }

    /// Leaves out the files that these patterns name below a folder, and all below folders that they name.
    ///
    /// # Errors
    /// A pattern that is none.
    pub(super) fn exclude(&mut self, patterns: &[String]) -> anyhow::Result<()> {
        let mut excluded = GlobSetBuilder::new();
        for pattern in patterns {
            let below = pattern.trim_start_matches("./").trim_end_matches('/');
            let glob = GlobBuilder::new(below).literal_separator(true).build();
            excluded.add(glob.with_context(|| format!("`--exclude {pattern}` is no pattern"))?);
        }
        self.excluded = excluded
            .build()
            .context("the patterns of --exclude are too much")?;
        Ok(())
    }

    /// The documents of a file, of all manifests below a folder, or of stdin. Files and folders below
    /// a folder that cannot be read are findings.
    ///
    /// # Errors
    /// Where the path names nothing that can be read, or a folder without manifests or with too many.
    pub(super) fn read(&mut self, path: &Path) -> anyhow::Result<Vec<Node>> {
        let mut documents = Vec::new();
        self.below = None;
        if path == Path::new(STDIN) {
            self.read_stream(io::stdin().lock(), path, &mut documents)?;
        } else if is_stream(path) {
            let stream = File::open(path);
            let stream = stream.with_context(|| format!("cannot open {}", shown(path)))?;
            self.read_stream(stream, path, &mut documents)?;
        } else {
            self.read_path(path, &mut documents)?;
        }
        if self.below.is_none() && !self.excluded.is_empty() {
            bail!(
                "`--exclude` leaves out files of a folder, and {} is none",
                shown(path)
            );
        }
        Ok(documents)
    }

    /// Reads what comes without a size that is known before.
    fn read_stream(
        &mut self,
        stream: impl Read,
        path: &Path,
        documents: &mut Vec<Node>,
    ) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        let read = stream.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes);
        read.with_context(|| format!("cannot read {}", shown(path)))?;
        if bytes.len() as u64 > FILE_LIMIT_BYTES {
            bail!(
                "{} is larger than {} MiB; write it to a folder of files and name that",
                shown(path),
                FILE_LIMIT_BYTES >> 20
            );
        }
        let text = String::from_utf8(bytes);
        let text = text.with_context(|| format!("{} is not UTF-8 text", shown(path)))?;
        self.add(&named(path), text, documents);
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
        let path = &called(path);
        let Some(file) = file else {
            let mut listing = Listing {
                excluded: self.excluded.clone(),
                ..Listing::default()
            };
            listing.list(folder, Path::new(""), DEEPEST)?;
            let passed_over = self.passed_over.as_deref();
            listing
                .files
                .retain(|file| passed_over.is_none_or(|other| other != folder.join(file)));
            if listing.files.is_empty() && listing.unlisted.is_empty() && listing.charts.is_empty()
            {
                bail!("`{shown}` holds no .yaml, .yml or .json file");
            }
            for (folder, reason) in &listing.unlisted {
                self.cannot_read(&path.join(folder), reason);
            }
            for link in &listing.passed_over {
                let hint = "judge that folder in a run of its own".to_owned();
                self.passes_over(
                    &path.join(link),
                    "is a link to a folder, and is not read",
                    hint,
                );
            }
            for chart in &listing.charts {
                let is_all = chart == Path::new("");
                let (chart, why) = match is_all {
                    true => (
                        path.to_owned(),
                        "is a Helm chart, and its templates are not checked",
                    ),
                    false => (path.join(chart), "is a Helm chart, and is not checked"),
                };
                let hint = format!(
                    "`helm template {} | flux-setup validate --manifests -` judges what it makes",
                    named(&chart)
                );
                self.passes_over(&chart, why, hint);
            }
            let mut files = HashMap::new();
            for file in &listing.files {
                let first = self.sources.texts().len();
                self.read_file(&below, file, &path.join(file), documents);
                if let Ok(source) = u32::try_from(first) {
                    files.insert(source, slashed(file));
                }
            }
            self.below = Some(Below {
                folder: below,
                root: real,
                shown: path.to_owned(),
                files,
            });
            return Ok(());
        };
        self.read_file(&below, &file, path, documents);
        Ok(())
    }

    /// Reads a file below a folder: what leads out of it is a fault, and so is one that is not there
    /// any more, or a link to one.
    fn read_file(&mut self, folder: &Folder, file: &Path, shown: &Path, documents: &mut Vec<Node>) {
        let name = named(shown);
        if file.to_str().is_none() {
            return self.cannot_read(shown, "has a name that is no UTF-8, and is not read");
        }
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
                self.findings
                    .push(finding.hint("save it as UTF-8").unjudged());
            }
        }
    }

    fn cannot_read(&mut self, path: &Path, reason: &str) {
        let message = format!("`{}` {reason}", named(path));
        let whole = self.whole(path);
        let finding = Finding::error(whole, "", message);
        self.findings.push(finding.unjudged());
    }

    fn passes_over(&mut self, path: &Path, why: &str, hint: String) {
        let message = format!("`{}` {why}", named(path));
        let whole = self.whole(path);
        let finding = Finding::warning(whole, "", message);
        self.findings.push(finding.hint(hint).unjudged());
    }

    /// The place of what has no text of its own.
    fn whole(&mut self, path: &Path) -> Span {
        Span {
            source: self.sources.add(named(path), ""),
            ..Span::default()
        }
    }

    /// Reads the documents of a text.
    pub(super) fn add(&mut self, name: &str, text: String, documents: &mut Vec<Node>) {
        let source = self.sources.add(name, text);
        let (read, faults) = yaml::read_merging(self.sources.text(source), source);
        self.findings.extend(faults.into_iter().map(Finding::from));
        documents.extend(read.into_iter().filter(|document| !document.is_null()));
    }
}

/// As it is called in a sentence.
/// A folder as it is called in the names of its files: as it was typed, unless that hides that what it
/// holds are the folders of clusters.
pub(super) fn called(path: &Path) -> PathBuf {
    let real = path.file_name().is_none().then(|| fs::canonicalize(path));
    match real {
        Some(Ok(real)) if real.ends_with(CLUSTERS) => real,
        _ => path.to_owned(),
    }
}

pub(super) fn shown(path: &Path) -> String {
    if path == Path::new(STDIN) {
        "stdin".to_owned()
    } else {
        format!("`{}`", path.display())
    }
}

/// Whether it is read as stdin is: a pipe, as a shell's `<(…)`, or a device.
#[cfg(unix)]
fn is_stream(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|found| {
        let kind = found.file_type();
        kind.is_fifo() || kind.is_char_device()
    })
}

#[cfg(not(unix))]
fn is_stream(_: &Path) -> bool {
    false
}

/// As people name it: without the folder that is the current one.
pub(super) fn named(path: &Path) -> String {
    let name = path.display().to_string();
    name.strip_prefix("./").unwrap_or(&name).to_owned()
}

/// A path with `/` between its parts on every system.
fn slashed(path: &Path) -> String {
    let parts = path.iter().map(|part| part.to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// What lies below a folder, as paths below it.
#[derive(Debug, Default)]
struct Listing {
    /// Neither listed nor looked into.
    excluded: GlobSet,
    /// The manifests, in order.
    files: Vec<PathBuf>,
    /// Folders that cannot be listed, and why in words that follow the name.
    unlisted: Vec<(PathBuf, String)>,
    /// Links to folders that are not read where they lie.
    passed_over: Vec<PathBuf>,
    /// Folders of Helm charts: their templates are no YAML before Helm has read them.
    charts: Vec<PathBuf>,
}

impl Listing {
    /// Lists the manifests below a folder; hidden ones and links to folders are passed over. `root`
    /// is without links.
    fn list(&mut self, root: &Path, below: &Path, depth: usize) -> anyhow::Result<()> {
        let entries = match entries(&root.join(below)) {
            Ok(entries) => entries,
            Err(error) => {
                let reason = format!("cannot be listed: {error}");
                self.unlisted.push((below.to_owned(), reason));
                return Ok(());
            }
        };
        let is_chart = entries.iter().any(|(name, _)| name == CHART);
        if is_chart {
            self.charts.push(below.to_owned());
            // other manifests may lie in the one that is asked for, as its CRDs do
            if below != Path::new("") {
                return Ok(());
            }
        }
        for (name, kind) in entries {
            if is_chart && OF_CHARTS.iter().any(|known| name == *known) {
                continue;
            }
            let path = below.join(&name);
            let is_manifest = path
                .extension()
                .is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known))
                || name.to_str().is_some_and(is_kustomization_file);
            if name.to_string_lossy().starts_with('.') || self.excluded.is_match(&path) {
                continue;
            }
            if kind.is_dir() && depth == 0 {
                let reason = format!("lies deeper than {DEEPEST} folders, and is not read");
                self.unlisted.push((path, reason));
            } else if kind.is_dir() {
                self.list(root, &path, depth - 1)?;
            } else if kind.is_symlink() && root.join(&path).is_dir() {
                if !is_read_where_it_lies(root, &root.join(&path)) {
                    self.passed_over.push(path);
                }
            } else if is_manifest {
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

/// Whether what a link leads to lies below this folder, and on the way there nothing is hidden.
fn is_read_where_it_lies(root: &Path, link: &Path) -> bool {
    let Ok(target) = fs::canonicalize(link) else {
        return false;
    };
    target.strip_prefix(root).is_ok_and(|below| {
        let mut parts = below.iter();
        !parts.any(|part| part.to_string_lossy().starts_with('.'))
    })
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
                ..Listing::default()
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

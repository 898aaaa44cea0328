//! Kustomize's own configuration among manifests: its traps are told, its overlays named or built.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::bail;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use crate::config::{Class, Finding, Severity};
use crate::flux::yaml::{self, Node, Span, Value};
use crate::manifests::{
    BUILT, BuildError, Kustomizations, Kustomize, ManifestFile, Overlay, PassedOver, Touched,
    is_kustomization_file,
};

use super::manifest_files::{Below, Documents};
use super::no_objects::{refused_folders, take_out};

/// Characters of a failure that are told.
const MOST_SAID: usize = 2_000;

/// What is judged.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) documents: Vec<Node>,
    /// How many overlays were built.
    pub(super) built: usize,
    /// The numbers of texts that Flux passes over.
    pub(super) passed_over: HashSet<u32>,
    /// What overlays that are not built change of files, by the numbers of their texts.
    pub(super) touched: HashMap<u32, Touched>,
}

/// Of these documents those that are judged: parts of kustomize's are not, and with `build` what it
/// builds is, in place of the files that it takes in.
///
/// # Errors
/// Where there is nothing to build with.
pub(super) fn take_in(
    read: &mut Documents,
    mut documents: Vec<Node>,
    own: &[Node],
    build: bool,
) -> anyhow::Result<Taken> {
    let Some(below) = read.below.take() else {
        if build {
            bail!("`--build` builds what lies in a folder; name that as `--manifests`");
        }
        return Ok(Taken {
            documents,
            ..Taken::default()
        });
    };
    let empty = empty(read, &below);
    let tree = tree(&below, own.iter().chain(&empty));
    take_out(read, &below, &tree, own, &mut documents);
    let refused = refused_folders(read, &below, own, &documents);
    read.findings.extend(refused);
    for document in &documents {
        let file = below.files.get(&document.span.source);
        if file.is_some_and(|file| is_kustomization_file(name_of(file))) {
            read.findings.push(no_kustomization(document));
        }
    }
    documents.retain(|node| match below.files.get(&node.span.source) {
        Some(file) => !tree.is_part(file),
        None => true,
    });
    read.findings.retain(|finding| {
        let file = below.files.get(&finding.span.source);
        !file.is_some_and(|file| tree.is_data(file))
    });
    read.findings.extend(tree.findings(&below.folder));
    let passed_over = passed_over(&tree, &below, &documents);
    let named = |file: &str| super::manifest_files::named(&below.shown.join(file));
    let told = passed_over.iter().map(|file| file.finding(&named));
    read.findings.extend(told);
    let mut taken = Taken {
        documents,
        passed_over: passed_over.iter().map(|file| file.source).collect(),
        ..Taken::default()
    };
    let roots = tree.roots();
    let touched = touched(&roots, &below);
    let (overlays, listing): (Vec<_>, Vec<_>) = roots
        .into_iter()
        .partition(|one| one.is_fetching || !one.fields.is_empty());
    if !build {
        let changed = overlays.iter().filter(|one| !one.fields.is_empty());
        read.findings.extend(changed.map(unchecked));
        read.findings.extend(tree.elsewhere());
        taken.touched = touched;
    } else if !overlays.is_empty() || !listing.is_empty() {
        refuse_unbuildable(read, &below, &listing)?;
        take_built(read, &below, &overlays, &mut taken.documents)?;
        taken.built = overlays.len();
    }
    read.below = Some(below);
    Ok(taken)
}

/// How far each file is changed by all that takes it in.
fn touched(roots: &[Overlay], below: &Below) -> HashMap<u32, Touched> {
    let mut files: HashMap<&str, Touched> = HashMap::new();
    for root in roots {
        for file in &root.files {
            let known = files.entry(file).or_insert(root.touched);
            *known = root.touched.min(*known);
        }
    }
    let touched = below.files.iter().filter_map(|(source, file)| {
        let touched = files.get(&**file).copied()?;
        (touched != Touched::Not).then_some((*source, touched))
    });
    touched.collect()
}

/// Builds those that only list files, which are judged as they lie: what cannot be built is a finding.
fn refuse_unbuildable(
    read: &mut Documents,
    below: &Below,
    listing: &[Overlay],
) -> anyhow::Result<()> {
    let kustomize = kustomize()?;
    let failed_ones = listing.par_iter().filter_map(|one| {
        let built = kustomize.build(&below.root.join(&one.folder));
        Some(failed(one, built.err()?))
    });
    read.findings.extend(failed_ones.collect::<Vec<_>>());
    Ok(())
}

fn kustomize() -> anyhow::Result<Kustomize> {
    let Some(kustomize) = Kustomize::find() else {
        bail!("`--build` needs `kustomize` or `kubectl` on the PATH, and there is neither");
    };
    Ok(kustomize)
}

/// Puts what kustomize makes of these in place of the files that they take in; what cannot be built is
/// a finding.
///
/// # Errors
/// Where there is nothing to build with.
pub(super) fn take_built(
    read: &mut Documents,
    below: &Below,
    overlays: &[Overlay],
    documents: &mut Vec<Node>,
) -> anyhow::Result<()> {
    let kustomize = kustomize()?;
    let taken_in: BTreeSet<&String> = overlays.iter().flat_map(|one| &one.files).collect();
    documents.retain(|node| match below.files.get(&node.span.source) {
        Some(file) => !taken_in.contains(file),
        None => true,
    });
    let built: Vec<_> = overlays
        .par_iter()
        .map(|one| kustomize.build(&below.root.join(&one.folder)))
        .collect();
    for (overlay, built) in overlays.iter().zip(built) {
        match built {
            Ok(text) => {
                let name = below.shown.join(&overlay.folder).join(BUILT);
                let name = super::manifest_files::named(&name);
                read.add(&name, text, documents);
            }
            Err(error) => read.findings.push(failed(overlay, error)),
        }
    }
    Ok(())
}

/// Kustomize's own files below a folder, as one tree.
pub(super) fn tree<'n>(
    below: &Below,
    own: impl IntoIterator<Item = &'n Node>,
) -> Kustomizations<'n> {
    let configurations = own.into_iter().filter_map(|node| {
        let file = below.files.get(&node.span.source)?;
        is_kustomization_file(name_of(file)).then(|| (file.clone(), node))
    });
    Kustomizations::of(configurations)
}

fn name_of(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or_default()
}

/// Kustomizations in which nothing stands, not even a mapping.
fn empty(read: &Documents, below: &Below) -> Vec<Node> {
    let files = below.files.iter();
    let files = files.filter(|(_, file)| is_kustomization_file(name_of(file)));
    let empty = files.filter_map(|(source, _)| {
        let (documents, faults) = yaml::read(read.sources.text(*source), *source);
        let whole = Span {
            source: *source,
            ..Span::default()
        };
        let is_empty = faults.is_empty() && documents.iter().all(Node::is_null);
        is_empty.then(|| Node::null(whole))
    });
    empty.collect()
}

/// An object of a cluster in a file that kustomize takes for its own.
fn no_kustomization(document: &Node) -> Finding {
    let start = Span {
        end: document.span.start,
        ..document.span
    };
    let message = "kustomize reads a file of this name as its own configuration, and this is none";
    Finding::error(start, "", message)
        .class(Class::Flux)
        .hint("give the file another name, and list it there")
}

/// Files with objects that no kustomization lists beside which they lie, or below which.
pub(super) fn passed_over(
    tree: &Kustomizations<'_>,
    below: &Below,
    documents: &[Node],
) -> Vec<PassedOver> {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let mut objects = HashSet::new();
    let mut paths = Vec::new();
    for document in documents {
        let is_mapping = matches!(document.value, Value::Mapping(_));
        if is_mapping && document.get("apiVersion").is_some() && document.get("kind").is_some() {
            objects.insert(document.span.source);
        }
        let version = text(document, "apiVersion").unwrap_or_default();
        if version.starts_with("kustomize.toolkit.fluxcd.io/") {
            paths.extend(document.get("spec").and_then(|spec| text(spec, "path")));
        }
    }
    let mut files: Vec<_> = objects
        .iter()
        .filter_map(|source| {
            let path = below.files.get(source)?;
            Some(ManifestFile {
                path,
                source: *source,
            })
        })
        .collect();
    files.sort_by_key(|file| file.source);
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    tree.passed_over(&files, &paths)
}

/// The fields by which it changes what it reaches, and whether there is but one.
pub(super) fn fields(overlay: &Overlay) -> (String, bool) {
    let fields: Vec<_> = overlay
        .fields
        .iter()
        .map(|field| format!("`{field}`"))
        .collect();
    let shown = match fields.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => String::new(),
    };
    (shown, fields.len() == 1)
}

/// Without a build nobody knows what comes of it.
fn unchecked(overlay: &Overlay) -> Finding {
    let (fields, is_one) = fields(overlay);
    let verb = if is_one { "makes" } else { "make" };
    let message = format!("what {fields} {verb} of these files is not checked");
    Finding {
        severity: Severity::Warning,
        ..Finding::error(overlay.span, "", message)
            .class(Class::Flux)
            .hint("`--build` judges what kustomize makes of them")
            .unjudged()
    }
}

/// A failure without what is of one run of the program alone: the head of a line of its log, as
/// `E1122 02:01:02.049887 27236 run.go:72] "command failed" err="…"`, and warnings beside it.
fn without_log(says: &str) -> String {
    let lines = says.lines().filter_map(|line| {
        let (before, line) = match line.find("# Warning") {
            Some(0) => return None,
            Some(at) => return Some(line[..at].trim_end().to_owned()).filter(|it| !it.is_empty()),
            None => match line.split_once("] \"command failed\" err=") {
                Some((head, error)) => (before_log(head), error),
                None => ("", line),
            },
        };
        Some(format!("{before}{line}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What stands before the severity and the date of a line of a log.
fn before_log(head: &str) -> &str {
    let at = head.match_indices(['E', 'F', 'W', 'I']).find(|(at, _)| {
        let date = head.get(at + 1..at + 6).map(str::as_bytes);
        date.is_some_and(|date| date[..4].iter().all(u8::is_ascii_digit) && date[4] == b' ')
    });
    at.map_or("", |(at, _)| &head[..at])
}

fn failed(overlay: &Overlay, error: BuildError) -> Finding {
    let says = without_log(&format!("{:#}", anyhow::Error::new(error)));
    let says: String = says.chars().take(MOST_SAID).collect();
    Finding::error(overlay.span, "", says)
        .class(Class::Flux)
        .hint("`kustomize build` of its folder says the same")
        .unjudged()
}

#[cfg(test)]
mod tests {
    use super::without_log;

    #[test]
    fn of_a_failure_nothing_is_told_that_differs_from_run_to_run() {
        for (says, told) in [
            (
                "kustomize cannot build it: E1122 02:01:02.049887   27236 run.go:72] \"command failed\" err=\"a\"",
                "kustomize cannot build it: \"a\"",
            ),
            (
                "cannot: # Warning: 'x' is deprecated\n# Warning: y\nError: z",
                "cannot:\nError: z",
            ),
            ("Error: accumulating", "Error: accumulating"),
        ] {
            assert_eq!(without_log(says), told);
        }
    }
}

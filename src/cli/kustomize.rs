//! Kustomize's own configuration among manifests: its traps are told, its overlays named or built.

use std::collections::{BTreeSet, HashSet};

use anyhow::bail;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use crate::config::{Class, Finding, Severity};
use crate::flux::yaml::{Node, Value};
use crate::manifests::{
    BuildError, Kustomizations, Kustomize, ManifestFile, Overlay, is_kustomization_file,
};

use super::manifest_files::{Below, Documents};

/// Behind the folder of a build, in place of a file's name.
const BUILT: &str = "(kustomize build)";

/// Characters of a failure that are told.
const MOST_SAID: usize = 2_000;

/// Of these documents those that are judged: parts of kustomize's are not, and with `build` what it
/// builds is, in place of the files that it takes in. The second is how many overlays were built.
///
/// # Errors
/// Where there is nothing to build with.
pub(super) fn take_in(
    read: &mut Documents,
    mut documents: Vec<Node>,
    own: &[Node],
    build: bool,
) -> anyhow::Result<(Vec<Node>, usize)> {
    let Some(below) = read.below.take() else {
        if build {
            bail!("`--build` builds what lies in a folder; name that as `--manifests`");
        }
        return Ok((documents, 0));
    };
    let tree = tree(&below, own);
    documents.retain(|node| match below.files.get(&node.span.source) {
        Some(file) => !tree.is_part(file),
        None => true,
    });
    let found = traps(&tree, &below, &documents);
    read.findings.extend(found);
    let overlays = tree.overlays();
    if !build {
        read.findings.extend(overlays.iter().map(unchecked));
        return Ok((documents, 0));
    }
    if overlays.is_empty() {
        return Ok((documents, 0));
    }
    take_built(read, &below, &overlays, &mut documents)?;
    Ok((documents, overlays.len()))
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
    let Some(kustomize) = Kustomize::find() else {
        bail!("`--build` needs `kustomize` or `kubectl` on the PATH, and there is neither");
    };
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
            Err(error) => read.findings.push(failed(overlay, &error)),
        }
    }
    Ok(())
}

/// Kustomize's own files below a folder, as one tree.
pub(super) fn tree<'n>(below: &Below, own: &'n [Node]) -> Kustomizations<'n> {
    let configurations = own.iter().filter_map(|node| {
        let file = below.files.get(&node.span.source)?;
        let name = file.rsplit('/').next().unwrap_or_default();
        is_kustomization_file(name).then(|| (file.clone(), node))
    });
    Kustomizations::of(configurations)
}

fn traps(tree: &Kustomizations<'_>, below: &Below, documents: &[Node]) -> Vec<Finding> {
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
    tree.findings(&below.folder, &files, &paths)
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
    }
}

fn failed(overlay: &Overlay, error: &BuildError) -> Finding {
    let mut says = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        says += &format!(": {error}");
        cause = error.source();
    }
    let says: String = says.chars().take(MOST_SAID).collect();
    Finding::error(overlay.span, "", says)
        .class(Class::Flux)
        .hint("`kustomize build` of its folder says the same")
}

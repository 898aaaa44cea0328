//! Finds out which files of a folder hold no Kubernetes object, and whether that stops Flux.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

use crate::config::{Class, Finding, Folder, Severity};
use crate::flux::is_of_flux;
use crate::flux::yaml::{Node, Span};
use crate::manifests::{Kustomizations, Whose, is_kustomization_file};

use super::folder_report::shortened;
use super::manifest_files::{Below, Documents};
use super::other_files::OtherFiles;

/// The keys by which a document says that it is an object.
const IDENTITY: [&str; 2] = ["apiVersion", "kind"];

/// Below a folder it says what of it Flux does not fetch.
const SOURCE_IGNORE: &str = ".sourceignore";

/// What a file holds.
#[derive(Debug, Default)]
struct Held {
    /// A document with either key: the other one may be forgotten.
    has_object: bool,
    is_broken: bool,
}

/// Takes out of what was read the files that hold no object; what kustomize lists as a resource has to be
/// one, and what it reads itself or takes as a part has its own rules. `documents` are all but kustomize's
/// `own`.
pub(super) fn take_out(
    read: &mut Documents,
    below: &Below,
    tree: &Kustomizations<'_>,
    own: &[Node],
    documents: &mut Vec<Node>,
) {
    let mut held: HashMap<u32, Held> = HashMap::new();
    for document in documents.iter() {
        let held = held.entry(document.span.source).or_default();
        held.has_object |= IDENTITY.iter().any(|key| document.get(key).is_some());
    }
    for document in own {
        held.entry(document.span.source).or_default().has_object = true;
    }
    for finding in &read.findings {
        let held = held.entry(finding.span.source).or_default();
        held.is_broken |= finding.severity == Severity::Error;
    }
    let texts = held.iter().filter(|(source, held)| {
        let Some(file) = below.files.get(source) else {
            return false;
        };
        let text = read.sources.text(**source);
        let is_of_kustomize = tree.is_resource(file)
            || is_kustomization_file(file.rsplit('/').next().unwrap_or_default())
            || tree.is_data(file)
            || (!held.is_broken && tree.is_part(file));
        // what could not be read at all has no text
        let may_be_one =
            held.has_object || text.is_empty() || (held.is_broken && may_hold_object(text));
        !is_of_kustomize && !may_be_one
    });
    let mut others = OtherFiles {
        texts: texts.map(|(source, _)| *source).collect(),
        documents: 0,
    };
    others.texts.sort_unstable();
    let taken: HashSet<u32> = others.texts.iter().copied().collect();
    let before = documents.len();
    documents.retain(|document| !taken.contains(&document.span.source));
    others.documents = before - documents.len();
    read.findings
        .retain(|finding| !taken.contains(&finding.span.source));
    read.others = others;
}

/// Kustomizations of Flux that take in what holds no object, and then nothing at all: without a configuration of
/// kustomize Flux takes every YAML file of the folder, and each for objects. Source: `generateKustomization` in
/// `kustomize` of `fluxcd/pkg`.
pub(super) fn refused_folders(
    read: &Documents,
    below: &Below,
    own: &[Node],
    documents: &[Node],
) -> Vec<Finding> {
    let sources = &read.sources;
    let all = read.others.texts.iter();
    let all = all.filter(|source| {
        let file = below.files.get(source).map_or("", String::as_str);
        let ending = Path::new(file).extension().and_then(OsStr::to_str);
        matches!(ending, Some("yaml" | "yml")) && !is_ignored(&below.folder, file)
    });
    let all: Vec<u32> = all.copied().collect();
    if all.is_empty() {
        return Vec::new();
    }
    let nodes = documents.iter().filter(|one| is_of_flux(one)).cloned();
    let nodes = nodes.chain(all.iter().map(|source| Node::null(whole(*source))));
    let nodes: Vec<Node> = nodes.collect();
    let whose = Whose::of(&nodes, own, sources);
    let mut appliers: BTreeMap<Span, (&Node, Vec<String>)> = BTreeMap::new();
    for source in all {
        let name = sources.name(source);
        for applier in whose.appliers(Path::new(name)) {
            let entry = appliers.entry(applier.span);
            let (_, files) = entry.or_insert_with(|| (applier, Vec::new()));
            files.push(format!("`{name}`"));
        }
    }
    let appliers = appliers.into_values();
    appliers
        .map(|(applier, files)| refused(applier, files))
        .collect()
}

/// Whether a text that is no YAML may be meant for an object: a line begins with one of the keys, or it is
/// JSON that has one.
fn may_hold_object(text: &str) -> bool {
    // UTF-16 has a NUL behind each letter
    let text = text.replace('\0', "");
    let is_json = text.trim_start().starts_with(['{', '[']) && text.contains(IDENTITY[0]);
    let mut lines = text.lines();
    is_json
        || lines.any(|line| {
            let line = line.trim_start_matches(['\u{feff}', '\u{fffd}', '"', '\'']);
            IDENTITY.iter().any(|key| {
                let rest = line.strip_prefix(key).unwrap_or_default();
                rest.trim_start_matches(['"', '\'', ' ']).starts_with(':')
            })
        })
}

/// Whether something of these may be kept from Flux.
pub(super) fn may_be_ignored(below: &Below, documents: &[Node]) -> bool {
    let says_so = |document: &Node| {
        let group = document.get("apiVersion").and_then(Node::as_str);
        let ignore = document.get("spec").and_then(|spec| spec.get("ignore"));
        group.is_some_and(|group| group.starts_with("source.toolkit.fluxcd.io/"))
            && ignore.is_some()
    };
    let folders: HashSet<&Path> = below
        .files
        .values()
        .flat_map(|file| Path::new(file).ancestors().skip(1))
        .collect();
    let mut folders = folders.into_iter();
    documents.iter().any(says_so) || folders.any(|folder| is_ignoring(&below.folder, folder))
}

/// Whether a file may be kept from Flux by what lies beside it or around.
fn is_ignored(folder: &Folder, file: &str) -> bool {
    let mut around = Path::new(file).ancestors().skip(1);
    around.any(|around| is_ignoring(folder, around))
}

fn is_ignoring(folder: &Folder, around: &Path) -> bool {
    folder.is_file(&around.join(SOURCE_IGNORE).to_string_lossy())
}

fn refused(applier: &Node, files: Vec<String>) -> Finding {
    let text = |keys: &[&str]| {
        let found = keys.iter().try_fold(applier, |node, key| node.get(key));
        found.and_then(Node::as_str).unwrap_or_default()
    };
    let name = [
        text(&["metadata", "namespace"]),
        text(&["metadata", "name"]),
    ];
    let path = applier.get("spec").and_then(|spec| spec.get("path"));
    let message = format!(
        "Kustomization `{}` applies a folder with what is no Kubernetes object, and so Flux takes nothing of it: {}",
        name.join("/").trim_start_matches('/'),
        shortened(files)
    );
    let finding = Finding::warning(path.map_or(applier.span, |path| path.span), "", message);
    finding
        .class(Class::Flux)
        .hint("keep that out of the folder, or write a `kustomization.yaml` that lists the rest")
}

fn whole(source: u32) -> Span {
    Span {
        source,
        ..Span::default()
    }
}

#[cfg(test)]
mod tests {
    use super::may_hold_object;

    #[test]
    fn a_text_that_is_no_yaml_is_meant_for_an_object_where_a_line_or_json_begins_so() {
        for text in [
            "{{- if .Values.on }}\nkind: ConfigMap\n",
            "a: [\n---\napiVersion : v1\n",
            "\"kind\": \"A\"\n",
            "{\n  \"apiVersion\": \"v1\", }}",
            "k\0i\0n\0d\0:\0",
        ] {
            assert!(may_hold_object(text), "{text}");
        }
        for text in [
            "a:\n\tkind: b\n",
            "{\n  // of TypeScript\n  \"kind\": 1}",
            "kinds: [\n",
            "- {{ x }}: [\n  kind: A\n",
        ] {
            assert!(!may_hold_object(text), "{text}");
        }
    }
}

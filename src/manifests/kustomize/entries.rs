//! What a kustomization lists: manifests, folders, and files that are no manifests of their own.

use crate::flux::yaml::{Node, Span};

use super::folder::is_remote;

/// What a listed file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// Objects, or a folder with a kustomization of its own.
    Resource,
    /// A folder with a kustomization of its own.
    Folder,
    /// A part of something else: a patch, settings of kustomize.
    Part,
    /// Taken as it is, whatever it holds: a file of a ConfigMap, values of a chart.
    Data,
}

impl Purpose {
    /// Whether objects are taken from it.
    pub(super) fn is_of_objects(self) -> bool {
        matches!(self, Self::Resource | Self::Folder)
    }
}

/// One file or folder that is listed.
#[derive(Debug)]
pub(super) struct Listed<'n> {
    pub(super) written: &'n str,
    pub(super) purpose: Purpose,
    /// The keys that lead to it, as `resources[2]`.
    pub(super) path: String,
    pub(super) span: Span,
}

/// Lists of paths.
const LISTS: [(&str, Purpose); 4] = [
    ("resources", Purpose::Resource),
    ("bases", Purpose::Folder),
    ("components", Purpose::Folder),
    ("crds", Purpose::Part),
];

/// Lists of paths or of what would stand in the file.
const LISTS_OR_TEXTS: [&str; 5] = [
    "configurations",
    "generators",
    "patchesStrategicMerge",
    "transformers",
    "validators",
];

/// Lists of maps with a path.
const MAPS: [(&str, &str, Purpose); 5] = [
    ("patches", "path", Purpose::Part),
    ("patchesJson6902", "path", Purpose::Part),
    ("replacements", "path", Purpose::Part),
    ("helmCharts", "valuesFile", Purpose::Data),
    ("helmChartInflationGenerator", "values", Purpose::Data),
];

/// Lists of maps with lists of `key=path`, or of a path.
const GENERATORS: [&str; 2] = ["configMapGenerator", "secretGenerator"];

pub(super) fn listed(kustomization: &Node) -> Vec<Listed<'_>> {
    let mut all = Vec::new();
    for (key, purpose) in LISTS {
        each(kustomization, key, |node, path| {
            add(&mut all, node, path, purpose);
        });
    }
    for key in LISTS_OR_TEXTS {
        each(kustomization, key, |node, path| {
            if node.as_str().is_some_and(|text| !text.contains('\n')) {
                add(&mut all, node, path, Purpose::Part);
            }
        });
    }
    for (list, key, purpose) in MAPS {
        each(kustomization, list, |map, path| {
            if let Some(node) = map.get(key) {
                add(&mut all, node, format!("{path}.{key}"), purpose);
            }
        });
    }
    for list in GENERATORS {
        each(kustomization, list, |map, path| {
            for key in ["files", "envs"] {
                each(map, key, |node, inner| {
                    add(&mut all, node, format!("{path}.{inner}"), Purpose::Data);
                });
            }
            if let Some(node) = map.get("env") {
                add(&mut all, node, format!("{path}.env"), Purpose::Data);
            }
        });
    }
    if let Some(node) = kustomization.get("openapi").and_then(|map| map.get("path")) {
        add(&mut all, node, "openapi.path".to_owned(), Purpose::Part);
    }
    all
}

/// The files and folders of this machine that it takes objects from.
pub(in crate::manifests) fn named_paths(kustomization: &Node) -> impl Iterator<Item = &str> {
    let listed = listed(kustomization).into_iter();
    let listed = listed.filter(|one| one.purpose.is_of_objects() && !is_remote(one.written));
    listed.map(|one| one.written)
}

fn each<'n>(map: &'n Node, key: &str, mut found: impl FnMut(&'n Node, String)) {
    let items = map.get(key).and_then(Node::as_sequence);
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        found(item, format!("{key}[{index}]"));
    }
}

fn add<'n>(all: &mut Vec<Listed<'n>>, node: &'n Node, path: String, purpose: Purpose) {
    let Some(written) = node.as_str().filter(|text| !text.is_empty()) else {
        return;
    };
    // in generators a key may stand before the path
    let is_keyed = path.contains(".files[");
    let written = match written.split_once('=') {
        Some((_, file)) if is_keyed => file,
        _ => written,
    };
    all.push(Listed {
        written,
        purpose,
        path,
        span: node.span,
    });
}

#[cfg(test)]
mod tests {
    use super::listed;
    use crate::flux::yaml::read;

    #[test]
    fn every_way_to_name_a_file_is_found_and_what_stands_there_itself_is_not() {
        let text = "resources: [a.yaml]\ncomponents: [../c]\npatches: [{path: p.yaml}, {patch: x}]\npatchesStrategicMerge: ['kind: A\n\n', s.yaml]\nconfigMapGenerator: [{files: [v.yaml=w.yaml, x.txt], envs: [e]}]\n";
        let documents = read(text, 0).0;
        let listed = listed(&documents[0]).into_iter();
        let listed: Vec<_> = listed
            .map(|one| format!("{}: {}", one.path, one.written))
            .collect();
        assert_eq!(
            listed,
            [
                "resources[0]: a.yaml",
                "components[0]: ../c",
                "patchesStrategicMerge[1]: s.yaml",
                "patches[0].path: p.yaml",
                "configMapGenerator[0].files[0]: w.yaml",
                "configMapGenerator[0].files[1]: x.txt",
                "configMapGenerator[0].envs[0]: e",
            ]
        );
    }
}

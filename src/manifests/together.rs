//! What is applied together, by one Kustomization or one listing of kustomize, and what in turn.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::config::Sources;
use crate::flux::yaml::Node;

use super::applied::is_empty;
use super::clusters::Clusters;
use super::kustomize::touched_by;
use super::reach::Reach;
use super::references::text;
use super::touched::Touched;
use super::ways::{by_path, placed, ways};

/// Files that are applied together.
#[derive(Debug)]
pub struct Together<'a> {
    clusters: Clusters<'a>,
    /// What takes some in, in words.
    groups: Vec<String>,
    /// The numbers of those that take in a file and change no names on the way.
    of_file: HashMap<&'a Path, Vec<usize>>,
    /// Of each file the Kustomizations of Flux that apply it as it is called.
    appliers: HashMap<&'a Path, Vec<&'a Node>>,
    sources: &'a Sources,
}

impl<'a> Together<'a> {
    /// `documents` are objects, `own` the configurations of kustomize.
    pub fn of(documents: &'a [Node], own: &'a [Node], sources: &'a Sources) -> Self {
        let (documents, own) = (placed(documents, sources), placed(own, sources));
        let ways = ways(&documents, &own);
        let files = documents.iter().chain(&own);
        let files: BTreeSet<&Path> = files.map(|(_, file)| *file).collect();
        let reach = Reach::of(&ways, &files);
        let closed = own
            .iter()
            // what a component does to names is not looked at
            .filter(|(node, _)| {
                let components = node.get("components");
                touched_by(node) != Touched::Not || components.is_some_and(|it| !is_empty(it))
            });
        let closed: BTreeSet<&Path> = closed.map(|(_, file)| *file).collect();
        let is_closed = |file: &Path| closed.contains(file);
        let mut all = Self {
            clusters: Clusters::of(&documents, &own, &ways),
            groups: Vec::new(),
            of_file: HashMap::new(),
            appliers: HashMap::new(),
            sources,
        };
        for (path, appliers) in by_path(&ways) {
            let found = reach.from(path, &is_closed);
            if reach
                .kustomization(path)
                .is_none_or(|file| !is_closed(file))
            {
                let keeping = appliers.iter().filter(|applier| keeps_names(applier));
                let keeping: Vec<&Node> = keeping.copied().collect();
                for file in &found {
                    all.appliers.entry(file).or_default().extend(&keeping);
                }
            }
            if let Some(first) = appliers.first() {
                all.add(called(first), found);
            }
        }
        for (folder, file) in reach.kustomized() {
            let found = reach.from(folder, &is_closed);
            all.add(format!("`{}`", file.display()), found);
        }
        all
    }

    fn add(&mut self, group: String, files: Vec<&'a Path>) {
        for file in files {
            self.of_file
                .entry(file)
                .or_default()
                .push(self.groups.len());
        }
        self.groups.push(group);
    }

    /// What takes in a file, by numbers.
    pub fn groups(&self, file: &Path) -> &[usize] {
        self.of_file.get(file).map_or(&[], Vec::as_slice)
    }

    /// What a group is called.
    pub fn name(&self, group: usize) -> &str {
        &self.groups[group]
    }

    /// Two Kustomizations of one cluster of which each applies one of the files.
    pub fn in_turn(&self, one: &Path, other: &Path) -> Option<(String, String)> {
        let appliers = |file| self.appliers.get(file).into_iter().flatten();
        let file = |applier: &Node| Path::new(self.sources.name(applier.span.source));
        let mut pairs = appliers(one).flat_map(|a| appliers(other).map(move |b| (*a, *b)));
        let (one, other) = pairs.find(|(a, b)| {
            a.span != b.span
                && namespace(a) == namespace(b)
                && !self.clusters.are_apart(file(a), file(b))
        })?;
        Some((called(one), called(other)))
    }
}

/// Whether it applies objects in this cluster under the names that they have.
fn keeps_names(applier: &Node) -> bool {
    let spec = applier.get("spec");
    let is_said = |key: &str| {
        spec.and_then(|spec| spec.get(key))
            .is_some_and(|it| !is_empty(it))
    };
    !["kubeConfig", "namePrefix", "nameSuffix"]
        .into_iter()
        .any(is_said)
}

/// Where it puts what names no namespace.
fn namespace(applier: &Node) -> Option<&str> {
    text(applier.get("spec")?, "targetNamespace")
}

fn called(applier: &Node) -> String {
    let of_metadata = |key| applier.get("metadata").and_then(|it| text(it, key));
    let name = of_metadata("name").unwrap_or_default();
    match of_metadata("namespace") {
        Some(namespace) => format!("Kustomization `{namespace}/{name}`"),
        None => format!("Kustomization `{name}`"),
    }
}

//! What is known of the manifests that a configuration was made of: what applies them, and where they lie.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::adopt::{Adoption, Applier, Home, Old};
use crate::flux::yaml::{Node, Span};
use crate::manifests::{BOOTSTRAPPED, BUILT, Whose, is_suspended};

use super::existing::Existing;
use super::new_files::quoted;
use super::whose::OfDocuments;

/// How many Kustomizations above each other are looked at.
const DEEPEST: usize = 16;

/// Labels by which Flux says which Kustomization applied an object.
const APPLIED: [&str; 2] = [
    "kustomize.toolkit.fluxcd.io/namespace",
    "kustomize.toolkit.fluxcd.io/name",
];

/// Namespace and name.
type Named = (String, String);

/// Of those that are no more needed once the configuration is rendered.
pub(super) fn old(
    adoption: &Adoption,
    existing: &Existing,
    clusters: &OfDocuments,
    is_adopted: &dyn Fn(&Node) -> bool,
) -> Old {
    let whose = existing.whose();
    let left = adoption.left_alone.iter();
    let left: HashSet<Span> = left.map(|one| one.span).collect();
    let (gone, kept): (Vec<&Node>, Vec<&Node>) = existing
        .documents
        .iter()
        .partition(|document| is_adopted(document) && !left.contains(&document.span));
    let look = Look {
        existing,
        whose: &whose,
        clusters,
        by_name: existing
            .documents
            .iter()
            .filter(|document| text(document, "kind") == "Kustomization" && is_adopted(document))
            .map(|document| (named(document), document))
            .collect(),
    };
    let mut old = Old {
        appliers: look.appliers(&gone),
        ..Old::default()
    };
    let texts = |documents: &[&Node]| -> BTreeSet<u32> {
        documents
            .iter()
            .map(|document| document.span.source)
            .collect()
    };
    let kept = texts(&kept);
    let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
    let mut listing = BTreeSet::new();
    for source in texts(&gone) {
        let name = existing.read.sources.name(source);
        let path = Path::new(name);
        // of what kustomize built, and of a stream, the files are not known
        if !existing.is_in_files() || path.ends_with(BUILT) {
            continue;
        }
        if kept.contains(&source) {
            old.mixed.push(quoted(name));
            continue;
        }
        old.files.push(quoted(name));
        taken.insert(path.to_owned());
        let listed = whose.listed_by(path).iter();
        listing.extend(listed.map(|file| quoted(&file.display().to_string())));
    }
    old.listing = listing.into_iter().collect();
    let emptied = whose.applying_only(&|file| taken.contains(file));
    let emptied: BTreeSet<String> = emptied
        .into_iter()
        .map(|document| {
            let (namespace, name) = named(document);
            format!("{namespace}/{name}")
        })
        .collect();
    old.emptied = emptied.into_iter().collect();
    old.namespaces = namespaces(&gone, existing, &whose);
    if existing.is_in_files() {
        for (cluster, folder) in whose.homes() {
            let name = folder.file_name().and_then(OsStr::to_str);
            let is_called_so = cluster
                .as_deref()
                .is_some_and(|cluster| name == Some(cluster));
            let above = folder.parent().filter(|_| is_called_so);
            let shown = |folder: &Path| match folder.as_os_str().is_empty() {
                true => ".".to_owned(),
                false => quoted(&folder.display().to_string()),
            };
            old.homes.push(Home {
                cluster: cluster.as_deref().map(str::to_owned),
                folder: shown(folder),
                above: above.map(shown),
            });
            let kustomization = whose.kustomization_of(folder);
            old.of_homes.extend(kustomization.map(shown));
        }
    }
    old
}

/// The Namespaces that these objects lie in and that another Kustomization than the uppermost makes, each
/// with its place.
fn namespaces(gone: &[&Node], existing: &Existing, whose: &Whose<'_>) -> Vec<String> {
    let in_use: BTreeSet<String> = gone.iter().map(|document| named(document).0).collect();
    let sources = &existing.read.sources;
    let documents = existing.documents.iter();
    let made = documents.filter(|document| {
        text(document, "kind") == "Namespace"
            && text(document, "apiVersion") == "v1"
            && in_use.contains(&named(document).1)
    });
    let below = made.filter(|document| {
        let appliers = whose.appliers(Path::new(sources.name(document.span.source)));
        let is_uppermost =
            |applier: &&Node| named(applier) == (BOOTSTRAPPED.into(), BOOTSTRAPPED.into());
        !appliers.is_empty() && !appliers.iter().any(is_uppermost)
    });
    below
        .map(|document| {
            let line = sources.position(document.span).line;
            let place = format!("{}:{line}", sources.name(document.span.source));
            format!("{} ({place})", named(document).1)
        })
        .collect()
}

/// With what appliers are looked for.
struct Look<'l> {
    existing: &'l Existing,
    whose: &'l Whose<'l>,
    clusters: &'l OfDocuments,
    by_name: BTreeMap<Named, &'l Node>,
}

impl Look<'_> {
    /// All that apply these documents, those above first.
    fn appliers(&self, documents: &[&Node]) -> Vec<Applier> {
        // how far below what applies nothing of it each stands
        let mut depths: BTreeMap<(Option<Arc<str>>, Named), usize> = BTreeMap::new();
        for document in documents {
            for cluster in self.clusters_of(document) {
                self.climb(document, &cluster, 0, &mut depths);
            }
        }
        let mut sorted: Vec<_> = depths.into_iter().collect();
        sorted.sort_by(|(one, depth), (other, than)| {
            (&one.0, than, &one.1).cmp(&(&other.0, depth, &other.1))
        });
        let appliers = sorted
            .into_iter()
            .map(|((cluster, (namespace, name)), _)| Applier {
                cluster: cluster.as_deref().map(str::to_owned),
                namespace,
                name,
            });
        appliers.collect()
    }

    fn climb(
        &self,
        document: &Node,
        cluster: &Option<Arc<str>>,
        height: usize,
        heights: &mut BTreeMap<(Option<Arc<str>>, Named), usize>,
    ) {
        if height == DEEPEST {
            return;
        }
        for (name, applier) in self.above(document) {
            let is_here = applier.is_none_or(|one| self.clusters_of(one).contains(cluster));
            if !is_here || name == named(document) {
                continue;
            }
            // what a person suspended applies nothing, and is resumed by nobody
            if applier.is_some_and(is_suspended) {
                continue;
            }
            let known = heights.entry((cluster.clone(), name)).or_default();
            // it was climbed from there already
            if *known > height {
                continue;
            }
            *known = height + 1;
            if let Some(applier) = applier {
                self.climb(applier, cluster, height + 1, heights);
            }
        }
    }

    /// What applies a document: as its file lies, or as Flux labelled it.
    fn above(&self, document: &Node) -> Vec<(Named, Option<&Node>)> {
        let labels = document.get("metadata").and_then(|it| it.get("labels"));
        let label = |key| {
            labels
                .and_then(|labels| labels.get(key))
                .and_then(Node::as_str)
        };
        if let [Some(namespace), Some(name)] = APPLIED.map(label) {
            let name = (namespace.to_owned(), name.to_owned());
            let applier = self.by_name.get(&name).copied();
            return vec![(name, applier)];
        }
        let file = self.existing.read.sources.name(document.span.source);
        let appliers = self.whose.appliers(Path::new(file)).into_iter();
        appliers
            .map(|applier| (named(applier), Some(applier)))
            .collect()
    }

    fn clusters_of(&self, document: &Node) -> Vec<Option<Arc<str>>> {
        let clusters = self.clusters.get(&document.span).cloned();
        clusters.unwrap_or_default()
    }
}

fn named(document: &Node) -> Named {
    let of_metadata = |key| document.get("metadata").map_or("", |it| text(it, key));
    (
        of_metadata("namespace").to_owned(),
        of_metadata("name").to_owned(),
    )
}

fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

//! For which clusters manifests are that exist: as they are marked, else by the folders that they lie in.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::flux::yaml::Span;
use crate::manifests::Whose;
use crate::render::{Clusters, cluster_of_folder};

use super::existing::Existing;

/// The clusters of each document; `None` among them: one that has no name, or nothing says it.
pub(super) type OfDocuments = HashMap<Span, Vec<Option<Arc<str>>>>;

/// Beside a configuration that names clusters. A folder that is surely for a cluster is that of no other,
/// though the configuration does not name it.
pub(super) fn among(existing: &Existing, known: &[Arc<str>]) -> OfDocuments {
    let whose = existing.whose();
    let called: HashSet<Arc<str>> = files(existing)
        .into_iter()
        .flat_map(|file| whose.clusters(file).unwrap_or_default())
        .collect();
    of_documents(existing, &|file| {
        if known.is_empty() {
            return Vec::new();
        }
        let named = whose.clusters(file).unwrap_or_default();
        if named.iter().any(|name| known.contains(name)) {
            return named;
        }
        match cluster_of_folder(file, known) {
            Some(folder) if named.is_empty() || !called.contains(&folder) => vec![folder],
            _ => named,
        }
    })
}

/// Gives to one cluster all that may be any's: not what lies beside the folders of several. The documents
/// that it was given to.
pub(super) fn give(
    existing: &Existing,
    clusters: &mut OfDocuments,
    to: &Arc<str>,
) -> HashSet<Span> {
    let whose = existing.whose();
    let mut given = HashSet::new();
    for (span, clusters) in clusters.iter_mut() {
        if clusters[..] == [None] && !is_for_none(existing, &whose, *span) {
            *clusters = vec![Some(to.clone())];
            given.insert(*span);
        }
    }
    given
}

/// As marks and folders call them. Left out is what is for none of several clusters.
pub(super) fn as_called(existing: &Existing) -> OfDocuments {
    let whose = existing.whose();
    let mut all = of_documents(existing, &|file| whose.clusters(file).unwrap_or_default());
    all.retain(|span, clusters| clusters[..] != [None] || !is_for_none(existing, &whose, *span));
    all
}

/// Whether there are several clusters and it lies where it is for none of them.
fn is_for_none(existing: &Existing, whose: &Whose<'_>, span: Span) -> bool {
    let file = Path::new(existing.read.sources.name(span.source));
    whose.clusters(file).is_none()
}

/// All of one cluster.
pub(super) fn all_of(existing: &Existing, name: &str) -> OfDocuments {
    of_documents(existing, &|_| vec![name.into()])
}

fn of_documents(existing: &Existing, by_path: &dyn Fn(&Path) -> Vec<Arc<str>>) -> OfDocuments {
    let mut clusters = Clusters::new(&existing.read.sources, by_path);
    let spans = existing.documents.iter().map(|document| document.span);
    spans.map(|span| (span, clusters.of(span))).collect()
}

fn files(existing: &Existing) -> BTreeSet<&Path> {
    let documents = existing.documents.iter();
    let names = documents.map(|one| existing.read.sources.name(one.span.source));
    names.map(Path::new).collect()
}

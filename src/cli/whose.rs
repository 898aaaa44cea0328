//! For which clusters manifests are that exist: as they are marked, else by the folders that they lie in.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::flux::yaml::Span;
use crate::render::{Clusters, cluster_of_folder};

use super::existing::Existing;

/// The clusters of each document; `None` among them: one that has no name, or nothing says it.
pub(super) type OfDocuments = HashMap<Span, Vec<Option<Arc<str>>>>;

/// Among clusters that are known.
pub(super) fn among(existing: &Existing, known: &[Arc<str>]) -> OfDocuments {
    let whose = existing.whose();
    of_documents(existing, &|file| {
        let named = whose.clusters(file).unwrap_or_default();
        let named = named.into_iter().filter(|name| known.contains(name));
        match named.collect::<Vec<_>>() {
            named if named.is_empty() => cluster_of_folder(file, known).into_iter().collect(),
            named => named,
        }
    })
}

/// As marks and folders call them. Left out is what is for none of several clusters.
pub(super) fn as_called(existing: &Existing) -> OfDocuments {
    let whose = existing.whose();
    let mut all = of_documents(existing, &|file| whose.clusters(file).unwrap_or_default());
    all.retain(|span, clusters| {
        let file = Path::new(existing.read.sources.name(span.source));
        clusters[..] != [None] || whose.clusters(file).is_some()
    });
    all
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

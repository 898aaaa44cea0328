//! Which folders are for one cluster alone, where manifests of several lie together.
//!
//! ```text
//! clusters/prod, clusters/staging       the folders in one that is called `clusters`
//! eu/flux-system/gotk-sync.yaml         the folder that `flux bootstrap` was given
//! prod/web.yaml, staging/web.yaml       folders side by side that hold the same Kustomization, or a GitRepository
//!                                       that says one thing here and another there: in one cluster they would
//!                                       be applied over each other
//! apps/prod, clusters/base              what a Kustomization, of Flux or of kustomize, of one of these takes in:
//!                                       it is for the same cluster, or for several
//! ```
//!
//! What lies anywhere else may be for any cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::flux::yaml::{Node, Value};

use super::references::key_of;
use super::ways::{BOOTSTRAPPED, Way};

/// The folder that holds one for each cluster.
pub const CLUSTERS: &str = "clusters";

/// Folders of clusters.
#[derive(Debug, Default)]
pub(super) struct Clusters<'a> {
    /// Folders for one cluster each, and whether more than their neighbours says so.
    pub(super) homes: HashMap<&'a Path, bool>,
    /// The homes that take in a folder or a file from elsewhere.
    pub(super) taken_in: HashMap<PathBuf, BTreeSet<&'a Path>>,
}

impl<'a> Clusters<'a> {
    /// `documents` are objects, `kustomizations` the configurations of kustomize, each with its file, and
    /// `ways` those by which they are taken in.
    pub(super) fn of(
        documents: &[(&'a Node, &'a Path)],
        kustomizations: &[(&'a Node, &'a Path)],
        ways: &[Way<'a>],
    ) -> Self {
        let mut clusters = Self::default();
        let mut places: BTreeMap<_, BTreeMap<&Path, &Node>> = BTreeMap::new();
        let mut folders = HashSet::new();
        for (_, file) in documents.iter().chain(kustomizations) {
            let around = file.ancestors().skip(1);
            for folder in around.take_while(|it| folders.insert(*it)) {
                let parent = folder.parent().and_then(Path::file_name);
                if parent.is_some_and(|parent| parent == CLUSTERS) {
                    clusters.homes.insert(folder, true);
                }
            }
        }
        for (document, file) in documents {
            let Some(folder) = file.parent() else {
                continue;
            };
            let Some(key) = key_of(document) else {
                continue;
            };
            let is_telling = matches!(&*key.kind, "Kustomization" | "GitRepository")
                && key.group.ends_with(".toolkit.fluxcd.io");
            let Some(namespace) = key.namespace.filter(|_| is_telling) else {
                continue;
            };
            let is_bootstrapped = folder.ends_with(BOOTSTRAPPED)
                && (&*namespace, &*key.name) == (BOOTSTRAPPED, BOOTSTRAPPED);
            if let (true, Some(home)) = (is_bootstrapped, folder.parent()) {
                clusters.homes.insert(home, true);
            }
            let places = places.entry((key.kind, namespace, key.name));
            places.or_default().insert(folder, document);
        }
        for ((kind, ..), places) in places {
            let mut all = places.values();
            let first = all.next().and_then(|document| document.get("spec"));
            // several people of one cluster may write down the source that they share
            if &*kind == "GitRepository" && all.all(|one| is_same(first, one.get("spec"))) {
                continue;
            }
            let folders: Vec<_> = places.into_keys().collect();
            for pair in folders.windows(2) {
                for home in beside(pair[0], pair[1]).into_iter().flatten() {
                    clusters.homes.entry(home).or_insert(false);
                }
            }
        }
        if !clusters.homes.is_empty() {
            clusters.take_in(ways);
        }
        clusters
    }

    /// Follows what the homes name, and what that names, until nothing new is reached.
    fn take_in(&mut self, ways: &[Way<'a>]) {
        loop {
            let mut is_new = false;
            for way in ways {
                for home in self.of_file(way.file) {
                    if !way.to.starts_with(home) && !home.starts_with(&way.to) {
                        let homes = self.taken_in.entry(way.to.clone()).or_default();
                        is_new |= homes.insert(home);
                    }
                }
            }
            if !is_new {
                return;
            }
        }
    }

    /// The homes of the clusters that a file is for; empty where it may be for any.
    pub(super) fn of_file(&self, file: &Path) -> Vec<&'a Path> {
        let mut around = file.ancestors();
        let found = around.find_map(|path| match self.taken_in.get(path) {
            Some(homes) => Some(homes.iter().copied().collect()),
            None => self.homes.get_key_value(path).map(|(home, _)| vec![*home]),
        });
        found.unwrap_or_default()
    }

    /// Whether there is no cluster that both files may be for.
    pub(super) fn are_apart(&self, one: &Path, other: &Path) -> bool {
        if self.homes.len() < 2 || one.parent() == other.parent() {
            return false;
        }
        let (one, other) = (self.of_file(one), self.of_file(other));
        let mut pairs = one
            .iter()
            .flat_map(|one| other.iter().map(move |other| (*one, *other)));
        !one.is_empty()
            && !other.is_empty()
            && pairs.all(|(one, other)| self.are_two_clusters(one, other))
    }

    fn are_two_clusters(&self, one: &Path, other: &Path) -> bool {
        let is_sure = |home| self.homes.get(home) == Some(&true);
        let are_beside = one.parent() == other.parent();
        !one.starts_with(other)
            && !other.starts_with(one)
            && (are_beside || is_sure(one) && is_sure(other))
    }
}

/// Whether two values are the same, wherever they stand.
fn is_same(one: Option<&Node>, other: Option<&Node>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return one.is_none() && other.is_none();
    };
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => {
            one.resolve() == other.resolve() && one.text == other.text
        }
        (Value::Sequence(one), Value::Sequence(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| is_same(Some(one), Some(other)))
        }
        (Value::Mapping(entries), Value::Mapping(others)) => {
            let mut keys = entries.iter();
            entries.len() == others.len()
                && keys.all(|entry| is_same(Some(&entry.node), other.get(&entry.key)))
        }
        _ => false,
    }
}

/// Of two folders of which none lies in the other those that lie side by side around them.
fn beside<'p>(one: &'p Path, other: &'p Path) -> Option<[&'p Path; 2]> {
    let above = one.ancestors().find(|above| other.starts_with(above))?;
    let below = |folder: &'p Path| {
        let mut around = folder.ancestors();
        around.find(|it| it.parent() == Some(above))
    };
    Some([below(one)?, below(other)?])
}

#[cfg(test)]
mod tests {
    use super::Clusters;
    use crate::flux::yaml::{Node, read};
    use crate::manifests::ways::ways;
    use std::path::Path;

    fn source(name: &str) -> String {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {name}, namespace: flux-system}}\n"
        )
    }

    fn applies(name: &str, path: &str) -> String {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{path: {path}, sourceRef: {{kind: GitRepository, name: flux-system}}}}\n"
        )
    }

    /// Whether two of these files are of two clusters; of kustomize are those that are called so.
    fn are_apart(files: &[(&str, String)], one: &str, other: &str) -> bool {
        let read = files.iter().map(|(file, text)| {
            let document = read(text, 0).0.remove(0);
            (document, Path::new(*file))
        });
        let all: Vec<(Node, &Path)> = read.collect();
        let placed = all.iter().map(|(node, file)| (node, *file));
        let (own, documents): (Vec<_>, Vec<_>) =
            placed.partition(|(_, file)| file.ends_with("kustomization.yaml"));
        let clusters = Clusters::of(&documents, &own, &ways(&documents, &own));
        let (one, other) = (Path::new(one), Path::new(other));
        assert_eq!(
            clusters.are_apart(one, other),
            clusters.are_apart(other, one)
        );
        clusters.are_apart(one, other)
    }

    #[test]
    fn folders_below_clusters_and_those_that_were_bootstrapped_are_clusters() {
        let files = [
            ("clusters/prod/a.yaml", source("a")),
            ("clusters/staging/b.yaml", source("b")),
            ("eu/one/flux-system/gotk-sync.yaml", source("flux-system")),
            ("us/two/flux-system/gotk-sync.yaml", source("flux-system")),
            ("infra/c.yaml", source("c")),
        ];
        let apart = |one, other| are_apart(&files, one, other);
        assert!(apart("clusters/prod/a.yaml", "clusters/staging/b.yaml"));
        assert!(apart("clusters/prod/x/a.yaml", "clusters/staging/b.yaml"));
        assert!(apart("eu/one/a.yaml", "us/two/b.yaml"));
        assert!(apart("eu/one/a.yaml", "clusters/prod/a.yaml"));
        assert!(!apart("clusters/prod/a.yaml", "clusters/prod/x/y.yaml"));
        assert!(!apart("clusters/prod/a.yaml", "clusters/b.yaml"));
        assert!(!apart("clusters/prod/a.yaml", "infra/c.yaml"));
        assert!(!apart("eu/a.yaml", "us/two/b.yaml"));
    }

    #[test]
    fn the_same_object_side_by_side_makes_two_clusters_and_beside_something_else_none() {
        let of = |branch: &str| format!("{}spec: {{ref: {{branch: {branch}}}}}\n", source("a"));
        let files = [
            ("/r/prod/sources/a.yaml", of("main")),
            ("/r/staging/sources/a.yaml", of("next")),
            ("/r/staging/sources/deep/a.yaml", of("next")),
            ("/r/other/b.yaml", source("b")),
        ];
        let apart = |one, other| are_apart(&files, one, other);
        assert!(apart("/r/prod/apps/x.yaml", "/r/staging/y.yaml"));
        assert!(!apart("/r/prod/x.yaml", "/r/other/b.yaml"));
        assert!(!apart(
            "/r/staging/x.yaml",
            "/r/staging/sources/deep/a.yaml"
        ));
        // where kustomize names the namespace, one name is of several objects
        let unnamed = |branch| of(branch).replace(", namespace: flux-system", "");
        let files = [("a/a.yaml", unnamed("main")), ("b/a.yaml", unnamed("next"))];
        assert!(!are_apart(&files, "a/a.yaml", "b/a.yaml"));
        // a source that people of one cluster share, each with a file of their own
        let files = [("a/a.yaml", of("main")), ("b/a.yaml", of("main"))];
        assert!(!are_apart(&files, "a/a.yaml", "b/a.yaml"));
        let files = [("a/a.yaml", of("main")), ("b/a.yaml", of("next"))];
        assert!(are_apart(&files, "a/a.yaml", "b/a.yaml"));
        let files = ["a/a.yaml", "b/a.yaml"].map(|file| (file, applies("a", "./x")));
        assert!(are_apart(&files, "a/a.yaml", "b/a.yaml"));
    }

    #[test]
    fn what_a_cluster_takes_in_is_of_it_and_what_several_take_in_is_of_each() {
        let lists = |path: &str| format!("resources: [{path}]\n");
        let files = [
            ("clusters/prod/apps.yaml", applies("apps", "./apps/prod")),
            ("clusters/prod/kustomization.yaml", lists("../base")),
            (
                "clusters/staging/apps.yaml",
                applies("apps", "./apps/staging"),
            ),
            ("clusters/staging/kustomization.yaml", lists("../base")),
            ("clusters/base/a.yaml", source("a")),
            (
                "clusters/base/kustomization.yaml",
                lists("../../more/b.yaml"),
            ),
            (
                "apps/prod/tenants.yaml",
                applies("tenants", "./tenants/prod"),
            ),
            ("apps/staging/c.yaml", source("c")),
            ("more/b.yaml", source("b")),
            ("tenants/prod/d.yaml", source("d")),
        ];
        let apart = |one, other| are_apart(&files, one, other);
        assert!(apart("clusters/prod/x.yaml", "apps/staging/c.yaml"));
        assert!(apart("apps/prod/x.yaml", "apps/staging/c.yaml"));
        assert!(apart("tenants/prod/d.yaml", "clusters/staging/x.yaml"));
        for shared in ["clusters/base/a.yaml", "more/b.yaml"] {
            for cluster in ["clusters/prod/x.yaml", "apps/staging/c.yaml"] {
                assert!(!apart(shared, cluster), "{shared} {cluster}");
            }
        }
        assert!(!apart("clusters/prod/x.yaml", "tenants/prod/d.yaml"));
    }
}

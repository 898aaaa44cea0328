//! The commands of the move, as a shell takes them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::found::{BOOTSTRAP, Deletes};
use super::run::Adopted;

/// Names of one namespace that are put into one command.
const MOST_NAMES: usize = 40;

/// A Kustomization of Flux that applies old manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applier {
    pub cluster: Option<String>,
    pub namespace: String,
    pub name: String,
}

/// What is known of the old manifests; paths are as they were named.
#[derive(Debug, Clone, Default)]
pub struct Old {
    /// What applies them, and what applies that: those above come first.
    pub appliers: Vec<Applier>,
    /// Files that hold nothing but what is rendered; none where no file is known.
    pub files: Vec<String>,
    /// Files that hold something else too.
    pub mixed: Vec<String>,
    /// Configurations of kustomize that list the files.
    pub listing: Vec<String>,
    /// The folder of each cluster, where that is known.
    pub homes: Vec<Home>,
    /// Configurations of kustomize that say what is in those folders.
    pub of_homes: Vec<String>,
    /// Namespaces of what is rendered that only what is applied beside it makes, each with its place.
    pub namespaces: Vec<String>,
    /// Kustomizations, as `flux-system/apps`, that apply nothing but what is rendered.
    pub emptied: Vec<String>,
}

/// The folder that the Flux of a cluster applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub cluster: Option<String>,
    pub folder: String,
    /// The folder around it, where it is called like its cluster.
    pub above: Option<String>,
}

/// Where things are, in words of a shell.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The folder of the configuration.
    pub config: &'a str,
    /// What it was made from.
    pub from: &'a str,
    /// The context of the kubeconfig that it was made from.
    pub context: Option<&'a str>,
}

/// What the commands are made of.
pub(super) struct Commands<'a> {
    all: Vec<&'a Adopted>,
    old: &'a Old,
    places: Places<'a>,
}

impl<'a> Commands<'a> {
    pub(super) fn new(all: &'a [Adopted], old: &'a Old, places: Places<'a>) -> Self {
        Self {
            all: all.iter().collect(),
            old,
            places,
        }
    }

    pub(super) fn has_several_clusters(&self) -> bool {
        let mut pairs = self.all.windows(2);
        pairs.any(|two| two[0].cluster != two[1].cluster)
    }

    /// Whether the contexts are only taken to be called like the clusters.
    pub(super) fn guesses_contexts(&self) -> bool {
        let mut all = self.all.iter();
        self.places.context.is_none() && all.any(|one| one.cluster.is_some())
    }

    /// What names the context of a cluster.
    pub(super) fn context(&self, cluster: Option<&str>) -> String {
        let context = self.places.context.or(cluster);
        context.map_or_else(String::new, |name| format!(" --context {name}"))
    }

    /// One for each cluster.
    pub(super) fn for_clusters<T>(&self, command: impl Fn(Option<&str>) -> T) -> Vec<T> {
        let clusters = self.all.iter().map(|one| one.cluster.as_deref());
        let mut clusters: Vec<Option<&str>> = clusters.collect();
        clusters.sort_unstable();
        clusters.dedup();
        clusters.into_iter().map(command).collect()
    }

    /// The folder of a cluster, where that is known.
    fn home(&self, cluster: Option<&str>) -> Option<&'a Home> {
        let mut homes = self.old.homes.iter();
        homes.find(|home| home.cluster.as_deref() == cluster)
    }

    /// The one folder to render into: of several clusters that around theirs.
    fn output(&self) -> Option<&'a str> {
        let folders = self.for_clusters(|cluster| {
            let home = self.home(cluster)?;
            match self.has_several_clusters() {
                true => home.above.as_deref(),
                false => Some(&*home.folder),
            }
        });
        let first = *folders.first()?;
        first.filter(|_| folders.iter().all(|folder| *folder == first))
    }

    /// Renders to where the Flux of each cluster looks, takes the old away, and commits that.
    pub(super) fn render(&self) -> Vec<String> {
        let render = format!("flux-setup render --config {}", self.places.config);
        let homes = self.for_clusters(|cluster| self.home(cluster).zip(cluster.map(str::to_owned)));
        let homes: Option<Vec<_>> = homes.into_iter().collect();
        let (rendered, folders) = match (self.output(), homes) {
            (Some(folder), _) => (
                vec![format!("{render} --output {folder}")],
                folder.to_owned(),
            ),
            (None, Some(homes)) => {
                let each = homes.iter();
                let rendered = each.map(|(home, cluster)| {
                    format!("{render} --cluster {cluster} --output {}", home.folder)
                });
                let folders: Vec<_> = homes.iter().map(|(home, _)| &*home.folder).collect();
                (rendered.collect(), folders.join(" "))
            }
            (None, None) => (vec![format!("{render} --output DIR")], "DIR".to_owned()),
        };
        let by_hand = [&self.old.mixed, &self.old.listing, &self.old.of_homes];
        let update = match by_hand.iter().all(|files| files.is_empty()) {
            true => "",
            false => "git add --update && ",
        };
        let commit = format!("{update}git add {folders} && git commit && git push");
        [rendered, self.old.commands(), vec![commit]].concat()
    }

    /// What the Flux of each cluster would change.
    pub(super) fn diff(&self) -> Vec<String> {
        self.for_clusters(|cluster| {
            let folder = match (self.home(cluster), cluster) {
                (Some(home), _) => home.folder.clone(),
                // of several each has a folder of its own
                (None, Some(name)) if self.has_several_clusters() => format!("DIR/{name}"),
                (None, _) => "DIR".to_owned(),
            };
            let context = self.context(cluster);
            format!("flux diff kustomization flux-system --path {folder}{context}")
        })
    }

    /// Suspends or resumes all that applies the old manifests.
    pub(super) fn of_flux(&self, verb: &str) -> Vec<String> {
        let bootstrap = self.for_clusters(|cluster| Applier {
            cluster: cluster.map(str::to_owned),
            namespace: BOOTSTRAP.to_owned(),
            name: BOOTSTRAP.to_owned(),
        });
        // what all of it hangs on comes first, whether it lies among the manifests or not
        let appliers = self.old.appliers.iter();
        let below = appliers.filter(|one| !bootstrap.contains(one));
        let all = bootstrap.iter().chain(below);
        let commands = all.map(|one| {
            let namespace = match &*one.namespace {
                BOOTSTRAP => String::new(),
                namespace => format!(" --namespace {namespace}"),
            };
            let context = self.context(one.cluster.as_deref());
            format!("flux {verb} kustomization {}{namespace}{context}", one.name)
        });
        commands.collect()
    }

    /// Takes off that anything deletes.
    pub(super) fn keep_all(&self) -> Vec<String> {
        self.each_way(|way| patch(way, false, "Orphan"))
    }

    /// Puts back how each deletes.
    pub(super) fn delete_again(&self) -> Vec<String> {
        self.each_way(|way| patch(way, true, way.policy.as_deref().unwrap_or_default()))
    }

    fn each_way(&self, patch: impl Fn(&Deletes) -> String) -> Vec<String> {
        let ways = self.all.iter().filter_map(|one| one.deletes.as_ref());
        let ways: BTreeSet<&Deletes> = ways.collect();
        let commands = ways.into_iter().flat_map(|way| {
            let those = self.all.iter().copied();
            let those = those.filter(|one| one.deletes.as_ref() == Some(way));
            self.patches(&those.collect::<Vec<_>>(), &patch(way))
        });
        commands.collect()
    }

    /// One for the Kustomizations of each cluster and namespace.
    fn patches(&self, all: &[&Adopted], patch: &str) -> Vec<String> {
        let mut commands = Vec::new();
        let same = |one: &&Adopted, other: &&Adopted| {
            one.cluster == other.cluster && one.namespace == other.namespace
        };
        for group in all.chunk_by(same) {
            for names in group.chunks(MOST_NAMES) {
                let first = names[0];
                let list: Vec<&str> = names.iter().map(|one| one.name.as_str()).collect();
                commands.push(format!(
                    "for name in {}; do kubectl{} -n {} patch kustomization $name --type merge -p '{patch}'; done",
                    list.join(" "),
                    self.context(first.cluster.as_deref()),
                    first.namespace
                ));
            }
        }
        commands
    }
}

impl Old {
    /// What takes the old manifests away; as comments what is done by hand.
    pub(super) fn commands(&self) -> Vec<String> {
        let mut commands = Vec::new();
        let is_known = !(self.files.is_empty() && self.mixed.is_empty());
        for files in self.files.chunks(MOST_NAMES) {
            commands.push(format!("git rm {}", files.join(" ")));
        }
        if !is_known {
            commands.push("git rm OLD-FILES".to_owned());
        }
        let by_hand = |what: &str, all: &[String]| {
            all.chunks(MOST_NAMES)
                .map(|some| format!("# {what}: {}", some.join(" ")))
                .collect::<Vec<_>>()
        };
        commands.extend(by_hand("take these objects alone out of", &self.mixed));
        commands.extend(by_hand("take the files' entries out of", &self.listing));
        commands.extend(by_hand("list what was rendered in", &self.of_homes));
        commands.extend(by_hand(
            "put these Namespaces beside what was rendered: on a new cluster it comes before what makes them, \
             and waits for them for ever",
            &self.namespaces,
        ));
        commands.extend(by_hand(
            "leave a manifest or a kustomization.yaml where these look, or take them away too: they would find no path",
            &self.emptied,
        ));
        commands
    }
}

/// What of this way to delete is set to another value, as a patch.
fn patch(way: &Deletes, prune: bool, policy: &str) -> String {
    let mut spec = Map::new();
    if way.prunes {
        spec.insert("prune".into(), Value::from(prune));
    }
    if way.policy.is_some() {
        spec.insert("deletionPolicy".into(), Value::from(policy));
    }
    serde_json::json!({"spec": spec}).to_string()
}

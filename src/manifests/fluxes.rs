//! Which Flux judges each file: the one that was given for its cluster or for all, else the one that is
//! installed in its cluster.
//!
//! ```text
//! clusters/prod/apps/web.yaml    of the cluster `clusters/prod`: what was given for `prod`, else for all,
//!                                else what its gotk-components.yaml installs
//! infrastructure/redis.yaml      taken in by two clusters: judged by the Flux of each
//! snippets/a.yaml                of no cluster: what was given for all, else the newest that is installed
//! ```

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::config::Sources;
use crate::flux::schema::FluxVersion;
use crate::flux::yaml::Node;

use super::clusters::Clusters;
use super::installed::Installed;
use super::ways::ways;

/// A version of Flux that somebody gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenFlux {
    /// The name of a cluster, or the end of its folder's path; `None`: all that have none of their own.
    pub cluster: Option<String>,
    pub version: FluxVersion,
}

impl GivenFlux {
    /// Reads `2.9` or `prod-eu=2.9`.
    ///
    /// # Errors
    /// Why it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (cluster, version) = match text.rsplit_once('=') {
            Some((cluster, version)) => (Some(cluster.trim_matches('/')), version),
            None => (None, text),
        };
        if cluster.is_some_and(str::is_empty) {
            return Err(format!(
                "`{text}` names no cluster; write `CLUSTER={version}`"
            ));
        }
        Ok(Self {
            cluster: cluster.map(str::to_owned),
            version: FluxVersion::parse(version)
                .map_err(|error| format!("{error}; {}", error.hint("--crds")))?,
        })
    }

    /// Whether a folder is the one that is meant.
    fn is_of(&self, folder: &Path) -> bool {
        let cluster = self.cluster.as_deref();
        cluster.is_some_and(|cluster| folder.ends_with(cluster))
    }
}

/// What says which Flux it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JudgedBy {
    Given(FluxVersion),
    /// By its number among those that are installed.
    Installed(usize),
    /// Nothing.
    Default,
}

/// One of the clusters that a file is for, and its Flux.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FluxPlace {
    /// Its name or folder; `None`: no cluster that can be told.
    pub cluster: Option<String>,
    pub by: JudgedBy,
}

/// The Flux of each file.
#[derive(Debug)]
pub struct Fluxes {
    /// By the number of its text; of several clusters that have the same the first.
    places: HashMap<u32, Vec<FluxPlace>>,
    /// Of all files.
    all: BTreeSet<FluxPlace>,
}

impl Fluxes {
    /// `generators` are kustomize's own configurations; `rendered_for` names the cluster for which a text
    /// was rendered.
    pub fn of(
        documents: &[Node],
        generators: &[Node],
        sources: &Sources,
        rendered_for: &dyn Fn(&str) -> Option<String>,
        given: &[GivenFlux],
        installed: &[Installed],
    ) -> Self {
        let with_file = |node| with_file(node, sources);
        let files: Vec<_> = documents.iter().map(with_file).collect();
        let own: Vec<_> = generators.iter().map(with_file).collect();
        let finder = Finder {
            clusters: Clusters::of(&files, &own, &ways(&files, &own)),
            given,
            installed,
        };
        let mut fluxes = Self {
            places: HashMap::new(),
            all: BTreeSet::new(),
        };
        for (document, file) in files {
            let source = document.span.source;
            if fluxes.places.contains_key(&source) {
                continue;
            }
            let mut places = finder.places(file, rendered_for(sources.text(source)));
            fluxes.all.extend(places.iter().cloned());
            places.sort();
            places.dedup_by_key(|place| place.by);
            fluxes.places.insert(source, places);
        }
        fluxes
    }

    /// Those that a document is judged by, at least one.
    pub fn judges(&self, document: &Node) -> &[FluxPlace] {
        static NONE: [FluxPlace; 1] = [FluxPlace {
            cluster: None,
            by: JudgedBy::Default,
        }];
        let found = self.places.get(&document.span.source);
        found.map_or(&NONE, Vec::as_slice)
    }

    /// Each cluster with its Flux.
    pub fn all(&self) -> impl Iterator<Item = &FluxPlace> {
        self.all.iter()
    }
}

fn with_file<'a>(node: &'a Node, sources: &'a Sources) -> (&'a Node, &'a Path) {
    (node, Path::new(sources.name(node.span.source)))
}

/// What places are found by.
struct Finder<'a> {
    clusters: Clusters<'a>,
    given: &'a [GivenFlux],
    installed: &'a [Installed],
}

impl Finder<'_> {
    fn places(&self, file: &Path, rendered_for: Option<String>) -> Vec<FluxPlace> {
        if let Some(cluster) = rendered_for {
            let named = self.named(Path::new(&cluster));
            let by = named.map_or_else(|| self.otherwise(file), |(_, by)| by);
            let cluster = Some(cluster);
            return vec![FluxPlace { cluster, by }];
        }
        let homes = self.clusters.of_file(file);
        if homes.is_empty() {
            let folder = file.parent().unwrap_or(Path::new(""));
            let (folder, by) = match self.named(folder) {
                Some((folder, by)) => (Some(folder), by),
                None => {
                    let around = Installed::around(self.installed, file);
                    let folder = around.map(|one| &*self.installed[one].folder);
                    let by = match (self.otherwise(file), self.newest()) {
                        (JudgedBy::Default, Some(newest)) => JudgedBy::Installed(newest),
                        (by, _) => by,
                    };
                    (folder, by)
                }
            };
            let cluster = folder.map(shown);
            return vec![FluxPlace { cluster, by }];
        }
        let places = homes.into_iter().map(|home| {
            let at = if file.starts_with(home) { file } else { home };
            let named = self.named(home);
            FluxPlace {
                cluster: Some(shown(home)),
                by: named.map_or_else(|| self.otherwise(at), |(_, by)| by),
            }
        });
        places.collect()
    }

    /// The nearest folder around, or it itself, for whose cluster a version was given.
    fn named<'p>(&self, folder: &'p Path) -> Option<(&'p Path, JudgedBy)> {
        let mut around = folder.ancestors();
        around.find_map(|folder| {
            let given = self.given.iter().find(|given| given.is_of(folder))?;
            Some((folder, JudgedBy::Given(given.version)))
        })
    }

    /// What holds where nothing was given for the cluster.
    fn otherwise(&self, at: &Path) -> JudgedBy {
        let given = self.given.iter().find(|given| given.cluster.is_none());
        let given = given.map(|given| JudgedBy::Given(given.version));
        let installed = || Installed::around(self.installed, at).map(JudgedBy::Installed);
        given.or_else(installed).unwrap_or(JudgedBy::Default)
    }

    /// Of those that are installed: what is of no cluster may be for any.
    fn newest(&self) -> Option<usize> {
        let version = |index: &usize| self.installed[*index].minor();
        (0..self.installed.len()).max_by_key(version)
    }
}

fn shown(folder: &Path) -> String {
    folder.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flux::yaml::read;

    fn given(texts: &[&str]) -> Vec<GivenFlux> {
        let given = texts.iter().map(|text| GivenFlux::parse(text).unwrap());
        given.collect()
    }

    /// The clusters and versions that a file is judged by.
    fn places(files: &[&str], versions: &[&str], file: &str) -> Vec<String> {
        let mut sources = Sources::default();
        let mut documents = Vec::new();
        for name in files {
            let text = match name.split_once(" applies ") {
                Some((_, path)) => format!(
                    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: a, namespace: b}}\nspec: {{path: {path}, sourceRef: {{kind: GitRepository, name: flux-system}}}}\n"
                ),
                None => "a: b\n".to_owned(),
            };
            let name = name.split(' ').next().unwrap_or_default();
            let source = sources.add(name, text.as_str());
            documents.extend(read(&text, source).0);
        }
        let rendered_for = |_: &str| None;
        let fluxes = Fluxes::of(
            &documents,
            &[],
            &sources,
            &rendered_for,
            &given(versions),
            &[],
        );
        let is_it = |document: &&Node| sources.name(document.span.source) == file;
        let document = documents.iter().find(is_it).expect("the file is there");
        let places = fluxes.judges(document).iter().map(|place| {
            let cluster = place.cluster.as_deref().unwrap_or("-");
            match place.by {
                JudgedBy::Given(version) => format!("{cluster} {version}"),
                by => format!("{cluster} {by:?}"),
            }
        });
        places.collect()
    }

    #[test]
    fn a_version_is_of_the_folder_that_is_called_so_and_of_all_that_it_takes_in() {
        let files = [
            "clusters/prod/a.yaml applies ./base",
            "clusters/prod/apps/staging/a.yaml",
            "clusters/staging/a.yaml applies ./base",
            "base/b.yaml",
            "infra/prod/c.yaml",
            "other/d.yaml",
        ];
        let of = |versions: &[&str], file: &str| places(&files, versions, file);
        let both = ["prod=2.8", "clusters/staging=2.10"];
        assert_eq!(of(&both, "clusters/prod/a.yaml"), ["clusters/prod 2.8"]);
        // a folder within a cluster is no other one
        let within = "clusters/prod/apps/staging/a.yaml";
        assert_eq!(of(&both, within), ["clusters/prod 2.8"]);
        assert_eq!(
            of(&both, "base/b.yaml"),
            ["clusters/prod 2.8", "clusters/staging 2.10"]
        );
        assert_eq!(of(&both, "infra/prod/c.yaml"), ["infra/prod 2.8"]);
        assert_eq!(of(&both, "other/d.yaml"), ["- Default"]);
        // the same Flux judges once
        assert_eq!(of(&["2.8"], "base/b.yaml"), ["clusters/prod 2.8"]);
        assert_eq!(of(&["prod=2.7", "2.8"], "other/d.yaml"), ["- 2.8"]);
    }

    #[test]
    fn a_part_of_a_folders_name_is_not_its_name() {
        let files = ["clusters/prod-eu/a.yaml"];
        let of = |version| places(&files, &[version], files[0]);
        assert_eq!(of("eu=2.8"), ["clusters/prod-eu Default"]);
        assert_eq!(of("prod-eu=2.8"), ["clusters/prod-eu 2.8"]);
        assert_eq!(of("clusters/prod-eu/=2.8"), ["clusters/prod-eu 2.8"]);
    }
}

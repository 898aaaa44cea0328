//! For which clusters a file is, by their names, and which Kustomizations apply it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Sources;
use crate::flux::yaml::Node;

use super::clusters::Clusters;
use super::kustomize::is_kustomization_file;
use super::reach::Reach;
use super::ways::{Way, by_path, placed, ways};

/// The most letters of a cluster's name.
const LONGEST_NAME: usize = 63;

/// What a cluster is called of which nothing else can be said.
const NAMELESS: &str = "cluster";

/// The Kustomizations of Flux by the paths that they apply, and the numbers of those that reach each file.
#[derive(Debug, Default)]
struct Applied<'a> {
    by_path: Vec<Vec<&'a Node>>,
    reached: HashMap<&'a Path, Vec<usize>>,
}

/// Whose each file is among manifests that lie together.
#[derive(Debug)]
pub struct Whose<'a> {
    clusters: Clusters<'a>,
    /// Of the folders that are for one cluster each; none where there are fewer than two clusters.
    names: HashMap<&'a Path, Arc<str>>,
    applied: Applied<'a>,
    /// The configurations of kustomize.
    kustomizations: Vec<&'a Path>,
    /// Those that list a file or a folder.
    listed_by: HashMap<PathBuf, Vec<&'a Path>>,
}

impl<'a> Whose<'a> {
    /// `documents` are objects, `kustomizations` the configurations of kustomize.
    pub fn of(documents: &'a [Node], kustomizations: &'a [Node], sources: &'a Sources) -> Self {
        let (documents, kustomizations) =
            (placed(documents, sources), placed(kustomizations, sources));
        let ways = ways(&documents, &kustomizations);
        let clusters = Clusters::of(&documents, &kustomizations, &ways);
        let files = documents.iter().chain(&kustomizations);
        let files: BTreeSet<&Path> = files.map(|(_, file)| *file).collect();
        let mut listed_by: HashMap<PathBuf, Vec<&Path>> = HashMap::new();
        for way in ways.iter().filter(|way| way.by.is_none()) {
            let listed = listed_by.entry(way.to.clone()).or_default();
            listed.push(way.file);
        }
        Self {
            names: names(&clusters, &files),
            kustomizations: kustomizations.iter().map(|(_, file)| *file).collect(),
            clusters,
            applied: Applied::of(&ways, &files),
            listed_by,
        }
    }

    /// The clusters that a file is for: none where there is but one, or nothing says it apart. `None` where
    /// there are several and it is for none of them.
    pub fn clusters(&self, file: &Path) -> Option<Vec<Arc<str>>> {
        if self.names.is_empty() {
            return Some(Vec::new());
        }
        let homes = self.clusters.of_file(file).into_iter();
        let named: BTreeSet<_> = homes.filter_map(|home| self.names.get(home)).collect();
        let named: Vec<_> = named.into_iter().cloned().collect();
        (!named.is_empty()).then_some(named)
    }

    /// The folder of each cluster, by the name of that; by none where there is but one.
    pub fn homes(&self) -> BTreeMap<Option<Arc<str>>, &'a Path> {
        let homes = self.clusters.homes.iter();
        let mut sure = homes.filter(|(_, is_sure)| **is_sure);
        if self.names.is_empty() {
            let only = sure.next().filter(|_| sure.next().is_none());
            return only.map(|(home, _)| (None, *home)).into_iter().collect();
        }
        let mut homes = BTreeMap::new();
        let mut twice = HashSet::new();
        for (home, name) in &self.names {
            if homes.insert(Some(name.clone()), *home).is_some() {
                twice.insert(name);
            }
        }
        homes.retain(|name, _| name.as_ref().is_some_and(|name| !twice.contains(name)));
        homes
    }

    /// The configuration of kustomize that says what is in a folder.
    pub fn kustomization_of(&self, folder: &Path) -> Option<&'a Path> {
        let mut all = self.kustomizations.iter();
        all.find(|file| file.parent() == Some(folder)).copied()
    }

    /// The Kustomizations of Flux that apply a file, as far as they are there.
    pub fn appliers(&self, file: &Path) -> Vec<&'a Node> {
        let numbers = self.applied.reached.get(file).into_iter().flatten();
        let appliers = numbers.flat_map(|number| &self.applied.by_path[*number]);
        appliers.copied().collect()
    }

    /// The Kustomizations of Flux that apply some files, and all of these are such; kustomize's own are not
    /// asked for.
    pub fn applying_only(&self, is_such: &dyn Fn(&Path) -> bool) -> Vec<&'a Node> {
        let mut only: BTreeSet<usize> = BTreeSet::new();
        let mut not_only: BTreeSet<usize> = BTreeSet::new();
        for (file, numbers) in &self.applied.reached {
            let name = file.file_name().and_then(OsStr::to_str);
            match name.is_some_and(is_kustomization_file) {
                true => {}
                false if is_such(file) => only.extend(numbers),
                false => not_only.extend(numbers),
            }
        }
        let numbers = only.difference(&not_only);
        let appliers = numbers.flat_map(|number| &self.applied.by_path[*number]);
        appliers.copied().collect()
    }

    /// The configurations of kustomize that list a file by itself.
    pub fn listed_by(&self, file: &Path) -> &[&'a Path] {
        self.listed_by.get(file).map_or(&[], Vec::as_slice)
    }
}

/// A text as the name of a cluster.
pub fn cluster_name(text: &str) -> String {
    let name = text.to_lowercase();
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let name: String = name.trim_matches('-').chars().take(LONGEST_NAME).collect();
    match name.trim_end_matches('-') {
        "" => NAMELESS.to_owned(),
        name => name.to_owned(),
    }
}

/// The names of the folders of clusters: of those that are surely such, else of those that lie side by side.
fn names<'a>(clusters: &Clusters<'a>, files: &BTreeSet<&Path>) -> HashMap<&'a Path, Arc<str>> {
    let has_sure = clusters.homes.values().any(|is_sure| *is_sure);
    let homes = clusters.homes.iter();
    let homes: BTreeSet<&'a Path> = homes
        // folders side by side in one of a cluster: those of its regions
        .filter(|(home, is_sure)| {
            let mut around = home.ancestors().skip(1);
            **is_sure || !has_sure || around.any(|it| clusters.homes.get(it) == Some(&true))
        })
        .map(|(home, _)| *home)
        // what others take in is for these
        .filter(|home| !clusters.taken_in.contains_key(*home))
        .filter(|home| !files.iter().all(|file| file.starts_with(home)))
        .collect();
    let around: BTreeSet<&Path> = homes
        .iter()
        .flat_map(|home| home.ancestors().skip(1))
        .collect();
    let homes: Vec<&'a Path> = homes
        .into_iter()
        .filter(|it| !around.contains(it))
        .collect();
    let last = |home: &Path, count: usize| {
        let parts: Vec<&OsStr> = home.iter().collect();
        let parts = parts[parts.len().saturating_sub(count)..].iter();
        let parts: Vec<_> = parts.map(|part| part.to_string_lossy()).collect();
        cluster_name(&parts.join("-"))
    };
    let longest = homes.iter().map(|home| home.iter().count()).max();
    let longest = longest.unwrap_or_default();
    let mut names: HashMap<&'a Path, Arc<str>> = HashMap::new();
    for count in 1..=longest {
        let mut same: HashMap<String, Vec<&'a Path>> = HashMap::new();
        for home in homes.iter().filter(|home| !names.contains_key(**home)) {
            same.entry(last(home, count)).or_default().push(home);
        }
        for (name, homes) in same {
            // folders side by side that are called the same are for one cluster
            if homes.len() == 1 || !has_sure || count == longest {
                let name: Arc<str> = name.into();
                names.extend(homes.into_iter().map(|home| (home, name.clone())));
            }
        }
    }
    let different: HashSet<&Arc<str>> = names.values().collect();
    match different.len() {
        0 | 1 => HashMap::new(),
        _ => names,
    }
}

impl<'a> Applied<'a> {
    /// What Flux makes of the folder of each.
    fn of(ways: &[Way<'a>], files: &BTreeSet<&'a Path>) -> Self {
        let reach = Reach::of(ways, files);
        let mut applied = Self::default();
        for (number, (path, appliers)) in by_path(ways).into_iter().enumerate() {
            applied.by_path.push(appliers);
            for file in reach.from(path, &|_| false) {
                applied.reached.entry(file).or_default().push(number);
            }
        }
        applied
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Whose, cluster_name};
    use crate::config::Sources;
    use crate::flux::yaml::read;

    const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {url: 'https://example.com/web'}\n";

    fn applies(name: &str, source: &str, path: &str) -> String {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{path: {path}, sourceRef: {{kind: GitRepository, name: {source}}}}}\n"
        )
    }

    /// The clusters of a file, and the names of what applies it.
    fn of(files: &[(&str, &str)], file: &str) -> (Option<Vec<String>>, Vec<String>) {
        let mut sources = Sources::default();
        let (mut documents, mut own) = (Vec::new(), Vec::new());
        for (name, text) in files {
            let source = sources.add(*name, *text);
            let all = match name.ends_with("kustomization.yaml") {
                true => &mut own,
                false => &mut documents,
            };
            all.extend(read(text, source).0);
        }
        let whose = Whose::of(&documents, &own, &sources);
        let clusters = whose.clusters(Path::new(file));
        let clusters = clusters.map(|all| all.iter().map(ToString::to_string).collect());
        let appliers = whose.appliers(Path::new(file)).into_iter();
        let names = appliers.map(|one| one.get("metadata").unwrap().get("name").unwrap());
        let names = names.map(|name| name.as_str().unwrap().to_owned());
        (clusters, names.collect())
    }

    #[test]
    fn what_lies_for_one_cluster_or_for_none_of_several_is_told_from_what_lies_for_any() {
        let clusters = |files: &[(&str, &str)], file| of(files, file).0;
        let named = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let two = [
            ("clusters/Prod_EU/a.yaml", SOURCE),
            (
                "clusters/dev/kustomization.yaml",
                "resources: [../../shared]\n",
            ),
            (
                "clusters/Prod_EU/kustomization.yaml",
                "resources: [../../shared, a.yaml]\n",
            ),
            ("shared/b.yaml", SOURCE),
            ("notes/c.yaml", SOURCE),
        ];
        assert_eq!(
            clusters(&two, "clusters/Prod_EU/a.yaml"),
            named(&["prod-eu"])
        );
        assert_eq!(clusters(&two, "shared/b.yaml"), named(&["dev", "prod-eu"]));
        assert_eq!(clusters(&two, "notes/c.yaml"), None);
        assert_eq!(clusters(&two[..1], "notes/c.yaml"), named(&[]));
        let [prod, eu, us] = ["prod/eu", "test/eu", "test/us"].map(|home| {
            let file = format!("clusters/{home}/flux-system/gotk-sync.yaml");
            let path = format!("./clusters/{home}");
            (file, applies("flux-system", "flux-system", &path))
        });
        let regions = [(&*prod.0, &*prod.1), (&*eu.0, &*eu.1), (&*us.0, &*us.1)];
        assert_eq!(clusters(&regions, regions[0].0), named(&["prod-eu"]));
        assert_eq!(clusters(&regions, regions[2].0), named(&["us"]));
        let (web, api) = (
            applies("web", "web", "./deploy"),
            applies("api", "api", "./deploy"),
        );
        let beside = [
            ("apps/web/dev/a.yaml", &*web),
            ("apps/web/prod/a.yaml", &*web),
            ("apps/api/dev/a.yaml", &*api),
            ("apps/api/prod/a.yaml", &*api),
        ];
        assert_eq!(clusters(&beside, "apps/web/dev/a.yaml"), named(&["dev"]));
        assert_eq!(clusters(&beside, "apps/api/prod/a.yaml"), named(&["prod"]));
    }

    #[test]
    fn an_object_is_applied_by_what_lists_its_file_or_its_folder() {
        let applied = |files: &[(&str, &str)], file| of(files, file).1;
        let apps = applies("apps", "flux-system", "./apps/prod");
        let web = applies("web", "flux-system", "./apps/base/web");
        let files = [
            ("clusters/prod/apps.yaml", &*apps),
            ("apps/prod/kustomization.yaml", "resources: [../base]\n"),
            ("apps/base/kustomization.yaml", "resources: [web.yaml]\n"),
            ("apps/base/web.yaml", &*web),
            ("apps/base/unlisted.yaml", SOURCE),
            ("apps/base/web/deep/a.yaml", SOURCE),
        ];
        assert_eq!(applied(&files, "apps/base/web.yaml"), ["apps"]);
        assert_eq!(applied(&files, "apps/base/web/deep/a.yaml"), ["web"]);
        assert!(applied(&files, "apps/base/unlisted.yaml").is_empty());
        assert!(applied(&files, "clusters/prod/apps.yaml").is_empty());
        let built = ("apps/base/(kustomize build)", SOURCE);
        assert_eq!(applied(&[&files[..], &[built]].concat(), built.0), ["apps"]);
    }

    #[test]
    fn a_path_in_another_repository_applies_nothing_here() {
        let own = SOURCE.replace(
            "name: web, namespace: apps",
            "name: flux-system, namespace: flux-system",
        );
        let of_own = SOURCE.replace("namespace: apps", "namespace: flux-system");
        let other = of_own.replace("example.com/web", "example.com/other");
        let path = applies("apps", "web", "./apps");
        let mut files = vec![
            ("prod/apps.yaml", &*path),
            ("apps/a.yaml", SOURCE),
            ("prod/web.yaml", &of_own),
        ];
        // whose folder may have the same name by chance
        assert!(of(&files, "apps/a.yaml").1.is_empty());
        let more = applies("infra", "web", "./infra");
        files.extend([("prod/infra.yaml", &*more), ("infra/a.yaml", SOURCE)]);
        assert_eq!(of(&files, "apps/a.yaml").1, ["apps"]);
        files[2].1 = &other;
        assert_eq!(of(&files, "apps/a.yaml").1, ["apps"]);
        let itself = applies("third", "third", "./third");
        let third = of_own.replace("web", "third");
        files.extend([("third/a.yaml", &*itself), ("third/b.yaml", &third)]);
        assert!(of(&files, "apps/a.yaml").1.is_empty());
        files.truncate(5);
        files.push(("prod/own.yaml", &own));
        assert!(of(&files, "apps/a.yaml").1.is_empty());
        files[2].1 = &of_own;
        assert_eq!(of(&files, "apps/a.yaml").1, ["apps"]);
    }

    #[test]
    fn what_is_no_name_of_a_cluster_is_made_one() {
        assert_eq!(cluster_name("Admin@prod.example"), "admin-prod-example");
        assert_eq!(cluster_name("__"), "cluster");
        assert_eq!(cluster_name(&"a".repeat(70)).len(), 63);
    }
}

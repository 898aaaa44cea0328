//! What takes in a file or a folder of manifests: a Kustomization of Flux by its path, or one of kustomize
//! by what it lists.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::config::Sources;
use crate::flux::yaml::Node;

use super::kustomize::named_paths;
use super::references::{key_of, text};

/// The name of the folder, of the source and of the Kustomization that `flux bootstrap` makes.
pub const BOOTSTRAPPED: &str = "flux-system";

/// Each of these with the file that it stands in.
pub(super) fn placed<'a>(nodes: &'a [Node], sources: &'a Sources) -> Vec<(&'a Node, &'a Path)> {
    let nodes = nodes.iter();
    nodes
        .map(|node| (node, Path::new(sources.name(node.span.source))))
        .collect()
}

/// One way by which a file or a folder is taken in.
#[derive(Debug)]
pub(super) struct Way<'a> {
    /// Where that lies which takes it in.
    pub(super) file: &'a Path,
    pub(super) to: PathBuf,
    /// The Kustomization of Flux; `None`: one of kustomize.
    pub(super) by: Option<&'a Node>,
}

/// All ways; `documents` are objects, `kustomizations` the configurations of kustomize, each with its file.
pub(super) fn ways<'a>(
    documents: &[(&'a Node, &'a Path)],
    kustomizations: &[(&'a Node, &'a Path)],
) -> Vec<Way<'a>> {
    let folders = folders(documents, kustomizations);
    let repositories = Repositories::of(documents, &folders);
    let applied = documents.iter().flat_map(|(document, file)| {
        let path = repositories.applied(document);
        let to = path.and_then(|path| led(file, path, &folders));
        let components = to.iter().flat_map(|to| components(document, to));
        let all: Vec<PathBuf> = to.iter().cloned().chain(components).collect();
        all.into_iter().map(|to| Way {
            file,
            to,
            by: Some(document),
        })
    });
    let listed = kustomizations.iter().flat_map(|(node, file)| {
        let folder = file.parent().unwrap_or(Path::new(""));
        named_paths(node).filter_map(move |path| {
            let to = joined(folder, path)?;
            Some(Way { file, to, by: None })
        })
    });
    applied.chain(listed).collect()
}

/// The Kustomizations of Flux by the paths that they apply.
pub(super) fn by_path<'w, 'a>(ways: &'w [Way<'a>]) -> BTreeMap<&'w Path, Vec<&'a Node>> {
    let mut by_path: BTreeMap<&Path, Vec<&Node>> = BTreeMap::new();
    for way in ways {
        if let Some(by) = way.by {
            by_path.entry(&way.to).or_default().push(by);
        }
    }
    by_path
}

/// A Kustomization of the repository that it lies in whose path leads to no folder of manifests.
#[derive(Debug)]
pub(super) struct Astray<'a> {
    pub(super) document: &'a Node,
    /// The top of the repository, as the paths of the others have it, and the path from there.
    pub(super) top: PathBuf,
    pub(super) path: PathBuf,
}

/// Those that lead nowhere, where all others of their repository lead there from one folder, and the folders
/// that there are.
pub(super) fn astray<'a>(
    documents: &[(&'a Node, &'a Path)],
    kustomizations: &[(&'a Node, &'a Path)],
) -> (Vec<Astray<'a>>, HashSet<&'a Path>) {
    let folders = folders(documents, kustomizations);
    let repositories = Repositories::of(documents, &folders);
    let (mut tops, mut astray) = (HashSet::new(), Vec::new());
    for (document, file) in documents {
        let Some(path) = repositories.surely_applied(document) else {
            continue;
        };
        match joined(Path::new(""), path) {
            Some(below) if !below.as_os_str().is_empty() => match found(file, path, &folders) {
                Some((top, _)) => drop(tops.insert(top)),
                None => astray.push((*document, below)),
            },
            _ => {}
        }
    }
    let mut tops = tops.into_iter();
    let (Some(top), None) = (tops.next(), tops.next()) else {
        return (Vec::new(), folders);
    };
    let astray = astray.into_iter().map(|(document, path)| Astray {
        document,
        top: top.to_owned(),
        path,
    });
    (astray.collect(), folders)
}

/// All folders with manifests, and those around them.
fn folders<'a>(
    documents: &[(&'a Node, &'a Path)],
    kustomizations: &[(&'a Node, &'a Path)],
) -> HashSet<&'a Path> {
    let mut folders = HashSet::new();
    for (_, file) in documents.iter().chain(kustomizations) {
        let around = file.ancestors().skip(1);
        around.take_while(|it| folders.insert(*it)).for_each(drop);
    }
    folders
}

/// Where the path of a Kustomization leads that lies in a file.
fn led(file: &Path, path: &str, folders: &HashSet<&Path>) -> Option<PathBuf> {
    if joined(Path::new(""), path)?.as_os_str().is_empty() {
        // the top of the repository, which is known where bootstrap lies in it
        let folder = file.parent()?;
        let is_bootstrapped = folder.ends_with(BOOTSTRAPPED);
        return folder
            .parent()
            .filter(|_| is_bootstrapped)
            .map(Path::to_owned);
    }
    found(file, path, folders).map(|(_, folder)| folder)
}

/// The folder around a file from which a path leads to a folder that is there, and that folder.
fn found<'f>(file: &'f Path, path: &str, folders: &HashSet<&Path>) -> Option<(&'f Path, PathBuf)> {
    // the folder that is judged need not be the top of the repository, nor end below it
    let mut around = file.ancestors().skip(1);
    around.find_map(|top| {
        let folder = joined(top, path)?;
        folders.contains(&*folder).then_some((top, folder))
    })
}

/// The folders that it includes as components, from its own on.
fn components(document: &Node, folder: &Path) -> Vec<PathBuf> {
    let named = document.get("spec").and_then(|spec| spec.get("components"));
    let named = named.and_then(Node::as_sequence).unwrap_or_default().iter();
    let named = named.filter_map(Node::as_str);
    named.filter_map(|path| joined(folder, path)).collect()
}

/// The URLs of the sources that are there, and which of them may be that of the repository itself.
struct Repositories<'a> {
    urls: HashMap<(String, String, String), HashSet<&'a str>>,
    /// Those of the source that `flux bootstrap` makes. Where that is not there, the one whose
    /// Kustomizations fit the folders that are: one applies itself, or several other folders are.
    own: HashSet<&'a str>,
}

impl<'a> Repositories<'a> {
    fn of(documents: &[(&'a Node, &'a Path)], folders: &HashSet<&Path>) -> Self {
        let mut urls: HashMap<_, HashSet<&'a str>> = HashMap::new();
        for (document, _) in documents {
            let url = document.get("spec").and_then(|spec| text(spec, "url"));
            let Some((key, url)) = key_of(document).zip(url) else {
                continue;
            };
            if &*key.group == "source.toolkit.fluxcd.io" {
                let namespace = key.namespace.unwrap_or_default().to_string();
                let key = (key.kind.to_string(), namespace, key.name.to_string());
                urls.entry(key).or_default().insert(url);
            }
        }
        let bootstrapped = urls.iter().filter(|((_, namespace, name), _)| {
            (&**namespace, &**name) == (BOOTSTRAPPED, BOOTSTRAPPED)
        });
        let bootstrapped: HashSet<&str> = bootstrapped.flat_map(|(_, urls)| urls.clone()).collect();
        let mut repositories = Self {
            urls,
            own: bootstrapped,
        };
        if repositories.own.is_empty() {
            repositories.own = repositories.fitting(documents, folders);
        }
        repositories
    }

    /// The URL whose Kustomizations fit the folders that are there, where that is one alone.
    fn fitting(
        &self,
        documents: &[(&'a Node, &'a Path)],
        folders: &HashSet<&Path>,
    ) -> HashSet<&'a str> {
        let mut fitting: HashMap<&'a str, (bool, HashSet<PathBuf>)> = HashMap::new();
        for (document, file) in documents {
            let applied = self.source_and_path(document);
            let Some((Some(urls), path)) = applied.map(|(_, urls, path)| (urls, path)) else {
                continue;
            };
            let Some(folder) = led(file, path, folders) else {
                continue;
            };
            for url in urls {
                let (applies_itself, applied) = fitting.entry(url).or_default();
                *applies_itself |= file.starts_with(&folder);
                applied.insert(folder.clone());
            }
        }
        fitting.retain(|_, (applies_itself, folders)| *applies_itself || folders.len() > 1);
        match fitting.len() {
            1 => fitting.into_keys().collect(),
            _ => HashSet::new(),
        }
    }

    /// The folder that a Kustomization of Flux applies, where that may be of the repository that it lies in.
    fn applied<'n>(&self, document: &'n Node) -> Option<&'n str> {
        let (name, urls, path) = self.source_and_path(document)?;
        let is_own = name == BOOTSTRAPPED || urls.is_none_or(|urls| !urls.is_disjoint(&self.own));
        is_own.then_some(path)
    }

    /// The same where it is said to be of that repository.
    fn surely_applied<'n>(&self, document: &'n Node) -> Option<&'n str> {
        let (name, urls, path) = self.source_and_path(document)?;
        let is_own = match urls {
            Some(urls) => !urls.is_disjoint(&self.own),
            None => name == BOOTSTRAPPED,
        };
        is_own.then_some(path)
    }

    /// Of a Kustomization of Flux the name of its source, the URLs of that where it is there, and its path.
    fn source_and_path<'n>(
        &self,
        document: &'n Node,
    ) -> Option<(&'n str, Option<&HashSet<&'a str>>, &'n str)> {
        let key = key_of(document)?;
        let spec = document.get("spec")?;
        if &*key.group != "kustomize.toolkit.fluxcd.io" {
            return None;
        }
        let source = spec.get("sourceRef")?;
        let name = text(source, "name")?;
        let own = key.namespace.unwrap_or_default();
        let namespace = text(source, "namespace").unwrap_or(&own);
        let kind = text(source, "kind").unwrap_or_default();
        let urls = self.urls.get(&(kind.into(), namespace.into(), name.into()));
        Some((name, urls, text(spec, "path")?))
    }
}

/// Where a path leads from a folder; `None` where that is above all.
fn joined(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut joined = folder.to_owned();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if !joined.pop() {
                    return None;
                }
            }
            part => joined.push(part),
        }
    }
    Some(joined)
}

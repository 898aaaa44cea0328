//! What takes in a file or a folder of manifests: a Kustomization of Flux by its path, or one of kustomize
//! by what it lists.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::flux::yaml::Node;

use super::kustomize::named_paths;
use super::references::{key_of, text};

/// The name of the folder, of the source and of the Kustomization that `flux bootstrap` makes.
pub(super) const BOOTSTRAPPED: &str = "flux-system";

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
    let mut folders = HashSet::new();
    for (_, file) in documents.iter().chain(kustomizations) {
        let around = file.ancestors().skip(1);
        around.take_while(|it| folders.insert(*it)).for_each(drop);
    }
    let repositories = Repositories::of(documents);
    let applied = documents.iter().filter_map(|(document, file)| {
        let path = repositories.applied(document)?;
        Some(Way {
            file,
            to: led(file, path, &folders)?,
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
    // the folder that is judged need not be the top of the repository, nor end below it
    let mut around = file.ancestors().skip(1);
    around.find_map(|top| {
        let folder = joined(top, path)?;
        folders.contains(&*folder).then_some(folder)
    })
}

/// The URLs of the sources that are there.
struct Repositories<'a>(HashMap<(String, String, String), HashSet<&'a str>>);

impl<'a> Repositories<'a> {
    fn of(documents: &[(&'a Node, &'a Path)]) -> Self {
        let mut all = Self(HashMap::new());
        for (document, _) in documents {
            let url = document.get("spec").and_then(|spec| text(spec, "url"));
            let Some((key, url)) = key_of(document).zip(url) else {
                continue;
            };
            if &*key.group == "source.toolkit.fluxcd.io" {
                let namespace = key.namespace.unwrap_or_default().to_string();
                let key = (key.kind.to_string(), namespace, key.name.to_string());
                all.0.entry(key).or_default().insert(url);
            }
        }
        all
    }

    /// The folder that a Kustomization of Flux applies, where that may be of the repository that it lies
    /// in: of which repository that is only the source says that `flux bootstrap` makes.
    fn applied<'n>(&self, document: &'n Node) -> Option<&'n str> {
        let key = key_of(document)?;
        let spec = document.get("spec")?;
        if &*key.group != "kustomize.toolkit.fluxcd.io" {
            return None;
        }
        let source = spec.get("sourceRef")?;
        let name = text(source, "name")?;
        let own = key.namespace.unwrap_or_default();
        let namespace = text(source, "namespace").unwrap_or(&own);
        let urls = |namespace: &str, name: &str| {
            let kind = text(source, "kind").unwrap_or_default();
            self.0.get(&(kind.into(), namespace.into(), name.into()))
        };
        let is_of_another = name != BOOTSTRAPPED
            && matches!(
                (urls(namespace, name), urls(BOOTSTRAPPED, BOOTSTRAPPED)),
                (Some(urls), Some(own)) if urls.is_disjoint(own)
            );
        text(spec, "path").filter(|_| !is_of_another)
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

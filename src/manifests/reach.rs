//! Which files are reached from a folder, as Flux and kustomize take in what lies in it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

use super::build::BUILT;
use super::kustomize::is_kustomization_file;
use super::ways::Way;

/// Files by their folders, and what kustomize's own list.
#[derive(Debug)]
pub(super) struct Reach<'r, 'a> {
    files: &'r BTreeSet<&'a Path>,
    inside: BTreeMap<&'r Path, Inside<'r>>,
    listed: HashMap<&'r Path, Vec<&'r Path>>,
}

/// What lies in a folder.
#[derive(Debug, Default)]
struct Inside<'a> {
    kustomization: Option<&'a Path>,
    /// What was built of it.
    built: Option<&'a Path>,
    files: Vec<&'a Path>,
    folders: BTreeSet<&'a Path>,
}

impl<'r, 'a> Reach<'r, 'a> {
    pub(super) fn of(ways: &'r [Way<'_>], files: &'r BTreeSet<&'a Path>) -> Self {
        let mut listed: HashMap<&Path, Vec<&Path>> = HashMap::new();
        for way in ways.iter().filter(|way| way.by.is_none()) {
            listed.entry(way.file).or_default().push(&way.to);
        }
        let mut inside: BTreeMap<&Path, Inside<'r>> = BTreeMap::new();
        for file in files {
            let mut below = *file;
            for (depth, folder) in file.ancestors().skip(1).enumerate() {
                let name = file.file_name().and_then(OsStr::to_str);
                let one = inside.entry(folder).or_default();
                match depth {
                    0 if name.is_some_and(is_kustomization_file) => one.kustomization = Some(file),
                    0 if name == Some(BUILT) => one.built = Some(file),
                    0 => one.files.push(file),
                    _ => drop(one.folders.insert(below)),
                }
                below = folder;
            }
        }
        Self {
            files,
            inside,
            listed,
        }
    }

    /// The configuration of kustomize that says what is in a folder.
    pub(super) fn kustomization(&self, folder: &Path) -> Option<&'r Path> {
        let one = self.inside.get(folder)?;
        one.kustomization.filter(|_| one.built.is_none())
    }

    /// The folders that have one.
    pub(super) fn kustomized(&self) -> impl Iterator<Item = (&'r Path, &'r Path)> {
        let inside = self.inside.iter();
        let inside = inside.filter(|(_, one)| one.built.is_none());
        inside.filter_map(|(folder, one)| Some((*folder, one.kustomization?)))
    }

    /// All files from a folder or file on. Where kustomize has a configuration in a folder, that alone says
    /// what is in it; one that `is_closed`, other than that of the first folder, is not looked into.
    pub(super) fn from(&self, path: &Path, is_closed: &dyn Fn(&Path) -> bool) -> Vec<&'a Path> {
        let mut files = Vec::new();
        let mut reached: HashSet<&Path> = HashSet::new();
        let mut next = vec![path];
        while let Some(at) = next.pop() {
            if !reached.insert(at) {
                continue;
            }
            files.extend(self.files.get(at));
            let Some(one) = self.inside.get(at) else {
                continue;
            };
            if let Some(built) = one.built {
                next.push(built);
            } else if let Some(kustomization) = one.kustomization {
                if at == path || !is_closed(kustomization) {
                    next.push(kustomization);
                    next.extend(self.listed.get(kustomization).into_iter().flatten());
                }
            } else {
                next.extend(&one.files);
                next.extend(&one.folders);
            }
        }
        files
    }
}

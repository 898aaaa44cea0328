//! A `kustomization.yaml` of somebody else above our files: does it lead to them?

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use crate::flux::yaml::{Node, read};
use crate::render::RenderError;

use super::files::Folder;
use super::layout::PlannedFile;
use super::report::Unreached;
use super::unlisted::KUSTOMIZE_FILES;

/// Fields whose entries lead to files and folders; `bases` is the old name for folders.
const LEADING: [&str; 3] = ["resources", "components", "bases"];

/// Finds the files that a kustomize configuration in a folder above their own, up to the top of the
/// output, does not lead to. Whether one beside them lists them is looked at for itself.
pub(super) fn unreached(
    folder: &Folder,
    planned: &[&PlannedFile],
) -> Result<Vec<Unreached>, RenderError> {
    let mut below: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for file in planned {
        for above in file.path.ancestors().skip(2) {
            below.entry(above).or_default().push(&file.path);
        }
    }
    let mut has_own: HashMap<&Path, bool> = HashMap::new();
    let mut found = Vec::new();
    for (above, files) in below {
        let Some((kustomization, bytes)) = configuration(folder, above)? else {
            continue;
        };
        let targets = targets(above, &String::from_utf8_lossy(&bytes));
        let mut missed: BTreeMap<Option<&Path>, Vec<PathBuf>> = BTreeMap::new();
        for file in files {
            let mut way = file.ancestors().take_while(|part| *part != above);
            match way.find(|part| targets.contains(*part)) {
                None => missed.entry(None).or_default().push(file.to_owned()),
                Some(target) if target == file => {}
                Some(target) => {
                    let is_whole = *has_own
                        .entry(target)
                        .or_insert_with(|| !matches!(configuration(folder, target), Ok(None)));
                    if !is_whole {
                        missed
                            .entry(Some(target))
                            .or_default()
                            .push(file.to_owned());
                    }
                }
            }
        }
        found.extend(missed.into_iter().map(|(ends_in, files)| Unreached {
            kustomization: kustomization.clone(),
            ends_in: ends_in.map(Path::to_owned),
            files,
        }));
    }
    Ok(found)
}

/// The kustomize configuration of a folder.
fn configuration(
    folder: &Folder,
    parent: &Path,
) -> Result<Option<(PathBuf, Vec<u8>)>, RenderError> {
    for name in KUSTOMIZE_FILES {
        let path = parent.join(name);
        if let Some(bytes) = folder.read_kustomization(&path)? {
            return Ok(Some((path, bytes)));
        }
    }
    Ok(None)
}

/// What its entries lead to below the output, as paths from there.
fn targets(parent: &Path, text: &str) -> HashSet<PathBuf> {
    let (documents, _) = read(text, 0);
    documents
        .iter()
        .flat_map(|document| LEADING.iter().filter_map(|field| document.get(field)))
        .filter_map(Node::as_sequence)
        .flatten()
        .filter_map(Node::as_str)
        .filter_map(|entry| joined(parent, Path::new(entry)))
        .collect()
}

/// `None` for what leaves the output.
fn joined(parent: &Path, entry: &Path) -> Option<PathBuf> {
    let mut path = parent.to_owned();
    for part in entry.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => path.push(name),
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

//! A `kustomization.yaml` of somebody else beside our files: does it list them?

use std::collections::{BTreeMap, HashSet};
use std::path::{Component, Path, PathBuf};

use crate::flux::yaml::{Node, read};
use crate::render::RenderError;

use super::files::Folder;
use super::layout::PlannedFile;
use super::report::Unlisted;

/// Names that kustomize reads as its own configuration.
pub(super) const KUSTOMIZE_FILES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Finds the files that a folder's own kustomize configuration leaves out.
pub(super) fn unlisted(
    folder: &Folder,
    planned: &[&PlannedFile],
) -> Result<Vec<Unlisted>, RenderError> {
    let mut by_parent: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for file in planned {
        let parent = file.path.parent().unwrap_or(Path::new(""));
        by_parent.entry(parent).or_default().push(&file.path);
    }
    let mut found = Vec::new();
    for (parent, files) in by_parent {
        for name in KUSTOMIZE_FILES {
            let kustomization = parent.join(name);
            let Some(bytes) = folder.read_kustomization(&kustomization)? else {
                continue;
            };
            let listed = listed(&String::from_utf8_lossy(&bytes));
            let files: Vec<PathBuf> = files
                .iter()
                .filter(|file| {
                    let name = file.file_name().map(|name| name.to_string_lossy());
                    !name.is_some_and(|name| listed.contains(name.as_ref()))
                })
                .map(|file| (*file).to_owned())
                .collect();
            if !files.is_empty() {
                found.push(Unlisted {
                    kustomization,
                    files,
                });
            }
        }
    }
    Ok(found)
}

/// What its `resources` name in its own folder, each written once whatever `./` stands before it.
///
/// A folder among them may hold what it likes: kustomize reads no file beside this one for it.
fn listed(text: &str) -> HashSet<String> {
    let (documents, _) = read(text, 0);
    documents
        .iter()
        .filter_map(|document| document.get("resources")?.as_sequence())
        .flatten()
        .filter_map(Node::as_str)
        .map(|entry| {
            let entry = Path::new(entry).components();
            let parts = entry.filter(|part| *part != Component::CurDir);
            parts.collect::<PathBuf>().to_string_lossy().into_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn every_way_to_name_a_file_is_read() {
        let text = "# resources: [no.yaml]\nresources:\n- a.yaml\n- ./b.yaml\n- \"c.yaml\"\n\
                    - './/d.yaml'\n- ././e.yaml\n- folder/\n- ./folder/f.yaml\nother: [g.yaml]\n";
        let mut names: Vec<_> = listed(text).into_iter().collect();
        names.sort();
        assert_eq!(
            names,
            [
                "a.yaml",
                "b.yaml",
                "c.yaml",
                "d.yaml",
                "e.yaml",
                "folder",
                "folder/f.yaml"
            ]
        );
        assert!(listed("resources: [h.yaml, {a: b}]").contains("h.yaml"));
        assert!(listed("resources: none").is_empty());
    }
}

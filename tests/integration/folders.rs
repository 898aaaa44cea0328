//! Folders that tests fill, and what lies in them afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Writes a file below a folder, and the folders on the way to it.
pub(crate) fn write(folder: &Path, file: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(file);
    let parent = path.parent().expect("it lies below the folder");
    let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, text));
    written.expect("a temporary folder can be written");
}

/// A folder with these files, by path and text.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    for (file, text) in files {
        write(folder.path(), file, text);
    }
    folder
}

/// Every file below a folder by its path there, with its bytes; a link is its target's path.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files);
    files
}

fn collect(top: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let below = path.strip_prefix(top).expect("it lies below").to_owned();
        if let Ok(target) = fs::read_link(&path) {
            files.insert(below, target.into_os_string().into_encoded_bytes());
        } else if path.is_dir() {
            collect(top, &path, files);
        } else {
            files.insert(below, fs::read(&path).expect("a readable file"));
        }
    }
}

//! Paths without links, and the way from one to another.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// From the root on, without links as far as it is there.
pub(super) fn real(path: &Path) -> PathBuf {
    // an empty path is the current folder
    let Ok(absolute) = std::path::absolute(Path::new(".").join(path)) else {
        return plain(path);
    };
    let found = absolute.ancestors().find_map(|there| {
        let rest = absolute.strip_prefix(there).ok()?;
        Some(plain(&fs::canonicalize(there).ok()?.join(rest)))
    });
    found.unwrap_or_else(|| plain(&absolute))
}

/// Without `.` and `..`, as far as it can be.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// The way from a folder to a path, with `/` between its parts.
pub(super) fn relative(base: &Path, path: &Path) -> String {
    let same = base.components().zip(path.components());
    let same = same.take_while(|(one, other)| one == other).count();
    let up = base.components().skip(same).map(|_| "..".into());
    let down = path.components().skip(same);
    let down = down.map(|part| part.as_os_str().to_string_lossy());
    up.chain(down).collect::<Vec<_>>().join("/")
}

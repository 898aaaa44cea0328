//! Files as a baseline names them: from its own folder on, whatever was judged and from wherever.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::manifest_files::STDIN;
use super::real_path::{plain, real, relative};

/// Names files.
#[derive(Debug)]
pub(super) struct Names {
    /// The folder of the baseline.
    base: PathBuf,
    /// The folder or file that was judged.
    judged: PathBuf,
    /// Folders as they were named, without the links on their way.
    folders: HashMap<PathBuf, PathBuf>,
}

impl Names {
    pub(super) fn new(baseline: &Path, judged: &Path) -> Self {
        let folder = baseline.parent().unwrap_or(Path::new(""));
        let mut names = Self {
            base: real(folder),
            judged: PathBuf::new(),
            folders: HashMap::new(),
        };
        names.judged = if judged.is_dir() {
            real(judged)
        } else {
            names.place(judged)
        };
        names
    }

    /// With `/` between its parts; one above the baseline begins with `..`.
    pub(super) fn of(&mut self, file: &str) -> String {
        if file == STDIN {
            return file.to_owned();
        }
        let place = self.place(Path::new(file));
        relative(&self.base, &place)
    }

    /// Whether it was judged, by its name in the baseline.
    pub(super) fn is_judged(&self, name: &str) -> bool {
        if name == STDIN {
            return self.judged == Path::new(STDIN);
        }
        plain(&self.base.join(name)).starts_with(&self.judged)
    }

    /// A link to a file is that file by another name, and stays what it is.
    fn place(&mut self, file: &Path) -> PathBuf {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            return real(file);
        };
        if file == Path::new(STDIN) {
            return file.to_owned();
        }
        let folder = self
            .folders
            .entry(folder.to_owned())
            .or_insert_with(|| real(folder));
        folder.join(name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::Names;

    #[test]
    fn a_file_has_one_name_from_wherever_it_is_judged() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("clusters/prod")).unwrap();
        fs::create_dir_all(root.join("ci")).unwrap();
        fs::write(root.join("clusters/prod/a.yaml"), "").unwrap();
        let file = root.join("clusters/prod/a.yaml");
        let file = file.to_str().unwrap();
        let odd = root.join("ci/../clusters/./prod/a.yaml");
        for (baseline, name) in [
            ("known.json", "clusters/prod/a.yaml"),
            ("ci/known.json", "../clusters/prod/a.yaml"),
            ("clusters/prod/known.json", "a.yaml"),
        ] {
            for judged in ["", "clusters", "clusters/prod", "clusters/prod/a.yaml"] {
                let mut names = Names::new(&root.join(baseline), &root.join(judged));
                assert_eq!(names.of(file), name);
                assert_eq!(names.of(odd.to_str().unwrap()), name);
                assert!(names.is_judged(name), "{baseline} {judged}");
            }
            let names = Names::new(&root.join(baseline), &root.join("ci"));
            assert!(!names.is_judged(name), "{baseline}");
        }
        let mut names = Names::new(Path::new("known.json"), Path::new("-"));
        assert_eq!(names.of("-"), "-");
        assert!(names.is_judged("-") && !names.is_judged("a.yaml"));
    }
}

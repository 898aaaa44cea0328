//! A configuration folder for one test, and what the program finds in it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::TempDir;

use crate::binary::{Run, run_in};

/// A folder of its own, removed with the test.
#[derive(Debug)]
pub(crate) struct Fleet {
    dir: TempDir,
}

/// One finding of `--format json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Found {
    pub(crate) class: String,
    pub(crate) severity: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Found {
    pub(crate) fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

#[derive(Deserialize)]
struct Report {
    findings: Vec<Found>,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary folder can be made"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file, in place of one that is there.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.bytes(name, text.as_bytes())
    }

    pub(crate) fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        let path = self.below(name);
        std::fs::write(path, bytes).expect("the temporary folder can be written");
        self
    }

    #[cfg(unix)]
    pub(crate) fn link(&self, name: &str, target: &Path) {
        std::os::unix::fs::symlink(target, self.below(name)).expect("a link can be made");
    }

    fn below(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        let folder = path.parent().expect("every file lies in the folder");
        std::fs::create_dir_all(folder).expect("the temporary folder can be written");
        path
    }

    /// Runs the binary inside the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run_in(self.path(), arguments)
    }

    /// What `validate` finds.
    pub(crate) fn findings(&self) -> Vec<Found> {
        let output = self.run(&["validate", "--format", "json"]);
        let report: Report = serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:#?}"));
        let errors = report.findings.iter().any(|one| one.severity == "error");
        assert_eq!(output.code, Some(if errors { 2 } else { 0 }), "{output:#?}");
        // Whatever is wrong is told with the way to mend it.
        let mute: Vec<&Found> = report
            .findings
            .iter()
            .filter(|one| one.hint.is_none())
            .collect();
        assert!(mute.is_empty(), "without a hint: {mute:#?}");
        report.findings
    }
}

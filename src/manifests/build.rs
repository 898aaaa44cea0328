//! Has kustomize build an overlay.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::{Limits, ProcessError, output, program};

/// Behind the folder of a build, in place of a file's name.
pub const BUILT: &str = "(kustomize build)";

/// What one build may take.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    bytes: 64 << 20,
};

/// A program that builds.
#[derive(Debug, Clone)]
pub struct Kustomize {
    program: PathBuf,
    /// What comes before the folder.
    arguments: &'static [&'static str],
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("kustomize cannot build it")]
    Run { source: ProcessError },
    #[error("what kustomize builds is not UTF-8 text")]
    Text,
}

impl Kustomize {
    /// `kustomize` on the PATH, else `kubectl`; `None` where there is neither.
    pub fn find() -> Option<Self> {
        let path = env::var_os("PATH")?;
        let find = |name: &str| {
            let mut places = env::split_paths(&path).map(|folder| folder.join(name));
            places.find(|program| program.is_file())
        };
        let kustomize = find("kustomize").map(|program| Self {
            program,
            arguments: &["build"],
        });
        kustomize.or_else(|| {
            find("kubectl").map(|program| Self {
                program,
                arguments: &["kustomize"],
            })
        })
    }

    /// The objects of a folder, as YAML. As for Flux, files may lie outside of it.
    ///
    /// # Errors
    /// Where kustomize refuses it, or takes too long or too much.
    pub fn build(&self, folder: &Path) -> Result<String, BuildError> {
        // it starts git for what lies in other repositories
        let mut command = program(&self.program);
        command
            .args(self.arguments)
            .args(["--load-restrictor", "LoadRestrictionsNone"])
            .arg(folder)
            .env("GIT_TERMINAL_PROMPT", "0");
        let built = output(&mut command, LIMITS).map_err(|source| BuildError::Run { source })?;
        String::from_utf8(built).map_err(|_| BuildError::Text)
    }
}

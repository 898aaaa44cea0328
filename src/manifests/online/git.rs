//! Asks repositories through git: never for a password, and no longer than it may take.

use std::io::ErrorKind;
use std::process::Command;
use std::time::Duration;

use crate::manifests::process::{Limits, ProcessError, output, program};

/// What listing the refs of one repository may take.
const LISTING: Limits = Limits {
    time: Duration::from_secs(30),
    bytes: 64 << 20,
};

/// What fetching one commit without its files may take.
const FETCHING: Limits = Limits {
    time: Duration::from_secs(60),
    bytes: 1 << 20,
};

#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("git cannot ask it")]
    Run { source: ProcessError },
    #[error("there is no folder for what git fetches")]
    Folder { source: std::io::Error },
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Folder,
    File,
    Nothing,
}

/// Whether there is git on the PATH.
pub(super) fn is_there() -> bool {
    let mut git = git();
    git.arg("--version");
    match output(&mut git, LISTING) {
        Err(ProcessError::Start { source }) => source.kind() != ErrorKind::NotFound,
        _ => true,
    }
}

/// The refs of a repository, a line each.
pub(super) fn refs(url: &str) -> Result<String, GitError> {
    let mut git = git();
    git.args(["ls-remote", "--quiet", "--", url]);
    let listed = output(&mut git, LISTING).map_err(|source| GitError::Run { source })?;
    Ok(String::from_utf8_lossy(&listed).into_owned())
}

/// What lies at each of these paths in a ref: its commit is fetched with its folders and, where the
/// server can leave them out, without its files.
pub(super) fn look(url: &str, name: &str, paths: &[&str]) -> Result<Vec<At>, GitError> {
    let folder = tempfile::tempdir().map_err(|source| GitError::Folder { source })?;
    let run = |arguments: &[&str]| {
        let mut git = git();
        git.current_dir(folder.path())
            .env("GIT_DIR", folder.path())
            .args(arguments);
        output(&mut git, FETCHING)
    };
    let fetch = [
        "fetch",
        "--quiet",
        "--depth=1",
        "--no-tags",
        "--filter=blob:none",
    ];
    let prepared = run(&["init", "--quiet", "--bare", "."]);
    prepared
        .and_then(|_| run(&[&fetch[..], &["--", url, name]].concat()))
        .map_err(|source| GitError::Run { source })?;
    let at = paths.iter().map(|path| {
        let tree = format!("FETCH_HEAD^{{commit}}:{path}");
        match run(&["ls-tree", "--", &tree]) {
            Ok(_) => At::Folder,
            Err(_) => match run(&["ls-tree", "--name-only", "FETCH_HEAD^{commit}", "--", path]) {
                Ok(found) if !found.is_empty() => At::File,
                _ => At::Nothing,
            },
        }
    });
    Ok(at.collect())
}

fn git() -> Command {
    let mut git = program("git");
    git.env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        // What a URL may make git start; `file` is for people's own `insteadOf`.
        .env("GIT_ALLOW_PROTOCOL", "file:http:https:ssh")
        .env("LC_ALL", "C");
    if std::env::var_os("GIT_SSH_COMMAND").is_none() {
        git.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=10");
    }
    git
}

//! What went wrong on the way from a plan to texts and files.

use std::io;
use std::path::PathBuf;

use crate::config::Finding;

/// Paths of files are relative to the folder that is written to.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("{}", .0.message)]
    Document(Box<Finding>),
    #[error("cannot write the manifests")]
    Stream { source: io::Error },
    #[error("cannot open the folder {}", path.display())]
    OpenFolder { path: PathBuf, source: io::Error },
    #[error("cannot list the folder {}", path.display())]
    List { path: PathBuf, source: io::Error },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is larger than {limit_mib} MiB; no file of ours is, so move it away", path.display())]
    TooLarge { path: PathBuf, limit_mib: u64 },
    #[error("cannot make the folder {}", path.display())]
    MakeFolder { path: PathBuf, source: io::Error },
    #[error("cannot write {}; it is as it was", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot remove {}", path.display())]
    Remove { path: PathBuf, source: io::Error },
    #[error(
        "{} is a link; replace it by what it leads to, nothing outside the folder is read or written",
        path.display()
    )]
    Link { path: PathBuf },
    #[error("{} is no file; move it away or change `output`", path.display())]
    NoFile { path: PathBuf },
    #[error(
        "{} was not written by flux-setup for `{place}`; move it away or change `output`",
        path.display()
    )]
    Foreign { path: PathBuf, place: String },
}

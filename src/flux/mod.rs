//! What Flux itself says, whatever our configuration looks like.

mod canonical;
pub mod duration;
mod fault;
pub mod git_ref;
mod github_host;
pub mod lint;
mod mask;
pub mod names;
mod nearest;
mod object;
pub mod oci_ref;
pub mod repository;
pub mod revision;
pub mod schema;
pub mod semver;
pub mod yaml;

pub use canonical::{canonical, with_version};
pub use fault::{Fault, FaultClass, FaultSeverity};
pub use github_host::{GITHUB, OTHER_NAMES_OF_GITHUB, is_github_cloud};
pub use mask::{mask, secrets};
pub use nearest::nearest;
pub use object::{ObjectKey, is_of_flux};
pub use repository::{RepositoryIdentity, RepositoryUrl};

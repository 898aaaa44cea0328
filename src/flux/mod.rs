//! What Flux itself says, whatever our configuration looks like.

pub mod duration;
pub mod git_ref;
mod mask;
pub mod names;
mod object;
pub mod oci_ref;
pub mod repository;
pub mod semver;
pub mod yaml;

pub use mask::mask;
pub use object::ObjectKey;
pub use repository::{RepositoryIdentity, RepositoryUrl};

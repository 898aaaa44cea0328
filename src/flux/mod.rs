//! What Flux itself says, whatever our configuration looks like.

pub mod duration;
pub mod git_ref;
pub mod names;
mod object;
pub mod semver;
pub mod yaml;

pub use object::ObjectKey;

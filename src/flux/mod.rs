//! What Flux itself says, whatever our configuration looks like.

mod fault;
pub mod git_ref;
pub mod lint;
pub mod names;
mod object;
pub mod schema;
pub mod yaml;

pub use fault::{Fault, FaultClass, FaultSeverity};
pub use object::ObjectKey;
pub use repository::{RepositoryIdentity, RepositoryUrl};

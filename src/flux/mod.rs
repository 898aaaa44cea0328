//! What Flux itself says, whatever our configuration looks like.

mod fault;
mod object;
pub mod schema;
pub mod yaml;

pub use fault::{Fault, FaultClass, FaultSeverity};
pub use object::ObjectKey;
pub use repository::{RepositoryIdentity, RepositoryUrl};

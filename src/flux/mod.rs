//! What Flux itself says, whatever our configuration looks like.

mod object;
pub mod yaml;

pub use object::ObjectKey;

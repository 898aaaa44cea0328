//! Manifests from anywhere, judged together.

mod baseline;
mod objects;

pub use baseline::{Baseline, BaselineError, Compared, KnownFinding};
pub use objects::Objects;

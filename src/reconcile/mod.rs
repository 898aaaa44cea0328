//! A push becomes a reconcile: which objects follow it, and why.

mod former_names;
mod matching;
mod policy;
mod push;
mod verdict;

pub use former_names::FormerNames;
pub use matching::{Candidate, package, push};
pub use policy::Policies;
pub use push::{Changed, Package, Push};
pub use verdict::{Asked, Follows, LeaveReason, Paths, Verdict};

//! What a person asks for by hand: which objects that is, and in which order they are woken.

mod find;
mod missing;
mod round;
#[cfg(test)]
mod scene;
mod target;

pub use missing::nearest_to;
pub use round::{Left, Round, Wake, Wanted, Why, WhyLeft};
pub use target::{RepositoryName, Target, TargetFault};

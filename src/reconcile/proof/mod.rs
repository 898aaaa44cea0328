//! What the cluster says of an object after it was asked to reconcile, and of all that is made from it.
//!
//! ```text
//! cluster as it is, what was seen before, `now` -> judge -> what is seen now, and what to do about it
//! ```

mod age;
mod fetch;
mod judge;
#[cfg(test)]
mod tests;
mod users;
mod uses;

pub use age::{Age, KnownPush};
pub use fetch::MOST_AGAIN;
pub use judge::{Ask, Judged, Wake, begin, judge};
pub use users::{User, users};

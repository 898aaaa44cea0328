//! What a person asks for by hand: which objects that is, and in which order they are woken.

mod carry;
mod course;
mod end;
mod find;
mod line;
mod missing;
mod round;
#[cfg(test)]
pub(super) mod scene;
mod target;
mod terms;

pub use carry::carry_out;
pub use course::Course;
pub use end::End;
pub use line::Line;
pub use missing::nearest_to;
pub use round::{Left, Round, Wake, Wanted, Why, WhyLeft};
pub use target::{RepositoryName, Target, TargetFault};
pub use terms::{Order, Terms};

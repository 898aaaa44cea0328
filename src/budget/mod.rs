//! What a plan costs at GitHub: cost table, requests an hour per bucket, the gate, advice; and what is spent, live.

mod advice;
mod costs;
mod demand;
mod gate;
mod host;
pub mod live;
mod price;
mod remote;
mod report;
#[cfg(test)]
pub(crate) mod sample;
mod sharing;
mod tally;
mod words;

pub use costs::{Basis, Cost, CostRow, CostTable};
pub use gate::{Highest, Verdict, judge};
pub use price::price;
pub use report::{
    Advice, AdviceKind, Advisory, AlsoUse, Bucket, Comparison, GitUse, Line, PricedOperation,
    Profile, ProfileName, Report, Resource, Start,
};
pub use words::{count, counted, counted_as, percent};

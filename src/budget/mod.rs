//! What a plan costs at GitHub: cost table, requests an hour per bucket, the gate, advice; and what is spent, live.

mod advice;
mod compared;
mod costs;
mod demand;
mod gate;
mod host;
pub mod live;
mod patch;
mod price;
mod remote;
mod report;
#[cfg(test)]
pub(crate) mod sample;
mod sharing;
mod tally;
mod what_if;
mod words;

pub use compared::{BucketChange, LineChange, Pair, PriceChange, compare};
pub use costs::{Basis, Cost, CostRow, CostTable};
pub use gate::{Highest, Verdict, judge};
pub use patch::{Patch, PatchedText, patch};
pub use price::price;
pub use report::{
    Advice, AdviceKind, Advisory, AlsoUse, Bucket, Comparison, GitUse, Line, PricedOperation,
    Profile, ProfileName, Remedy, Report, Resource, Start,
};
pub use what_if::{WhatIf, WhatIfFault};
pub use words::{count, counted, counted_as, percent};

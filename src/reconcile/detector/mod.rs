//! Finds pushes that nobody told of, by asking where refs point.
//!
//! ```text
//! clusters -> wanted: what is followed, once -> speaker (one an identity): what is due, in queries
//!   -> github::heads -> known: is it news? -> news: a delivery of our own -> the inbox
//! ```

mod batch;
mod cursors;
mod faults;
mod follow;
mod known;
mod lanes;
mod memory;
mod news;
mod pause;
mod questions;
mod recency;
mod report;
mod run;
mod speaker;
mod wanted;

pub use report::{DetectorBoard, DetectorReport, FaultReport, IdentityReport, LaneReport, Trouble};
pub use run::{Detector, HeadsOf};
pub use wanted::MOST_HEADS;

//! GitHub's budget while we spend it: what may be sent now, what is left, who else spends, and how long it lasts.
//!
//! ```text
//! Ask -> Ledger::reserve -> Go(Reservation) -> the call is sent -> Outcome -> Ledger::settle
//!                       `-> Wait(Hold)
//! ```

mod answer;
mod ask;
mod hold;
mod ledger;

pub use answer::{Outcome, Sample, Verdict};
pub use ask::{APP_JWT, Ask, BucketKey, Purpose};
pub use hold::{Hold, HoldReason};
pub use ledger::{Decision, Ledger, LedgerSettings, Reservation};

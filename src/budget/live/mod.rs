//! GitHub's budget while we spend it: what may be sent now, what is left, who else spends, and how long it lasts.
//!
//! ```text
//! Ask -> Ledger::reserve -> Go(Reservation) -> the call is sent -> Outcome -> Ledger::settle
//!                       `-> Wait(Hold)
//! ```

mod alerts;
mod answer;
mod ask;
mod batch;
mod bucket;
mod clock;
mod document;
mod epoch;
mod forecast;
mod git_rate;
mod history;
mod hold;
#[cfg(test)]
mod hour;
mod ledger;
pub mod metric;
#[cfg(test)]
mod model;
mod moment;
mod pace;
mod pressure;
mod rate;
mod report;
mod state;
mod window;

pub use alerts::{AlertRule, AlertSettings, Severity, alert_rules, write_rules};
pub use answer::{Outcome, Sample, Verdict};
pub use ask::{APP_JWT, Ask, BucketKey, Purpose};
pub use batch::BatchSize;
pub use document::{PlanBucket, PlanCost, PlanProfile, RateLimitReport};
pub use forecast::{Forecast, Supply};
pub use git_rate::{GitPoll, GitPollKind, GitRate, git_rate};
pub use history::Step;
pub use hold::{Hold, HoldReason};
pub use ledger::choose::Choice;
pub use ledger::{Decision, Ledger, LedgerSettings, Reservation};
pub use pace::{Cover, Group, PaceReason, Paced, Stretch, demand_per_hour, jittered, pace};
pub use report::{BucketReport, ByPurpose, HeldRow, HoldScope};
pub use state::LedgerState;

//! A push becomes a reconcile: which objects follow it, and why.

mod annotator;
mod audit;
mod books;
pub mod by_hand;
mod carried;
mod decision;
mod detector;
mod duty;
mod engine;
mod environments;
mod follower;
mod follows;
mod former_names;
mod gap;
mod head;
mod hearing;
mod heartbeat;
mod matcher;
mod matching;
mod means;
mod metrics;
mod names;
mod new_work;
mod outages;
mod overtaken;
mod pace;
#[cfg(test)]
mod played;
mod policy;
pub mod proof;
mod push;
mod queue;
mod record;
mod restored;
mod roster;
mod shares;
pub mod standing;
mod steps;
mod told;
mod unlisted;
mod verdict;
mod workflow;

pub use audit::{
    Audit, AuditSubject, AuditedWebhook, Repositories, WebhookBoard, WebhookMetrics, WebhookReport,
};
pub use books::Books;
pub use decision::{Decision, Rules};
pub use detector::{
    Detector, DetectorBoard, DetectorReport, FaultReport, HeadsOf, IdentityReport, LaneReport,
    MOST_HEADS, Trouble,
};
pub use duty::{Duties, Duty, Handover, LeaseMetrics, Tenure};
pub use engine::{Bells, Engine};
pub use former_names::FormerNames;
pub use hearing::{Ears, hear_others};
pub use heartbeat::keep as keep_heartbeat;
pub use matcher::{Explanation, Matcher};
pub use matching::{Candidate, package, push};
pub use metrics::Metrics;
pub use policy::Policies;
pub use push::{Changed, Package, Push};
pub use restored::wake_what_went_back;
pub use roster::{FLEET, Roster, cluster_lease};
pub use steps::Mode;
pub use verdict::{Asked, Follows, LeaveReason, Paths, Verdict};

//! Names of the metrics that show the budget, as they are registered below `flux_setup`.
//!
//! All of a bucket have the labels `host`, `identity` and `resource`; nothing is shown of a figure
//! that nobody knows. Points throughout.

/// What the bucket allows.
pub const GITHUB_LIMIT: &str = "github_limit";
pub const GITHUB_USED: &str = "github_used";
pub const GITHUB_REMAINING: &str = "github_remaining";
/// When it is full again, in seconds since 1970.
pub const GITHUB_RESET: &str = "github_reset_timestamp_seconds";
/// Of what is used, ours; with the label `purpose` too.
pub const GITHUB_OWN_USED: &str = "github_own_used";
/// Of what is used, others'.
pub const GITHUB_FOREIGN_USED: &str = "github_foreign_used";
/// By us and others, an hour, smoothed.
pub const GITHUB_RATE: &str = "github_rate_per_hour";
/// By others, an hour, smoothed.
pub const GITHUB_FOREIGN_RATE: &str = "github_foreign_rate_per_hour";
/// When it will be empty, in seconds since 1970; not shown where it lasts until its reset.
pub const GITHUB_EMPTY: &str = "github_empty_timestamp_seconds";
/// 1 where the gate is closed, with the label `why`; else not shown.
pub const GITHUB_GATE_CLOSED: &str = "github_gate_closed";
/// 1 where GitHub cannot be asked as an identity: its credential or `ca` cannot be used, GitHub does not
/// take it, or cannot be reached. Labels `host`, `identity` and `why`; else not shown.
pub const GITHUB_TROUBLE: &str = "github_trouble";
/// Seconds by which GitHub's clock is ahead of this machine's; label `host`.
pub const GITHUB_CLOCK_AHEAD: &str = "github_clock_ahead_seconds";
/// 1 where pushes can be relied on to come by a webhook, 0 where it is silent, disabled or set up
/// wrongly; label `webhook`.
pub const WEBHOOK_HEALTHY: &str = "webhook_healthy";
/// How long ago the oldest delivery was accepted of which an object is still to be annotated, in
/// seconds; label `cluster`. Work that waits because somebody asked for that is not counted.
pub const OLDEST_WORK: &str = "work_oldest_seconds";

/// How long ago the oldest push was accepted that is annotated and not applied, in seconds; labels
/// `cluster` and `environment`.
pub const PUSHED_UNAPPLIED: &str = "pushed_unapplied_seconds";

/// All of them.
pub const ALL: [&str; 15] = [
    GITHUB_LIMIT,
    GITHUB_USED,
    GITHUB_REMAINING,
    GITHUB_RESET,
    GITHUB_OWN_USED,
    GITHUB_FOREIGN_USED,
    GITHUB_RATE,
    GITHUB_FOREIGN_RATE,
    GITHUB_EMPTY,
    GITHUB_GATE_CLOSED,
    GITHUB_TROUBLE,
    GITHUB_CLOCK_AHEAD,
    WEBHOOK_HEALTHY,
    OLDEST_WORK,
    PUSHED_UNAPPLIED,
];

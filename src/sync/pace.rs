//! How often and how long clusters are asked.

use std::time::Duration;

/// The times of a list-watch. Tests have their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So many objects are asked for at once.
    pub page: u32,
    /// How long a whole list may take.
    pub list_limit: Duration,
    /// How long the server is asked to keep a watch open.
    pub watch_for: Duration,
    /// A watch that says nothing for so long is begun again. API servers send a bookmark every 60 to 61 seconds.
    pub silence: Duration,
    /// A watch that lived for so long was a good one: the next failure is the first.
    pub good_after: Duration,
    /// How long to wait after the first failure; it doubles with each, with jitter.
    pub first_pause: Duration,
    pub longest_pause: Duration,
    /// A kind that a cluster lacks is looked for again after so long.
    pub look_again: Duration,
    /// After an absence that was longer a watch is not resumed: the cluster may have been restored from a backup, and
    /// have come to later versions since.
    pub resume_within: Duration,
    /// A kind that we were not let see for so long will not be: a server that starts may refuse for a moment.
    pub forbidden_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            page: 500,
            list_limit: Duration::from_secs(300),
            watch_for: Duration::from_secs(290),
            silence: Duration::from_secs(65),
            good_after: Duration::from_secs(5),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(15),
            look_again: Duration::from_secs(180),
            resume_within: Duration::from_secs(120),
            forbidden_after: Duration::from_secs(30),
        }
    }
}

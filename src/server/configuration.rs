//! Whether what lies in the configuration folder is what holds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// Written by whoever takes changes over, and shown by health and metrics. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct ConfigurationBoard(Arc<Mutex<Standing>>);

#[derive(Debug)]
struct Standing {
    /// Why the last change does not hold.
    refused: Option<String>,
    /// What changed that only a restart takes over.
    restart: Vec<String>,
    /// Since when what holds does.
    since: Timestamp,
    was_ready: bool,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            refused: None,
            restart: Vec::new(),
            since: Timestamp::now(),
            was_ready: false,
        }
    }
}

impl ConfigurationBoard {
    /// A change is refused; what held goes on.
    pub fn refuse(&self, reason: &str) {
        self.lock().refused = Some(reason.to_owned());
    }

    /// A change holds, but for what `restart` names.
    pub fn hold(&self, restart: Vec<String>) {
        let mut standing = self.lock();
        standing.refused = None;
        standing.restart = restart;
        standing.since = Timestamp::now();
    }

    /// A change that was refused was taken back.
    pub fn holds_as_it_lies(&self) {
        self.lock().refused = None;
    }

    /// What people should know of it.
    pub(super) fn reasons(&self) -> Vec<String> {
        let standing = self.lock();
        let refused = standing.refused.iter().map(|reason| {
            format!("the changed configuration is refused, and the last sound one holds: {reason}")
        });
        let restart = standing.restart.iter();
        let restart = restart
            .map(|what| format!("`{what}` has changed, and stays as it was until a restart"));
        refused.chain(restart).collect()
    }

    pub(super) fn is_refused(&self) -> bool {
        self.lock().refused.is_some()
    }

    pub(super) fn needs_restart(&self) -> bool {
        !self.lock().restart.is_empty()
    }

    pub(super) fn since(&self) -> Timestamp {
        self.lock().since
    }

    /// Keeps whether deliveries could be sent to us once, and tells it: a cluster that is added later takes nothing
    /// away from that.
    pub(super) fn was_ready(&self, is_ready: bool) -> bool {
        let mut standing = self.lock();
        standing.was_ready |= is_ready;
        standing.was_ready
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What one test hears of the log while others run beside it.

use std::sync::OnceLock;

use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};
use tracing::{Dispatch, Subscriber};

/// Listens to what this thread logs, until the answer is dropped.
///
/// While there is one listener alone, whoever reaches a line of the log first is asked whether anybody wants it, and
/// another thread says no for all: so there is a second one, who wants nothing.
pub fn listen(listener: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(NoSubscriber::default()));
    set_default(listener)
}

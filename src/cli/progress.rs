//! A progress bar for what takes over a second, where somebody watches.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How long nothing is shown: what is done by then needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many steps are taken between two looks at the clock.
const STRIDE: u64 = 256;

/// Counts steps from any thread.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    steps: u64,
    done: AtomicU64,
    /// `None` where nobody watches.
    started: Option<Instant>,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    pub(super) fn new(what: &'static str, steps: usize) -> Self {
        Self {
            what,
            steps: steps as u64,
            done: AtomicU64::new(0),
            started: io::stderr().is_terminal().then(Instant::now),
            bar: OnceLock::new(),
        }
    }

    /// Counts one step.
    pub(super) fn advance(&self) {
        let Some(started) = self.started else { return };
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(STRIDE) && started.elapsed() >= PATIENCE {
            self.bar.get_or_init(|| self.bar()).set_position(done);
        }
    }

    fn bar(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{msg} {bar:30} {human_pos} of {human_len}")
            .expect("the template names only what a bar has");
        ProgressBar::new(self.steps)
            .with_style(style)
            .with_message(self.what)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

//! What is done and how long it takes, on stderr, for those who ask with `-v`.

use std::io::Write;
use std::time::Instant;

/// Steps of one run.
#[derive(Debug)]
pub(super) struct Log {
    /// When the last step ended; `None` where nobody asked.
    last: Option<Instant>,
}

impl Log {
    pub(super) fn new(verbose: bool) -> Self {
        Self {
            last: verbose.then(Instant::now),
        }
    }

    /// Tells of a step that ended now.
    pub(super) fn step(&mut self, what: &str, outcome: impl FnOnce() -> String) {
        if let Some(last) = &mut self.last {
            let took = last.elapsed().as_secs_f64() * 1000.0;
            // That nobody reads the log is no fault of the run.
            let _ = writeln!(anstream::stderr(), "{what} in {took:.1} ms: {}", outcome());
            *last = Instant::now();
        }
    }
}

//! Changes of the configuration folder: how they are seen, and whether they are taken over.
//!
//! The folder is read again and again and its contents are compared: a watch of the file system would miss the
//! link that Kubernetes moves from one version of a volume to the next, and network file systems have none.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::config::{self, Finding, ServerSettings};
use crate::server::ConfigurationBoard;

use super::fleet::{Fingerprint, Loaded};
use super::report;
use super::serve_args::ServeArguments;
use super::serve_current::Prepared;
use super::serve_settings::{addresses, instead};

/// A change is taken for whole once it has rested so long.
const REST: Duration = Duration::from_secs(1);
/// Reading takes at most this part of the time, as long as that lets a change wait no longer than [`LONGEST`].
const SHARE: u32 = 50;
/// However long it took to read: the machine may have stood still meanwhile.
const LONGEST: Duration = Duration::from_secs(10);
/// So many faults are named where people look whether we are ready; the log has more.
const FAULTS_NAMED: usize = 3;
/// So many faults go into the log.
const FAULTS_LOGGED: usize = 20;

/// What lies in the folder now, and all that is wrong with it.
#[derive(Debug)]
pub(super) struct Change {
    loaded: Arc<Loaded>,
    findings: Vec<Finding>,
}

/// Tells of each configuration that differs from the one told before, until `stop`.
pub(super) async fn tell_changes(
    folder: PathBuf,
    first: Fingerprint,
    told: mpsc::Sender<Change>,
    stop: CancellationToken,
) {
    let telling = async {
        let (mut last_told, mut last_read) = (first, first);
        let mut pause = REST;
        loop {
            tokio::time::sleep(pause).await;
            let folder = folder.clone();
            let started = Instant::now();
            let read = tokio::task::spawn_blocking(move || {
                let (configuration, findings) = config::load(&folder);
                Loaded::of(configuration, findings)
            });
            let Ok(read) = read.await else {
                error!("the configuration could not be read again by a fault of ours");
                continue;
            };
            pause = pause_after(started.elapsed());
            let fingerprint = read.fingerprint();
            if fingerprint != last_told && fingerprint == last_read {
                last_told = fingerprint;
                let judging = tokio::task::spawn_blocking(move || Change {
                    findings: read.judged(),
                    loaded: Arc::new(read),
                });
                let Ok(change) = judging.await else {
                    error!("the changed configuration could not be judged by a fault of ours");
                    continue;
                };
                if told.send(change).await.is_err() {
                    return;
                }
            }
            last_read = fingerprint;
        }
    };
    stop.run_until_cancelled(telling).await;
}

/// How long to wait after a reading that took so long.
fn pause_after(reading: Duration) -> Duration {
    reading.saturating_mul(SHARE).clamp(REST, LONGEST)
}

/// How the configuration that holds stands to what lies in the folder.
#[derive(Debug)]
pub(super) struct Standing<'f> {
    folder: &'f Path,
    /// What holds of the listeners and the store as long as the process.
    started_with: ServerSettings,
    board: ConfigurationBoard,
    /// What holds now.
    held: Fingerprint,
    /// What is to hold, and cannot yet.
    refused: Option<Arc<Loaded>>,
    /// What is being taken over: its fingerprint, and what of it needs a restart.
    coming: Option<(Fingerprint, Vec<String>)>,
    /// What was told last of a refusal, so that it is told once.
    told: String,
}

impl<'f> Standing<'f> {
    pub(super) fn new(
        folder: &'f Path,
        started_with: ServerSettings,
        board: ConfigurationBoard,
        held: Fingerprint,
    ) -> Self {
        Self {
            folder,
            started_with,
            board,
            held,
            refused: None,
            coming: None,
            told: String::new(),
        }
    }

    /// Whether something is to be tried again.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// What was refused, to be tried again.
    pub(super) fn again(&mut self) -> Option<Arc<Loaded>> {
        self.refused.take()
    }

    /// Looks at a change: a sound one is to be prepared, a faulty one is refused.
    pub(super) fn read(&mut self, change: Change) -> Option<Arc<Loaded>> {
        let Change { loaded, findings } = change;
        self.refused = None;
        self.told.clear();
        if loaded.fingerprint() == self.held {
            info!("the configuration is again as it holds");
            self.board.holds_as_it_lies();
            return None;
        }
        let faults = report::errors(&loaded.configuration.sources, &findings);
        if faults.is_empty() {
            return Some(loaded);
        }
        for fault in faults.iter().take(FAULTS_LOGGED) {
            let (file, line, column) = (&fault.file, fault.line, fault.column);
            error!(%file, line, column, "the changed configuration is refused, and the last sound one holds: {file}:{line}:{column}: {}", fault.message);
        }
        let more = faults.len().saturating_sub(FAULTS_NAMED);
        let mut reasons: Vec<String> = faults
            .iter()
            .take(FAULTS_NAMED)
            .map(ToString::to_string)
            .collect();
        if more > 0 {
            reasons.push(format!("{more} more"));
        }
        self.board.refuse(&reasons.join("; "));
        None
    }

    /// Makes a sound configuration ready to be served; what cannot be is refused, and tried again.
    pub(super) fn prepare(
        &mut self,
        loaded: Arc<Loaded>,
        arguments: &ServeArguments,
    ) -> Option<Prepared> {
        let fingerprint = loaded.fingerprint();
        let settings = instead(&loaded.configuration, &arguments.instead);
        match Prepared::of(self.folder, Arc::clone(&loaded), arguments) {
            Ok(prepared) => {
                self.coming = Some((fingerprint, self.needs_restart(&settings)));
                Some(prepared)
            }
            Err(fault) => {
                let reason = format!("{fault:#}");
                if self.told != reason {
                    error!(
                        "the changed configuration is refused, and the last sound one holds: {reason}"
                    );
                }
                self.board.refuse(&reason);
                self.told = reason;
                self.refused = Some(loaded);
                None
            }
        }
    }

    /// What was prepared holds now.
    pub(super) fn holds(&mut self) {
        let Some((fingerprint, restart)) = self.coming.take() else {
            return;
        };
        self.held = fingerprint;
        info!("the changed configuration holds");
        for what in &restart {
            warn!("`{what}` has changed, and stays as it was until a restart");
        }
        self.board.hold(restart);
    }

    /// What of the settings differs from what the process was started with, and is taken over by a restart alone.
    fn needs_restart(&self, settings: &ServerSettings) -> Vec<String> {
        let (now, then) = (addresses(settings), addresses(&self.started_with));
        let differs = [
            ("server.hooks.listen", now.hooks != then.hooks),
            ("server.api.listen", now.api != then.api),
            ("server.health", now.health != then.health),
            ("server.store", settings.store != self.started_with.store),
        ];
        let differs = differs.into_iter().filter(|(_, differs)| *differs);
        differs.map(|(what, _)| what.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_takes_a_fiftieth_of_the_time_and_one_that_was_slow_keeps_no_change_waiting() {
        let pauses = [5, 20, 30, 200, 201, 5_000].map(|reading| {
            let pause = pause_after(Duration::from_millis(reading));
            pause.as_millis()
        });
        assert_eq!(pauses, [1_000, 1_000, 1_500, 10_000, 10_000, 10_000]);
    }
}

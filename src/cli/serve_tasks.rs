//! What runs, by name, and how it ends: of what nobody told to end, that is a fault.

use std::io::{self, IsTerminal};

use anyhow::{Context, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// What runs. A task that was told to end gives `None`.
#[derive(Debug, Default)]
pub(super) struct Tasks(JoinSet<Option<(&'static str, anyhow::Result<()>)>>);

impl Tasks {
    /// Starts what runs until `stop`.
    pub(super) fn start(
        &mut self,
        name: &'static str,
        stop: &CancellationToken,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.start_fallible(name, stop, async {
            task.await;
            Ok(())
        });
    }

    /// The same of what may also fail, which ends the program.
    pub(super) fn start_fallible(
        &mut self,
        name: &'static str,
        stop: &CancellationToken,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let stop = stop.clone();
        self.0.spawn(async move {
            let ended = task.await;
            (ended.is_err() || !stop.is_cancelled()).then_some((name, ended))
        });
    }

    /// Waits until everything has ended.
    pub(super) async fn finish(&mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// Those that end the program.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// A terminal was closed, or somebody means what other services do then: to read the configuration again.
    hangup: Signal,
    has_terminal: bool,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?,
            hangup: signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?,
            has_terminal: io::stderr().is_terminal(),
        })
    }

    /// Waits for one of them.
    pub(super) async fn told(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return info!("ends after SIGTERM"),
                _ = self.interrupt.recv() => return info!("ends after Ctrl-C"),
                _ = self.hangup.recv() => match self.has_terminal {
                    true => return info!("ends after SIGHUP, as its terminal is closed"),
                    false => info!("goes on after SIGHUP: changes of the configuration are seen without it"),
                },
            }
        }
    }
}

/// Waits for a signal that ends the program. A task that ends by itself is a fault: the program must
/// not look alive. Nothing is lost where it is not waited for to the end.
pub(super) async fn until_told(signals: &mut Signals, tasks: &mut Tasks) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = signals.told() => {}
            ended = tasks.0.join_next() => match ended {
                Some(Ok(None)) => continue,
                Some(Ok(Some((_, Err(fault))))) => return Err(fault),
                Some(Ok(Some((name, Ok(()))))) => bail!("the {name} ended by a fault of ours"),
                Some(Err(fault)) => return Err(fault).context("a task ended by a fault of ours"),
                None => bail!("nothing runs, by a fault of ours"),
            },
        }
        return Ok(());
    }
}

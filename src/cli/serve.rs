//! `flux-setup serve`: wires the doors, the store, the clusters and the engine together.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::config::{self, Severity};
use crate::reconcile::{self, Ears, Handover, LeaseMetrics, Mode, WebhookMetrics, hear_others};
use crate::server::{self, ConfigurationBoard, Doors};
use crate::store::{Limits, Store};

use super::args::{Format, GlobalArguments};
use super::fleet::Loaded;
use super::log_lines::LogLines;
use super::outcome::Outcome;
use super::report;
use super::serve_args::ServeArguments;
use super::serve_changes::{Standing, tell_changes};
use super::serve_clusters::Watches;
use super::serve_current::{Current, Lasting, Prepared};
use super::serve_settings::{addresses, check_clusters, check_purpose, instead, store_url};
use super::serve_tasks::{Signals, Tasks, until_told};

/// A changed configuration that cannot be used is tried again so often: a secret may be there later.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(3);
/// After a signal everything has ended by then, whoever still hangs.
const END_WITHIN: Duration = Duration::from_millis(9_500);

pub(super) fn run(global: &GlobalArguments, arguments: &ServeArguments) -> anyhow::Result<Outcome> {
    let (configuration, findings) = config::load(&global.config);
    report::print_beside(&configuration.sources, &findings)?;
    let mut severities = findings.iter().map(|finding| finding.severity);
    let is_faulty = severities.any(|severity| severity == Severity::Error);
    check_purpose(&configuration)?;
    if is_faulty {
        return Ok(Outcome::BadInput);
    }
    check_clusters(&configuration, &arguments.cluster)?;
    let loaded = Arc::new(Loaded::of(configuration, findings));
    let log = LogLines::to(io::stderr()).context("cannot start a thread for the log")?;
    start_log(global, arguments, log.clone());
    // Who comes first decides which library encrypts; nobody was before us.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mode = if arguments.shadow {
        Mode::Shadow
    } else {
        Mode::Annotate
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let served = runtime.block_on(serve(&global.config, &loaded, arguments, mode));
    // What blocks a thread, as a slow disk does, is not waited for.
    runtime.shutdown_background();
    log.finish();
    served?;
    Ok(Outcome::Done)
}

fn start_log(global: &GlobalArguments, arguments: &ServeArguments, lines: LogLines) {
    let level = if global.verbose {
        "flux_setup=debug"
    } else {
        "flux_setup=info"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let is_terminal = io::stderr().is_terminal();
    let format = arguments.log.unwrap_or(if is_terminal {
        Format::Text
    } else {
        Format::Json
    });
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines);
    match format {
        Format::Json => log.json().flatten_event(true).with_ansi(false).init(),
        Format::Text => log.with_target(false).with_ansi(is_terminal).init(),
    }
}

async fn serve(
    folder: &Path,
    loaded: &Arc<Loaded>,
    arguments: &ServeArguments,
    mode: Mode,
) -> anyhow::Result<()> {
    let settings = instead(&loaded.configuration, &arguments.instead);
    // From now on a signal is heard, however long it takes to open the store: the first process of a
    // container would not be ended by it.
    let mut signals = Signals::listen()?;
    let mut registry = Registry::default();
    let metrics = server::Metrics::register(&mut registry);
    let engine_metrics = reconcile::Metrics::register(&mut registry);
    let webhook_metrics = WebhookMetrics::register(&mut registry);
    let lease_metrics = LeaseMetrics::register(&mut registry);
    let prepared = Prepared::of(folder, Arc::clone(loaded), arguments)?;
    let doors = Doors::bind(&addresses(&settings)).await?;
    let store = Store::open(&store_url(folder, &settings)?, Limits::default())
        .await
        .context("cannot open the store")?;
    let ears = Ears::default();
    let stop = CancellationToken::new();
    let mut tasks = Tasks::default();
    let heard = hear_others(store.clone(), ears.clone(), stop.clone());
    tasks.start("ear for other replicas", &stop, heard);
    let board = ConfigurationBoard::default();
    let (told, mut changes) = mpsc::channel(1);
    let changes_task = tell_changes(folder.to_owned(), loaded.fingerprint(), told, stop.clone());
    tasks.start(
        "look-out for changes of the configuration",
        &stop,
        changes_task,
    );
    let is_alone = store.leases().is_none();
    let watches = Watches::new(is_alone, stop.clone());
    let lasting = Lasting {
        store: store.clone(),
        ears,
        roster: reconcile::Roster::default(),
        lease_metrics,
        handover: Handover::default(),
        metrics,
        engine_metrics,
        webhook_metrics,
        registry: Arc::new(registry),
        board: board.clone(),
        doors,
        mode,
        stop: stop.clone(),
    };
    let mut current = Current::new(lasting, watches);
    let mut standing = Standing::new(folder, settings, board, loaded.fingerprint());
    let served = async {
        current.replace(prepared, &mut tasks).await?;
        loop {
            let change = tokio::select! {
                ended = until_told(&mut signals, &mut tasks) => return ended,
                Some(change) = changes.recv() => standing.read(change),
                () = sleep(TRY_AGAIN_AFTER), if standing.is_refused() => standing.again(),
            };
            let Some(prepared) = change.and_then(|loaded| standing.prepare(loaded, arguments))
            else {
                continue;
            };
            // What holds now ends first, and somebody may want all to end meanwhile.
            tokio::select! {
                replaced = current.replace(prepared, &mut tasks) => replaced?,
                () = signals.told() => return Ok(()),
            }
            standing.holds();
        }
    };
    let ended = served.await;
    stop.cancel();
    let rest = async {
        tasks.finish().await;
        store.close().await
    };
    match timeout(END_WITHIN, rest).await {
        Ok(Ok(())) => info!("ended"),
        Ok(Err(fault)) => {
            warn!(error = %fault, "the store was not closed well; nothing accepted is lost")
        }
        Err(_) => warn!("ended before all was done; what is left is done at the next start"),
    }
    ended
}

//! `flux-setup serve`: wires the doors, the store, the clusters and the engine together.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use prometheus_client::registry::Registry;
use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::catalog::{HostNames, LiveCluster};
use crate::cluster::{Cluster, ClusterAccess};
use crate::config::{
    self, Configuration, GithubWebhook, ServerSettings, Severity, StoreAddress, WebhookSubject,
};
use crate::delivery::{HookScope, SpeaksFor, WebhookName};
use crate::flux::{GITHUB, OTHER_NAMES_OF_GITHUB};
use crate::reconcile::{
    self, Audit, Books, Detector, DetectorBoard, Engine, Matcher, Mode, Policies, Rules,
    WebhookBoard, WebhookMetrics, keep_heartbeat, wake_what_went_back,
};
use crate::server::{
    self, Addresses, AppState, Bounds, Doors, FleetQuestion, GithubSide, HookSettings, Hooks,
    TokenSettings, Tokens,
};
use crate::store::{Limits, Store, StoreUrl};
use crate::sync::{self, watch_cluster};

use super::args::{Format, GlobalArguments, InsteadArguments, ServeArguments};
use super::fleet::Loaded;
use super::fleet_answers;
use super::log_lines::LogLines;
use super::outcome::Outcome;
use super::report;
use super::serve_github;

/// The name of the one cluster where the configuration lists none.
const ONLY_CLUSTER: &str = "default";
/// Lists that are read at once, of all clusters: each takes memory.
const LISTS_AT_ONCE: usize = 4;
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

/// Whether there is anything to be served.
pub(super) fn check_purpose(configuration: &Configuration) -> anyhow::Result<()> {
    let mut hosts = configuration.github.iter();
    let has_heads = hosts.any(|host| host.heads.is_some() && !host.identities.is_empty());
    if scopes(configuration).is_empty() && !has_heads {
        bail!("no webhook is configured; list one under `github[].webhooks`");
    }
    Ok(())
}

/// What the arguments say in the place of what the configuration says.
fn instead(configuration: &Configuration, arguments: &InsteadArguments) -> ServerSettings {
    let mut server = configuration.server.clone();
    let InsteadArguments {
        hooks,
        health,
        store,
    } = arguments;
    server.hooks.listen = hooks.unwrap_or(server.hooks.listen);
    server.health = health.or(server.health);
    if let Some(store) = store {
        server.store = StoreAddress::Plain(store.clone());
    }
    server
}

/// Refuses names of clusters that the configuration does not have.
pub(super) fn check_clusters(
    configuration: &Configuration,
    named: &[String],
) -> anyhow::Result<()> {
    let clusters = configuration.clusters.iter();
    let mut known: Vec<&str> = clusters.map(|cluster| &*cluster.name.value).collect();
    if known.is_empty() {
        known.push(ONLY_CLUSTER);
    }
    for name in named {
        if !known.contains(&name.as_str()) {
            bail!("unknown cluster `{name}`; configured: {}", known.join(", "));
        }
    }
    Ok(())
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

/// What runs, by name.
type Tasks = JoinSet<(&'static str, anyhow::Result<()>)>;

fn start(tasks: &mut Tasks, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
    tasks.spawn(async move {
        task.await;
        (name, Ok(()))
    });
}

async fn serve(
    folder: &Path,
    loaded: &Arc<Loaded>,
    arguments: &ServeArguments,
    mode: Mode,
) -> anyhow::Result<()> {
    let configuration = &loaded.configuration;
    let settings = &instead(configuration, &arguments.instead);
    // From now on a signal is heard, however long it takes to open the store: the first process of a
    // container would not be ended by it.
    let mut signals = Signals::listen()?;
    let mut registry = Registry::default();
    let metrics = server::Metrics::register(&mut registry);
    let engine_metrics = reconcile::Metrics::register(&mut registry);
    let webhook_metrics = WebhookMetrics::register(&mut registry);
    let asking = serve_github::open(folder, configuration)?;
    let github = asking.side;
    for note in &github.notes {
        info!("{note}");
    }
    let doors = Doors::bind(&addresses(settings)).await?;
    let store = Store::open(&store_url(folder, settings)?, Limits::default())
        .await
        .context("cannot open the store")?;
    let hosts = Arc::new(HostNames::new(&configuration.github));
    let clusters = clusters(folder, configuration, &arguments.cluster);
    let live: Vec<Arc<LiveCluster>> = clusters
        .iter()
        .map(|cluster| Arc::new(LiveCluster::new(Arc::clone(cluster.name()))))
        .collect();
    let arrived = Arc::new(Notify::new());
    let rules = Rules {
        scopes: scopes(configuration),
        hosts: Arc::clone(&hosts),
        policies: Policies::of_configuration(configuration),
        planned: serve_github::planned_repositories(configuration, &hosts),
    };
    let matcher = Arc::new(Matcher::new(rules, live.clone()));
    let stop = CancellationToken::new();
    let mut tasks = Tasks::new();
    let lists = Arc::new(Semaphore::new(LISTS_AT_ONCE));
    for (cluster, live) in clusters.iter().zip(&live) {
        let watched = watch_cluster(
            Arc::clone(cluster),
            Arc::clone(live),
            Arc::clone(&hosts),
            Arc::clone(&lists),
            sync::Pace::default(),
            stop.clone(),
        );
        start(&mut tasks, "watches", watched);
        let restored = wake_what_went_back(
            Arc::clone(live),
            store.clone(),
            Arc::clone(&arrived),
            stop.clone(),
        );
        start(&mut tasks, "look-out for restored clusters", restored);
    }
    let engine = Engine {
        store: store.clone(),
        matcher: Arc::clone(&matcher),
        ways: clusters,
        arrived: Arc::clone(&arrived),
        give_up_after: settings.give_up_after,
        mode,
        metrics: engine_metrics,
    };
    start(&mut tasks, "engine", engine.run(stop.clone()));
    let heartbeat = keep_heartbeat(store.clone(), Arc::clone(&arrived), stop.clone());
    start(&mut tasks, "heartbeat", heartbeat);
    let board = WebhookBoard::new(scopes(configuration));
    let heads = DetectorBoard::default();
    if !github.hosts.is_empty() {
        // First of all: who goes on without the books would ask inside a hold.
        let books = Books::open(store.clone(), github.hosts.clone());
        let books = books.await.context("cannot read the store")?;
        start(&mut tasks, "books", books.keep(stop.clone()));
        let audit = Audit {
            store: store.clone(),
            arrived: Arc::clone(&arrived),
            board: board.clone(),
            metrics: webhook_metrics,
            clusters: live.clone(),
            webhooks: asking.audited,
            mode,
        };
        start(&mut tasks, "audit", audit.run(stop.clone()));
        let told = board.clone();
        let detector = Detector {
            store: store.clone(),
            matcher: Arc::clone(&matcher),
            arrived: Arc::clone(&arrived),
            hosts: asking.heads,
            kinds: serve_github::kinds(configuration),
            is_told: Arc::new(move |repository| told.is_healthy(repository)),
            board: heads.clone(),
        };
        start(&mut tasks, "detector", detector.run(stop.clone()));
    }
    let state = AppState {
        store: store.clone(),
        hooks: Arc::new(Hooks::open(folder.to_owned(), hooks(configuration))?),
        arrived,
        clusters: live.into(),
        tokens: Arc::new(Tokens::open(folder, tokens(settings))?),
        github: Arc::new(GithubSide {
            webhooks: board,
            heads,
            ..github
        }),
        trusted_proxies: settings.hooks.trusted_proxies.clone().into(),
        metrics,
        registry: Arc::new(registry),
        bounds: Bounds::default(),
    };
    let fleet = Arc::clone(loaded);
    let fleet = server::fleet_routes(Arc::new(move |question: &FleetQuestion| {
        fleet_answers::answer(&fleet, question)
    }));
    let more = server::explain_routes(store.clone(), matcher).merge(fleet);
    let served = server::serve(doors, state, more, stop.clone());
    tasks.spawn(async { ("doors", served.await.map_err(Into::into)) });
    let ended = until_told(&mut signals, &mut tasks).await;
    stop.cancel();
    let rest = async {
        while tasks.join_next().await.is_some() {}
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

/// Those that end the program.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?,
        })
    }
}

/// Waits for a signal that ends the program. A task that ends by itself is a fault: the program must
/// not look alive.
async fn until_told(signals: &mut Signals, tasks: &mut Tasks) -> anyhow::Result<()> {
    tokio::select! {
        _ = signals.terminate.recv() => info!("ends after SIGTERM"),
        _ = signals.interrupt.recv() => info!("ends after Ctrl-C"),
        ended = tasks.join_next() => match ended {
            Some(Ok((_, Err(fault)))) => return Err(fault),
            Some(Ok((name, Ok(())))) => bail!("the {name} ended by a fault of ours"),
            Some(Err(fault)) => return Err(fault).context("a task ended by a fault of ours"),
            None => bail!("nothing runs, by a fault of ours"),
        },
    }
    Ok(())
}

fn addresses(settings: &ServerSettings) -> Addresses {
    Addresses {
        hooks: settings.hooks.listen,
        api: settings.api.listen,
        health: settings.health,
    }
}

fn store_url(folder: &Path, settings: &ServerSettings) -> anyhow::Result<StoreUrl> {
    let text = match &settings.store {
        StoreAddress::Plain(text) => text.clone(),
        StoreAddress::Referred(reference) => {
            let read = reference.read(folder);
            let secret = read.context("cannot read the address of the store")?;
            String::from_utf8(secret.expose_secret().to_vec())
                .map_err(|_| anyhow!("the address of the store in {reference} is no UTF-8 text"))?
        }
    };
    Ok(StoreUrl::read(&text, folder)?)
}

fn webhooks(
    configuration: &Configuration,
) -> impl Iterator<Item = (&config::GithubHost, &GithubWebhook)> {
    let hosts = configuration.github.iter();
    hosts.flat_map(|host| host.webhooks.iter().map(move |webhook| (host, webhook)))
}

/// What each webhook may speak of.
fn scopes(configuration: &Configuration) -> HashMap<WebhookName, HookScope> {
    let scope = |(host, webhook)| (name(webhook), scope(host, webhook));
    webhooks(configuration).map(scope).collect()
}

fn scope(host: &config::GithubHost, webhook: &GithubWebhook) -> HookScope {
    let speaks_for = match &webhook.subject {
        WebhookSubject::Organization(name) => SpeaksFor::Organization(name.clone()),
        WebhookSubject::App { installation, .. } => SpeaksFor::Installation(*installation),
        WebhookSubject::Repositories => SpeaksFor::KnownRepositories,
    };
    let aliases = host.aliases.iter();
    let mut aliases: Vec<String> = aliases.map(|alias| alias.value.clone()).collect();
    if host.host.value == GITHUB {
        aliases.extend(OTHER_NAMES_OF_GITHUB.map(str::to_owned));
    }
    HookScope {
        host: host.host.value.clone(),
        aliases,
        speaks_for,
    }
}

fn hooks(configuration: &Configuration) -> Vec<HookSettings> {
    let settings = |(host, webhook): (&config::GithubHost, &GithubWebhook)| HookSettings {
        name: name(webhook),
        scope: scope(host, webhook),
        secrets: webhook.secrets.clone(),
    };
    webhooks(configuration).map(settings).collect()
}

fn name(webhook: &GithubWebhook) -> WebhookName {
    WebhookName(webhook.name.value.to_string())
}

fn tokens(settings: &ServerSettings) -> Vec<TokenSettings> {
    let tokens = settings.api.tokens.iter();
    let settings = |token: &config::ApiToken| TokenSettings {
        name: token.name.clone(),
        token: token.token.clone(),
    };
    tokens.map(settings).collect()
}

/// Those of the configuration, of which `only` some are wanted; all where that is empty.
fn clusters(folder: &Path, configuration: &Configuration, only: &[String]) -> Vec<Arc<Cluster>> {
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|it| it == name);
    let listed = configuration.clusters.iter();
    let listed = listed.filter(|cluster| is_wanted(&cluster.name.value));
    let listed = listed.map(|cluster| ClusterAccess {
        name: Arc::clone(&cluster.name.value),
        kubeconfig: cluster
            .kubeconfig
            .as_ref()
            .map(|path| config::file_path(&path.value, folder)),
        context: cluster
            .context
            .as_ref()
            .map(|context| context.value.clone()),
    });
    let mut accesses: Vec<ClusterAccess> = listed.collect();
    if accesses.is_empty() {
        accesses.push(ClusterAccess {
            name: ONLY_CLUSTER.into(),
            kubeconfig: None,
            context: None,
        });
    }
    accesses
        .into_iter()
        .map(|access| Arc::new(Cluster::new(access)))
        .collect()
}

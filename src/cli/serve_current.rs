//! What serves by the configuration that holds now, and how another one takes its place.
//!
//! ```text
//! Prepared: all that can fail, secrets and tokens too, while the old one still serves
//!    -> the old one is told to end; new doors open on the same listeners, so that nobody is refused
//!    -> the old workers have ended; the new ones go on where those stopped, as after a restart
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::catalog::HostNames;
use crate::config::ServerSettings;
use crate::github::Github;
use crate::reconcile::{
    self, Audit, AuditedWebhook, Books, Detector, DetectorBoard, Engine, HeadsOf, Matcher, Mode,
    Policies, Rules, WebhookBoard, WebhookMetrics,
};
use crate::server::{
    self, AppState, Bounds, ConfigurationBoard, Doors, FleetQuestion, GithubSide, Hooks, Metrics,
    Tokens,
};
use crate::store::Store;

use super::args::ServeArguments;
use super::fleet::Loaded;
use super::fleet_answers;
use super::serve_clusters::{Clusters, Watches};
use super::serve_github::{self, Asking};
use super::serve_settings::{check_clusters, check_purpose, hooks, instead, scopes, tokens};
use super::serve_tasks::Tasks;

/// How long until the books are opened again, where the store did not let us.
const BOOKS_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What stays as long as the process.
#[derive(Debug)]
pub(super) struct Lasting {
    pub(super) store: Store,
    pub(super) arrived: Arc<Notify>,
    pub(super) metrics: Metrics,
    pub(super) engine_metrics: reconcile::Metrics,
    pub(super) webhook_metrics: WebhookMetrics,
    pub(super) registry: Arc<Registry>,
    pub(super) board: ConfigurationBoard,
    pub(super) doors: Doors,
    pub(super) mode: Mode,
    pub(super) stop: CancellationToken,
}

/// A configuration that can be served: nothing of it can fail any more.
#[derive(Debug)]
pub(super) struct Prepared {
    loaded: Arc<Loaded>,
    folder: PathBuf,
    settings: ServerSettings,
    only_clusters: Vec<String>,
    hooks: Hooks,
    tokens: Tokens,
    asking: Asking,
}

impl Prepared {
    /// Reads every secret; `loaded` has no faults of its own.
    ///
    /// # Errors
    /// Why it cannot be served.
    pub(super) fn of(
        folder: &Path,
        loaded: Arc<Loaded>,
        arguments: &ServeArguments,
    ) -> anyhow::Result<Self> {
        let configuration = &loaded.configuration;
        check_purpose(configuration)?;
        check_clusters(configuration, &arguments.cluster)?;
        let settings = instead(configuration, &arguments.instead);
        let tokens = Tokens::open(folder, tokens(&settings))?;
        tokens.check_listener(settings.api.listen)?;
        Ok(Self {
            folder: folder.to_owned(),
            only_clusters: arguments.cluster.clone(),
            hooks: Hooks::open(folder.to_owned(), hooks(configuration))?,
            tokens,
            asking: serve_github::open(folder, configuration)?,
            settings,
            loaded,
        })
    }
}

/// What serves now.
#[derive(Debug)]
pub(super) struct Current {
    lasting: Lasting,
    watches: Watches,
    stop: CancellationToken,
    /// What must have ended before others do the same.
    workers: TaskTracker,
}

impl Current {
    pub(super) fn new(lasting: Lasting, watches: Watches) -> Self {
        Self {
            stop: lasting.stop.child_token(),
            lasting,
            watches,
            workers: TaskTracker::new(),
        }
    }

    /// Serves by `prepared` from now on.
    ///
    /// # Errors
    /// The listeners cannot be shared, or, the first time, the store cannot be read.
    pub(super) async fn replace(
        &mut self,
        prepared: Prepared,
        tasks: &mut Tasks,
    ) -> anyhow::Result<()> {
        let is_first = self.workers.is_empty();
        let doors = self.lasting.doors.shared()?;
        self.stop.cancel();
        self.stop = self.lasting.stop.child_token();
        let old = std::mem::take(&mut self.workers);
        let Prepared {
            loaded,
            folder,
            settings,
            only_clusters,
            hooks,
            tokens,
            asking,
        } = prepared;
        for note in &asking.side.notes {
            info!("{note}");
        }
        let configuration = &loaded.configuration;
        let clusters = self
            .watches
            .follow(&folder, configuration, &only_clusters, tasks);
        let hosts = Arc::new(HostNames::new(&configuration.github));
        let rules = Rules {
            scopes: scopes(configuration),
            policies: Policies::of_configuration(configuration),
            planned: serve_github::planned_repositories(configuration, &hosts),
            hosts,
        };
        let matcher = Arc::new(Matcher::new(rules, clusters.live.clone()));
        let webhooks = WebhookBoard::new(scopes(configuration));
        let heads = DetectorBoard::default();
        let workers = Workers {
            clusters: clusters.clone(),
            matcher: Arc::clone(&matcher),
            webhooks: webhooks.clone(),
            heads: heads.clone(),
            hosts: asking.side.hosts.clone(),
            asking: (asking.audited, asking.heads),
            give_up_after: settings.give_up_after,
            prove_within: settings.prove_within,
        };
        let state = AppState {
            store: self.lasting.store.clone(),
            hooks: Arc::new(hooks),
            arrived: Arc::clone(&self.lasting.arrived),
            clusters: clusters.live.into(),
            tokens: Arc::new(tokens),
            github: Arc::new(GithubSide {
                webhooks,
                heads,
                ..asking.side
            }),
            trusted_proxies: settings.hooks.trusted_proxies.into(),
            configuration: self.lasting.board.clone(),
            metrics: self.lasting.metrics.clone(),
            registry: Arc::clone(&self.lasting.registry),
            bounds: Bounds::default(),
        };
        let kinds = serve_github::kinds(configuration);
        // What is known of GitHub's limits is shown from the first answer on.
        let books = match workers.hosts.as_slice() {
            [] => None,
            hosts if is_first => {
                let books = Books::open(self.lasting.store.clone(), hosts.to_vec()).await;
                Some(books.context("cannot read the store")?)
            }
            // Whoever keeps them still has to end.
            _ => None,
        };
        let fleet = server::fleet_routes(Arc::new(move |question: &FleetQuestion| {
            fleet_answers::answer(&loaded, question)
        }));
        let more = server::explain_routes(self.lasting.store.clone(), matcher).merge(fleet);
        let served = server::serve(doors, state, more, self.stop.clone());
        tasks.start_fallible("doors", &self.stop, async { Ok(served.await?) });
        old.close();
        old.wait().await;
        self.work(workers, kinds, books, tasks).await;
        Ok(())
    }

    async fn work(
        &self,
        workers: Workers,
        kinds: serve_github::Kinds,
        books: Option<Books>,
        tasks: &mut Tasks,
    ) {
        let Workers {
            clusters,
            matcher,
            webhooks,
            heads,
            hosts,
            asking: (audited, asked),
            give_up_after,
            prove_within,
        } = workers;
        let Lasting {
            store,
            arrived,
            mode,
            ..
        } = &self.lasting;
        let (stop, tracker) = (&self.stop, &self.workers);
        let engine = Engine {
            store: store.clone(),
            matcher: Arc::clone(&matcher),
            ways: clusters.ways,
            arrived: Arc::clone(arrived),
            give_up_after,
            prove_within,
            mode: *mode,
            metrics: self.lasting.engine_metrics.clone(),
        };
        let engine = tracker.track_future(engine.run(stop.clone()));
        tasks.start("engine", stop, engine);
        if hosts.is_empty() {
            return;
        }
        // First of all: who goes on without the books would ask inside a hold.
        let books = match books {
            Some(books) => books,
            None => open_books(store, &hosts).await,
        };
        let books = tracker.track_future(books.keep(stop.clone()));
        tasks.start("books", stop, books);
        let audit = Audit {
            store: store.clone(),
            arrived: Arc::clone(arrived),
            board: webhooks.clone(),
            metrics: self.lasting.webhook_metrics.clone(),
            clusters: clusters.live,
            webhooks: audited,
            mode: *mode,
        };
        let audit = tracker.track_future(audit.run(stop.clone()));
        tasks.start("audit", stop, audit);
        let detector = Detector {
            store: store.clone(),
            matcher,
            arrived: Arc::clone(arrived),
            hosts: asked,
            kinds,
            is_told: Arc::new(move |repository| webhooks.is_healthy(repository)),
            board: heads,
        };
        let detector = tracker.track_future(detector.run(stop.clone()));
        tasks.start("detector", stop, detector);
    }
}

/// Waits until they can be read.
async fn open_books(store: &Store, hosts: &[Github]) -> Books {
    loop {
        match Books::open(store.clone(), hosts.to_vec()).await {
            Ok(books) => return books,
            Err(fault) => {
                warn!(error = %fault, "GitHub is not asked before the store can be read");
                sleep(BOOKS_AGAIN_AFTER).await;
            }
        }
    }
}

/// What those need that work what the doors take in.
struct Workers {
    clusters: Clusters,
    matcher: Arc<Matcher>,
    webhooks: WebhookBoard,
    heads: DetectorBoard,
    hosts: Vec<Github>,
    asking: (Vec<AuditedWebhook>, Vec<HeadsOf>),
    give_up_after: Duration,
    prove_within: Duration,
}

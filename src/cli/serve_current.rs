//! What serves by the configuration that holds now, and how another one takes its place.
//!
//! ```text
//! Prepared: all that can fail, secrets and tokens too, while the old one still serves
//!    -> the old one is told to end; new doors open on the same listeners, so that nobody is refused
//!    -> the old workers have ended; the new ones go on where those stopped, as after a restart
//! ```

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use prometheus_client::registry::Registry;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::catalog::HostNames;
use crate::config::ServerSettings;
use crate::reconcile::{
    self, Audit, AuditedWebhook, Books, Detector, DetectorBoard, Duties, Ears, Engine, Handover,
    HeadsOf, LeaseMetrics, Matcher, Mode, Policies, Roster, Rules, WebhookBoard, WebhookMetrics,
};
use crate::server::{
    self, AppState, Bounds, ConfigurationBoard, Doors, FleetQuestion, GithubSide, Hooks, Metrics,
    Tokens,
};
use crate::store::{Store, StoreUrl};

use super::fleet::Loaded;
use super::fleet_answers;
use super::serve_args::ServeArguments;
use super::serve_clusters::{Clusters, Watches};
use super::serve_duties::{self, Means, Need, Watched};
use super::serve_github::{self, Asking};
use super::serve_settings::{
    check_clusters, check_purpose, check_sharing, hooks, instead, others, scopes, store_url, tokens,
};
use super::serve_tasks::Tasks;

/// By then whoever needs a cluster by the new configuration has begun.
const KEPT_WATCHED: Duration = Duration::from_secs(10);

/// What stays as long as the process.
#[derive(Debug)]
pub(super) struct Lasting {
    pub(super) store: Store,
    pub(super) ears: Ears,
    pub(super) roster: Roster,
    pub(super) lease_metrics: LeaseMetrics,
    pub(super) handover: Handover,
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
        let store = store_url(folder, &settings)?;
        let is_shared = matches!(store, StoreUrl::Postgres(_));
        check_sharing(configuration, &arguments.cluster, is_shared)?;
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
        let others = match self.lasting.store.leases() {
            Some(_) => others(configuration, &only_clusters),
            None => Vec::new(),
        };
        let matcher = Matcher::new(rules, clusters.live.clone());
        let matcher = Arc::new(matcher.with_others(others, self.lasting.roster.clone()));
        let webhooks = WebhookBoard::new(scopes(configuration));
        let heads = DetectorBoard::default();
        let workers = Workers {
            clusters: clusters.clone(),
            matcher: Arc::clone(&matcher),
            webhooks: webhooks.clone(),
            heads: heads.clone(),
            asking: (asking.audited, asking.heads),
            give_up_after: settings.give_up_after,
            prove_within: settings.prove_within,
        };
        let state = AppState {
            store: self.lasting.store.clone(),
            hooks: Arc::new(hooks),
            arrived: Arc::clone(&self.lasting.ears.arrived),
            clusters: clusters.live.into(),
            roster: self.lasting.roster.clone(),
            ears: self.lasting.ears.clone(),
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
        // What is known of GitHub's limits is shown from the first answer on. Of several replicas it is opened by the one
        // that asks, each time that it begins.
        let is_alone = self.lasting.store.leases().is_none();
        let books = match state.github.hosts.as_slice() {
            [] => None,
            hosts if is_first && is_alone => {
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
        let routes = server::routes(state.clone(), more.clone());
        let answering = (state.clone(), routes);
        let served = server::serve(doors, state, more, self.stop.clone());
        tasks.start_fallible("doors", &self.stop, async { Ok(served.await?) });
        let watched = workers.clusters.watched.iter();
        let kept: Vec<Need> = watched.filter_map(Watched::keep).collect();
        old.close();
        old.wait().await;
        self.work(workers, answering, kinds, books, tasks);
        let stop = self.stop.clone();
        tasks.start("watches that are kept", &self.stop, async move {
            stop.run_until_cancelled(sleep(KEPT_WATCHED)).await;
            drop(kept);
            stop.cancelled().await;
        });
        Ok(())
    }

    fn work(
        &self,
        workers: Workers,
        (state, routes): (AppState, Router),
        kinds: serve_github::Kinds,
        books: Option<Books>,
        tasks: &mut Tasks,
    ) {
        let Workers {
            clusters,
            matcher,
            webhooks,
            heads,
            asking: (audited, asked),
            give_up_after,
            prove_within,
        } = workers;
        let Lasting {
            store,
            ears,
            roster,
            lease_metrics,
            handover,
            mode,
            ..
        } = &self.lasting;
        let (stop, mode) = (&self.stop, *mode);
        let engine = Engine {
            matcher: Arc::clone(&matcher),
            ways: clusters.ways,
            arrived: Arc::clone(&ears.arrived),
            bells: ears.work.clone(),
            roster: roster.clone(),
            give_up_after,
            prove_within,
            mode,
            metrics: self.lasting.engine_metrics.clone(),
        };
        let (arrived, live) = (Arc::clone(&ears.arrived), clusters.live);
        let webhook_metrics = self.lasting.webhook_metrics.clone();
        let duties = serve_duties::duties(Means {
            engine,
            clusters: clusters.watched,
            ears: ears.clone(),
            state,
            routes,
            books: Mutex::new(books),
            webhook_metrics: webhook_metrics.clone(),
            asking: Box::new(move |tenure| {
                let audit = Audit {
                    store: tenure.store.clone(),
                    arrived: Arc::clone(&arrived),
                    board: webhooks.clone(),
                    metrics: webhook_metrics.clone(),
                    clusters: live.clone(),
                    webhooks: audited.clone(),
                    mode,
                };
                let told = webhooks.clone();
                let detector = Detector {
                    store: tenure.store.clone(),
                    matcher: Arc::clone(&matcher),
                    arrived: Arc::clone(&arrived),
                    hosts: asked.clone(),
                    kinds: kinds.clone(),
                    is_told: Arc::new(move |repository| told.is_healthy(repository)),
                    board: heads.clone(),
                };
                (audit, detector)
            }),
        });
        let duties = Duties {
            store: store.clone(),
            duties,
            roster: roster.clone(),
            bell: Arc::clone(&ears.leases),
            metrics: lease_metrics.clone(),
            handover: handover.clone(),
            ends: self.lasting.stop.clone(),
        };
        let duties = self.workers.track_future(duties.run(stop.clone()));
        tasks.start("duties", stop, duties);
    }
}

/// What those need that work what the doors take in.
struct Workers {
    clusters: Clusters,
    matcher: Arc<Matcher>,
    webhooks: WebhookBoard,
    heads: DetectorBoard,
    asking: (Vec<AuditedWebhook>, Vec<HeadsOf>),
    give_up_after: Duration,
    prove_within: Duration,
}

//! The engine over a real store and one cluster whose API server answers as a test says.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use flux_setup::catalog::{
    HostNames, ItemKey, Kind, Listing, LiveCluster, Projector, REQUESTED_AT,
};
use flux_setup::cluster::{Cluster, ClusterAccess, Connection};
use flux_setup::delivery::{
    Delivery, DeliveryKey, Event, Guid, HookScope, PushedRef, Repository, SpeaksFor, WebhookName,
};
use flux_setup::reconcile::{
    Bells, Duties, Duty, Engine, FLEET, Handover, LeaseMetrics, Matcher, Metrics, Mode, Policies,
    Roster, Rules, Tenure, cluster_lease,
};
use flux_setup::store::{Limits, Store, StoreUrl, StoredWork};
use futures::future::BoxFuture;
use http::StatusCode;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const CLUSTER: &str = "prod";
/// For what takes a moment on an idle machine.
const SOON: Duration = Duration::from_secs(120);

/// An annotation that was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub name: String,
    pub token: String,
    pub at: Instant,
    /// How many were asked for of the same object before.
    pub before: usize,
}

type Answer = dyn Fn(&Asked) -> Response + Send + Sync;

#[derive(Clone)]
struct Fake {
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub struct Scene {
    pub folder: tempfile::TempDir,
    pub store: Store,
    pub live: Arc<LiveCluster>,
    pub arrived: Arc<Notify>,
    way: Arc<Cluster>,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: CancellationToken,
    working: Option<JoinHandle<()>>,
}

fn duty(
    lease: String,
    start: impl Fn(Tenure) -> BoxFuture<'static, ()> + Send + Sync + 'static,
) -> Duty {
    let start = Box::new(start);
    Duty { lease, start }
}

impl Scene {
    /// Nothing runs yet, and the cluster was not listed.
    pub async fn new(answer: impl Fn(&Asked) -> Response + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let asked = Arc::default();
        let fake = Fake {
            answer: Arc::new(answer),
            asked: Arc::clone(&asked),
        };
        let router = Router::new().fallback(answered).with_state(fake);
        let access = ClusterAccess {
            name: CLUSTER.into(),
            kubeconfig: None,
            context: None,
        };
        let client = kube::Client::new(router, "default");
        Self {
            store: opened(folder.path()).await,
            folder,
            live: Arc::new(LiveCluster::new(CLUSTER.into())),
            arrived: Arc::default(),
            way: Arc::new(Cluster::over(
                access,
                Connection::over(client, "https://fake"),
            )),
            asked,
            stop: CancellationToken::new(),
            working: None,
        }
    }

    /// Every kind of source was listed, and these GitRepositories `apps/NAME` are all there is. What stands before the
    /// first dot of a name is the repository.
    pub fn list(&self, names: &[&str]) {
        self.list_kinds(names, |_| true);
    }

    pub fn list_kinds(&self, names: &[&str], is_listed: impl Fn(Kind) -> bool) {
        let mut projector = Projector::new(CLUSTER.into(), Arc::new(HostNames::of([])));
        let mut item = |name: &&str| {
            let repository = name.split('.').next().expect("there is a first part");
            let object = json!({
                "metadata": {"name": name, "namespace": "apps", "uid": name, "resourceVersion": "1"},
                "spec": {"url": format!("https://github.com/acme/{repository}"), "ref": {"branch": "main"}},
            });
            let text = object.to_string();
            let item = projector.project(Kind::GitRepository, text.as_bytes());
            Arc::new(item.expect("a GitRepository"))
        };
        for kind in Kind::ALL.into_iter().filter(|kind| is_listed(*kind)) {
            let items = match kind {
                Kind::GitRepository => names.iter().map(&mut item).collect(),
                _ => Vec::new(),
            };
            let broken = Vec::new();
            let listing = Listing {
                kind,
                items,
                broken,
            };
            self.live
                .update(|cache| cache.replace(listing, SystemTime::now()));
        }
    }

    pub fn start(&mut self) {
        self.start_with(Duration::from_secs(3_600), Mode::Annotate);
    }

    pub fn start_with(&mut self, give_up_after: Duration, mode: Mode) {
        let scope = HookScope {
            host: "github.com".into(),
            aliases: Vec::new(),
            speaks_for: SpeaksFor::Organization("acme".into()),
        };
        let rules = Rules {
            scopes: [(WebhookName("acme".into()), scope)].into(),
            hosts: Arc::new(HostNames::of([])),
            policies: Policies::default(),
            planned: Vec::new(),
        };
        let engine = Arc::new(Engine {
            matcher: Arc::new(Matcher::new(rules, vec![Arc::clone(&self.live)])),
            ways: vec![Arc::clone(&self.way)],
            arrived: Arc::clone(&self.arrived),
            bells: Bells::default(),
            roster: Roster::default(),
            give_up_after,
            prove_within: Duration::from_secs(600),
            mode,
            metrics: Metrics::register(&mut Registry::default()),
        });
        let matching = Arc::clone(&engine);
        let duties = Duties {
            store: self.store.clone(),
            duties: vec![
                duty(FLEET.to_owned(), move |tenure| {
                    let engine = Arc::clone(&matching);
                    Box::pin(async move { engine.match_inbox(&tenure.store, &tenure.stop).await })
                }),
                duty(cluster_lease(CLUSTER), move |tenure| {
                    let engine = Arc::clone(&engine);
                    Box::pin(async move {
                        let Tenure { store, stop } = tenure;
                        engine.work_cluster(CLUSTER, &store, &stop).await;
                    })
                }),
            ],
            roster: Roster::default(),
            bell: Arc::default(),
            metrics: LeaseMetrics::default(),
            handover: Handover::default(),
            ends: CancellationToken::new(),
        };
        self.working = Some(tokio::spawn(duties.run(self.stop.clone())));
    }

    /// A push to branch `main` of `acme/REPOSITORY` was accepted.
    pub async fn push(&self, number: u64, repository: &str) {
        let accepted = self.store.accept(&delivery(number, repository)).await;
        accepted.expect("the store takes it");
        self.arrived.notify_one();
    }

    /// All that was asked for of an object `apps/NAME`.
    pub fn asked(&self, name: &str) -> Vec<Asked> {
        let asked = self.asked.lock().expect("no test panicked");
        asked
            .iter()
            .filter(|asked| asked.name == name)
            .cloned()
            .collect()
    }

    /// The work of a delivery.
    pub async fn work(&self, number: u64) -> Vec<StoredWork> {
        let found = self.store.delivery(&guid(number)).await;
        let found = found.expect("the store answers");
        found.into_iter().flat_map(|(_, work)| work).collect()
    }

    /// The states of a delivery's work.
    pub async fn states(&self, number: u64) -> Vec<&'static str> {
        let work = self.work(number).await;
        work.iter().map(|work| work.state.name()).collect()
    }

    pub async fn until_states(&self, number: u64, expected: &[&str]) {
        let deadline = Instant::now() + SOON;
        loop {
            let states = self.states(number).await;
            if states == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{states:?} and not {expected:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn has_ended(&self) -> bool {
        self.working.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// As SIGTERM does it.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(working) = self.working.take() {
            working.await.expect("the engine does not panic");
        }
        self.stop = CancellationToken::new();
    }
}

pub fn guid(number: u64) -> Guid {
    Guid::read(&format!("d-{number}")).expect("letters, digits and `-`")
}

pub fn key(name: &str) -> ItemKey {
    ItemKey {
        kind: Kind::GitRepository,
        namespace: "apps".into(),
        name: name.into(),
    }
}

pub fn delivery(number: u64, repository: &str) -> Delivery {
    Delivery {
        key: DeliveryKey {
            webhook: WebhookName("acme".into()),
            guid: guid(number),
        },
        received_at: Timestamp::now(),
        repository: Some(Repository {
            id: repository.bytes().map(u64::from).sum(),
            full_name: format!("acme/{repository}"),
            host: "github.com".into(),
            html_url: None,
            clone_url: None,
            ssh_url: None,
            default_branch: None,
        }),
        organization: None,
        installation: None,
        event: Event::Create {
            reference: PushedRef::Branch("main".into()),
        },
    }
}

async fn opened(folder: &Path) -> Store {
    let url = StoreUrl::read("sqlite:store.db", folder).expect("a URL");
    let store = Store::open(&url, Limits::default()).await;
    store.expect("the store opens")
}

async fn answered(State(fake): State<Fake>, request: Request) -> Response {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default();
    let name = name.to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
    let body: Value = serde_json::from_slice(&body.expect("a body")).expect("JSON");
    let token = body["metadata"]["annotations"][REQUESTED_AT].as_str();
    let asked = {
        let mut known = fake.asked.lock().expect("no test panicked");
        let asked = Asked {
            token: token.expect("a token").to_owned(),
            at: Instant::now(),
            before: known.iter().filter(|it| it.name == name).count(),
            name,
        };
        known.push(asked.clone());
        asked
    };
    (fake.answer)(&asked)
}

pub fn taken() -> Response {
    axum::Json(json!({"kind": "PartialObjectMetadata", "metadata": {}})).into_response()
}

pub fn status(code: u16, message: &str, name: &str) -> Response {
    let body =
        json!({"kind": "Status", "code": code, "message": message, "details": {"name": name}});
    let code = StatusCode::from_u16(code).expect("a status");
    (code, axum::Json(body)).into_response()
}

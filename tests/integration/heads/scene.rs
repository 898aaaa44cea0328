//! The detector between a GitHub on loopback, a real store and an engine whose API server is a fake.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use flux_setup::catalog::{HostNames, Kind, Listing, LiveCluster, Projector};
use flux_setup::config::{EnvironmentKind, SecretRef};
use flux_setup::flux::RepositoryIdentity;
use flux_setup::github::{Github, GithubSettings, IdentitySettings};
use flux_setup::reconcile::{
    Detector, DetectorBoard, HeadsOf, IdentityReport, Matcher, Policies, Rules,
};
use flux_setup::store::{Filter, StoredDelivery};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::annotating::scene::{CLUSTER, Scene, taken};
use crate::github::FakeGithub;
use crate::github::books::Calls;

/// For what takes a moment on an idle machine.
const SOON: Duration = Duration::from_secs(120);
/// The shortest that can be asked for.
pub const EVERY: Duration = Duration::from_secs(1);

/// A commit by its number.
pub fn commit(number: u32) -> String {
    format!("{number:040x}")
}

/// Lists these GitRepositories, and nothing else.
pub fn list(live: &LiveCluster, objects: impl Iterator<Item = Value>) {
    let mut projector = Projector::new(CLUSTER.into(), Arc::new(HostNames::of([])));
    let items = objects.map(|object| {
        let text = object.to_string();
        let item = projector.project(Kind::GitRepository, text.as_bytes());
        Arc::new(item.expect("a GitRepository"))
    });
    let mut items: Vec<_> = items.collect();
    for kind in Kind::ALL {
        let items = match kind {
            Kind::GitRepository => std::mem::take(&mut items),
            _ => Vec::new(),
        };
        let broken = Vec::new();
        let listing = Listing {
            kind,
            items,
            broken,
        };
        live.update(|cache| cache.replace(listing, SystemTime::now()));
    }
}

pub struct Heads {
    pub scene: Scene,
    pub github: FakeGithub,
    pub board: DetectorBoard,
    /// Repositories of which a webhook tells.
    pub told: Arc<Mutex<Vec<String>>>,
    pub owners: Vec<String>,
    objects: BTreeMap<String, Value>,
    running: Option<(JoinHandle<()>, CancellationToken)>,
}

impl Heads {
    /// Nothing is listed and nothing runs.
    pub async fn new() -> Self {
        let github = FakeGithub::start().await;
        let scene = Scene::new(|_| taken()).await;
        let token = github.personal_token("bot", &["repo"]);
        fs::write(scene.folder.path().join("token"), token).expect("a file");
        Self {
            scene,
            github,
            board: DetectorBoard::default(),
            told: Arc::default(),
            owners: Vec::new(),
            objects: BTreeMap::new(),
            running: None,
        }
    }

    /// A GitRepository `apps/NAME` that follows a ref of `acme/REPOSITORY`, and what it has fetched.
    pub fn object(
        &mut self,
        name: &str,
        repository: &str,
        reference: Value,
        revision: Option<String>,
    ) {
        let object = json!({
            "metadata": {"name": name, "namespace": "apps", "uid": name, "resourceVersion": "1"},
            "spec": {"url": format!("https://github.com/acme/{repository}"), "ref": reference},
            "status": {"artifact": revision.map(|revision| json!({"revision": revision}))},
        });
        self.objects.insert(name.to_owned(), object);
    }

    /// One that follows `main` of a repository of its own name, and has fetched a commit.
    pub fn follower(&mut self, name: &str, fetched: u32) {
        let revision = format!("main@sha1:{}", commit(fetched));
        self.object(name, name, json!({"branch": "main"}), Some(revision));
    }

    /// The cluster has these objects and no others.
    pub fn list(&self) {
        list(&self.scene.live, self.objects.values().cloned());
    }

    pub fn start(&mut self) {
        self.start_every(EVERY);
    }

    pub fn start_every(&mut self, every: Duration) {
        self.scene.start();
        let mut settings = GithubSettings::new("github.com", self.scene.folder.path());
        settings.api_url = Some(self.github.api_url());
        let token = SecretRef::File("token".into());
        settings.identities = vec![IdentitySettings::token("bot", token)];
        let rules = Rules {
            scopes: HashMap::new(),
            hosts: Arc::new(HostNames::of([])),
            policies: Policies::default(),
            planned: Vec::new(),
        };
        let told = Arc::clone(&self.told);
        let is_told = move |repository: &RepositoryIdentity| {
            let told = told.lock().expect("no test panicked");
            told.iter().any(|it| it == repository.path())
        };
        let detector = Detector {
            store: self.scene.store.clone(),
            matcher: Arc::new(Matcher::new(rules, vec![Arc::clone(&self.scene.live)])),
            arrived: Arc::clone(&self.scene.arrived),
            hosts: vec![HeadsOf {
                github: Github::open(settings).expect("it opens"),
                every,
                sweep: Duration::from_secs(900),
                owners: self.owners.clone(),
            }],
            kinds: HashMap::from([("production".into(), EnvironmentKind::Production)]),
            is_told: Arc::new(is_told),
            board: self.board.clone(),
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(detector.run(stop.clone()));
        self.running = Some((running, stop));
    }

    pub async fn stop(&mut self) {
        if let Some((running, stop)) = self.running.take() {
            stop.cancel();
            running.await.expect("the detector does not panic");
        }
        self.scene.stop().await;
    }

    pub fn report(&self) -> Option<IdentityReport> {
        self.board.report().identities.first().cloned()
    }

    pub async fn noted(&self) -> BTreeMap<String, String> {
        let notes = self.scene.store.notes("head").await;
        notes.expect("the store answers").into_iter().collect()
    }

    pub async fn until_noted(&self, count: usize) {
        self.until("heads are noted", async || {
            self.noted().await.len() == count
        })
        .await;
    }

    /// So many rounds more have come to their end.
    pub async fn rounds(&self, count: u64) {
        let points = || self.report().map_or(0, |report| report.points);
        let target = points() + count;
        self.until("rounds pass", async || points() >= target).await;
    }

    pub async fn until_woken(&self, name: &str, times: usize) {
        self.until(name, async || self.scene.asked(name).len() >= times)
            .await;
        assert_eq!(self.scene.asked(name).len(), times, "{name}");
    }

    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + SOON;
        while !is_so().await {
            assert!(Instant::now() < deadline, "{what}: {:?}", self.report());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All deliveries, newest first.
    pub async fn deliveries(&self) -> Vec<StoredDelivery> {
        let filter = Filter {
            limit: 500,
            ..Filter::default()
        };
        let found = self.scene.store.deliveries(&filter).await;
        found.expect("the store answers")
    }

    /// All queries that GitHub was sent.
    pub fn calls(&self) -> Calls {
        let books = self.github.books();
        assert_eq!(books.violations, []);
        books.of("POST /graphql")
    }
}

/// How long this thread has been on a processor.
pub fn on_processor() -> Duration {
    let read = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = read.split(' ').next().and_then(|it| it.parse().ok());
    Duration::from_nanos(first.unwrap_or_default())
}

/// The memory that this process has now.
pub fn resident_bytes() -> u64 {
    let read = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = read.split(' ').nth(1).and_then(|it| it.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}

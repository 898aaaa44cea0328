//! The doors with a store of their own, on ports of their own, and senders that speak plain bytes to them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::hookshot::signature;
use axum::Router;
use flux_setup::catalog::LiveCluster;
use flux_setup::config::SecretRef;
use flux_setup::delivery::{HookScope, SpeaksFor, WebhookName};
use flux_setup::reconcile::{Ears, Roster};
use flux_setup::server::{
    Addresses, AppState, BodyBounds, Bounds, ConfigurationBoard, ConnectionBounds, Doors,
    GithubSide, HookSettings, Hooks, Metrics, ServerError, TokenSettings, Tokens, serve,
};
use flux_setup::store::{Limits, Store, StoreUrl};
use ipnet::IpNet;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &str = "It's a Secret to Everybody";
/// The webhook `acme` has it as its second one, in the file `old`.
pub(crate) const OLD_SECRET: &str = "an older one";
/// Nothing in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a service differs from the usual one.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) bounds: Bounds,
    pub(crate) limits: Limits,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) clusters: Vec<Arc<LiveCluster>>,
    /// The webhook is of the repositories that sources name, in place of `acme`'s.
    pub(crate) any_owner: bool,
    /// Tokens of the API.
    pub(crate) tokens: Vec<&'static str>,
    pub(crate) github: GithubSide,
    pub(crate) more: Router,
    /// In place of a file of its own.
    pub(crate) store: Option<Store>,
    pub(crate) roster: Roster,
}

/// Doors that are open; dropped, they are closed at once.
pub(crate) struct Service {
    pub(crate) at: Addresses,
    pub(crate) state: AppState,
    /// The configuration folder, with the store and the files of the secrets.
    pub(crate) folder: TempDir,
    pub(crate) stop: CancellationToken,
    pub(crate) ended: JoinHandle<Result<(), ServerError>>,
}

pub(crate) fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn file(folder: &Path, name: &str, text: &str) -> SecretRef {
    fs::write(folder.join(name), text).expect("a temporary folder can be written");
    SecretRef::File(name.into())
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(Wanted::default()).await
    }

    pub(crate) async fn with_connections(connections: ConnectionBounds) -> Self {
        Self::within(Bounds {
            connections,
            ..Bounds::default()
        })
        .await
    }

    pub(crate) async fn with_bodies(bodies: BodyBounds) -> Self {
        Self::within(Bounds {
            bodies,
            ..Bounds::default()
        })
        .await
    }

    async fn within(bounds: Bounds) -> Self {
        Self::with(Wanted {
            bounds,
            ..Wanted::default()
        })
        .await
    }

    pub(crate) async fn with(wanted: Wanted) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path();
        let url = StoreUrl::read("sqlite:store.db", path).expect("it is the address of a store");
        let store = match wanted.store {
            Some(store) => Ok(store),
            None => Store::open(&url, wanted.limits).await,
        };
        let webhook = HookSettings {
            name: WebhookName("acme".into()),
            scope: HookScope {
                host: "github.com".into(),
                aliases: Vec::new(),
                speaks_for: match wanted.any_owner {
                    true => SpeaksFor::KnownRepositories,
                    false => SpeaksFor::Organization("acme".into()),
                },
            },
            secrets: vec![file(path, "new", SECRET), file(path, "old", OLD_SECRET)],
        };
        let hooks = Hooks::open(path.to_owned(), vec![webhook]).expect("its secrets are there");
        let tokens = wanted.tokens.iter().enumerate();
        let tokens = tokens.map(|(number, token)| TokenSettings {
            name: format!("token {number}"),
            token: file(path, &format!("token-{number}"), token),
        });
        let tokens = Tokens::open(path, tokens.collect()).expect("its tokens are there");
        let mut registry = Registry::default();
        let state = AppState {
            store: store.expect("a store can be opened"),
            hooks: Arc::new(hooks),
            arrived: Arc::new(Notify::new()),
            clusters: wanted.clusters.into(),
            roster: wanted.roster,
            ears: Ears::default(),
            tokens: Arc::new(tokens),
            github: Arc::new(wanted.github),
            trusted_proxies: wanted.trusted_proxies.into(),
            configuration: ConfigurationBoard::default(),
            metrics: Metrics::register(&mut registry),
            registry: Arc::new(registry),
            bounds: wanted.bounds,
        };
        let addresses = Addresses {
            hooks: local(),
            api: local(),
            health: Some(local()),
        };
        let doors = Doors::bind(&addresses).await.expect("ports are free");
        let stop = CancellationToken::new();
        let at = doors.addresses();
        let ended = tokio::spawn(serve(doors, state.clone(), wanted.more, stop.clone()));
        Self {
            at,
            state,
            folder,
            stop,
            ended,
        }
    }

    /// Sends bytes to the door of the webhooks and reads all that it answers.
    pub(crate) async fn hook(&self, request: &[u8]) -> Answer {
        ask(self.at.hooks, request).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at.hooks).await;
        stream.expect("somebody listens")
    }

    pub(crate) async fn deliver(&self, delivery: &Sent) -> Answer {
        self.hook(&delivery.bytes()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        get(self.at.api, path, "").await
    }

    /// The value of a metric by its whole name with labels; 0 where it is not there.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let page = get(self.at.health.expect("it is served"), "/metrics", "").await;
        let lines = page.body.lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values
            .next()
            .map_or(0.0, |value| value.parse().expect("it is a number"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.ended.abort();
    }
}

/// One connection that is kept for many requests.
pub(crate) struct Kept(TcpStream);

impl Kept {
    pub(crate) async fn new(service: &Service) -> Self {
        Self(service.connect().await)
    }

    pub(crate) async fn deliver(&mut self, sent: &Sent) -> Answer {
        let head = sent.head().replace("connection: close\r\n", "");
        let request = [head.as_bytes(), &sent.body].concat();
        self.0.write_all(&request).await.expect("it is read");
        let mut text = String::new();
        let mut buffer = [0; 4096];
        loop {
            let read = self.0.read(&mut buffer).await.expect("it is open");
            text.push_str(std::str::from_utf8(&buffer[..read]).expect("answers are text"));
            assert!(read > 0, "closed after {text}");
            let answer = Answer::read(&text);
            let length = format!("content-length: {}", answer.body.len());
            if text.contains("\r\n\r\n") && answer.head.contains(&length) {
                return answer;
            }
        }
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// 0 where the connection was closed without any.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or(0),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("it is JSON: {self:?}"))
    }

    pub(crate) fn reason(&self) -> String {
        self.json()["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// Connects, sends, and reads to the end.
pub(crate) async fn ask(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    // Refused half-way, the rest may find nobody to read it.
    let _ = stream.write_all(request).await;
    read_answer(&mut stream).await
}

pub(crate) async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut text = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut text)).await;
    let _ = read.expect("the connection is closed in time");
    Answer::read(&String::from_utf8(text).expect("answers are text"))
}

pub(crate) async fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    ask(address, request.as_bytes()).await
}

/// A request as GitHub would send it; a test changes what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// By their names in small letters; `connection: close` is sent besides.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn new(event: &str, guid: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            method: "POST",
            path: "/hooks/github/acme".to_owned(),
            headers: vec![
                ("host", "hooks.acme.example".to_owned()),
                ("content-type", "application/json".to_owned()),
                ("content-length", body.len().to_string()),
                ("x-github-event", event.to_owned()),
                ("x-github-delivery", guid.to_owned()),
                ("x-hub-signature-256", signature(SECRET, &body)),
            ],
            body,
        }
    }

    /// A push to `main`, to be told from others by a number.
    pub(crate) fn push(number: u32) -> Self {
        let guid = format!("00000000-0000-0000-0000-{number:012}");
        Self::new("push", &guid, push_body("acme/web").to_string())
    }

    /// The same with another header, or, where that is `None`, without it.
    pub(crate) fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        if let Some(value) = value {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) fn head(&self) -> String {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nconnection: close\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head().as_bytes(), &self.body].concat()
    }
}

/// What GitHub says of a push to the branch `main`, cut down to what is read of it.
pub(crate) fn push_body(repository: &str) -> Value {
    json!({
        "ref": "refs/heads/main",
        "before": "1".repeat(40),
        "after": "2".repeat(40),
        "created": false, "deleted": false, "forced": false,
        "head_commit": {"id": "2".repeat(40)},
        "commits": [{"id": "2".repeat(40), "added": [], "removed": [], "modified": ["deploy/app.yaml"]}],
        "repository": {
            "id": 7, "full_name": repository, "default_branch": "main",
            "html_url": format!("https://github.com/{repository}"),
            "clone_url": format!("https://github.com/{repository}.git"),
            "ssh_url": format!("git@github.com:{repository}.git"),
        },
    })
}

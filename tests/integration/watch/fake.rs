//! An API server that answers as a test says, for what a real one does too seldom.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use flux_setup::cluster::{Cluster, ClusterAccess, Connection};
use futures::stream::{self, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

const GIT_REPOSITORIES: &str = "/apis/source.toolkit.fluxcd.io/v1/gitrepositories";

/// What was asked about GitRepositories.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct Asked {
    pub watch: bool,
    pub resource_version: String,
    #[serde(rename = "continue")]
    pub next: String,
    pub limit: Option<u32>,
    /// How many lists, or watches, were asked for before.
    #[serde(skip)]
    pub before: usize,
}

type Answer = dyn Fn(&Asked) -> Response + Send + Sync;

#[derive(Clone)]
struct Fake {
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Each list but the first one waits for a permit.
    gate: Option<Arc<Semaphore>>,
}

/// A cluster that has GitRepositories only, and all that was asked about them.
pub fn cluster(
    answer: impl Fn(&Asked) -> Response + Send + Sync + 'static,
) -> (Cluster, Arc<Mutex<Vec<Asked>>>) {
    asked_by(answer, None)
}

/// The same, where each list but the first one waits until it is let through: what one list alone shows can be met.
pub fn gated(
    answer: impl Fn(&Asked) -> Response + Send + Sync + 'static,
) -> (Cluster, Arc<Mutex<Vec<Asked>>>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let (cluster, asked) = asked_by(answer, Some(Arc::clone(&gate)));
    (cluster, asked, gate)
}

fn asked_by(
    answer: impl Fn(&Asked) -> Response + Send + Sync + 'static,
    gate: Option<Arc<Semaphore>>,
) -> (Cluster, Arc<Mutex<Vec<Asked>>>) {
    let asked = Arc::default();
    let fake = Fake {
        answer: Arc::new(answer),
        asked: Arc::clone(&asked),
        gate,
    };
    let router = Router::new().fallback(answered).with_state(fake);
    (over(router), asked)
}

/// A cluster behind any router.
pub fn over(router: Router) -> Cluster {
    let client = kube::Client::new(router, "default");
    let access = ClusterAccess {
        name: "prod".into(),
        kubeconfig: None,
        context: None,
    };
    Cluster::over(access, Connection::over(client, "https://fake"))
}

impl Fake {
    fn before(&self, watch: bool) -> usize {
        let known = self.asked.lock().expect("no test panicked");
        known.iter().filter(|it| it.watch == watch).count()
    }
}

async fn answered(
    State(fake): State<Fake>,
    Query(mut asked): Query<Asked>,
    request: Request,
) -> Response {
    assert_eq!(request.method(), Method::GET);
    match request.uri().path() {
        GIT_REPOSITORIES => {
            asked.before = fake.before(asked.watch);
            if let Some(gate) = &fake.gate
                && !asked.watch
                && asked.before > 0
            {
                gate.acquire().await.expect("it is never closed").forget();
            }
            let known = fake.asked.lock();
            known.expect("no test panicked").push(asked.clone());
            (fake.answer)(&asked)
        }
        "/apis" => axum::Json(json!({"kind": "APIGroupList", "groups": []})).into_response(),
        _ => status(404, "the server could not find the requested resource"),
    }
}

/// `apps/<name>`.
pub fn object(name: &str, version: u64) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "apps", "uid": name, "resourceVersion": version.to_string()},
        "spec": {"url": format!("https://github.com/acme/{name}")},
    })
}

pub fn list(version: u64, items: &[Value]) -> Response {
    page(version, items, "")
}

pub fn page(version: u64, items: &[Value], next: &str) -> Response {
    let metadata = json!({"resourceVersion": version.to_string(), "continue": next});
    axum::Json(json!({"kind": "List", "metadata": metadata, "items": items})).into_response()
}

pub fn status(code: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(code).expect("a status");
    let body = json!({"kind": "Status", "code": code, "message": message});
    (status, axum::Json(body)).into_response()
}

pub fn status_with(code: u16, message: &str, retry_after: &str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", retry_after.parse().expect("a header"));
    (headers, status(code, message)).into_response()
}

pub fn event(what: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": what, "object": object}))
}

pub fn bookmark(version: u64) -> String {
    let metadata = json!({"resourceVersion": version.to_string()});
    event("BOOKMARK", &json!({"metadata": metadata}))
}

/// A watch that says this and then nothing.
pub fn watch(lines: &[String]) -> Response {
    let said = stream::iter(said(lines)).chain(stream::pending());
    Body::from_stream(said).into_response()
}

/// A watch that says this and ends.
pub fn ending_watch(lines: &[String]) -> Response {
    Body::from_stream(stream::iter(said(lines))).into_response()
}

fn said(lines: &[String]) -> Vec<Result<Bytes, std::io::Error>> {
    let lines = lines.iter().cloned();
    lines.map(|line| Ok(Bytes::from(line))).collect()
}

//! A server that answers as a test wants it and keeps what it was sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use flux_setup::config::SecretRef;
use flux_setup::github::{Client, Github, GithubSettings, IdentitySettings, Timeouts};
use http::HeaderMap;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const TOKEN: &str = "ghp_secret_of_the_scene";

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    together: usize,
}

/// What a server was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub headers: HeaderMap,
}

type Answering = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

pub struct Scene {
    pub address: String,
    pub settings: GithubSettings,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Reply {
    pub fn of(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter();
        Self {
            status,
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.to_owned(),
            together: 1,
        }
    }

    pub fn ok() -> Self {
        Self::of(200, &[], "{}")
    }

    pub fn to(status: u16, location: &str) -> Self {
        Self::of(status, &[("location", location)], "")
    }

    /// Comes once so many have asked for the same.
    pub fn together(mut self, count: usize) -> Self {
        self.together = count;
        self
    }
}

impl Scene {
    /// `answer` is given method and path with query.
    pub async fn new(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer: Answering = Arc::new(answer);
        let state = (asked.clone(), answer);
        let router = Router::new().fallback(reply).with_state(state);
        let task = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("it serves until it is aborted")
        });
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("t"), TOKEN).expect("a file can be written");
        let mut settings = GithubSettings::new("github.com", folder.path());
        settings.api_url = Some(address.clone());
        settings.timeouts = Timeouts {
            connect: Duration::from_secs(60),
            read: Duration::from_secs(60),
            whole: Duration::from_secs(60),
        };
        settings.identities = vec![IdentitySettings::token("bot", SecretRef::File("t".into()))];
        Self {
            address,
            settings,
            asked,
            task,
            _folder: folder,
        }
    }

    pub async fn answering(reply: Reply) -> Self {
        Self::new(move |_| reply.clone()).await
    }

    pub fn client(&self) -> Client {
        let github = Github::open(self.settings.clone()).expect("the settings are right");
        github.client("bot").expect("there is such an identity")
    }

    /// All that was asked but for limits.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().expect("no holder panicked");
        asked
            .iter()
            .filter(|asked| !asked.line.ends_with("/rate_limit"))
            .cloned()
            .collect()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reply(
    State((asked, answer)): State<(Arc<Mutex<Vec<Asked>>>, Answering)>,
    request: Request,
) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .expect("a request has a path")
        .as_str();
    let line = format!("{} {path}", request.method());
    let headers = request.headers().clone();
    asked.lock().expect("no holder panicked").push(Asked {
        line: line.clone(),
        headers,
    });
    let is_look = line.ends_with("/rate_limit");
    let reply = if is_look {
        Reply::of(404, &[], "{}")
    } else {
        answer(&line)
    };
    let is_alone = || {
        let asked = asked.lock().expect("no holder panicked");
        asked.iter().filter(|it| it.line == line).count() < reply.together
    };
    while !is_look && is_alone() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Body::from(reply.body))
        .expect("the headers are right")
}

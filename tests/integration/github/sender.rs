//! The side of GitHub that delivers: signed, over HTTP, each attempt once.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

use super::Core;
use super::hooks::{Delivery, Hook, Scope};
use super::world::World;

/// Deliveries at once.
const AT_ONCE: usize = 32;
/// More of an answer is not read.
const ANSWER_BYTES: u64 = 1 << 20;

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivering {
    /// It is posted.
    Deliver,
    /// It is not posted; the list says that it failed, `code` being 0 where no answer came.
    Failed { status: &'static str, code: u16 },
    /// It is not posted, and no list has it, as with a payload that is too large.
    Unlisted,
    /// It waits until the test lets throttled ones go.
    Throttled,
}

impl Delivering {
    pub const TIMED_OUT: Self = Self::Failed {
        status: "timed out",
        code: 0,
    };
    pub const UNREACHABLE: Self = Self::Failed {
        status: "failed to connect to host",
        code: 0,
    };
    pub const BAD_GATEWAY: Self = Self::Failed {
        status: "Invalid HTTP Response: 502",
        code: 502,
    };
}

/// One attempt that is to be made.
#[derive(Clone, Debug)]
pub struct Job {
    pub hook: u64,
    pub guid: String,
    pub event: String,
    pub action: Option<String>,
    pub payload: Arc<str>,
    pub repository: Option<u64>,
    pub installation: Option<u64>,
    pub redelivery: bool,
    pub throttled_at: Option<Timestamp>,
}

impl Job {
    fn delivery(self, url: String, headers: Vec<(String, String)>) -> Delivery {
        Delivery {
            id: 0,
            guid: self.guid,
            delivered_at: Timestamp::UNIX_EPOCH,
            redelivery: self.redelivery,
            duration: 0.0,
            status: String::new(),
            status_code: 0,
            event: self.event,
            action: self.action,
            installation_id: self.installation,
            repository_id: self.repository,
            throttled_at: self.throttled_at,
            url,
            request_headers: headers,
            payload: self.payload,
            response_headers: Vec::new(),
            response_body: None,
        }
    }
}

impl World {
    /// Does with a delivery as the test wants it.
    pub fn dispatch(&mut self, mut job: Job, delivering: Delivering) {
        match delivering {
            Delivering::Deliver => self.post(job),
            Delivering::Unlisted => {}
            Delivering::Throttled => {
                job.throttled_at = Some(self.now());
                self.throttled.push(job);
            }
            Delivering::Failed { status, code } => {
                let Some(hook) = self.hooks.get(&job.hook) else {
                    return;
                };
                let (headers, _) = request(self, hook, &job);
                let (id, url) = (hook.id, hook.url.clone());
                let mut delivery = job.delivery(url, headers);
                delivery.status = status.to_owned();
                delivery.status_code = code;
                delivery.duration = if code == 0 { 10.0 } else { 0.1 };
                self.record(id, delivery);
            }
        }
    }
}

/// Posts what comes until nobody sends any more.
pub(super) async fn post_all(core: Arc<Core>, mut jobs: UnboundedReceiver<Job>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(job) = jobs.recv().await {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let core = Arc::clone(&core);
        tokio::spawn(async move {
            post(&core, job).await;
            core.world().outstanding -= 1;
            drop(place);
        });
    }
}

async fn post(core: &Core, job: Job) {
    let (url, headers, body, patience) = {
        let world = core.world();
        let Some(hook) = world.hooks.get(&job.hook) else {
            return; // deleted meanwhile
        };
        let (headers, body) = request(&world, hook, &job);
        let patience = world.options.delivery_patience;
        (hook.url.clone(), headers, body, patience)
    };
    let hook = job.hook;
    let started = Instant::now();
    let answer = tokio::time::timeout(patience, exchange(&url, &headers, &body)).await;
    let mut delivery = job.delivery(url, headers);
    delivery.duration = (started.elapsed().as_secs_f64() * 100.0).round() / 100.0;
    match answer {
        Err(_) => delivery.status = "timed out".to_owned(),
        Ok(Err(_)) => delivery.status = "failed to connect to host".to_owned(),
        Ok(Ok((status, headers, body))) => {
            delivery.status_code = status;
            delivery.status = match status {
                200..300 => "OK".to_owned(),
                other => format!("Invalid HTTP Response: {other}"),
            };
            delivery.response_headers = headers;
            delivery.response_body = Some(body);
        }
    }
    core.world().record(hook, delivery);
}

/// The headers and the body of a delivery.
fn request(world: &World, hook: &Hook, job: &Job) -> (Vec<(String, String)>, Vec<u8>) {
    let options = &world.options;
    let enterprise = options.enterprise.as_ref();
    let enterprise = enterprise.map(|it| (options.host.as_str(), it.version.as_str()));
    let is_form = hook.content_type == "form";
    let body = if is_form {
        let encoded = percent_encode(job.payload.as_bytes(), NON_ALPHANUMERIC);
        format!("payload={encoded}").into_bytes()
    } else {
        job.payload.as_bytes().to_vec()
    };
    let content_type = if is_form {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    let (target, target_id) = match &hook.scope {
        Scope::Repository(id) => ("repository", *id),
        Scope::Organization(login) => {
            let account = world.find_account(login);
            ("organization", account.map_or(0, |it| it.id))
        }
        Scope::App(id) => ("integration", *id),
    };
    let mut headers: Vec<(String, String)> = [
        ("Accept", "*/*"),
        ("Content-Type", content_type),
        ("User-Agent", "GitHub-Hookshot/044aadd"),
        ("X-GitHub-Delivery", &job.guid),
        ("X-GitHub-Event", &job.event),
        ("X-GitHub-Hook-Installation-Target-Type", target),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    headers.push(("X-GitHub-Hook-ID".to_owned(), hook.id.to_string()));
    let name = "X-GitHub-Hook-Installation-Target-ID".to_owned();
    headers.push((name, target_id.to_string()));
    if let Some((host, version)) = enterprise {
        headers.push(("X-GitHub-Enterprise-Host".to_owned(), host.to_owned()));
        headers.push(("X-GitHub-Enterprise-Version".to_owned(), version.to_owned()));
    }
    if let Some(secret) = &hook.secret {
        headers.push(("X-Hub-Signature-256".to_owned(), signature(secret, &body)));
    }
    (headers, body)
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

type Answer = (u16, Vec<(String, String)>, String);

/// One request over a connection of its own; plain HTTP only.
async fn exchange(url: &str, headers: &[(String, String)], body: &[u8]) -> io::Result<Answer> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| bad("no http URL"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut connection = TcpStream::connect(authority).await?;
    let mut head = format!("POST /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = write!(head, "Content-Length: {}\r\n\r\n", body.len());
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body).await?;
    let mut answer = Vec::new();
    connection
        .take(ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| bad("no head"))?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| bad("no status"))?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    Ok((status, headers, body.to_owned()))
}

/// Longer than GitHub waits for an answer: what a busy machine makes late has not failed.
pub const PATIENCE: Duration = Duration::from_secs(120);

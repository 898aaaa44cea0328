//! How long a cluster takes until it is listed, and how much memory it takes: `cargo bench --bench watch`.
//!
//! The API server is a stand-in in a process of its own, which makes each page when it is asked for; each size is
//! measured in a process of its own. The objects are as controllers leave them, with managed fields.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request};
use axum::response::{IntoResponse, Response};
use flux_setup::catalog::{HostNames, Kind, LiveCluster, ScopeState};
use flux_setup::cluster::{Cluster, ClusterAccess};
use flux_setup::sync::{Pace, watch_cluster};
use futures::stream;
use http::StatusCode;
use mimalloc::MiMalloc;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// That of the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SIZES: [usize; 3] = [1_000, 10_000, 50_000];
/// Half of the objects each.
const KINDS: [Kind; 2] = [Kind::GitRepository, Kind::Kustomization];
const SERVE: &str = "FLUX_SETUP_BENCH_SERVE";
const FOLLOW: &str = "FLUX_SETUP_BENCH_FOLLOW";

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if let Ok(size) = std::env::var(SERVE) {
        // It ends when its starter does, however that ends.
        std::thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(0);
        });
        return runtime.block_on(serve(size.parse().expect("a number")));
    }
    let mut out = io::stdout().lock();
    if let Ok(url) = std::env::var(FOLLOW) {
        return runtime.block_on(follow(&url, &mut out));
    }
    writeln!(
        out,
        "| objects | listed after | memory then | most memory, listed twice |"
    )?;
    writeln!(out, "|---|---|---|---|")?;
    for size in SIZES {
        let (mut server, url) = again(SERVE, &size.to_string());
        let (mut follower, figures) = again(FOLLOW, &url);
        writeln!(out, "| {size} | {figures} |")?;
        follower.wait()?;
        server.kill()?;
        server.wait()?;
    }
    Ok(())
}

/// This program in another process, and the first line that it prints.
fn again(role: &str, value: &str) -> (Child, String) {
    let program = std::env::current_exe().expect("it has a path");
    let mut child = Command::new(program)
        .env(role, value)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be started again");
    let mut line = String::new();
    let printed = child.stdout.as_mut().expect("stdout is a pipe");
    BufReader::new(printed)
        .read_line(&mut line)
        .expect("it prints a line");
    (child, line.trim_end().to_owned())
}

async fn follow(url: &str, out: &mut impl Write) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    });
    fs::write(&kubeconfig, config.to_string())?;
    let cluster = Arc::new(Cluster::new(ClusterAccess {
        name: "prod".into(),
        kubeconfig: Some(kubeconfig),
        context: None,
    }));
    let live = Arc::new(LiveCluster::new("prod".into()));
    let stop = CancellationToken::new();
    let started = Instant::now();
    let watching = tokio::spawn(watch_cluster(
        cluster,
        Arc::clone(&live),
        Arc::new(HostNames::of([])),
        Arc::new(Semaphore::new(2)),
        Pace::default(),
        stop.clone(),
    ));
    // Those that are not absent: when each was listed.
    let listed = || {
        let cache = live.read();
        KINDS.map(|kind| match cache.scope(kind) {
            ScopeState::Current { listed_at } => Some(listed_at),
            _ => None,
        })
    };
    until(|| listed().iter().all(Option::is_some)).await;
    let (took, resident, first) = (started.elapsed(), memory("VmRSS:"), listed());
    // The first watches end with 410, so that all is listed again.
    until(|| {
        let now = listed();
        now.iter()
            .zip(first)
            .all(|(now, first)| now.is_some() && *now != first)
    })
    .await;
    writeln!(
        out,
        "{:.2} s | {resident:.1} MB | {:.1} MB",
        took.as_secs_f64(),
        memory("VmHWM:")
    )?;
    stop.cancel();
    watching.await.expect("it ends in order");
    Ok(())
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// In MB, as Linux counts it; elsewhere 0.
fn memory(name: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kibibytes.unwrap_or_default() * 1024.0 / 1e6
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    watch: bool,
    limit: Option<usize>,
    #[serde(rename = "continue")]
    from: Option<usize>,
}

async fn serve(size: usize) -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}\n", listener.local_addr()?);
    io::stdout().write_all(url.as_bytes())?;
    let answered = move |Query(asked): Query<Asked>, request: Request| async move {
        let kind = match request.uri().path().rsplit('/').next() {
            Some("gitrepositories") => "GitRepository",
            Some("kustomizations") => "Kustomization",
            Some("apis") => return axum::Json(json!({"kind": "APIGroupList"})).into_response(),
            _ => return (StatusCode::NOT_FOUND, "404 page not found").into_response(),
        };
        if asked.watch {
            return expiring_watch();
        }
        page(kind, size / 2, &asked)
    };
    axum::serve(listener, Router::new().fallback(answered)).await
}

/// A watch that says nothing for two seconds, and then that its version is forgotten.
fn expiring_watch() -> Response {
    let later = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let expired = json!({"type": "ERROR", "object": {"kind": "Status", "code": 410}});
        Ok::<_, io::Error>(Bytes::from(format!("{expired}\n")))
    };
    Body::from_stream(stream::once(later)).into_response()
}

fn page(kind: &str, size: usize, asked: &Asked) -> Response {
    let from = asked.from.unwrap_or(0);
    let to = size.min(from + asked.limit.unwrap_or(size));
    let items: Vec<_> = (from..to).map(|number| object(kind, number)).collect();
    let next = if to < size {
        to.to_string()
    } else {
        String::new()
    };
    let metadata = json!({"resourceVersion": "9000000", "continue": next});
    axum::Json(json!({"kind": "List", "metadata": metadata, "items": items})).into_response()
}

/// Some 3 kB, as a Kustomization with its managed fields has.
fn object(kind: &str, number: usize) -> Value {
    let project = format!("project-{}", number / 3);
    let environment = ["dev", "staging", "production"][number % 3];
    let revision = format!("main@sha1:{number:040x}");
    let message = format!("stored artifact for revision '{revision}'");
    let fields: Value = (0..30)
        .map(|field| (format!("f:field-{field}"), json!({".": {}, "f:value": {}})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let spec = match kind {
        "GitRepository" => {
            json!({"url": format!("https://github.com/acme/{project}"), "interval": "5m", "ref": {"branch": "main"}})
        }
        _ => json!({"interval": "5m", "prune": true, "path": "./deploy",
            "sourceRef": {"kind": "GitRepository", "name": format!("{project}-{environment}")}}),
    };
    json!({
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": format!("{project}-{environment}"),
            "namespace": "flux-system",
            "uid": format!("{number:08x}-1234-4123-8123-123456789abc"),
            "resourceVersion": (1_000_000 + number).to_string(),
            "generation": 1,
            "labels": {"flux-setup.dev/project": project, "flux-setup.dev/environment": environment},
            "managedFields": [{"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": fields}],
        },
        "spec": spec,
        "status": {
            "artifact": {"revision": revision, "digest": format!("sha256:{number:064x}")},
            "lastAppliedRevision": revision,
            "observedGeneration": 1,
            "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": message}],
        },
    })
}

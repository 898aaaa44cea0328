//! How many deliveries `serve` takes, how fast it answers and annotates, and what memory it needs:
//! `cargo bench --bench service`.
//!
//! Sender, server and (for the second half) a Kubernetes API server share the cores of one machine.
//! The second half needs `KUBEBUILDER_ASSETS="$(tests/kubernetes/build)"`; names of parts as arguments
//! run those alone: `doors`, `kept`, `annotate`, `proof`, `memory`, `most` (which needs PostgreSQL too), `kills`.

#[path = "../integration"]
#[expect(
    dead_code,
    unused_imports,
    unused_macros,
    clippy::unwrap_used,
    reason = "the flows need more of it"
)]
mod integration {
    pub mod api_server;
    pub mod hookshot;
    pub mod player;
    pub mod process;
    pub mod serve {
        pub mod kills;
        pub mod objects;
    }
    pub mod store {
        pub mod servers;

        pub fn sqlite(folder: &std::path::Path) -> flux_setup::store::StoreUrl {
            flux_setup::store::StoreUrl::read("sqlite:inbox.db", folder).expect("it is a URL")
        }
    }
}
mod load;
mod most;
mod proof;

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use kube::api::{Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, Config};
use serde_json::json;

use integration::{api_server, hookshot, player, process, store};

use api_server::ApiServer;
use hookshot::{guid, push};
use process::{Home, Service};

const KINDS: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces/bench/gitrepositories";

fn main() -> io::Result<()> {
    let wanted: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let out = &mut io::stdout().lock();
    if runs("doors") {
        doors(out)?;
    }
    if std::env::var_os("KUBEBUILDER_ASSETS").is_none() {
        return writeln!(out, "the rest needs KUBEBUILDER_ASSETS");
    }
    if runs("kept") {
        kept(out)?;
    }
    if runs("annotate") {
        annotate(out)?;
    }
    if runs("proof") {
        proof::run(out)?;
    }
    if runs("memory") {
        memory(out)?;
    }
    if runs("most") {
        most::run(out)?;
    }
    if runs("kills") {
        let outcome = integration::serve::kills::run(&ApiServer::start(), 200);
        writeln!(out, "{outcome}")?;
    }
    Ok(())
}

/// A service whose one cluster is not there: deliveries are kept, matched in vain, and wait.
fn alone() -> (Home, Service) {
    let home = Home::new(&[("away", Path::new("/nowhere/kubeconfig"))]);
    let service = home.start();
    (home, service)
}

fn doors(out: &mut impl Write) -> io::Result<()> {
    let (_home, service) = alone();
    let taken = load::closed(service.hooks, 32, Duration::from_secs(5), 0, true);
    writeln!(
        out,
        "accepted and synced, 8 kB, 32 connections: {:.0}/s, p50 {:.1} ms, p99 {:.1} ms ({} answers, {} not 202)",
        taken.rate(),
        taken.quantile(0.5),
        taken.quantile(0.99),
        taken.answers(),
        taken.others()
    )?;
    let (_home, service) = alone();
    let paced = load::paced(service.hooks, 500, Duration::from_secs(10), 1 << 32);
    writeln!(
        out,
        "at 500/s: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms ({} answers, {} not 202)",
        paced.quantile(0.5),
        paced.quantile(0.99),
        paced.quantile(1.0),
        paced.answers(),
        paced.others()
    )?;
    let refused = load::closed(service.hooks, 32, Duration::from_secs(5), 1 << 33, false);
    writeln!(
        out,
        "wrong signatures refused: {:.0}/s, p99 {:.1} ms",
        refused.rate(),
        refused.quantile(0.99)
    )
}

/// 100,000 deliveries of repositories that nobody follows: memory and file stay as they are.
fn kept(out: &mut impl Write) -> io::Result<()> {
    let server = ApiServer::start();
    let home = Home::new(&[("bench", &server.kubeconfig())]);
    let mut service = home.start();
    service.wait_until_ready();
    let mut sent = 0;
    while sent < 100_000 {
        let taken = load::closed(service.hooks, 16, Duration::from_secs(5), sent, true);
        sent += taken.answers() as u64;
        writeln!(
            out,
            "after {sent} deliveries: {:.1} MB resident, file {:.1} MB, {:.0}/s",
            resident_mb(&service),
            file_mb(&home),
            taken.rate()
        )?;
    }
    Ok(())
}

fn file_mb(home: &Home) -> f64 {
    let store = home.store();
    let wal = store.with_extension("db-wal");
    let bytes: u64 = [store, wal]
        .iter()
        .filter_map(|path| Some(path.metadata().ok()?.len()))
        .sum();
    bytes as f64 / 1e6
}

fn resident_mb(service: &Service) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|line| {
        line.trim()
            .trim_end_matches(" kB")
            .trim()
            .parse::<f64>()
            .ok()
    });
    kb.unwrap_or_default() / 1e3
}

fn api(server: &ApiServer) -> (tokio::runtime::Runtime, Api<DynamicObject>) {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let kubeconfig = server.kubeconfig();
    let client = runtime.block_on(async {
        let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).expect("it was written");
        let config = Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await;
        Client::try_from(config.expect("it is sound")).expect("it is sound")
    });
    let kind = GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", "GitRepository");
    let resource = ApiResource::from_gvk_with_plural(&kind, "gitrepositories");
    let api = Api::namespaced_with(client, "bench", &resource);
    (runtime, api)
}

/// Creates GitRepositories of one repository on branch `main`, numbered.
fn create(server: &ApiServer, numbers: std::ops::Range<usize>, repository: &str) {
    server.create_namespace("bench");
    let (runtime, api) = api(server);
    let created = stream::iter(numbers).for_each_concurrent(32, |number| {
        let api = api.clone();
        let object = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": format!("{repository}-{number}"), "labels": {
                "flux-setup.dev/project": format!("project-{number}"), "flux-setup.dev/environment": "staging"}},
            "spec": {"url": format!("https://github.com/acme/{repository}"), "interval": "5m", "ref": {"branch": "main"}},
        });
        async move {
            let object: DynamicObject = serde_json::from_value(object).expect("it is an object");
            api.create(&Default::default(), &object).await.expect("it is created");
        }
    });
    runtime.block_on(created);
}

/// One push to 1,000 objects, beside a bare loop of as many patches.
fn annotate(out: &mut impl Write) -> io::Result<()> {
    let server = ApiServer::start();
    create(&server, 0..1_000, "web");
    let bare = |token: &str| {
        let (runtime, api) = api(&server);
        let patch =
            json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}});
        let started = Instant::now();
        let patched = stream::iter(0..1_000).for_each_concurrent(32, |number| {
            let (api, patch) = (api.clone(), patch.clone());
            async move {
                let name = format!("web-{number}");
                let patched = api
                    .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
                    .await;
                patched.expect("it is patched");
            }
        });
        runtime.block_on(patched);
        started.elapsed()
    };
    let home = Home::new(&[("bench", &server.kubeconfig())]);
    let mut service = home.start();
    service.wait_until_ready();
    for round in 1..=3 {
        let loop_took = bare(&format!("bare-{round}"));
        std::thread::sleep(Duration::from_secs(4));
        let started = Instant::now();
        let mut hookshot = service.hookshot();
        let answer = hookshot.send("push", &guid(round), &push("acme/web", "main", round))?;
        assert_eq!(answer.status, 202, "{answer:?}");
        let path = "/api/v1/deliveries?limit=1";
        service.wait_until("all are annotated", |service| {
            let told = service.get(path);
            told.is_some_and(|(_, told)| told["deliveries"][0]["state"] == "done")
        });
        let took = started.elapsed();
        writeln!(
            out,
            "one push to 1,000 objects: {:.2} s; a bare loop of 32 at once: {:.2} s; {:.2} times",
            took.as_secs_f64(),
            loop_took.as_secs_f64(),
            took.as_secs_f64() / loop_took.as_secs_f64()
        )?;
    }
    Ok(())
}

fn memory(out: &mut impl Write) -> io::Result<()> {
    let server = ApiServer::start();
    let mut known = 0;
    for objects in [1_000, 10_000, 50_000] {
        create(&server, known..objects, "web");
        known = objects;
        let home = Home::new(&[("bench", &server.kubeconfig())]);
        let started = Instant::now();
        let mut service = home.start();
        service.wait_until_ready();
        let ready = started.elapsed();
        std::thread::sleep(Duration::from_secs(5));
        let list = server.read(&format!("{KINDS}?limit=1"));
        assert!(list.is_some(), "the objects are there");
        writeln!(
            out,
            "{objects} objects: ready in {:.2} s, {:.1} MB resident",
            ready.as_secs_f64(),
            resident_mb(&service)
        )?;
    }
    Ok(())
}

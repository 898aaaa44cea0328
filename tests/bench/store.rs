//! How fast deliveries are kept: `cargo bench --bench store`, in `FLUX_SETUP_BENCH_STORE` where that names a store.
//!
//! Each delivery is on disk when it counts. Callers and store share the machine.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flux_setup::catalog::{ItemKey, Kind};
use flux_setup::delivery::{
    Delivery, DeliveryKey, DeliveryState, Guid, WebhookName, WorkState, decode,
};
use flux_setup::store::{Accepted, DeliveryId, Limits, NewWork, Store, StoreUrl, Write};
use jiff::Timestamp;
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many callers ask at once, as fast as they are answered.
const CALLERS: u32 = 256;
const AT_ONCE: u32 = 60_000;
/// A steady load, whoever waits.
const A_SECOND: u32 = 500;
const SECONDS: u32 = 20;
const OBJECTS: usize = 1_000;

fn main() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let url = std::env::var("FLUX_SETUP_BENCH_STORE").unwrap_or_else(|_| "sqlite:bench.db".into());
    let url = StoreUrl::read(&url, folder.path()).map_err(io::Error::other)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(&url, folder.path()))
}

async fn run(url: &StoreUrl, folder: &Path) -> io::Result<()> {
    let store = Store::open(url, Limits::default())
        .await
        .map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{url}, deliveries of {} bytes\n", size(&delivery(0)))?;
    writeln!(
        out,
        "| what | number | seconds | a second | p50 ms | p99 ms | most ms |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;

    let started = Instant::now();
    let waited = from_many_callers(&store).await;
    let what = format!("accepted, {CALLERS} callers at once");
    print(&mut out, &what, started.elapsed(), waited)?;

    let ids = matched_to_nothing(&store).await;
    writeln!(out, "| matched, 500 a call | {ids} | | | | | |")?;

    let started = Instant::now();
    let waited = steadily(&store, AT_ONCE).await;
    let what = format!("accepted, {A_SECOND} a second");
    print(&mut out, &what, started.elapsed(), waited)?;

    let pruning = tokio::spawn(prune(store.clone()));
    let started = Instant::now();
    let waited = steadily(&store, AT_ONCE + A_SECOND * SECONDS).await;
    let what = format!("accepted, {A_SECOND} a second, pruned meanwhile");
    print(&mut out, &what, started.elapsed(), waited)?;
    let pruned = pruning.await.map_err(io::Error::other)?;

    let started = Instant::now();
    let waited = one_push_to_many_objects(&store).await;
    let what = format!("1 matched to {OBJECTS}, each twice written");
    print(&mut out, &what, started.elapsed(), waited)?;

    let counts = store.counts().await.map_err(io::Error::other)?;
    writeln!(out, "\npruned {pruned}; {counts:?}")?;
    for entry in folder.read_dir()? {
        let entry = entry?;
        let megabytes = entry.metadata()?.len() as f64 / 1e6;
        writeln!(out, "{}: {megabytes:.1} MB", entry.file_name().display())?;
    }
    store.close().await.map_err(io::Error::other)?;
    let started = Instant::now();
    let store = Store::open(url, Limits::default())
        .await
        .map_err(io::Error::other)?;
    writeln!(
        out,
        "opened again in {:.2} s",
        started.elapsed().as_secs_f64()
    )?;
    store.close().await.map_err(io::Error::other)
}

fn print(
    out: &mut impl io::Write,
    what: &str,
    took: Duration,
    mut waited: Vec<Duration>,
) -> io::Result<()> {
    waited.sort();
    let at = |share: f64| {
        let nth = (waited.len() as f64 * share) as usize;
        waited[nth.min(waited.len() - 1)].as_secs_f64() * 1e3
    };
    let seconds = took.as_secs_f64();
    writeln!(
        out,
        "| {what} | {} | {seconds:.2} | {:.0} | {:.2} | {:.2} | {:.2} |",
        waited.len(),
        waited.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

async fn from_many_callers(store: &Store) -> Vec<Duration> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            let mut waited = Vec::new();
            for number in (caller..AT_ONCE).step_by(CALLERS as usize) {
                waited.push(accept(&store, number).await);
            }
            waited
        });
    }
    callers.join_all().await.concat()
}

async fn steadily(store: &Store, first: u32) -> Vec<Duration> {
    let mut callers = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / A_SECOND);
    for number in first..first + A_SECOND * SECONDS {
        ticks.tick().await;
        let store = store.clone();
        callers.spawn(async move { accept(&store, number).await });
    }
    callers.join_all().await
}

async fn accept(store: &Store, number: u32) -> Duration {
    let delivery = delivery(number);
    let started = Instant::now();
    let accepted = store.accept(&delivery).await.expect("it can be kept");
    assert!(matches!(accepted, Accepted::New(_)), "{accepted:?}");
    started.elapsed()
}

async fn matched_to_nothing(store: &Store) -> usize {
    let mut all = 0;
    loop {
        let waiting = store.unmatched(None, 500).await.expect("it can be read");
        if waiting.is_empty() {
            return all;
        }
        all += waiting.len();
        let nothing = |id: DeliveryId| Write::Matched {
            delivery: id,
            state: DeliveryState::matched(0, Timestamp::UNIX_EPOCH),
            work: Vec::new(),
        };
        let writes = waiting.iter().map(|stored| nothing(stored.id)).collect();
        store.write(writes).await.expect("it can be written");
    }
}

async fn prune(store: Store) -> u64 {
    store
        .prune(Timestamp::now())
        .await
        .expect("it can be pruned")
}

async fn one_push_to_many_objects(store: &Store) -> Vec<Duration> {
    let Accepted::New(id) = store.accept(&delivery(u32::MAX)).await.expect("it is kept") else {
        panic!("it is new");
    };
    let at = Timestamp::now();
    let work = (0..OBJECTS).map(|number| NewWork {
        cluster: Arc::from("prod"),
        object: Some(ItemKey {
            kind: Kind::GitRepository,
            namespace: "flux-system".into(),
            name: format!("object-{number}").into(),
        }),
        state: WorkState::Accepted { at },
    });
    let matched = Write::Matched {
        delivery: id,
        state: DeliveryState::matched(OBJECTS as u32, at),
        work: work.collect(),
    };
    let mut waited = Vec::new();
    let started = Instant::now();
    let work = store.write(vec![matched]).await.expect("it can be written");
    waited.push(started.elapsed());
    let mut tasks = JoinSet::new();
    for work in work {
        let store = store.clone();
        tasks.spawn(async move {
            let started = Instant::now();
            for state in [WorkState::Accepted { at }, WorkState::Gone { at }] {
                let write = Write::Work { id: work.id, state };
                store.write(vec![write]).await.expect("it can be written");
            }
            started.elapsed()
        });
    }
    waited.extend(tasks.join_all().await);
    waited
}

fn delivery(number: u32) -> Delivery {
    let paths: Vec<_> = (0..12)
        .map(|path| format!("deploy/overlays/{path}/kustomization.yaml"))
        .collect();
    let commit = format!("{:040x}", 0xdead_beef_u64);
    let json = serde_json::json!({
        "ref": "refs/heads/main", "before": commit, "after": commit, "created": false, "deleted": false, "forced": false,
        "head_commit": {"id": commit},
        "commits": [{"id": commit, "added": [], "removed": [], "modified": paths}],
        "repository": {
            "id": 7, "full_name": format!("acme/repository-{}", number % 500), "default_branch": "main",
            "html_url": "https://github.com/acme/web", "clone_url": "https://github.com/acme/web.git",
            "ssh_url": "git@github.com:acme/web.git"
        },
        "organization": {"login": "acme"}
    });
    let content = decode("push", &json.to_string()).expect("it is a push");
    // Spread as GUIDs are.
    let spread = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let guid = Guid::read(&format!("{spread:032x}")).expect("it is a GUID");
    let webhook = WebhookName("acme".into());
    Delivery::new(
        DeliveryKey { webhook, guid },
        Timestamp::UNIX_EPOCH,
        content,
    )
}

fn size(delivery: &Delivery) -> usize {
    serde_json::to_string(delivery).map_or(0, |json| json.len())
}

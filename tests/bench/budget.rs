//! How fast calls to GitHub are let through, and how fast the report is made: `cargo bench --bench budget`.

#[expect(dead_code, reason = "other benches count its manifests")]
mod fleet;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use jiff::{SignedDuration, Timestamp};
use mimalloc::MiMalloc;

use flux_setup::budget::live::{
    Ask, Choice, Decision, Ledger, LedgerSettings, Outcome, PlanCost, Purpose, Sample, Verdict,
};
use flux_setup::budget::{CostTable, price};
use flux_setup::catalog::{HostNames, Item, Kind, Listing, LiveCluster, Projector};
use flux_setup::config;
use flux_setup::github::{Clock, Github, GithubSettings, IdentitySettings};
use flux_setup::plan;
use flux_setup::reconcile::Books;
use flux_setup::server::GithubSide;
use flux_setup::store::{Limits, Store, StoreUrl};
use serde_json::json;
use tokio::runtime::Runtime;

/// That of the program, counted.
#[global_allocator]
static ALLOCATOR: AllocProfiler<MiMalloc> = AllocProfiler::new(MiMalloc);

fn main() {
    divan::main();
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).expect("it is a time")
}

fn ledger(identity: usize) -> Ledger {
    Ledger::new(LedgerSettings {
        host: "github.com".into(),
        identity: format!("identity-{identity}").into(),
        reserve: 0.2,
    })
}

fn ask(resource: &str, purpose: Purpose) -> Ask {
    Ask {
        resource: resource.into(),
        purpose,
        cost: 1,
        secondary: 1,
        creates: false,
        endpoint: "/repos/{owner}/{repo}/commits/{ref}".into(),
    }
}

fn answer(resource: &Arc<str>, used: u32, now: i64) -> Outcome {
    let sample = Sample {
        limit: u32::MAX,
        remaining: u32::MAX - used,
        used,
        reset: at((now / 3_600_000 + 1) * 3_600_000),
    };
    Outcome::Answered {
        sample: Some((resource.clone(), sample)),
        date: Some(at(now / 1000 * 1000)),
        latency: Duration::from_millis(1),
        cost: None,
        verdict: Verdict::Spent,
    }
}

const DECISIONS: i64 = 10_000;

/// Calls a tenth of a second apart, each reserved and settled; a call is two decisions.
#[divan::bench]
fn reserve_and_settle(bencher: Bencher<'_, '_>) {
    let ask = ask("core", Purpose::BackFill);
    bencher
        .counter(ItemsCount::new(DECISIONS as usize))
        .with_inputs(|| ledger(0))
        .bench_local_values(|mut ledger| {
            for call in 0..DECISIONS {
                let now = call * 100;
                match ledger.reserve(&ask, at(now)) {
                    Decision::Go(reservation) => {
                        let outcome = answer(&ask.resource, call as u32, now);
                        ledger.settle(reservation, &outcome, at(now));
                    }
                    Decision::Wait(hold) => panic!("{hold:?}"),
                }
            }
            ledger
        });
}

/// Calls that find the gate closed.
#[divan::bench]
fn refuse(bencher: Bencher<'_, '_>) {
    let ask = ask("core", Purpose::Heads);
    let mut ledger = ledger(0);
    if let Decision::Go(reservation) = ledger.reserve(&ask, at(0)) {
        let outcome = Outcome::Answered {
            sample: None,
            date: None,
            latency: Duration::ZERO,
            cost: None,
            verdict: Verdict::SecondaryLimit {
                retry_after: Some(Duration::from_secs(3600)),
            },
        };
        ledger.settle(reservation, &outcome, at(0));
    }
    bencher
        .counter(ItemsCount::new(DECISIONS as usize))
        .bench_local(|| {
            for call in 0..DECISIONS {
                let _ = black_box(ledger.reserve(&ask, at(call)));
            }
        });
}

/// Which of a thousand that wait goes next.
#[divan::bench]
fn choose_of_a_thousand(bencher: Bencher<'_, '_>) {
    let waiting: Vec<_> = (0..1000)
        .map(|number| ask("core", Purpose::ALL[number % 4]))
        .collect();
    let mut ledger = ledger(0);
    let mut now = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        now += 100;
        match ledger.choose(&waiting, at(now)) {
            Choice::Go { index, reservation } => {
                let outcome = answer(&waiting[index].resource, 1, now);
                ledger.settle(reservation, &outcome, at(now));
            }
            Choice::Wait(hold) => panic!("{hold:?}"),
            Choice::Idle => panic!("a thousand wait"),
        }
    });
}

const BUCKETS: usize = 100;
const PROJECTS: usize = 10_000;
const RESOURCES: [&str; 5] = ["core", "graphql", "search", "code_search", "app_jwt"];

/// Ledgers of a hundred buckets after a day of calls, one each five minutes.
fn day() -> Vec<Ledger> {
    let mut ledgers: Vec<_> = (0..BUCKETS / RESOURCES.len()).map(ledger).collect();
    for ledger in &mut ledgers {
        for step in 0..288 {
            let now = step * 300_000;
            for (index, resource) in (0_i64..).zip(RESOURCES) {
                let now = now + index * 1000;
                let mut ask = ask(resource, Purpose::BackFill);
                ask.endpoint = resource.into();
                if let Decision::Go(reservation) = ledger.reserve(&ask, at(now)) {
                    let used = (step % 12 * 10) as u32;
                    ledger.settle(reservation, &answer(&ask.resource, used, now), at(now));
                }
            }
        }
    }
    ledgers
}

/// The same, as the service has them.
fn host(now: Timestamp) -> Github {
    let ledgers = day();
    let mut settings = GithubSettings::new("github.com", Path::new("."));
    // Nothing is asked there.
    settings.api_url = Some("http://127.0.0.1:9".to_owned());
    settings.clock = Clock::of(move || now);
    let identities = (0..ledgers.len()).map(|identity| IdentitySettings {
        name: format!("identity-{identity}").into(),
        ..IdentitySettings::anonymous()
    });
    settings.identities = identities.collect();
    let github = Github::open(settings).expect("the settings are right");
    for (client, ledger) in github.clients().iter().zip(&ledgers) {
        client.restore_ledger(ledger.state(now));
        for (resource, steps) in ledger.history(None, now) {
            client.ledger(|ledger| ledger.restore_history(&resource, steps));
        }
    }
    github
}

/// The cluster of one environment, with a source of each project.
fn cluster(environment: usize) -> Arc<LiveCluster> {
    let name: Arc<str> = format!("cluster-{environment}").into();
    let mut projector = Projector::new(name.clone(), Arc::new(HostNames::of([])));
    let interval = ["1m", "3m", "5m"][environment];
    let mut item = |project: usize| -> Arc<Item> {
        let object = json!({
            "metadata": {
                "name": format!("project-{project}"), "namespace": "flux-system",
                "uid": format!("{project:08x}-1234-4123-8123-{environment:012x}"),
                "resourceVersion": "1", "generation": 1,
            },
            "spec": {
                "url": format!("https://github.com/acme/project-{project}"),
                "interval": interval, "ref": {"branch": "main"},
            },
        });
        let item = projector.project(Kind::GitRepository, object.to_string().as_bytes());
        Arc::new(item.expect("it is a GitRepository"))
    };
    let live = LiveCluster::new(name);
    for kind in Kind::ALL {
        let items = match kind {
            Kind::GitRepository => (0..PROJECTS).map(&mut item).collect(),
            _ => Vec::new(),
        };
        let listing = Listing {
            kind,
            items,
            broken: Vec::new(),
        };
        live.update(|cache| cache.replace(listing, SystemTime::UNIX_EPOCH));
    }
    Arc::new(live)
}

/// The report of a hundred buckets, as JSON: beside them what the plan of ten thousand projects costs, and what
/// their sources ask of git in the clusters of three environments.
#[divan::bench]
fn report_of_100_buckets_and_10000_projects(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("threads can be started");
    let _entered = runtime.enter();
    let now = at(0) + SignedDuration::from_hours(24);
    let folder = fleet::generated(PROJECTS).expect("the folder can be written");
    let (configuration, _) = config::load(folder.path());
    let (plan, _) = plan::plan(&configuration);
    let costs = CostTable::default();
    let cost = price(&plan, &configuration.github, &configuration.budget, &costs);
    assert_eq!(cost.sources, PROJECTS * fleet::ENVIRONMENTS);
    let side = GithubSide {
        hosts: vec![host(now)],
        plan: Some(PlanCost::of(&cost)),
        costs,
        ..GithubSide::default()
    };
    let clusters: Vec<_> = (0..fleet::ENVIRONMENTS).map(cluster).collect();
    let report = || serde_json::to_value(side.rate_limit(&clusters)).expect("it is JSON");
    let once = report();
    assert_eq!(once["buckets"].as_array().map(Vec::len), Some(BUCKETS));
    assert_eq!(once["git"]["sources"], PROJECTS * fleet::ENVIRONMENTS);
    bencher.bench_local(|| serde_json::to_vec(&side.rate_limit(&clusters)));
}

/// What is written every five seconds of a hundred buckets with a day of history, in which nothing has changed.
#[divan::bench]
fn books_of_100_buckets(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("threads can be started");
    let _entered = runtime.enter();
    let now = at(0) + SignedDuration::from_hours(24);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let url = StoreUrl::read("sqlite:books.db", folder.path()).expect("it is an address");
    let mut books = runtime.block_on(async {
        let store = Store::open(&url, Limits::default()).await;
        let store = store.expect("the store can be opened");
        let books = Books::open(store, vec![host(now)]).await;
        let mut books = books.expect("the store can be read");
        books.write().await.expect("the store can be written");
        books
    });
    bencher.bench_local(|| runtime.block_on(books.write()));
}

/// A day of five-minute steps of a hundred buckets, as JSON.
#[divan::bench]
fn history_of_100_buckets(bencher: Bencher<'_, '_>) {
    let ledgers = day();
    let now = at(0) + SignedDuration::from_hours(24);
    bencher.bench_local(|| {
        let histories = ledgers.iter().flat_map(|ledger| ledger.history(None, now));
        let steps: Vec<_> = histories.map(|(_, steps)| steps).collect();
        serde_json::to_vec(&steps)
    });
}

/// What a hundred buckets remember over a restart, written and read.
#[divan::bench]
fn keep_and_restore_100_buckets(bencher: Bencher<'_, '_>) {
    let ledgers = day();
    let now = at(0) + SignedDuration::from_hours(24);
    bencher.bench_local(|| {
        for ledger in &ledgers {
            let text = serde_json::to_string(&ledger.state(now)).expect("it is JSON");
            let state = serde_json::from_str(&text).expect("it was just written");
            let settings = LedgerSettings {
                host: "github.com".into(),
                identity: "bot".into(),
                reserve: 0.2,
            };
            black_box(Ledger::restore(settings, state, now));
        }
    });
}

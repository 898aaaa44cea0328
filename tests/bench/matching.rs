//! How fast a push finds its objects, and how much memory they take: `cargo bench --bench matching`.
//!
//! The objects are those of generated projects in three environments: a GitRepository and a
//! Kustomization each, as controllers leave them after a first good reconcile.

use std::fs;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use divan::{AllocProfiler, Bencher, black_box};
use mimalloc::MiMalloc;

use flux_setup::catalog::{Cache, Event, HostNames, Item, Kind, Listing, Projector};
use flux_setup::flux::RepositoryUrl;
use flux_setup::reconcile::{Changed, Policies, Push, push};
use serde_json::{Value, json};

/// That of the program, counted.
#[global_allocator]
static ALLOCATOR: AllocProfiler<MiMalloc> = AllocProfiler::new(MiMalloc);

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "production"];

fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // First, since memory that the benches gave back would be used again.
    if arguments.iter().all(|argument| argument == "--bench") {
        print_memory(&mut io::stdout().lock())?;
    }
    divan::main();
    Ok(())
}

/// The JSON of one GitRepository or Kustomization; every second number is one of each.
fn object(number: usize) -> (Kind, Vec<u8>) {
    let environment = ENVIRONMENTS[number / 2 % ENVIRONMENTS.len()];
    let project = format!("project-{}", number / 2 / ENVIRONMENTS.len());
    let revision = format!("main@sha1:{:040x}", number / 2);
    let token = "2026-08-07T16:12:44.123456789Z";
    let is_source = number.is_multiple_of(2);
    let (kind, spec, mut status, message) = if is_source {
        let url = format!("https://github.com/acme/{project}");
        (
            Kind::GitRepository,
            json!({"url": url, "interval": "5m", "ref": {"branch": "main"}}),
            json!({"artifact": {"revision": revision, "digest": format!("sha256:{number:064x}")}}),
            format!("stored artifact for revision '{revision}'"),
        )
    } else {
        let source = format!("{project}-{environment}");
        (
            Kind::Kustomization,
            json!({"interval": "5m", "prune": true, "path": "./deploy",
                "sourceRef": {"kind": "GitRepository", "name": source}}),
            json!({"lastAppliedRevision": revision, "lastAttemptedRevision": revision}),
            format!("Applied revision: {revision}"),
        )
    };
    status["observedGeneration"] = json!(1);
    status["lastHandledReconcileAt"] = json!(token);
    status["conditions"] =
        json!([{"type": "Ready", "status": "True", "reason": "Succeeded", "message": message}]);
    let object: Value = json!({
        "metadata": {
            "name": format!("{project}-{environment}"),
            "namespace": "flux-system",
            "uid": format!("{number:08x}-1234-4123-8123-123456789abc"),
            "resourceVersion": (1_000_000 + number).to_string(),
            "generation": 1,
            "labels": {"flux-setup.dev/project": project, "flux-setup.dev/environment": environment},
            "annotations": {"reconcile.fluxcd.io/requestedAt": token},
        },
        "spec": spec,
        "status": status,
    });
    (kind, object.to_string().into_bytes())
}

fn objects(count: usize) -> Vec<(Kind, Vec<u8>)> {
    (0..count).map(object).collect()
}

/// A cluster as its first lists leave it.
fn cluster(objects: &[(Kind, Vec<u8>)]) -> Cache {
    let mut projector = Projector::new("prod-eu".into(), Arc::new(HostNames::of([])));
    let mut cache = Cache::default();
    for kind in [Kind::GitRepository, Kind::Kustomization] {
        let of_kind = objects.iter().filter(|(of, _)| *of == kind);
        let items: Vec<Arc<Item>> = of_kind
            .map(|(_, json)| projector.project(kind, json).expect("it can be read"))
            .map(Arc::new)
            .collect();
        let listing = Listing {
            kind,
            items,
            broken: Vec::new(),
        };
        cache.replace(listing, SystemTime::UNIX_EPOCH);
    }
    cache
}

fn pushed(url: &str) -> Push<'static> {
    let url = RepositoryUrl::read(url).expect("it is a URL");
    Push {
        repositories: vec![url.identity(|_| None)],
        former: Vec::new(),
        reference: "refs/heads/main",
        default_branch: Some("main"),
        deleted: false,
        changed: Changed::All(vec!["deploy/web.yaml"]),
    }
}

#[divan::bench]
fn one_push_among_100_000_objects_of_four_clusters(bencher: Bencher<'_, '_>) {
    let all = objects(100_000);
    let clusters: Vec<_> = all.chunks(25_000).map(cluster).collect();
    let pushed = pushed("git@github.com:Acme/Project-9000.git");
    let policies = Policies::default();
    assert_eq!(
        push(&pushed, &clusters, &policies).len(),
        ENVIRONMENTS.len()
    );
    bencher.bench_local(|| push(black_box(&pushed), &clusters, &policies));
}

/// Every one of them is told, so the time grows with them.
#[divan::bench]
fn one_push_to_a_repository_of_1_000_objects(bencher: Bencher<'_, '_>) {
    let all: Vec<_> = (0..2_000)
        .map(|number| {
            let (kind, json) = object(number);
            let json = String::from_utf8(json).expect("JSON is UTF-8");
            let url = format!("acme/project-{}", number / 2 / ENVIRONMENTS.len());
            (kind, json.replace(&url, "acme/mono").into_bytes())
        })
        .collect();
    let cluster = cluster(&all);
    let pushed = pushed("https://github.com/acme/mono");
    let policies = Policies::default();
    assert_eq!(push(&pushed, [&cluster], &policies).len(), 1_000);
    bencher.bench_local(|| push(black_box(&pushed), [&cluster], &policies));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn first_lists_of_50_000_objects(bencher: Bencher<'_, '_>) {
    let all = objects(50_000);
    bencher
        .counter(divan::counter::ItemsCount::new(all.len()))
        .bench_local(|| cluster(&all));
}

/// The memory that stays with 50,000 objects, as Linux counts it for the process.
fn print_memory(out: &mut impl Write) -> io::Result<()> {
    const COUNT: usize = 50_000;
    const ROUND: usize = 1_000;
    let before = resident();
    let mut projector = Projector::new("prod-eu".into(), Arc::new(HostNames::of([])));
    let mut cache = Cache::default();
    for start in (0..COUNT).step_by(ROUND) {
        for (kind, json) in (start..start + ROUND).map(object) {
            let item = projector.project(kind, &json).expect("it can be read");
            cache.apply(Event::Applied(Arc::new(item)));
        }
    }
    let grown = resident().saturating_sub(before);
    writeln!(
        out,
        "{} objects: {} bytes each in the resident memory of the process",
        cache.len(),
        grown / cache.len()
    )?;
    black_box(projector);
    Ok(())
}

/// In bytes; 0 where there is no `/proc`.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kibibytes: usize = kibibytes
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    kibibytes << 10
}

//! Leases when the configuration changes: what is still to be done goes on under the same epoch, the rest is given back.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flux_setup::reconcile::{Duties, Duty, Handover, LeaseMetrics, Roster};
use flux_setup::store::{LeaseRow, Leases, Limits, Store, StoreUrl};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::store::servers::{Postgres, block_on};

/// Longer than a lease may be acted under that is not renewed.
const SLOW: Duration = Duration::from_secs(7);

struct Process {
    store: Store,
    roster: Roster,
    metrics: LeaseMetrics,
    handover: Handover,
    ends: CancellationToken,
    begun: Arc<Mutex<Vec<String>>>,
}

impl Process {
    fn begin(&self, names: &[&str]) -> (CancellationToken, JoinHandle<()>) {
        let duty = |name: &&str| {
            let (name, begun) = ((*name).to_owned(), Arc::clone(&self.begun));
            Duty {
                lease: name.clone(),
                start: Box::new(move |tenure| {
                    let (name, begun) = (name.clone(), Arc::clone(&begun));
                    Box::pin(async move {
                        begun.lock().expect("no test panicked").push(name.clone());
                        tenure.stop.cancelled().await;
                        if name == "cluster/slow" {
                            tokio::time::sleep(SLOW).await;
                        }
                        assert!(tenure.store.is_held());
                    })
                }),
            }
        };
        let duties = Duties {
            store: self.store.clone(),
            duties: names.iter().map(duty).collect(),
            roster: self.roster.clone(),
            bell: Arc::default(),
            metrics: self.metrics.clone(),
            handover: self.handover.clone(),
            ends: self.ends.clone(),
        };
        let stop = self.ends.child_token();
        (stop.clone(), tokio::spawn(duties.run(stop)))
    }

    /// Before it has begun, a process is taken for one that is alone.
    fn is_held(&self, name: &str) -> bool {
        self.roster.holds(name) && self.roster.holder(name).is_some()
    }

    async fn until_held(&self, names: &[&str]) {
        let started = Instant::now();
        while !names.iter().all(|name| self.is_held(name)) {
            assert!(started.elapsed() < Duration::from_secs(20), "{names:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn rows(leases: &mut Leases) -> Vec<(String, bool, i64)> {
    let board = leases.beat(&[]).await.expect("the store answers");
    let row = |row: LeaseRow| (row.name, row.holder.is_some(), row.epoch);
    board.leases.into_iter().map(row).collect()
}

fn row(name: &str, is_held: bool, epoch: i64) -> (String, bool, i64) {
    (name.to_owned(), is_held, epoch)
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn what_is_held_passes_to_the_next_configuration_and_what_that_does_not_name_is_given_back() {
    let postgres = Postgres::start();
    block_on(async {
        let url = postgres.database().await;
        let url = StoreUrl::read(&url, Path::new("")).expect("it is one");
        let open = async || {
            let store = Store::open(&url, Limits::default()).await;
            store.expect("it can be opened")
        };
        let mut registry = Registry::default();
        let process = Process {
            store: open().await,
            roster: Roster::default(),
            metrics: LeaseMetrics::register(&mut registry),
            handover: Handover::default(),
            ends: CancellationToken::new(),
            begun: Arc::default(),
        };
        let other = open().await;
        let mut looking_on = other.leases().expect("there are some");
        let (stop, ended) = process.begin(&["fleet", "cluster/slow", "cluster/old"]);
        process
            .until_held(&["fleet", "cluster/slow", "cluster/old"])
            .await;
        stop.cancel();
        let started = Instant::now();
        while !ended.is_finished() {
            for name in ["fleet", "cluster/slow", "cluster/old"] {
                let taken = looking_on.take(name).await.expect("the store answers");
                assert!(taken.is_none(), "{name} was free");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(started.elapsed() >= SLOW);
        let (stop, ended) = process.begin(&["fleet", "cluster/slow", "cluster/new"]);
        process
            .until_held(&["fleet", "cluster/slow", "cluster/new"])
            .await;
        let kept = [
            row("cluster/new", true, 1),
            row("cluster/old", false, 1),
            row("cluster/slow", true, 1),
            row("fleet", true, 1),
        ];
        assert_eq!(rows(&mut looking_on).await, kept);
        let begun = process.begun.lock().expect("no test panicked").clone();
        let count = |name: &str| begun.iter().filter(|begun| **begun == name).count();
        assert_eq!(
            (begun.len(), count("fleet"), count("cluster/slow")),
            (6, 2, 2)
        );
        let mut text = String::new();
        encode(&mut text, &registry).expect("a string takes all");
        let held: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("flux_setup_lease_held{"))
            .collect();
        assert_eq!(held.len(), 3, "{held:?}");
        assert!(
            held.iter()
                .all(|line| line.ends_with(" 1") && !line.contains("old"))
        );
        // At its end it gives back at once what has ended, however long the rest takes.
        process.ends.cancel();
        assert!(stop.is_cancelled());
        for name in ["fleet", "cluster/new"] {
            let taken = loop {
                assert!(!ended.is_finished(), "{name} waits for the slow one");
                let taken = looking_on.take(name).await.expect("the store answers");
                if let Some(taken) = taken {
                    break taken;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            assert_eq!(taken.epoch(), 2, "{name}");
        }
        ended.await.expect("it ends in order");
    });
}

//! How fast calls to GitHub are let through, and how fast the report is made: `cargo bench --bench budget`.

use std::sync::Arc;
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use jiff::{SignedDuration, Timestamp};
use mimalloc::MiMalloc;

use flux_setup::budget::CostTable;
use flux_setup::budget::live::{
    Ask, Choice, Decision, GitPoll, GitPollKind, Ledger, LedgerSettings, Outcome, Purpose,
    RateLimitReport, Sample, Verdict, git_rate,
};

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

/// The report of a hundred buckets and ten thousand projects in three environments, as JSON.
#[divan::bench]
fn report_of_100_buckets_and_10000_projects(bencher: Bencher<'_, '_>) {
    let ledgers = day();
    let now = at(0) + SignedDuration::from_hours(24);
    let names: Vec<_> = (0..PROJECTS)
        .map(|project| format!("github.com/acme/project-{project}"))
        .collect();
    let costs = CostTable::default();
    bencher.bench_local(|| {
        let buckets: Vec<_> = ledgers
            .iter()
            .flat_map(|ledger| ledger.report(now))
            .collect();
        assert_eq!(buckets.len(), BUCKETS);
        let polls = names.iter().flat_map(|repository| {
            [60, 180, 300].map(|seconds| GitPoll {
                repository,
                kind: GitPollKind::Ref,
                interval: Duration::from_secs(seconds),
            })
        });
        let git = git_rate(polls, &costs);
        let report = RateLimitReport::new(now, buckets, None, Some(git));
        serde_json::to_vec(&report)
    });
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

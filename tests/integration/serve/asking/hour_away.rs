//! GitHub is away for an hour: all clocks of the service and of GitHub run thirty times as fast meanwhile.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use flux_setup::delivery::Event;
use flux_setup::store::{Filter, Limits, Store, StoreUrl, StoredDelivery};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::api_server::ApiServer;
use crate::github::clock::Clock;
use crate::github::faults::Fault;
use crate::github::sender::Delivering;
use crate::github::{FakeGithub, Options};
use crate::process::Service;

use super::scene::{LONG, SHOW, Scene, bot, bucket, heads, told, webhook};

const TIMES: i32 = 30;
/// In each of six ways ten minutes; in the third nobody answers at all.
const WAYS: [Fault; 6] = [
    Fault::Closed,
    Fault::Proxy(502),
    Fault::Silence,
    Fault::Status(500),
    Fault::Truncated,
    Fault::Proxy(503),
];
/// Pushes to repositories of the webhook, one a minute; each second one is delivered.
const PUSHES: u32 = 60;
/// Repositories of which no webhook tells; each moves three times.
const UNTOLD: u32 = 12;
/// Calls that an hour away may have at most; in a good one there are 60 for the list and 120 for heads.
const MOST_CALLS: u64 = 150;
/// Calls of any minute after it: what was missed, and some for lists, hooks and heads.
const MOST_A_MINUTE: u64 = 60;

/// As long by this machine's clock.
fn on_this_machine(span: SignedDuration) -> Duration {
    Duration::try_from(span / TIMES).expect("it is not negative")
}

fn untold(number: u32) -> String {
    format!("other/untold-{number}")
}

fn untold_object(number: u32) -> String {
    format!("untold-{number}")
}

fn commit(number: u32, time: u32) -> String {
    format!("{:040x}", 0x10_0000 * (time + 1) + number)
}

/// Every call that GitHub answered, and those that it failed.
fn calls(github: &FakeGithub) -> u64 {
    github.books().count(|_| true).calls
}

/// How often the service took itself for having slept, and woke all that a webhook covers once: at this speed it is
/// enough that a busy machine leaves it no processor for two thirds of a second.
fn gaps(service: &Service) -> usize {
    service.log().matches("nobody listened for a while").count()
}

/// All deliveries of the service's store.
fn inbox(scene: &Scene<'_>) -> Vec<StoredDelivery> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let url = StoreUrl::read("sqlite:inbox.db", scene.home.path()).expect("a URL");
        let store = Store::open(&url, Limits::default()).await;
        let filter = Filter {
            limit: 500,
            ..Filter::default()
        };
        let all = store.expect("it opens").deliveries(&filter).await;
        all.expect("it answers")
    })
}

fn start(scene: &Scene<'_>, since: Timestamp) -> Service {
    let shim = scene.home.shim(include_str!("../fast.c"));
    let mut service = scene.home.start_command(
        scene
            .home
            .command(&[])
            .env("LD_PRELOAD", &shim)
            .env("CLOCK_TIMES", TIMES.to_string())
            .env("CLOCK_SINCE", since.as_second().to_string()),
    );
    service.wait_until_ready();
    let all = PUSHES + UNTOLD;
    service.wait_until(
        "it has read the list, and knows where all refs point",
        |service| {
            let told = heads(service);
            webhook(service)["lastAudit"].is_string()
                && told["refs"] == all
                && told["lastRound"].is_string()
        },
    );
    service
}

/// Lets GitHub be away for an hour, while people push; returns how many calls there were of each way.
fn an_hour_away(scene: &Scene<'_>, service: &Service) -> Vec<u64> {
    let mut calls = Vec::new();
    let before = scene.github.befallen();
    let begun = scene.github.now();
    let mut number = 0;
    for (ten, way) in (0_u32..).zip(WAYS) {
        scene.github.clear_faults();
        scene.github.fail_where("", None, way);
        for minute in 0..10 {
            scene.push(
                number,
                match number % 4 {
                    0 | 2 => Delivering::Deliver,
                    1 => Delivering::UNREACHABLE,
                    _ => Delivering::TIMED_OUT,
                },
            );
            number += 1;
            let moved = (ten * 10 + minute) * UNTOLD * 3 / PUSHES;
            for it in moved..((ten * 10 + minute + 1) * UNTOLD * 3 / PUSHES) {
                let (number, time) = (it % UNTOLD, it / UNTOLD);
                let name = untold(number);
                let commit = commit(number, time);
                scene.github.push(&name, "refs/heads/main", &commit);
            }
            let until = begun + SignedDuration::from_mins(i64::from(number));
            let left = until.duration_since(scene.github.now());
            thread::sleep(on_this_machine(left.max(SignedDuration::ZERO)));
        }
        calls.push(scene.github.befallen() - before - calls.iter().sum::<u64>());
    }
    // What came is worked all the time.
    scene.wait_for(service, (0..PUSHES - 2).step_by(2));
    let lost = (1..PUSHES).step_by(2);
    let most = gaps(service);
    let early = lost.filter(|number| scene.annotations(*number) > most);
    let early: Vec<u32> = early.collect();
    assert_eq!(
        early,
        Vec::<u32>::new(),
        "GitHub is away\n{}",
        service.log()
    );
    calls
}

/// That it is away is told with its reason, and nothing else is wrong.
fn told_while_it_is_away(service: &mut Service) {
    service.wait_until_ready();
    let trouble = &heads(service)["trouble"];
    assert!(trouble["reason"].is_string(), "{}", heads(service));
    let findings = webhook(service)["findings"].to_string();
    assert!(
        findings.contains("GitHub cannot be asked since"),
        "{findings}"
    );
    let report = told(service, "/api/v1/rate-limit");
    assert!(
        report["buckets"]
            .as_array()
            .is_some_and(|it| !it.is_empty())
    );
}

/// Waits until all is caught up; returns when, and the calls of the busiest minute.
fn caught_up(scene: &Scene<'_>, service: &Service) -> (SignedDuration, u64) {
    let begun = scene.github.now();
    let deadline = Instant::now() + LONG;
    let mut counted = vec![(begun, calls(&scene.github))];
    let mut took = None;
    // It is looked on for ten minutes more: who would come in a storm comes then.
    while took.is_none_or(|took| begun + took + SignedDuration::from_mins(10) > scene.github.now())
    {
        assert!(
            Instant::now() < deadline,
            "{}\n{}\n{}",
            webhook(service),
            heads(service),
            service.log()
        );
        let is_woken = |name: &str| !scene.tokens.of(name).is_empty();
        if took.is_none()
            && (0..PUSHES).all(|number| scene.annotations(number) > 0)
            && (0..UNTOLD).all(|number| is_woken(&untold_object(number)))
            && webhook(service)["catchingUp"] == false
        {
            took = Some(scene.github.now().duration_since(begun));
        }
        counted.push((scene.github.now(), calls(&scene.github)));
        thread::sleep(Duration::from_millis(50));
    }
    let a_minute = |(at, before): &(Timestamp, u64)| {
        let end = *at + SignedDuration::from_mins(1);
        let last = counted.iter().rev().find(|(at, _)| *at <= end);
        last.map_or(0, |(_, after)| after - before)
    };
    let busiest = counted.iter().map(a_minute).max();
    (took.expect("it was"), busiest.unwrap_or_default())
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn an_hour_without_github_costs_few_calls_and_after_it_each_push_is_taken_once_without_a_storm() {
    if std::env::var_os("FLUX_SETUP_LONG_TESTS").is_none() {
        eprintln!("not run: it wants a machine for itself, and FLUX_SETUP_LONG_TESTS=1");
        return;
    }
    let server = ApiServer::start();
    let since = Timestamp::from_second(Timestamp::now().as_second()).expect("it is now");
    let github = FakeGithub::launch(Options {
        clock: Clock::fast(since, TIMES),
        ..Options::default()
    });
    let token = github.personal_token("bot", &["repo", "admin:org_hook"]);
    let host = "audit: {every: 60s}, heads: {every: 30s, sweep: 15m}";
    let scene = Scene::with(&server, "hour-away", host, github, &token);
    scene.fleet(PUSHES);
    scene.github.organization("other");
    for number in 0..UNTOLD {
        let name = untold(number);
        scene.github.repository(&name);
        let url = format!("https://github.com/{name}");
        scene.objects.git(&untold_object(number), &url, "main");
    }
    let mut service = start(&scene, since);

    let ways = an_hour_away(&scene, &service);
    println!("{ways:?} calls of {WAYS:?}");
    let away: u64 = ways.into_iter().sum();
    told_while_it_is_away(&mut service);
    scene.github.clear_faults();
    let (took, busiest) = caught_up(&scene, &service);
    println!(
        "{away} calls in the hour; caught up {took:#} after it; {busiest} calls in the busiest minute then"
    );
    assert!((6..=MOST_CALLS).contains(&away), "{away} calls");
    assert!(took < SignedDuration::from_mins(10), "{took:#}");
    assert!(busiest <= MOST_A_MINUTE, "{busiest} calls in a minute");
    assert_eq!(scene.github.violations(), []);
    let list = webhook(&service);
    assert_eq!(list["missed"], scene.failed(), "{list}");
    assert_eq!(list["backFilled"], scene.failed(), "{list}");
    // At this speed a busy machine makes an answer late now and then, which is asked for again.
    let shown = scene.github.books().of(SHOW);
    let most = scene.failed() * 5 / 4;
    assert!((scene.failed()..=most).contains(&shown.calls), "{shown:?}");
    let gaps = gaps(&service);
    println!("{gaps} gaps");
    let twice = scene.not_once(0..PUSHES).into_iter();
    let twice: Vec<_> = twice.filter(|(_, times)| *times > 1 + gaps).collect();
    assert_eq!(twice, [], "{gaps} gaps");
    for number in 0..UNTOLD {
        let name = untold_object(number);
        assert_eq!(scene.tokens.of(&name).len(), 1, "{name}");
    }
    reports_are_right(&scene, &mut service);
    let (status, _, log) = service.terminate();
    assert!(status.success(), "{status}\n{log}");
    each_is_in_the_inbox_once(&scene);
}

/// What is told of the budget is what GitHub's books say, and nothing runs out.
fn reports_are_right(scene: &Scene<'_>, service: &mut Service) {
    service.wait_until("nothing is wrong any more", |service| {
        let told = heads(service);
        told["trouble"].is_null() && told["faults"].as_array().is_some_and(Vec::is_empty)
    });
    for resource in ["core", "graphql"] {
        let mut told = Value::Null;
        let book = || scene.github.books().buckets[&(bot(), resource)];
        service.wait_until("the report agrees with GitHub's books", |service| {
            let before = book();
            told = bucket(service, resource);
            before == book()
                && told["used"] == before.sample.used
                && told["remaining"] == before.sample.remaining
                && told["ownUsed"] == before.own
        });
        assert_eq!(told["foreignUsed"], 0, "{told}");
        assert!(told["forecast"]["emptyAt"].is_null(), "{told}");
        let left = &told["forecast"]["remainingAtReset"];
        assert!(left.as_f64().is_some_and(|left| left > 4_000.0), "{told}");
        assert_eq!(told["holds"], Value::Array(Vec::new()), "{told}");
    }
}

fn each_is_in_the_inbox_once(scene: &Scene<'_>) {
    let inbox = inbox(scene);
    let mut pushes: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for stored in &inbox {
        match &stored.delivery.event {
            Event::Push(_) => {
                *pushes
                    .entry(stored.delivery.key.guid.to_string())
                    .or_default() += 1;
            }
            Event::Head(head) => {
                let repository = stored.delivery.repository.as_ref().expect("it has one");
                let commits = seen.entry(repository.full_name.clone()).or_default();
                commits.push(head.commit.to_string());
            }
            Event::Gap { .. } => {}
            event => panic!("nothing else happened: {event:?}"),
        }
    }
    let sent = scene.github.deliveries(scene.hook).into_iter();
    let sent: BTreeMap<String, usize> = sent.map(|attempt| (attempt.guid, 1)).collect();
    assert_eq!(sent.len(), usize::try_from(PUSHES).expect("few"));
    assert_eq!(pushes, sent, "each push is in the inbox once");
    for number in 0..UNTOLD {
        let last = vec![commit(number, 2)];
        assert_eq!(
            seen.get(&untold(number)),
            Some(&last),
            "the last head, once"
        );
    }
}

//! What happens to the clusters, the store and the clock while pushes come.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::api_server::{ApiServer, Target, shared};
use crate::hookshot::{Hookshot, guid, push};
use crate::machine::Stopwatch;
use crate::process::{Home, SECRET, Service};

use super::objects::{Objects, Tokens};
use super::{SOON, done, home, in_state, open, story};

/// GitHub waits no longer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Sends one push to each of so many repositories `acme/PREFIX-N`; each is answered as soon as GitHub wants it.
pub(super) fn send_all(service: &Service, prefix: &str, numbers: std::ops::Range<u64>) {
    let hooks = service.hooks;
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (prefix, numbers) = (prefix.to_owned(), numbers.clone());
            thread::spawn(move || {
                let mut hookshot =
                    Hookshot::connect(hooks, "acme", SECRET).expect("the service listens");
                for number in numbers.filter(|number| number % 4 == sender) {
                    let body = push(&format!("acme/{prefix}-{number}"), "main", 7);
                    let sent = Stopwatch::start();
                    let answer = hookshot
                        .send("push", &guid(number), &body)
                        .expect("it is answered");
                    assert_eq!(answer.status, 202, "{answer:?}");
                    sent.assert_within(ANSWERED_WITHIN, "the answer to a push");
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().expect("no sender fails");
    }
}

/// So many GitRepositories, each of a repository of its own.
pub(super) fn create_all(objects: &Objects<'_>, prefix: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let name = format!("{prefix}-{number}");
        objects.git(&name, &format!("https://github.com/acme/{name}"), "main");
    }
}

/// 1,000 deliveries, while the API server hangs, is killed, comes back, forgets its history.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_comes_while_the_api_server_is_away_is_annotated_when_it_is_back() {
    let server = ApiServer::start();
    let objects = Objects::new(&server, "away");
    create_all(&objects, "away", 0..1_000);
    let home = home(&server);
    let mut service = home.start();
    service.wait_until_ready();

    server.pause();
    send_all(&service, "away", 0..400);
    server.resume();
    thread::sleep(Duration::from_millis(300));
    server.kill();
    send_all(&service, "away", 400..900);
    assert_eq!(
        service.get("/health/ready").unwrap().0,
        200,
        "hooks are still taken"
    );
    server.revive();
    server.compact();
    send_all(&service, "away", 900..1_000);
    let deadline = Instant::now() + 3 * SOON;
    while objects.annotated().len() < 1_000 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
    }
    let annotated = objects.annotated().len();
    println!("annotated after the outage: {annotated} of 1000");
    assert_eq!(annotated, 1_000, "{}", service.log());
    service.wait_until("all are done", |service| open(service) == 0);
}

/// Its objects are as a backup had them: what is gone is gone, and what is there is annotated.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn pushes_reach_what_an_older_or_empty_api_server_has() {
    let server = ApiServer::start();
    let objects = Objects::new(&server, "older");
    create_all(&objects, "older", 0..2);
    server.save();
    create_all(&objects, "older", 2..4);
    let home = home(&server);
    let mut service = home.start();
    service.wait_until_ready();
    server.roll_back();
    service.wait_until("it sees two objects", |service| objects_known(service) == 2);
    send_all(&service, "older", 0..4);
    objects.wait_for(&["older-0", "older-1"], SOON);
    service.wait_until("all are over", |service| open(service) == 0);

    server.restart_empty();
    server.install_flux();
    let objects = Objects::new(&server, "older");
    service.wait_until("it sees none", |service| objects_known(service) == 0);
    create_all(&objects, "older", 1..2);
    service.wait_until("it sees one", |service| objects_known(service) == 1);
    send_all(&service, "older", 5..6);
    let mut hookshot = service.hookshot();
    let answer = hookshot
        .send("push", &guid(99), &push("acme/older-1", "main", 9))
        .unwrap();
    assert_eq!(answer.status, 202);
    objects.wait_for(&["older-1"], SOON);
}

fn objects_known(service: &Service) -> u64 {
    let told = service.get("/api/v1/clusters").map(|(_, told)| told);
    let known = told.and_then(|told| told["clusters"][0]["objects"]["GitRepository"].as_u64());
    known.unwrap_or(u64::MAX)
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_dead_cluster_and_one_that_refuses_us_harm_no_other_and_their_pushes_wait() {
    let (alive, late) = (shared(), ApiServer::start());
    let objects = Objects::new(alive, "two");
    objects.git("web", "https://github.com/acme/two", "main");
    let of_late = Objects::new(&late, "two");
    of_late.git("web", "https://github.com/acme/two", "main");
    late.kill();
    let stranger = alive.kubeconfig_with("stranger", &json!({"token": "wrong"}));
    let home = Home::new(&[
        ("alive", &alive.kubeconfig()),
        ("late", &late.kubeconfig()),
        ("refused", &stranger),
        ("missing", Path::new("/nowhere/kubeconfig")),
    ]);
    let mut service = home.start();
    service.wait_until_ready();
    let (_, ready) = service.get("/health/ready").unwrap();
    let reasons = ready.to_string();
    for told in ["late", "refused", "missing"] {
        assert!(reasons.contains(told), "{reasons}");
    }
    send_one(&service, 1, "acme/two");
    objects.wait_for(&["web"], SOON);
    let waiting = story(&service, 1);
    assert_eq!(
        (&waiting["state"], &waiting["items"]),
        (&json!("working"), &json!(4))
    );
    late.revive();
    of_late.wait_for(&["web"], SOON);
    // Also after a restart it waits for the two that were never seen.
    service.kill();
    let mut service = home.start();
    let expected = [
        ("alive", "annotated"),
        ("late", "annotated"),
        ("refused", "waiting"),
        ("missing", "waiting"),
    ]
    .map(|(cluster, state)| (json!(cluster), json!(state)));
    service.wait_until("two are annotated and two wait", |service| {
        let work = story(service, 1)["work"].clone();
        let states: Vec<_> = work
            .as_array()
            .into_iter()
            .flatten()
            .map(|work| (work["cluster"].clone(), work["state"].clone()))
            .collect();
        states.len() == 4 && expected.iter().all(|expected| states.contains(expected))
    });
}

fn send_one(service: &Service, number: u64, repository: &str) {
    let answer = service
        .hookshot()
        .send("push", &guid(number), &push(repository, "main", number))
        .expect("it is answered");
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// Nobody listened for more than half a minute while 500 pushes were sent.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn after_a_gap_every_source_that_a_webhook_covers_is_woken_once_and_a_first_start_wakes_none() {
    let server = ApiServer::start();
    let objects = Objects::new(&server, "gap");
    create_all(&objects, "gap", 0..500);
    objects.git("foreign", "https://gitlab.com/acme/gap", "main");
    let home = home(&server);
    let mut service = home.start();
    service.wait_until_ready();
    thread::sleep(Duration::from_secs(2));
    assert!(
        objects.annotated().is_empty(),
        "a first start wakes nothing"
    );
    let tokens = Tokens::watch(&server, "gap");
    service.kill();
    thread::sleep(Duration::from_secs(32));
    let mut service = home.start();
    service.wait_until_ready();
    let started = Instant::now();
    while objects.annotated().len() < 500 && started.elapsed() < 3 * SOON {
        thread::sleep(Duration::from_millis(200));
    }
    let took = started.elapsed();
    let annotated = objects.annotated();
    println!(
        "woken after the gap: {} of 500 in {took:?}",
        annotated.len()
    );
    assert_eq!(annotated.len(), 500);
    assert!(!annotated.contains("foreign"));
    service.wait_until("the watch has told of all", |_| {
        (0..500).all(|number| !tokens.of(&format!("gap-{number}")).is_empty())
    });
    let tokens: Vec<_> = (0..500).map(|it| tokens.of(&format!("gap-{it}"))).collect();
    assert!(tokens.iter().all(|tokens| tokens.len() == 1), "{tokens:?}");
    // A token is the time at which it was chosen.
    let times = tokens.iter().flatten();
    let times = times.map(|token| token.parse::<Timestamp>().expect("a time"));
    let mut times: Vec<Timestamp> = times.collect();
    times.sort();
    let spread = times[499].duration_since(times[0]);
    assert!(
        spread > SignedDuration::from_secs(45),
        "they are spread over a minute: {spread:?}"
    );
    service.wait_until("the gap is told of", |service| {
        let told = service.get("/api/v1/deliveries?limit=1");
        told.is_some_and(|(_, told)| {
            told["deliveries"][0]["event"] == "gap" && told["deliveries"][0]["state"] == "done"
        })
    });
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn ten_thousand_deliveries_for_unknown_repositories_wake_nothing_and_hold_up_nobody() {
    let server = shared();
    let objects = Objects::new(server, "unknown");
    objects.git("web", "https://github.com/acme/known", "main");
    let home = home(server);
    let mut service = home.start();
    service.wait_until_ready();
    send_all(&service, "unknown", 0..10_000);
    let mut hookshot = service.hookshot();
    hookshot
        .send("push", &guid(20_000), &push("acme/known", "main", 7))
        .unwrap();
    objects.wait_for(&["web"], SOON);
    service.wait_until("all are over", |service| open(service) == 0);
    assert_eq!(in_state(&service, "nothing"), 500, "a page of them");
    let (_, newest) = service
        .get("/api/v1/deliveries?state=nothing&limit=1")
        .unwrap();
    assert_eq!(
        newest["deliveries"][0]["reason"],
        "no object in any cluster follows it"
    );
}

/// Work waits twenty seconds, as its environment asks; meanwhile the objects change.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn objects_that_change_between_match_and_annotation_are_taken_as_they_are_then() {
    let server = shared();
    let objects = Objects::new(server, "between");
    let names = ["deleted", "suspended", "out", "kept", "moved"];
    for name in names {
        let spec = json!({"url": "https://github.com/acme/between", "interval": "1h", "ref": {"branch": "main"}});
        objects.create_labelled(name, &spec, "staging");
    }
    let home = home(server);
    home.write(
        "environments/staging.yaml",
        "ref: {branch: main}\nwebhook: {after: 20s}\n",
    );
    let mut service = home.start();
    service.wait_until_ready();
    send_one(&service, 1, "acme/between");
    service.wait_until("all wait", |service| {
        let work = story(service, 1)["work"].clone();
        work.as_array().is_some_and(|work| {
            work.len() == 5 && work.iter().all(|work| work["state"] == "waiting")
        })
    });
    let target = |name| Target {
        api_version: "source.toolkit.fluxcd.io/v1",
        kind: "GitRepository",
        namespace: "between",
        name,
    };
    objects.delete("deleted");
    server.patch(target("suspended"), &json!({"spec": {"suspend": true}}));
    server.patch(
        target("out"),
        &json!({"metadata": {"annotations": {"flux-setup.dev/webhook": "disabled"}}}),
    );
    server.patch(
        target("moved"),
        &json!({"spec": {"ref": {"branch": "next"}}}),
    );
    service.wait_until("it is done", |service| done(service) == 1);
    let story = story(&service, 1);
    let state = |name: &str| {
        let work = story["work"].as_array().unwrap().iter();
        let mut work = work.filter(|work| work["object"]["name"] == name);
        work.next().unwrap()["state"].clone()
    };
    assert_eq!(
        names.map(state),
        ["gone", "suspended", "optedOut", "annotated", "annotated"]
    );
    assert!(objects.token("suspended").is_none() && objects.token("out").is_none());
}

/// A service whose clock is set back an hour goes on: nothing waits longer, nothing is lost.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_clock_that_is_set_back_an_hour_holds_up_nothing() {
    let server = shared();
    let objects = Objects::new(server, "clock");
    create_all(&objects, "clock", 0..3);
    let home = home(server);
    let shim = home.shim(include_str!("clock.c"));
    let offset = home.path().join("offset");
    std::fs::write(&offset, "0").unwrap();
    let mut service = home.start_command(
        home.command(&[])
            .env("LD_PRELOAD", &shim)
            .env("CLOCK_OFFSET_FILE", &offset),
    );
    service.wait_until_ready();
    send_one_to(&service, 0, "acme/clock-0");
    objects.wait_for(&["clock-0"], SOON);
    std::fs::write(&offset, "-3600").unwrap();
    send_one_to(&service, 1, "acme/clock-1");
    objects.wait_for(&["clock-1"], SOON);
    // A burst across the change is still one annotation and at most one more.
    send_one_to(&service, 2, "acme/clock-0");
    service.wait_until("all are done", |service| done(service) == 3);
    let received = story(&service, 1)["receivedAt"]
        .as_str()
        .unwrap()
        .to_owned();
    let before = story(&service, 0)["receivedAt"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        received < before,
        "the clock was set back: {received}, {before}"
    );
    // A restart finds a heartbeat of the future: something may have been missed, so all is woken.
    service.kill();
    let mut service = home.start_command(
        home.command(&[])
            .env("LD_PRELOAD", &shim)
            .env("CLOCK_OFFSET_FILE", &offset),
    );
    service.wait_until_ready();
    send_one_to(&service, 3, "acme/clock-2");
    objects.wait_for(&["clock-2"], SOON);
}

fn send_one_to(service: &Service, number: u64, repository: &str) {
    let answer = service
        .hookshot()
        .send("push", &guid(number), &push(repository, "main", 7))
        .expect("it is answered");
    assert_eq!(answer.status, 202, "{answer:?}");
}

//! GitHub holds us off in the middle of what we ask: all of it waits, is asked for after, and wakes once.

use std::thread;
use std::time::Duration;

use crate::api_server::ApiServer;
use crate::github::faults::Fault;
use crate::github::sender::Delivering;
use crate::process::Service;

use super::scene::{Scene, bucket, heads, webhook};

const HOST: &str = "audit: {every: 1s}, heads: {every: 1s}";
/// Three pages of deliveries, and three queries for heads.
const MANY: u32 = 240;
/// Long enough to be seen on a machine that stands still for a while.
const HOLD: u32 = 10;
/// An orderly stop is one of seconds; a hold is five minutes.
const AT_ONCE: Duration = Duration::from_secs(60);

fn secondary(seconds: u32) -> Fault {
    Fault::Secondary {
        status: 403,
        retry_after: Some(seconds),
    }
}

/// Of the next round the first query for heads is answered, and the second is not.
fn hold_the_second_query(scene: &Scene<'_>) {
    let at_once = Fault::Slow(Duration::ZERO);
    scene.github.fail_where("graphql", Some(1), at_once);
    scene.github.fail_where("graphql", Some(1), secondary(HOLD));
}

fn is_held(service: &Service) -> bool {
    let holds = bucket(service, "core")["holds"].as_array().map(Vec::len);
    holds > Some(0)
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_hold_amid_the_pages_and_amid_the_heads_holds_all_and_after_it_each_is_woken_once() {
    let server = ApiServer::start();
    let scene = Scene::new(&server, "amid", HOST);
    scene.github.default_limit("graphql", 1_000_000);
    scene.fleet(MANY);
    hold_the_second_query(&scene);
    let mut service = scene.home.start();
    service.wait_until_ready();
    service.wait_until("it is held", |service| is_held(service));
    service.wait_until("it knows where all refs point", |service| {
        let told = heads(service);
        told["refs"] == MANY && told["lastRound"].is_string()
    });
    service.wait_until("it has read the list", |service| {
        webhook(service)["lastAudit"].is_string()
    });
    for number in 0..MANY {
        scene.push(number, Delivering::UNREACHABLE);
    }
    scene.github.fail_where("cursor=", Some(1), secondary(HOLD));
    hold_the_second_query(&scene);
    service.wait_until("it is held", |service| is_held(service));
    scene.wait_for(&service, 0..MANY);
    service.wait_until("nothing is left", |service| {
        webhook(service)["catchingUp"] == false
    });
    thread::sleep(Duration::from_secs(4));
    assert_eq!(scene.not_once(0..MANY), []);
    let books = scene.github.books();
    assert_eq!(books.violations, []);
    let refused = books.count(|_| true).refused;
    println!(
        "{refused} calls refused, {} of them under way",
        books.under_way
    );
    assert!(refused >= 3, "{refused}");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn who_is_told_to_end_while_it_is_held_ends_at_once_and_keeps_the_hold_at_the_next_start() {
    let server = ApiServer::start();
    let scene = Scene::new(&server, "patient", HOST);
    scene.fleet(3);
    let mut service = scene.start();
    scene.github.fail_next(1, secondary(300));
    service.wait_until("it is held", |service| is_held(service));
    let calls = || scene.github.books().count(|_| true).calls;
    scene.push(0, Delivering::UNREACHABLE);
    let (status, took, log) = service.terminate();
    assert!(status.success(), "{status}\n{log}");
    assert!(took < AT_ONCE, "{took:?}\n{log}");
    println!("ended {took:?} after it was told to");
    let before = calls();
    scene.github.caller_ended();

    let mut service = scene.home.start();
    service.wait_until_ready();
    assert!(is_held(&service));
    // What comes is worked as ever.
    scene.push(1, Delivering::Deliver);
    scene.wait_for(&service, [1]);
    thread::sleep(Duration::from_secs(4));
    assert_eq!(calls(), before);
    assert_eq!(scene.github.violations(), []);
    assert_eq!(scene.annotations(0), 0);
    let (status, took, log) = service.terminate();
    assert!(status.success(), "{status}\n{log}");
    assert!(took < AT_ONCE, "{took:?}\n{log}");
}

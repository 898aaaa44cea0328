//! A repository of which no webhook tells: its objects wake when its ref moves.

use std::thread;
use std::time::{Duration, Instant};

use crate::api_server::ApiServer;
use crate::binary::{command, ended};
use crate::github::sender::Delivering;
use crate::process::Service;

use super::scene::{LONG, Scene, heads};

fn rounds(service: &mut Service, count: u64) {
    let points = |service: &Service| heads(service)["points"].as_u64().unwrap_or(0);
    let before = points(service);
    service.wait_until("rounds pass", |service| points(service) >= before + count);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn where_no_webhook_reaches_a_moved_ref_wakes_each_of_its_objects_once() {
    let host = "audit: {every: 1s}, heads: {every: 1s}";
    // All sources of a cluster are asked for, so that it is one of its own.
    let server = ApiServer::start();
    let scene = Scene::new(&server, "unreached", host);
    scene.github.organization("other");
    scene.github.repository("other/unreached");
    let url = "https://github.com/other/unreached";
    scene.objects.git("web", url, "main");
    scene.objects.git(
        "web-ssh",
        "ssh://git@github.com/Other/Unreached.git",
        "main",
    );
    scene.objects.git("next", url, "next");
    let mut service = scene.start();
    service.wait_until("it asks where the refs point", |service| {
        heads(service)["refs"] == 2
    });
    rounds(&mut service, 2);
    let count = |name: &str| scene.tokens.of(name).len();
    assert_eq!(
        ["web", "web-ssh", "next"].map(count),
        [0; 3],
        "seen first, it is no news"
    );

    let commit = format!("{:040x}", 2);
    let moved = Instant::now();
    scene
        .github
        .push("other/unreached", "refs/heads/main", &commit);
    let deadline = moved + LONG;
    while ["web", "web-ssh"].map(count).contains(&0) {
        assert!(
            Instant::now() < deadline,
            "{}\n{}",
            heads(&service),
            service.log()
        );
        thread::sleep(Duration::from_millis(20));
    }
    println!("annotated {:?} after the ref moved", moved.elapsed());
    rounds(&mut service, 3);
    thread::sleep(Duration::from_secs(4));
    assert_eq!(["web", "web-ssh", "next"].map(count), [1, 1, 0]);
    let output = command(&["delivery", "list"])
        .current_dir(scene.home.path())
        .output();
    let run = ended(&output.expect("the program was built"));
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{run:?}");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.stdout);
    for part in ["other/unreached", "main", "done"] {
        assert!(lines[1].contains(part), "{}", run.stdout);
    }
    assert_eq!(scene.github.violations(), []);
}

/// GitHub lists no delivery of a push whose payload is too large, so that no list tells of it.
#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_no_list_of_deliveries_has_is_found_by_the_sweep() {
    let host = "audit: {every: 1s}, heads: {every: 1s, sweep: 2s}";
    let server = ApiServer::start();
    let scene = Scene::new(&server, "unlisted", host);
    scene.fleet(10);
    let mut service = scene.start();
    service.wait_until("it asks where the refs point", |service| {
        heads(service)["refs"] == 10
    });
    rounds(&mut service, 2);
    for number in 0..10 {
        scene.push(
            number,
            match number {
                0..5 => Delivering::Deliver,
                _ => Delivering::Unlisted,
            },
        );
    }
    scene.wait_for(&service, 0..10);
    rounds(&mut service, 3);
    thread::sleep(Duration::from_secs(4));
    assert_eq!(scene.not_once(0..10), []);
    assert_eq!(scene.github.violations(), []);
}

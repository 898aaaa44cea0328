//! API servers that come back other than they went: with another token, or as a backup had them.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::api_server::ApiServer;
use crate::process::Home;

use super::faults::{create_all, send_all};
use super::home;
use super::objects::Objects;

/// For 1,000 annotations by an API server that has just started.
const PATIENCE: Duration = Duration::from_secs(240);

fn wait_for_all(objects: &Objects<'_>, count: usize) -> usize {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let annotated = objects.annotated().len();
        if annotated >= count || Instant::now() > deadline {
            return annotated;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn pushes_wait_for_a_token_that_expired_in_mid_flight_until_it_is_renewed() {
    let server = ApiServer::start();
    let objects = Objects::new(&server, "expired");
    create_all(&objects, "expired", 0..200);
    server.allow("reader", &["list", "watch", "patch"], &["*"]);
    let file = server.kubeconfig().with_file_name("reader-token");
    fs::write(&file, server.token_of("reader")).unwrap();
    let kubeconfig = server.kubeconfig_with("by-file", &json!({"tokenFile": file}));
    let home = Home::new(&[("prod-eu", &kubeconfig)]);
    let mut service = home.start();
    service.wait_until_ready();
    send_all(&service, "expired", 0..100);
    server.renew_token("reader", "another");
    send_all(&service, "expired", 100..200);
    thread::sleep(Duration::from_secs(2));
    assert!(objects.annotated().len() < 200, "the old token is refused");
    fs::write(&file, "another").unwrap();
    assert_eq!(wait_for_all(&objects, 200), 200, "{}", service.log());
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_thousand_pushes_reach_an_api_server_that_is_restored_from_a_backup_meanwhile() {
    let server = ApiServer::start();
    let objects = Objects::new(&server, "restored");
    create_all(&objects, "restored", 0..1_000);
    server.save();
    let home = home(&server);
    let mut service = home.start();
    service.wait_until_ready();
    send_all(&service, "restored", 0..300);
    server.kill();
    send_all(&service, "restored", 300..800);
    server.revive();
    let before = wait_for_all(&objects, 800);
    assert_eq!(before, 800);
    server.roll_back();
    send_all(&service, "restored", 800..1_000);
    // What was annotated before is gone with what the backup does not have, and is asked for again.
    assert_eq!(wait_for_all(&objects, 1_000), 1_000, "{}", service.log());
    service.wait_until("all are over", |service| super::open(service) == 0);
}

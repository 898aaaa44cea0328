//! A token that GitHub does not take, until another stands in its file: neither the audit nor the heads sit their
//! pauses out.

use std::time::{Duration, Instant};

use crate::api_server::shared;
use crate::github::sender::Delivering;
use crate::github::{FakeGithub, Options};

use super::scene::{Scene, TOKEN, heads, notes, webhook};

const SCOPES: [&str; 2] = ["repo", "admin:org_hook"];

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_token_that_is_replaced_in_its_file_ends_the_pause_of_the_audit() {
    let github = FakeGithub::launch(Options::default());
    let token = github.personal_token("bot", &SCOPES);
    // Refused once, it would be asked again after ten minutes.
    let host = "audit: {every: 10m}, heads: false";
    let scene = Scene::with(shared(), "replaced", host, github, &token);
    scene.fleet(2);
    scene.start().terminate();
    scene.github.revoke(&token);
    let mut service = scene.home.start();
    service.wait_until_ready();
    service.wait_until("it is told", |service| {
        let told = webhook(service);
        told["healthy"] == false
            && told["findings"]
                .to_string()
                .contains("the token is revoked")
    });
    scene.push(0, Delivering::Deliver);
    scene.wait_for(&service, [0]);
    scene.push(1, Delivering::UNREACHABLE);
    // What is written first is no token of GitHub's either.
    scene.home.write(TOKEN, "ghp_mistyped");
    service.wait_until("it is tried", |service| {
        service.log().matches("has changed").count() == 1
    });
    let new = scene.github.personal_token("bot", &SCOPES);
    scene.home.write(TOKEN, &new);
    let replaced = Instant::now();
    scene.wait_for(&service, [1]);
    println!("caught up {:?} after it was replaced", replaced.elapsed());
    assert!(
        replaced.elapsed() < Duration::from_secs(120),
        "{:?}",
        replaced.elapsed()
    );
    service.wait_until("nothing is wrong any more", |service| {
        notes(service) == "[]"
    });
    assert_eq!(scene.not_once(0..2), []);
    assert_eq!(scene.github.violations(), []);
    for secret in [&token, &new] {
        assert!(!service.log().contains(secret), "{}", service.log());
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_token_that_is_replaced_in_its_file_ends_the_pause_of_the_heads() {
    let github = FakeGithub::launch(Options::default());
    let token = github.personal_token("bot", &SCOPES);
    github.revoke(&token);
    // Refused once, it would be asked again after ten minutes.
    let host = "audit: false, heads: {every: 10m, sweep: 10m}";
    let scene = Scene::with(shared(), "replaced-heads", host, github, &token);
    scene.fleet(1);
    let mut service = scene.home.start();
    service.wait_until("it is told", |service| {
        heads(service)["trouble"].to_string().contains("401")
    });
    let new = scene.github.personal_token("bot", &SCOPES);
    scene.home.write(TOKEN, &new);
    service.wait_until("nothing is wrong any more", |service| {
        let heads = heads(service);
        heads.is_object() && heads["trouble"].is_null()
    });
}

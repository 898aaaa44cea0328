//! GitHub is away, or refuses: pushes that come are worked as ever, and the report says what mends it.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::api_server::{ApiServer, shared};
use crate::github::faults::Fault;
use crate::github::sender::Delivering;
use crate::github::{FakeGithub, Options};
use crate::process::Service;

use super::scene::{Scene, TOKEN, heads, webhook};

#[test]
#[ignore = "needs a Kubernetes API server"]
fn while_github_is_away_pushes_that_come_are_worked_and_after_it_all_is_caught_up() {
    // Heads may come first, or what is fetched from the list of deliveries: each object is woken once.
    let host = "audit: {every: 1s}, heads: {every: 1s}";
    // All sources of a cluster are asked for, so that it is one of its own.
    let server = ApiServer::start();
    let scene = Scene::new(&server, "away", host);
    scene.fleet(60);
    let mut service = scene.start();
    service.wait_until("it knows where the refs point", |service| {
        heads(service)["refs"] == 60 && heads(service)["lastRound"].is_string()
    });
    for (storm, fault) in [Fault::Proxy(502), Fault::Closed, Fault::Truncated]
        .into_iter()
        .enumerate()
    {
        let first = u32::try_from(storm).expect("few") * 20;
        scene.github.fail_where("", None, fault);
        for number in first..first + 20 {
            let even = number % 2 == 0;
            scene.push(
                number,
                match even {
                    true => Delivering::Deliver,
                    false => Delivering::UNREACHABLE,
                },
            );
        }
        let started = Instant::now();
        scene.wait_for(&service, (first..first + 20).step_by(2));
        thread::sleep(Duration::from_secs(3).saturating_sub(started.elapsed()));
        let lost = (first + 1..first + 20).step_by(2);
        let early: usize = lost.clone().map(|number| scene.annotations(number)).sum();
        assert_eq!(early, 0, "GitHub is away: {fault:?}");
        let ready = service.get("/health/ready").map(|(status, _)| status);
        assert_eq!(ready, Some(200));
        scene.github.clear_faults();
        scene.wait_for(&service, lost);
    }
    service.wait_until("nothing is left", |service| {
        webhook(service)["catchingUp"] == false
    });
    thread::sleep(Duration::from_secs(4));
    assert_eq!(scene.not_once(0..60), []);
    assert_eq!(scene.github.violations(), []);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_token_that_was_revoked_is_named_with_what_mends_it_and_a_new_one_is_taken() {
    let github = FakeGithub::launch(Options::default());
    let token = github.personal_token("bot", &["repo", "admin:org_hook"]);
    let host = "audit: {every: 1s}, heads: false";
    let scene = Scene::with(shared(), "revoked", host, github, &token);
    scene.fleet(3);
    let mut service = scene.start();
    scene.github.revoke(&token);
    service.wait_until("it is told", |service| {
        let told = webhook(service)["findings"].to_string();
        told.contains("token") && told.contains("bot")
    });
    let told = webhook(&service);
    assert_eq!(told["healthy"], false);
    let finding = &told["findings"][0];
    assert!(finding["mend"].as_str().is_some_and(|it| it.len() > 10));
    service.wait_until("the log tells", |service| {
        let log = service.log();
        let mut lines = log.lines();
        lines.any(|line| ["401", "bot", "token"].iter().all(|it| line.contains(it)))
    });
    // What comes is worked as ever.
    scene.push(0, Delivering::Deliver);
    scene.wait_for(&service, [0]);
    scene.push(1, Delivering::UNREACHABLE);
    let new = scene
        .github
        .personal_token("bot", &["repo", "admin:org_hook"]);
    scene.home.write(TOKEN, &new);
    scene.wait_for(&service, [1]);
    // GitHub's last attempt failed, so that the webhook is not relied on until one comes in.
    scene.push(2, Delivering::Deliver);
    scene.wait_for(&service, [2]);
    service.wait_until("it is well again", |service| {
        webhook(service)["healthy"] == true
    });
    assert_eq!(scene.not_once(0..3), []);
    assert_eq!(scene.github.violations(), []);
}

/// The line of a metric of `bot`.
fn trouble(service: &Service) -> Option<String> {
    let (_, page) = service.get("/metrics").expect("it answers");
    let mut lines = page.as_str().expect("it is text").lines();
    let line = lines.find(|line| line.starts_with("flux_setup_github_trouble"));
    line.map(str::to_owned)
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn where_a_token_cannot_be_read_pushes_that_come_are_worked_and_it_is_taken_once_it_can_be() {
    let host = "audit: {every: 1s}, heads: false";
    let scene = Scene::new(shared(), "unreadable", host);
    scene.fleet(3);
    let path = scene.home.path().join(TOKEN);
    let token = fs::read_to_string(&path).expect("it was written");
    fs::remove_file(&path).expect("it is there");
    let mut service = scene.home.start();
    service.wait_until_ready();
    service.wait_until("it is told", |service| webhook(service)["healthy"] == false);
    let why = format!(
        "cannot use the credential of identity `bot`: cannot read {}: No such file or directory (os error 2)",
        path.display()
    );
    let mend =
        "put file:token right, so that this program can read it; it is looked at again by itself";
    let finding = json!([{"kind": "unasked", "what": &why, "mend": mend}]);
    assert_eq!(webhook(&service)["findings"], finding);
    let (_, report) = service.get("/api/v1/rate-limit").expect("it answers");
    let note = format!("github.com cannot be asked as `bot`: {why}; {mend}");
    assert_eq!(report["notes"], json!([note]));
    let line = "flux_setup_github_trouble{host=\"github.com\",identity=\"bot\",why=\"unusable\"} 1";
    service.wait_until("the metrics tell", |service| {
        trouble(service).as_deref() == Some(line)
    });
    service.wait_until("the log tells", |service| service.log().contains(&why));
    scene.push(0, Delivering::Deliver);
    scene.wait_for(&service, [0]);
    scene.push(1, Delivering::UNREACHABLE);
    scene.home.write(TOKEN, &token);
    scene.wait_for(&service, [1]);
    scene.push(2, Delivering::Deliver);
    scene.wait_for(&service, [2]);
    service.wait_until("it is well", |service| webhook(service)["healthy"] == true);
    service.wait_until("no metric tells any more", |service| {
        trouble(service).is_none()
    });
    assert_eq!(scene.not_once(0..3), []);
    assert_eq!(scene.github.violations(), []);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_permission_that_is_missing_is_named_and_what_comes_is_worked() {
    let github = FakeGithub::launch(Options::default());
    let token = github.fine_grained_token("bot", &[]);
    let host = "audit: {every: 1s}, heads: false";
    let scene = Scene::with(shared(), "denied", host, github, &token);
    scene.fleet(1);
    let mut service = scene.home.start();
    service.wait_until_ready();
    service.wait_until("it is told", |service| webhook(service)["healthy"] == false);
    let finding = &webhook(&service)["findings"][0];
    let text = finding.to_string();
    for part in ["organization_hooks=read", "`bot`", "`Webhooks: read-only`"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    scene.push(0, Delivering::Deliver);
    scene.wait_for(&service, [0]);
    assert_eq!(scene.github.violations(), []);
}

//! A GitHub Enterprise Server as it comes: its own paths and CA, and no limits.

use std::time::Instant;

use serde_json::{Value, json};

use crate::api_server::ApiServer;
use crate::binary::{command, ended};
use crate::github::faults::Fault;
use crate::github::hooks::Scope;
use crate::github::sender::Delivering;
use crate::github::{FakeGithub, Options};

use super::scene::{Scene, TOKEN, metrics, notes, told, webhook};

/// What would say of a limit.
const LIMITS: [&str; 4] = ["limit", "used", "remaining", "reset"];

#[test]
#[ignore = "needs a Kubernetes API server"]
fn where_limits_are_switched_off_none_is_invented_and_all_else_works() {
    let github = FakeGithub::launch(Options {
        tls: true,
        ..Options::enterprise("ghe.acme.io")
    });
    let token = github.personal_token("bot", &["repo", "admin:org_hook"]);
    let ca = github.ca().unwrap().to_owned();
    let host = format!(
        "ca: {{file: ca.pem}}, audit: {{every: 1s}}, heads: {{every: 1s, sweep: 1s}}, \
         identities: [{{name: bot, token: {{file: {TOKEN}}}}}], \
         webhooks: [{{name: acme, organization: acme, secrets: [{{file: secret}}]}}]"
    );
    let server = ApiServer::start();
    let scope = Scope::Organization("acme".into());
    let scene = Scene::configured(&server, "enterprise", github, scope, &host);
    scene.home.write(TOKEN, &token);
    scene.home.write("ca.pem", &ca);
    scene.fleet(3);
    let begun = Instant::now();
    let mut service = scene.start();
    let heads = |service: &_| told(service, "/api/v1/heads")["identities"][0].clone();
    service.wait_until("it asks where the refs point", |service| {
        heads(service)["refs"] == 3 && heads(service)["lastRound"].is_string()
    });
    // One that comes, one that the list has, and one that only its head tells of.
    scene.push(0, Delivering::Deliver);
    scene.push(1, Delivering::UNREACHABLE);
    scene.push(2, Delivering::Unlisted);
    scene.wait_for(&service, 0..3);
    // A single 502 has no limits in it either.
    scene.github.fail_next(2, Fault::Proxy(502));
    service.wait_until("it goes on", |service| {
        let audited = webhook(service)["lastAudit"].clone();
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        webhook(service)["lastAudit"] != audited
    });

    let report = told(&service, "/api/v1/rate-limit");
    let buckets = report["buckets"].as_array().unwrap();
    let resources: Vec<&Value> = buckets.iter().map(|it| &it["resource"]).collect();
    assert_eq!(resources, ["core", "graphql"], "{report}");
    for bucket in buckets {
        assert_eq!(bucket["unlimited"], true, "{bucket}");
        for field in LIMITS {
            assert_eq!(bucket[field], Value::Null, "{field}: {bucket}");
        }
        assert_eq!(bucket["forecast"], Value::Null, "{bucket}");
        assert_eq!(bucket["foreignUsed"], 0, "{bucket}");
        assert_eq!(bucket["holds"], json!([]), "{bucket}");
        assert!(bucket["ownUsed"].as_u64() > Some(0), "{bucket}");
    }
    service.wait_until("nothing is wrong", |service| notes(service) == "[]");
    let metrics = metrics(&service);
    for name in [
        "limit",
        "remaining",
        "reset_timestamp_seconds",
        "empty_timestamp_seconds",
    ] {
        let row = format!("\nflux_setup_github_{name}{{");
        assert!(!metrics.contains(&row), "{name}\n{metrics}");
    }

    let live = |arguments: &[&str]| {
        let output = command(&[&["budget", "--live"], arguments].concat())
            .current_dir(scene.home.path())
            .output();
        ended(&output.expect("the program was built"))
    };
    let told = live(&[]);
    assert_eq!((told.code, &*told.stderr), (Some(0), ""), "{told:?}");
    let mut lines = told.stdout.lines();
    let core = lines.find(|line| line.contains("ghe.acme.io bot core"));
    let figures: Vec<&str> = core.unwrap().split_whitespace().skip(3).collect();
    assert_eq!(figures[..2], ["-", "none"], "{told:?}");
    let json: Value = serde_json::from_str(&live(&["--format", "json"]).stdout).unwrap();
    assert_eq!(json["buckets"][0]["unlimited"], true, "{json}");

    // Limits were asked for once a minute at most and refused; nothing else went to a path that is none.
    let books = scene.github.books();
    let most = 2 + begun.elapsed().as_secs() / 60;
    let refused = books.count(|key| key.endpoint == "GET /rate_limit");
    assert_eq!(refused.refused, refused.calls);
    assert!((1..=most).contains(&refused.calls), "{refused:?}");
    assert_eq!(books.count(|key| key.endpoint == "unknown").calls, 0);
    assert!(books.of("POST /graphql").calls > 0);
    assert_eq!(scene.not_once(0..3), []);
    assert_eq!(books.violations, []);
}

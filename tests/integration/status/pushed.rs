//! Pushes that a running server knows of.

use crate::api_server::shared;
use crate::hookshot::{guid, push};
use crate::player::{Player, revision};
use crate::process::Home;

use super::{create_both, run, told};

#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_last_push_is_shown_until_what_it_brought_is_applied() {
    let server = shared();
    let namespace = "status-pushed";
    server.create_namespace(namespace);
    let player = Player::new(server, namespace);
    create_both(server, namespace, "web", namespace, "production");
    player.fetch("web", &revision("main", 1));
    player.apply("web", &revision("main", 1));
    let home = Home::new(&[("default", &server.kubeconfig())]);
    let mut service = home.start();
    service.wait_until_ready();
    let body = push(&format!("acme/{namespace}"), "main", 2);
    let answer = service.hookshot().send("push", &guid(1), &body).unwrap();
    assert_eq!(answer.status, 202);
    player.wait_for_token("GitRepository", "web", None);
    // More deliveries than a page has, and some of them later pushes that concern other objects.
    let mut hookshot = service.hookshot();
    for number in 100..220 {
        let other = push("acme/status-pushed-other", "main", number);
        hookshot.send("push", &guid(number), &other).unwrap();
    }
    let url = format!("http://{}", home.api);
    let pushed = || {
        let target = format!("{namespace}/production");
        let arguments = [&target, "--server", &url, "--format", "json"];
        let report = told(&run(server, &arguments));
        let objects = report["objects"].as_array().unwrap().clone();
        let pushes = objects
            .iter()
            .map(|it| it["push"]["commit"].as_str().map(str::to_owned));
        pushes.collect::<Vec<_>>()
    };
    let commit = Some(format!("{:040x}", 2));
    assert_eq!(pushed(), [commit.clone(), commit.clone()]);
    let text = run(server, &["status-pushed/production", "--server", &url]);
    let first = text.stdout.lines().next().unwrap();
    assert!(first.ends_with("suspended  pushed"), "{text:?}");
    assert!(text.stdout.contains("0000000, "), "{text:?}");
    player.fetch("web", &revision("main", 2));
    assert_eq!(pushed(), [None, commit]);
    player.apply("web", &revision("main", 2));
    assert_eq!(pushed(), [None, None]);
    let nobody = run(server, &["--server", "http://127.0.0.1:9"]);
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(
        nobody
            .stderr
            .starts_with("error: cannot reach the server at http://127.0.0.1:9;"),
        "{nobody:?}"
    );
}

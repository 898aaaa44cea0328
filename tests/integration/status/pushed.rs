//! Pushes that a running server knows of.

use serde_json::json;

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

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_server_that_calls_a_cluster_otherwise_is_not_taken_for_one_that_knows_of_no_push() {
    let server = shared();
    let namespace = "status-renamed";
    server.create_namespace(namespace);
    create_both(server, namespace, "web", namespace, "production");
    let kubeconfig = server.kubeconfig();
    let home = Home::new(&[("one", &kubeconfig), ("two", &kubeconfig)]);
    let service = home.start();
    let url = format!("http://{}", service.api);
    let arguments = ["status-renamed/production", "--server", &url];
    let text = run(server, &arguments);
    assert_eq!(text.code, Some(1), "{text:?}");
    let rows = text.stdout.lines().filter(|row| row.contains("/web  "));
    assert_eq!(
        rows.map(|row| row.ends_with("  ?")).collect::<Vec<_>>(),
        [true; 2]
    );
    let told_so = "\nunseen  pushes to cluster default: the server knows no cluster of this name, only one, two; \
                   give it one name there and here\n";
    assert!(text.stdout.ends_with(told_so), "{text:?}");
    let json = run(server, &[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(told(&json)["unknownToServer"], json!(["default"]));
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn where_a_commit_belongs_that_was_overtaken_a_server_knows_by_its_delivery() {
    let server = shared();
    let namespace = "status-overtaken";
    server.create_namespace(namespace);
    let player = Player::new(server, namespace);
    create_both(server, namespace, "web", namespace, "production");
    // No other object of this API server has any of them.
    let (wanted, later) = (0x57a7_0001, 0x57a7_0002);
    player.fetch("web", &revision("main", later));
    player.apply("web", &revision("main", later));
    let home = Home::new(&[("default", &server.kubeconfig())]);
    let service = home.start();
    let mut hookshot = service.hookshot();
    for (number, commit) in [(1, wanted), (2, later)] {
        let body = push("Acme/Status-Overtaken", "main", commit);
        let answer = hookshot.send("push", &guid(number), &body).unwrap();
        assert_eq!(answer.status, 202);
    }
    // More deliveries than a page has.
    for number in 100..700 {
        let other = push("acme/status-overtaken-other", "main", number);
        hookshot.send("push", &guid(number), &other).unwrap();
    }
    let commit = format!("{wanted:040x}");
    let url = format!("http://{}", service.api);
    let asked = |more: &[&str]| {
        let run = run(server, &[&["--commit", &commit], more].concat());
        assert_eq!((run.code, &*run.stderr), (Some(1), ""), "{run:?}");
        run
    };
    let text = asked(&["--server", &url]).stdout;
    let (table, after) = text.split_once("\n\n").unwrap();
    let row = table.lines().nth(1).unwrap();
    assert!(
        row.starts_with(
            "production   default  status-overtaken  another, older or newer is not known"
        ),
        "{text}"
    );
    let (_, after) = after.split_once(" ago; ").unwrap();
    let story = guid(1);
    assert_eq!(
        after,
        format!("`flux-setup delivery show {story}` says what became of it\n")
    );
    let report = told(&asked(&["--server", &url, "--format", "json"]));
    assert_eq!(report["places"][0]["place"], "another");
    assert_eq!(
        (&report["delivered"]["guid"], &report["delivered"]["commit"]),
        (&json!(story), &json!(commit))
    );
    let unasked = asked(&[]).stdout;
    let nobody = "and nobody knows which ones it concerns; --server URL asks a running `serve`\n";
    assert_eq!(unasked, format!("no object has commit {commit}, {nobody}"));
    let nowhere = ["--commit", "57a700000000001", "--server", &url];
    let nowhere = run(server, &nowhere).stdout;
    let nobody = "no object has commit 57a700000000001, and no delivery of late tells of it\n";
    assert_eq!(nowhere, nobody);
}

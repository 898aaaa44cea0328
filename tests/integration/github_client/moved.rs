//! Repositories that are elsewhere now.

use flux_setup::budget::live::Purpose;
use flux_setup::github::{Call, CallFault};
use serde_json::json;

use super::scene::{Reply, Scene, TOKEN};
use super::{World, soon, web};

#[tokio::test]
async fn a_renamed_repository_is_followed_and_told() {
    let (world, client) = World::with_token().await;
    world.fake.rename("acme/web", "acme/site");
    let answer = client.call(web()).await.unwrap();
    let json: serde_json::Value = answer.json().unwrap();
    assert_eq!(json["full_name"], "acme/site");
    let moved_to = answer.moved_to.unwrap();
    assert!(moved_to.starts_with("/repositories/"), "{moved_to}");
    let hook = json!({"name": "web", "config": {"url": "https://h.example", "content_type": "json"}, "events": ["push"]});
    let create = Call::post(
        "/repos/acme/web/hooks",
        "/repos/{owner}/{repo}/hooks",
        Purpose::Other,
    );
    let made = client
        .call(create.with_body(hook).creating())
        .await
        .unwrap();
    assert_eq!(made.status, 201);
    world.assert_no_violations();
}

#[tokio::test]
async fn every_kind_of_redirect_keeps_method_and_token() {
    for status in [301, 302, 307, 308] {
        let scene = Scene::new(move |line| match line {
            "POST /a?b=c" => Reply::to(status, "/moved?b=c"),
            _ => Reply::ok(),
        })
        .await;
        let call = Call::post("/a?b=c", "/a", Purpose::Other).with_body(json!({"x": 1}));
        let answer = scene.client().call(call).await.unwrap();
        assert_eq!(answer.moved_to.as_deref(), Some("/moved?b=c"));
        let asked = scene.asked();
        assert_eq!(scene.lines(), ["POST /a?b=c", "POST /moved?b=c"]);
        for asked in asked {
            assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
            assert_eq!(asked.headers["content-type"], "application/json");
        }
    }
}

#[tokio::test]
async fn a_token_never_follows_to_another_host() {
    let other = Scene::answering(Reply::ok()).await;
    for status in [301, 302, 307, 308] {
        // Another port is another host, and so is another name of the same machine.
        let port = other.address.rsplit(':').next().unwrap().to_owned();
        for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
            let location = format!("http://{host}/repos/acme/web");
            let scene = Scene::answering(Reply::to(status, &location)).await;
            let fault = scene.client().call(web()).await.unwrap_err();
            assert_eq!(
                fault.to_string(),
                format!(
                    "`GET /repos/acme/web` was redirected to `{host}`, and a token never follows to another host; correct `apiUrl` of `github.com`"
                )
            );
        }
        let location = format!("//127.0.0.1:{port}/repos/acme/web");
        let scene = Scene::answering(Reply::to(status, &location)).await;
        let fault = scene.client().call(web()).await.unwrap_err();
        assert!(matches!(fault, CallFault::Elsewhere { .. }), "{fault}");
    }
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn three_redirects_are_followed_and_a_fourth_is_not() {
    let scene = Scene::new(|line| match line {
        "GET /repos/acme/web" => Reply::to(301, "/2"),
        "GET /2" => Reply::to(301, "/3"),
        "GET /3" => Reply::to(301, "/4"),
        _ => Reply::ok(),
    })
    .await;
    let answer = scene.client().call(web()).await.unwrap();
    assert_eq!(answer.moved_to.as_deref(), Some("/4"));
    let scene = Scene::answering(Reply::to(301, "/round")).await;
    let fault = soon(scene.client().call(web())).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "`GET /repos/acme/web` was redirected more than 3 times"
    );
    assert_eq!(scene.asked().len(), 4);
}

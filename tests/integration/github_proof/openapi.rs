//! Every endpoint of the fake answers what GitHub's own description says, on github.com and on a server of one's own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::caller::Call;
use super::jwt::app_token;
use crate::github::description::Description;
use crate::github::hooks::Scope;
use crate::github::routes;
use crate::github::sender::Delivering;
use crate::github::who::Level;
use crate::github::{Enterprise, FakeGithub, Options};

/// Asks every endpoint what it is there for, and then what it refuses.
async fn ask_everything(github: &FakeGithub) {
    let shop = github.repository("acme/shop");
    github.private_repository("acme/secret");
    github.repository("acme/old");
    github.rename("acme/old", "acme/new");
    let token = github.personal_token("ann", &["repo", "admin:repo_hook", "admin:org_hook"]);
    let granted = [("contents", Level::Read), ("metadata", Level::Read)];
    let app = github.app("flux-setup", &granted, &["push"]);
    let installation = github.install(app.id, "acme", None);
    let jwt = app_token(github, &app);
    github.delivering(Delivering::TIMED_OUT);

    let ask = async |method: &str, path: &str, by: &str, body: Value| {
        let call = Call::new(method, path).by(by);
        let call = if body.is_null() {
            call
        } else {
            call.json(&body)
        };
        call.send(github).await
    };
    let none = || Value::Null;
    let hook = json!({"name": "web", "config": {"url": "https://flux.acme.io/hooks/github/acme", "content_type": "json", "secret": "s", "insecure_ssl": "0"}, "events": ["push"], "active": true});
    for of in ["/repos/acme/shop", "/orgs/acme"] {
        let made = ask("POST", &format!("{of}/hooks"), &token, hook.clone()).await;
        assert_eq!(made.status, 201, "{made:?}");
        let at = format!("{of}/hooks/{}", made.json()["id"]);
        github.add_hook(Scope::Repository(shop), "http://127.0.0.1:1/x", None);
        github.push("acme/shop", "refs/heads/main", &"2".repeat(40));
        let listed = ask(
            "GET",
            &format!("{of}/hooks?per_page=1&page=1"),
            &token,
            none(),
        )
        .await;
        assert_eq!(listed.status, 200, "{listed:?}");
        ask("GET", &at, &token, none()).await;
        ask("POST", &format!("{at}/pings"), &token, none()).await;
        ask(
            "PATCH",
            &at,
            &token,
            json!({"active": false, "events": ["push", "release"]}),
        )
        .await;
        ask("GET", &format!("{at}/config"), &token, none()).await;
        ask(
            "PATCH",
            &format!("{at}/config"),
            &token,
            json!({"secret": "t"}),
        )
        .await;
        deliveries(github, &at, &token).await;
        ask("DELETE", &at, &token, none()).await;
        ask("GET", &at, &token, none()).await;
        ask(
            "POST",
            &format!("{of}/hooks"),
            &token,
            json!({"name": "web", "config": {"url": ""}}),
        )
        .await;
    }
    github.add_hook(Scope::App(app.id), "http://127.0.0.1:1/x", Some("s"));
    github.push("acme/shop", "refs/heads/main", &"3".repeat(40));
    deliveries(github, "/app/hook", &jwt).await;
    ask("GET", "/app/hook/config", &jwt, none()).await;
    ask(
        "PATCH",
        "/app/hook/config",
        &jwt,
        json!({"url": "https://flux.acme.io/x"}),
    )
    .await;
    for path in [
        "/app",
        "/app/installations",
        "/orgs/acme/installation",
        "/repos/acme/shop/installation",
    ] {
        assert_eq!(ask("GET", path, &jwt, none()).await.status, 200, "{path}");
    }
    let at = format!("/app/installations/{installation}");
    ask("GET", &at, &jwt, none()).await;
    let some = json!({"repositories": ["shop"], "permissions": {"contents": "read"}});
    let minted = ask("POST", &format!("{at}/access_tokens"), &jwt, some).await;
    assert_eq!(minted.status, 201, "{minted:?}");
    let minted = minted.json()["token"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    ask("GET", "/installation/repositories", &minted, none()).await;
    ask("DELETE", "/installation/token", &minted, none()).await;
    github.suspend(installation, true);
    ask("POST", &format!("{at}/access_tokens"), &jwt, none()).await;
    ask("POST", "/app/installations/1/access_tokens", &jwt, none()).await;

    github.push("acme/shop", "refs/tags/v1.0.0", &"4".repeat(40));
    for path in [
        "/repos/acme/shop",
        "/repos/acme/secret",
        "/repos/acme/none",
        "/repos/acme/old",
        "/repos/acme/shop/commits/heads/main",
        "/repos/acme/shop/commits/none",
        "/repos/acme/shop/git/ref/heads/main",
        "/repos/acme/shop/git/ref/heads/none",
        "/repos/acme/shop/git/matching-refs/tags/v",
        "/repos/acme/shop/tags?per_page=5",
        "/repos/acme/shop/branches",
        "/orgs/acme/repos?sort=pushed&direction=desc&per_page=100",
        "/orgs/none/repos",
        "/rate_limit",
        "/meta",
        "/user",
        "/search/repositories?q=shop",
    ] {
        ask("GET", path, &token, none()).await;
        ask("GET", path, "unknown", none()).await;
        Call::get(path).send(github).await;
    }
}

async fn deliveries(github: &FakeGithub, hook: &str, by: &str) {
    let list = Call::get(&format!("{hook}/deliveries?per_page=1"))
        .by(by)
        .send(github)
        .await;
    assert_eq!(list.status, 200, "{list:?}");
    let id = list.json()[0]["id"].clone();
    let at = format!("{hook}/deliveries/{id}");
    let one = Call::get(&at).by(by).send(github).await;
    assert_eq!(one.status, 200, "{one:?}");
    Call::new("POST", &format!("{at}/attempts"))
        .by(by)
        .send(github)
        .await;
    Call::get(&format!("{hook}/deliveries/1"))
        .by(by)
        .send(github)
        .await;
    let wrong = Call::get(&format!("{hook}/deliveries?cursor=wrong"))
        .by(by)
        .send(github)
        .await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
}

async fn prove(github: FakeGithub, file: &str) {
    github.keep_exchanges();
    ask_everything(&github).await;
    let exchanges = github.exchanges();
    let asked: BTreeSet<&str> = exchanges.iter().map(|it| it.endpoint).collect();
    let unasked: Vec<&str> = routes::endpoints()
        .filter(|it| !asked.contains(it))
        .collect();
    assert!(unasked.is_empty(), "nobody asked {unasked:?}");
    let description = Description::load(file);
    let faults = exchanges.iter().flat_map(|it| description.faults(it));
    // The description calls this account a user and an enterprise at once.
    let mistaken = "GET /app/installations 200: answered[0].account lacks ";
    let faults: BTreeSet<String> = faults.filter(|it| !it.starts_with(mistaken)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
#[ignore = "needs GitHub's descriptions"]
async fn every_endpoint_answers_as_githubs_description_says() {
    prove(FakeGithub::start().await, "api.github.com.json").await;
}

#[tokio::test]
#[ignore = "needs GitHub's descriptions"]
async fn every_endpoint_of_an_enterprise_server_answers_as_its_description_says() {
    let mut options = Options::enterprise("github.acme.io");
    prove(FakeGithub::launch(options.clone()), "ghes.json").await;
    options.enterprise = Some(Enterprise {
        version: "3.19.0".to_owned(),
        limits: true,
    });
    prove(FakeGithub::launch(options), "ghes.json").await;
}

#[tokio::test]
#[ignore = "needs GitHub's descriptions"]
async fn the_description_sees_what_is_wrong() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    github.keep_exchanges();
    Call::get("/orgs/acme/repos?sort=size&per_page=many&x=1")
        .send(&github)
        .await;
    Call::get("/repos/acme/shop").send(&github).await;
    let mut exchanges = github.exchanges();
    let description = Description::load("api.github.com.json");
    assert_eq!(description.faults(&exchanges[1]), [""; 0]);
    let answer = exchanges[1].answered.as_object_mut().expect("an object");
    answer.remove("full_name");
    answer.insert("archived".to_owned(), "no".into());
    answer.insert("surplus".to_owned(), 1.into());
    assert_eq!(
        description.faults(&exchanges[1]),
        [
            "GET /repos/{owner}/{repo} 200: answered lacks `full_name`",
            "GET /repos/{owner}/{repo} 200: answered.archived is \"no\", not of type \"boolean\"",
            "GET /repos/{owner}/{repo} 200: answered.surplus is not known",
        ]
    );
    assert_eq!(
        description.faults(&exchanges[0]),
        [
            "GET /orgs/{org}/repos 200: ?sort \"size\" is none of [\"created\",\"updated\",\"pushed\",\"full_name\"]",
            "GET /orgs/{org}/repos 200: ?per_page is null, not of type \"integer\"",
            "GET /orgs/{org}/repos 200: ?x no such parameter",
        ]
    );
}

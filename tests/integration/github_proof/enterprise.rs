//! A GitHub Enterprise Server: other paths, links with its own host, and no limits unless they are turned on.

use serde_json::json;

use super::caller::Call;
use crate::github::hooks::Scope;
use crate::github::{Enterprise, FakeGithub, Options};

#[tokio::test]
async fn a_server_of_ones_own_has_other_paths() {
    let github = FakeGithub::launch(Options::enterprise("github.acme.io"));
    let shop = github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let api = github.api_url();
    assert!(api.ends_with("/api/v3"), "{api}");
    assert_eq!(github.graphql_url(), api.replace("/api/v3", "/api/graphql"));
    let answer = Call::get("/repos/acme/shop").by(&token).send(&github).await;
    assert_eq!(answer.header("x-github-enterprise-version"), "3.20.0");
    let json = answer.json();
    assert_eq!(json["clone_url"], "https://github.acme.io/acme/shop.git");
    assert_eq!(json["url"], format!("{api}/repos/acme/shop"));
    // Not below the root of REST.
    let query = json!({"query": "{ viewer { login } }"});
    let below = Call::new("POST", "/graphql").by(&token).json(&query);
    assert_eq!(below.send(&github).await.status, 404);
    let beside = Call::new("POST", "").by(&token).json(&query);
    let beside = beside.absolute(&github.graphql_url());
    let beside = beside.send(&github).await;
    assert_eq!(
        beside.json()["data"]["viewer"]["login"],
        "ann",
        "{beside:?}"
    );
    // Links are absolute.
    for number in 0..2 {
        github.add_hook(
            Scope::Repository(shop),
            &format!("https://x.io/{number}"),
            None,
        );
    }
    let page = Call::get("/repos/acme/shop/hooks?per_page=1").by(&token);
    let page = page.send(&github).await;
    let next = format!("<{api}/repositories/{shop}/hooks?per_page=1&page=2>; rel=\"next\"");
    assert!(
        page.header("link").contains(&next),
        "{}",
        page.header("link")
    );
}

#[tokio::test]
async fn limits_are_off_until_they_are_turned_on() {
    let mut options = Options::enterprise("github.acme.io");
    let github = FakeGithub::launch(options.clone());
    let token = github.personal_token("ann", &[]);
    let answer = Call::get("/user").by(&token).send(&github).await;
    let limits = answer
        .headers
        .keys()
        .filter(|it| it.starts_with("x-ratelimit"));
    assert_eq!(limits.count(), 0);
    let answer = Call::get("/rate_limit").by(&token).send(&github).await;
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (404, "Rate limiting is not enabled.")
    );

    options.enterprise = Some(Enterprise {
        version: "3.20.0".to_owned(),
        limits: true,
    });
    let github = FakeGithub::launch(options);
    let token = github.personal_token("ann", &[]);
    let answer = Call::get("/rate_limit").by(&token).send(&github).await;
    assert_eq!(answer.json()["resources"]["core"]["limit"], 5_000);
}

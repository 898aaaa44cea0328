//! What a fake answers at all.

use serde_json::json;

use super::caller::{Call, graphql};
use crate::github::FakeGithub;

#[tokio::test]
async fn a_repository_and_its_head_are_answered() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let answer = Call::get("/repos/acme/shop").by(&token).send(&github).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["full_name"], "acme/shop");
    assert_eq!(answer.number("x-ratelimit-remaining"), 4_999);
    let answer = Call::get("/repos/acme/shop/commits/heads/main")
        .by(&token)
        .send(&github)
        .await;
    assert_eq!(answer.json()["sha"], format!("{:040x}", 1));
    let query = "query($o: String!, $n: String!, $r: String!) { rateLimit { cost remaining resetAt } \
        a0: repository(owner: $o, name: $n) { id nameWithOwner isArchived pushedAt \
        ref(qualifiedName: $r) { target { oid ... on Tag { target { oid } } } } } \
        a1: repository(owner: $o, name: \"none\") { id } }";
    let variables = json!({"o": "acme", "n": "shop", "r": "refs/heads/main"});
    let answer = graphql(&github, &token, query, variables).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!(
        json["data"]["a0"]["ref"]["target"]["oid"],
        format!("{:040x}", 1),
        "{json}"
    );
    assert_eq!(json["data"]["a1"], json!(null));
    assert_eq!(json["errors"][0]["type"], "NOT_FOUND");
    assert_eq!(json["errors"][0]["path"], json!(["a1"]));
    assert_eq!(github.violations(), []);
}

//! Conditional requests: free, for those who have the tag from the same token.

use super::caller::{Answer, Call};
use crate::github::FakeGithub;

async fn ask(github: &FakeGithub, token: &str, tag: &str) -> Answer {
    let call = Call::get("/repos/acme/shop/commits/main").header("if-none-match", tag);
    let call = if token.is_empty() {
        call
    } else {
        call.by(token)
    };
    call.send(github).await
}

#[tokio::test]
async fn a_304_is_free_for_the_token_that_has_the_tag() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let other = github.personal_token("ann", &["repo"]);
    let first = ask(&github, &token, "").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let again = ask(&github, &token, &tag).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), tag);
    assert_eq!(again.number("x-ratelimit-used"), 1);
    // A tag belongs to its token.
    let by_other = ask(&github, &other, &tag).await;
    assert_eq!(
        (by_other.status, by_other.number("x-ratelimit-used")),
        (200, 2)
    );
    assert_ne!(by_other.header("etag"), tag);
    // And to what it was given for.
    github.push("acme/shop", "refs/heads/main", &"a".repeat(40));
    let changed = ask(&github, &token, &tag).await;
    assert_eq!(
        (changed.status, changed.number("x-ratelimit-used")),
        (200, 3)
    );
    assert_eq!(changed.json()["sha"], "a".repeat(40));
}

#[tokio::test]
async fn a_304_without_a_token_costs_a_point() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let tag = ask(&github, "", "").await.header("etag").to_owned();
    let again = ask(&github, "", &tag).await;
    assert_eq!((again.status, again.number("x-ratelimit-used")), (304, 2));
}

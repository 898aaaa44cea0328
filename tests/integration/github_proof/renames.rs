//! Repositories that moved, and those that GitHub closed.

use super::caller::{Answer, Call};
use crate::github::FakeGithub;
use crate::github::repositories::Block;

async fn get(github: &FakeGithub, path: &str, token: &str) -> Answer {
    Call::get(path).by(token).send(github).await
}

#[tokio::test]
async fn a_renamed_repository_redirects_to_its_id() {
    let github = FakeGithub::start().await;
    let id = github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    github.rename("acme/shop", "store/web");
    let answer = get(&github, "/repos/acme/shop/commits/main?per_page=1", &token).await;
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (301, "Moved Permanently")
    );
    let location = answer.header("location").to_owned();
    let api = github.api_url();
    assert_eq!(
        location,
        format!("{api}/repositories/{id}/commits/main?per_page=1")
    );
    let path = location.trim_start_matches(&api);
    assert_eq!(
        get(&github, path, &token).await.json()["sha"],
        format!("{:040x}", 1)
    );
    let shown = get(&github, &format!("/repositories/{id}"), &token)
        .await
        .json();
    assert_eq!(shown["full_name"], "store/web");
    // What changes something keeps its method.
    let made = Call::new("POST", "/repos/acme/shop/hooks")
        .by(&token)
        .send(&github)
        .await;
    assert_eq!(made.status, 307);
    // A new one takes the old name.
    github.repository("acme/shop");
    assert_eq!(get(&github, "/repos/acme/shop", &token).await.status, 200);
}

#[tokio::test]
async fn a_private_repository_does_not_tell_where_it_went() {
    let github = FakeGithub::start().await;
    let id = github.private_repository("acme/secret");
    github.rename("acme/secret", "acme/hidden");
    let outsider = github.personal_token("bob", &[]);
    for path in [
        "/repos/acme/secret".to_owned(),
        format!("/repositories/{id}"),
        "/repositories/1".to_owned(),
    ] {
        assert_eq!(get(&github, &path, &outsider).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_blocked_repository_says_why() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    for (block, status, reason) in [(Block::Terms, 403, "tos"), (Block::Law, 451, "dmca")] {
        github.block("acme/shop", block);
        let answer = get(&github, "/repos/acme/shop", &token).await;
        assert_eq!(
            (answer.status, answer.message().as_str()),
            (status, "Repository access blocked")
        );
        assert_eq!(answer.json()["block"]["reason"], reason);
    }
    github.change("acme/shop", |it| it.refs.clear());
    github.change("acme/shop", |it| it.blocked = None);
    let empty = get(&github, "/repos/acme/shop/commits/main", &token).await;
    assert_eq!(
        (empty.status, empty.message().as_str()),
        (409, "Git Repository is empty.")
    );
}

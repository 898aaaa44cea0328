//! Who a credential speaks for, what it may do, and when it is none any more.

use jiff::SignedDuration;
use serde_json::json;

use super::caller::{Answer, Call, Connection};
use super::jwt::app_token;
use crate::github::clock::Clock;
use crate::github::hooks::Scope;
use crate::github::identities::RegisteredApp;
use crate::github::who::{Level, Who};
use crate::github::{FakeGithub, Options};

const READ: (&str, Level) = ("contents", Level::Read);

async fn get(github: &FakeGithub, path: &str, token: &str) -> Answer {
    Call::get(path).by(token).send(github).await
}

/// Asks for a token of an installation.
async fn mint(github: &FakeGithub, app: &RegisteredApp, installation: u64) -> Answer {
    Call::new(
        "POST",
        &format!("/app/installations/{installation}/access_tokens"),
    )
    .by(&app_token(github, app))
    .send(github)
    .await
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["token"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.message())
}

#[tokio::test]
async fn an_unknown_or_revoked_token_is_refused_and_charged_to_nobody() {
    let github = FakeGithub::start().await;
    let good = github.personal_token("ann", &["repo"]);
    assert_eq!(get(&github, "/user", &good).await.json()["login"], "ann");
    github.revoke(&good);
    for call in [
        Call::get("/user").by(&good),
        Call::get("/user").by("ghp_unknown"),
        Call::get("/user").header("authorization", "Basic eDp5"),
        Call::get("/user").header("authorization", "nonsense"),
    ] {
        let answer = call.send(&github).await;
        assert_eq!(refusal(&answer), (401, "Bad credentials".to_owned()));
        // The limits that it shows are those of the address.
        assert_eq!(answer.number("x-ratelimit-limit"), 60);
        assert_eq!(answer.number("x-ratelimit-used"), 0);
    }
    let anonymous = Call::get("/user").send(&github).await;
    assert_eq!(
        refusal(&anonymous),
        (401, "Requires authentication".to_owned())
    );
}

#[tokio::test]
async fn a_call_without_a_user_agent_is_refused() {
    let github = FakeGithub::start().await;
    let answer = Call::get("/meta")
        .header("user-agent", "")
        .send(&github)
        .await;
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .message()
            .starts_with("Request forbidden by administrative rules.")
    );
}

#[tokio::test]
async fn a_private_repository_exists_only_for_those_who_may_see_it() {
    let github = FakeGithub::start().await;
    github.private_repository("acme/secret");
    let insider = github.personal_token("ann", &["repo"]);
    let outsider = github.personal_token("bob", &["public_repo"]);
    let path = "/repos/acme/secret";
    assert_eq!(get(&github, path, &insider).await.status, 200);
    let not_found = (404, "Not Found".to_owned());
    assert_eq!(refusal(&get(&github, path, &outsider).await), not_found);
    assert_eq!(refusal(&Call::get(path).send(&github).await), not_found);
    github.deny(&Who::User("ann".to_owned()), "acme/secret");
    assert_eq!(refusal(&get(&github, path, &insider).await), not_found);
}

#[tokio::test]
async fn what_a_token_lacks_is_said_in_a_header() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    for (path, scopes, permission) in [
        (
            "/repos/acme/shop/hooks",
            "admin:repo_hook, public_repo, read:repo_hook, repo, write:repo_hook",
            "repository_hooks=read",
        ),
        (
            "/orgs/acme/hooks",
            "admin:org_hook",
            "organization_hooks=read",
        ),
    ] {
        // A classic token is told that there is nothing.
        let classic = github.personal_token("ann", &["gist"]);
        let answer = get(&github, path, &classic).await;
        assert_eq!(refusal(&answer), (404, "Not Found".to_owned()));
        assert_eq!(answer.header("x-accepted-oauth-scopes"), scopes);
        assert_eq!(answer.header("x-oauth-scopes"), "gist");

        let fine = github.fine_grained_token("ann", &[READ]);
        let answer = get(&github, path, &fine).await;
        let message = "Resource not accessible by personal access token".to_owned();
        assert_eq!(refusal(&answer), (403, message));
        assert_eq!(answer.header("x-accepted-github-permissions"), permission);

        let app = github.app("flux-setup", &[READ], &[]);
        let installation = github.install(app.id, "acme", None);
        let minted = token(&mint(&github, &app, installation).await);
        let answer = get(&github, path, &minted).await;
        let message = "Resource not accessible by integration".to_owned();
        assert_eq!(refusal(&answer), (403, message.clone()));
        assert_eq!(answer.header("x-accepted-github-permissions"), permission);

        let hooks = permission.trim_end_matches("=read");
        github.grant(installation, &[(hooks, Level::Read)]);
        let again = token(&mint(&github, &app, installation).await);
        assert_eq!(get(&github, path, &again).await.status, 200);
        let made = Call::new("POST", path).by(&again).json(&json!({}));
        let answer = made.send(&github).await;
        assert_eq!(refusal(&answer), (403, message));
        let needed = permission.replace("read", "write");
        assert_eq!(answer.header("x-accepted-github-permissions"), needed);
    }
}

#[tokio::test]
async fn an_installations_token_is_good_for_an_hour() {
    let start = "2026-11-20T10:00:00Z".parse().expect("a time");
    let github = FakeGithub::launch(Options {
        clock: Clock::standing_at(start),
        ..Options::default()
    });
    github.private_repository("acme/secret");
    let app = github.app("flux-setup", &[READ], &[]);
    let installation = github.install(app.id, "acme", None);
    let minted = mint(&github, &app, installation).await;
    assert_eq!(minted.json()["expires_at"], "2026-11-20T11:00:00Z");
    let minted = token(&minted);
    github.advance(SignedDuration::from_secs(3599));
    assert_eq!(
        get(&github, "/repos/acme/secret", &minted).await.status,
        200
    );
    github.advance(SignedDuration::from_secs(1));
    let late = get(&github, "/repos/acme/secret", &minted).await;
    assert_eq!(refusal(&late), (401, "Bad credentials".to_owned()));
    // A mint is charged to the App, a call to the installation.
    let books = github.books();
    let core = |who: Who| books.buckets[&(who, "core")].own_ever;
    assert_eq!(core(Who::App(app.id)), 1);
    assert_eq!(core(Who::Installation(installation)), 1);
}

#[tokio::test]
async fn a_suspended_or_removed_installation_has_neither_tokens_nor_rights() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let app = github.app("flux-setup", &[READ], &[]);
    let installation = github.install(app.id, "acme", None);
    let minted = token(&mint(&github, &app, installation).await);
    github.suspend(installation, true);
    let suspended = (403, "This installation has been suspended".to_owned());
    assert_eq!(refusal(&mint(&github, &app, installation).await), suspended);
    assert_eq!(
        refusal(&get(&github, "/repos/acme/shop", &minted).await),
        suspended
    );
    github.suspend(installation, false);
    assert_eq!(get(&github, "/repos/acme/shop", &minted).await.status, 200);
    github.uninstall(installation);
    let removed = mint(&github, &app, installation).await;
    assert_eq!(refusal(&removed), (404, "Not Found".to_owned()));
    let gone = get(&github, "/repos/acme/shop", &minted).await;
    assert_eq!(refusal(&gone), (401, "Bad credentials".to_owned()));
}

#[tokio::test]
async fn an_installation_reaches_its_own_repositories_only() {
    let github = FakeGithub::start().await;
    for name in ["acme/shop", "acme/web", "other/shop"] {
        github.private_repository(name);
    }
    let app = github.app(
        "flux-setup",
        &[READ, ("repository_hooks", Level::Read)],
        &[],
    );
    let installation = github.install(app.id, "acme", Some(&["acme/shop"]));
    let minted = token(&mint(&github, &app, installation).await);
    assert_eq!(
        get(&github, "/repos/acme/shop/commits/main", &minted)
            .await
            .status,
        200
    );
    for path in [
        "/repos/acme/web",
        "/repos/other/shop",
        "/repos/acme/web/hooks",
    ] {
        assert_eq!(get(&github, path, &minted).await.status, 404, "{path}");
    }
    let listed = get(&github, "/installation/repositories", &minted)
        .await
        .json();
    assert_eq!(listed["total_count"], 1);
    assert_eq!(listed["repositories"][0]["full_name"], "acme/shop");
    // For more than it has no installation is given a token.
    let at = format!("/app/installations/{installation}/access_tokens");
    for (asked, message) in [
        (
            json!({"repositories": ["web"]}),
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        ),
        (
            json!({"permissions": {"contents": "write"}}),
            "The permissions requested are not granted to this installation.",
        ),
    ] {
        let call = Call::new("POST", &at)
            .by(&app_token(&github, &app))
            .json(&asked);
        assert_eq!(
            refusal(&call.send(&github).await),
            (422, message.to_owned())
        );
    }
    // Public ones without the installation lie open, their hooks do not.
    github.repository("other/open");
    assert_eq!(get(&github, "/repos/other/open", &minted).await.status, 200);
    let hooks = get(&github, "/repos/other/open/hooks", &minted).await;
    assert_eq!(
        refusal(&hooks),
        (403, "Resource not accessible by integration".to_owned())
    );
}

#[tokio::test]
async fn an_app_is_no_installation_and_an_installation_no_app() {
    let github = FakeGithub::start().await;
    let app = github.app("flux-setup", &[READ], &["push"]);
    let installation = github.install(app.id, "acme", None);
    let minted = token(&mint(&github, &app, installation).await);
    let mut connection = Connection::open(&github).await;
    for path in [
        "/app",
        "/app/installations",
        "/app/hook/deliveries",
        "/app/hook/config",
    ] {
        let answer = connection.send(&Call::get(path).by(&minted)).await;
        let message = "A JSON web token could not be decoded".to_owned();
        assert_eq!(refusal(&answer), (401, message), "{path}");
        let answer = connection
            .send(&Call::get(path).by(&app_token(&github, &app)))
            .await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    let answer = get(
        &github,
        "/installation/repositories",
        &app_token(&github, &app),
    )
    .await;
    assert_eq!(answer.status, 403);
    let hooks = github.hooks(&Scope::App(app.id));
    assert_eq!(hooks.len(), 1);
}

//! What comes back: unchanged answers, pages, queries, refusals.

use flux_setup::budget::live::Purpose;
use flux_setup::github::{Call, CallFault, Refusal};
use jiff::SignedDuration;
use serde_json::json;

use super::scene::{Reply, Scene};
use super::{REPOSITORY, World, refusal, web};
use crate::github::bucket::Sample;
use crate::github::repositories::Block;
use crate::github::who::Who;
use crate::github::{FakeGithub, Options};

const SHOW: &str = "GET /repos/{owner}/{repo}";

fn ann() -> Who {
    Who::User("ann".to_owned())
}

fn sample(world: &World) -> Sample {
    let books = world.fake.books();
    books.buckets[&(ann(), "core")].sample
}

#[tokio::test]
async fn what_was_kept_and_has_not_changed_costs_nothing() {
    let (world, client) = World::with_token().await;
    let first = client.call(web().conditional()).await.unwrap();
    assert_eq!(first.status, 200);
    let again = client.call(web().conditional()).await.unwrap();
    assert_eq!(again.status, 200, "what was not kept is told again");
    client.keep(&again);
    let left = again.header("x-ratelimit-remaining").unwrap().to_owned();
    let unchanged = client.call(web().conditional()).await.unwrap();
    assert!(unchanged.is_not_modified() && unchanged.body.is_empty());
    assert_eq!(unchanged.header("x-ratelimit-remaining"), Some(&*left));
    assert_eq!(client.call(web()).await.unwrap().status, 200);
    world.fake.change("acme/web", |web| web.archived = true);
    let changed = client.call(web().conditional()).await.unwrap();
    assert_eq!(changed.status, 200);
    assert_eq!(world.fake.books().of(SHOW).not_modified, 1);
}

#[tokio::test]
async fn what_was_kept_holds_after_a_restart_but_not_for_another_token() {
    let (mut world, client) = World::with_token().await;
    let answer = client.call(web().conditional()).await.unwrap();
    client.keep(&answer);
    let rows = world.open();
    assert_eq!(rows.etags_kept(), []);
    let github = world.open();
    let kept = client.etags_kept();
    assert_eq!(kept.len(), 1);
    github.keep_etags(kept.clone());
    let client = github.client("bot").unwrap();
    let unchanged = client.call(web().conditional()).await.unwrap();
    assert!(unchanged.is_not_modified());
    world.settings.identities.clear();
    let token = world.fake.personal_token("ann", &["repo"]);
    world.add_token("bot", &token);
    let github = world.open();
    github.keep_etags(kept);
    let client = github.client("bot").unwrap();
    assert_eq!(client.call(web().conditional()).await.unwrap().status, 200);
    assert_eq!(world.fake.books().of(SHOW).not_modified, 1);
}

#[tokio::test]
async fn pages_are_read_to_the_last_on_github_and_on_enterprise() {
    for options in [Options::default(), Options::enterprise("ghe.acme.io")] {
        let mut world = World::of(FakeGithub::launch(options));
        for number in 0..4 {
            world.fake.repository(&format!("acme/{number}"));
        }
        let token = world.fake.personal_token("ann", &["repo"]);
        world.add_token("bot", &token);
        let list = Call::get(
            "/orgs/acme/repos?per_page=2",
            "/orgs/{org}/repos",
            Purpose::Other,
        );
        let client = world.client();
        let mut pages = client.pages(list.clone(), 3);
        let mut names = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            let page: Vec<serde_json::Value> = page.json().unwrap();
            names.extend(
                page.iter()
                    .map(|it| it["name"].as_str().unwrap().to_owned()),
            );
        }
        names.sort();
        assert_eq!(names, ["0", "1", "2", "3", "web"]);
        let mut pages = client.pages(list, 1);
        pages.next().await.unwrap();
        assert_eq!(
            pages.next().await.unwrap_err().to_string(),
            "there are more than 1 pages, and no more are read"
        );
        world.assert_no_violations();
    }
}

#[tokio::test]
async fn a_query_brings_its_data_beside_its_errors_and_its_cost() {
    for options in [Options::default(), Options::enterprise("ghe.acme.io")] {
        let is_enterprise = options.enterprise.is_some();
        let mut world = World::of(FakeGithub::launch(options));
        let token = world.fake.personal_token("ann", &["repo"]);
        world.add_token("bot", &token);
        let query = "query($o: String!) { rateLimit { cost } a0: repository(owner: $o, name: \"web\") { nameWithOwner } \
            a1: repository(owner: $o, name: \"none\") { id } }";
        let client = world.client();
        let answer = client
            .graphql(query, json!({"o": "acme"}), Purpose::Heads, 1)
            .await
            .unwrap();
        assert_eq!(answer.data["a0"]["nameWithOwner"], "acme/web");
        assert_eq!(answer.errors.len(), 1);
        assert_eq!(answer.errors[0].kind, "NOT_FOUND");
        assert_eq!(answer.errors[0].path, [json!("a1")]);
        if !is_enterprise {
            assert_eq!(answer.cost, Some(1));
            let now = world.fake.clock().now();
            let rows = client.ledger(|ledger| ledger.report(now));
            let row = rows.iter().find(|row| row.resource == "graphql").unwrap();
            assert_eq!(
                (row.own_used, row.by_purpose.heads, row.foreign_used),
                (1, 1, 0)
            );
        }
    }
}

#[tokio::test]
async fn the_ledger_knows_what_was_spent_and_for_what() {
    let (world, client) = World::with_token().await;
    let hooks = Call::get(
        "/repos/acme/web/hooks",
        "/repos/{owner}/{repo}/hooks",
        Purpose::WebhookHealth,
    );
    client.call(hooks).await.unwrap();
    client.call(web()).await.unwrap();
    world.fake.use_by_others(&ann(), "core", 7);
    client.call(web()).await.unwrap();
    let now = world.fake.clock().now();
    let rows = client.ledger(|ledger| ledger.report(now));
    let row = rows.iter().find(|row| row.resource == "core").unwrap();
    assert_eq!((row.own_used, row.foreign_used, row.used), (3, 7, Some(10)));
    assert_eq!(
        (row.by_purpose.webhook_health, row.by_purpose.other),
        (1, 2)
    );
    assert_eq!(sample(&world).used, 10);
}

#[tokio::test]
async fn limits_are_asked_for_only_where_no_answer_told_them_for_five_minutes() {
    const LIMITS: &str = "GET /rate_limit";
    let (world, client) = World::with_token().await;
    for _ in 0..3 {
        client.call(web()).await.unwrap();
    }
    assert_eq!(world.calls(LIMITS), 1);
    world.fake.advance(SignedDuration::from_secs(299));
    client.look_at_limits().await;
    assert_eq!(world.calls(LIMITS), 1);
    client.call(web()).await.unwrap();
    world.fake.advance(SignedDuration::from_secs(301));
    let rows = client.ledger(|ledger| ledger.wants_rate_limit(world.fake.clock().now()));
    assert!(rows);
}

#[tokio::test]
async fn a_server_without_limits_is_asked_as_any_other() {
    let mut world = World::of(FakeGithub::launch(Options::enterprise("ghe.acme.io")));
    let token = world.fake.personal_token("ann", &["repo"]);
    world.add_token("bot", &token);
    let client = world.client();
    for _ in 0..30 {
        client.call(web()).await.unwrap();
    }
    assert_eq!(world.calls("GET /rate_limit"), 1);
    let app = world.fake.app(
        "robot",
        &[("metadata", crate::github::who::Level::Read)],
        &[],
    );
    let installation = world.fake.install(app.id, "acme", None);
    world.add_app("app", app.id, installation, &app.private_key);
    world
        .open()
        .client("app")
        .unwrap()
        .call(web())
        .await
        .unwrap();
}

#[tokio::test]
async fn every_refusal_says_what_it_is() {
    let (world, client) = World::with_token().await;
    let none = Call::get("/repos/acme/none", REPOSITORY, Purpose::Other);
    let fault = client.call(none).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "GitHub refused `GET /repos/acme/none` to `bot` (404: Not Found): it is not there, or may not be seen; check the name, and that the token or App has access to it"
    );
    for block in [Block::Terms, Block::Law] {
        world.fake.block("acme/web", block);
        let fault = client.call(web()).await.unwrap_err();
        assert_eq!(refusal(&fault), &Refusal::Blocked, "{fault}");
    }
}

#[tokio::test]
async fn refusals_that_are_rare_are_told_apart() {
    let refused = |status: u16, headers: &[(&str, &str)], body: serde_json::Value| {
        let reply = Reply::of(status, headers, &body.to_string());
        async move {
            let scene = Scene::answering(reply).await;
            let fault = scene.client().call(web()).await.unwrap_err();
            (refusal(&fault).clone(), fault.to_string())
        }
    };
    let message = |text: &str| json!({"message": text});
    let (reason, shown) = refused(
        403,
        &[(
            "x-github-sso",
            "required; url=https://github.com/orgs/acme/sso?authorization_request=a",
        )],
        message("Resource protected by organization SAML enforcement."),
    )
    .await;
    assert!(
        matches!(reason, Refusal::SingleSignOn { url: Some(_) }),
        "{reason:?}"
    );
    assert!(
        shown.ends_with(
            "authorise the token at https://github.com/orgs/acme/sso?authorization_request=a"
        ),
        "{shown}"
    );
    let (reason, shown) = refused(
        403,
        &[],
        message("Repository was archived so is read-only."),
    )
    .await;
    assert_eq!(reason, Refusal::Archived);
    assert!(
        shown.ends_with("takes no change; unarchive it or leave it out"),
        "{shown}"
    );
    let (reason, _) = refused(410, &[], message("Gone")).await;
    assert_eq!(reason, Refusal::Gone);
    let (reason, _) = refused(409, &[], message("Git Repository is empty.")).await;
    assert_eq!(reason, Refusal::Conflict);
    let errors = json!({"message": "Validation Failed", "errors": [{"message": "Hook already exists on this repository"}]});
    let (reason, shown) = refused(422, &[], errors).await;
    assert_eq!(reason, Refusal::Invalid);
    assert!(
        shown.contains("(422: Validation Failed: Hook already exists on this repository)"),
        "{shown}"
    );
    let last = [
        ("x-ratelimit-limit", "60"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "4000000000"),
    ];
    let (reason, _) = refused(
        403,
        &last,
        message("Resource not accessible by integration"),
    )
    .await;
    assert_eq!(
        reason,
        Refusal::Forbidden { needs: None },
        "the last call of the hour"
    );
    let scene = Scene::answering(Reply::of(200, &[], "{\"a\":")).await;
    let fault = scene
        .client()
        .call(web())
        .await
        .unwrap()
        .json::<serde_json::Value>()
        .unwrap_err();
    assert!(matches!(fault, CallFault::BadAnswer { .. }), "{fault}");
}

#[tokio::test]
async fn only_paths_of_the_api_are_asked() {
    let (world, client) = World::with_token().await;
    for path in ["repos", "//evil.example/x", "/../x", "/a b"] {
        let fault = client
            .call(Call::get(path, "/", Purpose::Other))
            .await
            .unwrap_err();
        assert_eq!(
            fault.to_string(),
            format!("`{path}` is no path of the API; it begins with one `/`")
        );
    }
    assert_eq!(world.fake.books().calls.len(), 0);
}

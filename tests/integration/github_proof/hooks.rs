//! Hooks made, changed and taken away, and what GitHub refuses of them.

use serde_json::{Value, json};

use super::caller::{Answer, Call};
use crate::github::FakeGithub;
use crate::github::hooks::Scope;
use crate::github::sender::Delivering;

const URL: &str = "https://flux.acme.io/hooks/github/acme";

struct Scene {
    github: FakeGithub,
    token: String,
    repository: u64,
}

impl Scene {
    async fn start() -> Self {
        let github = FakeGithub::start().await;
        github.delivering(Delivering::Unlisted);
        Self {
            repository: github.repository("acme/shop"),
            token: github.personal_token("ann", &["repo", "admin:org_hook"]),
            github,
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let call = Call::new(method, path).by(&self.token);
        let call = if body.is_null() {
            call
        } else {
            call.json(&body)
        };
        call.send(&self.github).await
    }

    async fn create(&self, of: &str, url: &str, events: &[&str]) -> Answer {
        let config = json!({"url": url, "content_type": "json", "secret": "s"});
        let body = json!({"name": "web", "config": config, "events": events});
        self.ask("POST", &format!("{of}/hooks"), body).await
    }
}

fn why(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json()["errors"][0]["message"].clone())
}

#[tokio::test]
async fn a_hook_is_made_shown_listed_and_deleted() {
    let scene = Scene::start().await;
    for of in ["/repos/acme/shop", "/orgs/acme"] {
        let made = scene.create(of, URL, &["push"]).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made_at = made.header("location").to_owned();
        let made = made.json();
        let config =
            json!({"content_type": "json", "insecure_ssl": "0", "url": URL, "secret": "********"});
        assert_eq!((&made["config"], &made["active"]), (&config, &json!(true)));
        let at = format!("{of}/hooks/{}", made["id"]);
        assert_eq!(made_at, format!("{}{at}", scene.github.api_url()));
        assert_eq!(scene.ask("GET", &at, Value::Null).await.json(), made);
        let listed = scene
            .ask("GET", &format!("{of}/hooks"), Value::Null)
            .await
            .json();
        assert_eq!(listed, json!([made]));
        assert_eq!(scene.ask("DELETE", &at, Value::Null).await.status, 204);
        assert_eq!(scene.ask("GET", &at, Value::Null).await.status, 404);
        assert_eq!(scene.ask("DELETE", &at, Value::Null).await.status, 404);
    }
    let none = scene.ask("GET", "/orgs/ann/hooks", Value::Null).await;
    assert_eq!(none.status, 404, "a user is no organisation");
}

#[tokio::test]
async fn a_hook_needs_a_url_a_known_content_type_and_a_body_that_is_json() {
    let scene = Scene::start().await;
    let at = "/repos/acme/shop/hooks";
    for (config, message) in [
        (json!({}), "Config must contain URL for webhooks"),
        (json!({"url": ""}), "Config must contain URL for webhooks"),
        (json!({"url": "ftp://x.io"}), "url must use http or https"),
        (
            json!({"url": URL, "content_type": "xml"}),
            "Invalid content type",
        ),
    ] {
        let answer = scene.ask("POST", at, json!({"config": config})).await;
        assert_eq!(why(&answer), (422, json!(message)));
    }
    let answer = scene
        .ask("POST", "/orgs/acme/hooks", json!({"config": {"url": URL}}))
        .await;
    assert_eq!(why(&answer), (422, json!("name must be `web`")));
    for (body, message) in [
        ("{", "Problems parsing JSON"),
        ("[]", "Body should be a JSON object"),
    ] {
        let call = Call::new("POST", at).by(&scene.token).text(body);
        let answer = call.send(&scene.github).await;
        assert_eq!((answer.status, answer.message().as_str()), (400, message));
    }
    // Without a choice it is a form.
    let made = scene
        .ask("POST", at, json!({"config": {"url": URL}}))
        .await
        .json();
    assert_eq!(
        made["config"],
        json!({"content_type": "form", "insecure_ssl": "0", "url": URL})
    );
    assert_eq!(made["events"], json!(["push"]));
}

#[tokio::test]
async fn the_same_hook_twice_and_too_many_for_an_event_are_refused() {
    let scene = Scene::start().await;
    let of = "/repos/acme/shop";
    assert_eq!(
        scene.create(of, URL, &["push", "release"]).await.status,
        201
    );
    let again = scene.create(of, URL, &["push"]).await;
    assert_eq!(
        why(&again),
        (422, json!("Hook already exists on this repository"))
    );
    // The same one may hear other events.
    assert_eq!(scene.create(of, URL, &["package"]).await.status, 201);
    for number in 1..20 {
        let url = format!("{URL}{number}");
        assert_eq!(
            scene.create(of, &url, &["push"]).await.status,
            201,
            "{number}"
        );
    }
    let more = scene.create(of, "https://more.acme.io/", &["push"]).await;
    let message = "The \"push\" event cannot have more than 20 hooks";
    assert_eq!(why(&more), (422, json!(message)));
    assert_eq!(scene.create("/orgs/acme", URL, &["push"]).await.status, 201);
    let again = scene.create("/orgs/acme", URL, &["push"]).await;
    assert_eq!(
        why(&again),
        (422, json!("Hook already exists on this organization"))
    );
}

#[tokio::test]
async fn a_changed_configuration_forgets_the_secret_that_is_not_repeated() {
    let scene = Scene::start().await;
    let made = scene
        .create("/repos/acme/shop", URL, &["push"])
        .await
        .json();
    let at = format!("/repos/acme/shop/hooks/{}", made["id"]);
    let hook = || {
        scene
            .github
            .hooks(&Scope::Repository(scene.repository))
            .remove(0)
    };
    // Events and activity leave it alone.
    let body = json!({"add_events": ["release"], "remove_events": ["push"], "active": false});
    let changed = scene.ask("PATCH", &at, body).await.json();
    assert_eq!(
        (&changed["events"], &changed["active"]),
        (&json!(["release"]), &json!(false))
    );
    assert_eq!(hook().secret.as_deref(), Some("s"));
    // One property leaves the others alone.
    let body = json!({"secret": "t"});
    let config = scene
        .ask("PATCH", &format!("{at}/config"), body)
        .await
        .json();
    assert_eq!(
        (&config["url"], &config["content_type"]),
        (&json!(URL), &json!("json"))
    );
    assert_eq!(hook().secret.as_deref(), Some("t"));
    // A whole configuration is one.
    let body = json!({"config": {"url": URL}});
    let changed = scene.ask("PATCH", &at, body).await.json();
    assert_eq!(
        changed["config"],
        json!({"content_type": "form", "insecure_ssl": "0", "url": URL})
    );
    assert_eq!(hook().secret, None);
    let body = json!({"config": {"secret": "u"}});
    let answer = scene.ask("PATCH", &at, body).await;
    assert_eq!(
        why(&answer),
        (422, json!("Config must contain URL for webhooks"))
    );
}

#[tokio::test]
async fn a_long_list_has_pages_whose_links_name_things_by_their_ids() {
    let scene = Scene::start().await;
    for number in 0..5 {
        let url = format!("{URL}{number}");
        scene
            .github
            .add_hook(Scope::Repository(scene.repository), &url, None);
    }
    let mut path = "/repos/acme/shop/hooks?per_page=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = scene.ask("GET", &path, Value::Null).await;
        seen.push(page.json().as_array().map_or(0, Vec::len));
        let links = page.header("link").to_owned();
        let next = links.split(", ").find(|it| it.ends_with("rel=\"next\""));
        let Some(next) = next else { break };
        let next = next
            .trim_start_matches('<')
            .split('>')
            .next()
            .unwrap_or_default();
        let api = scene.github.api_url();
        let start = format!(
            "{api}/repositories/{}/hooks?per_page=2&page=",
            scene.repository
        );
        assert!(next.starts_with(&start), "{next}");
        path = next.trim_start_matches(&api).to_owned();
    }
    assert_eq!(seen, [2, 2, 1]);
    let too_many = scene
        .ask("GET", "/repos/acme/shop/hooks?per_page=1000", Value::Null)
        .await;
    assert_eq!(too_many.json().as_array().map_or(0, Vec::len), 5);
}

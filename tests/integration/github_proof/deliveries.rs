//! Deliveries: really posted and signed, listed by cursor for three days, and delivered again.

use std::time::Duration;

use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

use super::caller::{Answer, Call};
use super::jwt::app_token;
use super::receiver::Receiver;
use crate::github::clock::Clock;
use crate::github::hooks::Scope;
use crate::github::identities::RegisteredApp;
use crate::github::sender::Delivering;
use crate::github::who::Level;
use crate::github::{FakeGithub, Options};

const SECRET: &str = "It's a Secret to Everybody";

/// For an answer that comes at once, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(3);

struct Scene {
    github: FakeGithub,
    receiver: Receiver,
    token: String,
    hook: u64,
}

impl Scene {
    async fn start() -> Self {
        let start: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a time");
        Self::of(Options {
            clock: Clock::standing_at(start),
            delivery_patience: PATIENCE,
            ..Options::default()
        })
        .await
    }

    async fn of(options: Options) -> Self {
        let github = FakeGithub::launch(options);
        let receiver = Receiver::start().await;
        let repository = github.repository("acme/shop");
        let scope = Scope::Repository(repository);
        Self {
            hook: github.add_hook(scope, &receiver.url(), Some(SECRET)),
            token: github.personal_token("ann", &["repo"]),
            receiver,
            github,
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/repos/acme/shop/hooks/{}/deliveries{rest}", self.hook)
    }

    async fn list(&self, rest: &str) -> Answer {
        Call::get(&self.path(rest))
            .by(&self.token)
            .send(&self.github)
            .await
    }

    async fn push(&self, number: u32, delivering: Delivering) -> String {
        self.github.delivering(delivering);
        let commit = format!("{number:040x}");
        let guids = self.github.push("acme/shop", "refs/heads/main", &commit);
        self.github.quiet().await;
        guids.join(" ")
    }
}

fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// What a list says of its deliveries, by one key.
fn each(list: &Answer, key: &str) -> Vec<Value> {
    let list = list.json();
    let list = list.as_array().into_iter().flatten();
    list.map(|it| it[key].clone()).collect()
}

#[tokio::test]
async fn a_push_is_posted_signed_and_listed_with_its_answer() {
    let scene = Scene::start().await;
    let guid = scene.push(2, Delivering::Deliver).await;
    let received = scene.receiver.received().remove(0);
    assert_eq!(received.header("x-github-event"), "push");
    assert_eq!(received.header("x-github-delivery"), guid);
    assert_eq!(received.header("x-github-hook-id"), scene.hook.to_string());
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(
        received.header("x-hub-signature-256"),
        signature(&received.body)
    );
    let payload: Value = serde_json::from_slice(&received.body).expect("JSON");
    assert_eq!(payload["ref"], "refs/heads/main");
    assert_eq!(payload["before"], format!("{:040x}", 1));
    assert_eq!(payload["head_commit"]["id"], format!("{:040x}", 2));
    let list = scene.list("").await.json();
    assert_eq!(
        (&list[0]["guid"], &list[0]["status"]),
        (&json!(guid), &json!("OK"))
    );
    assert_eq!(
        (&list[0]["status_code"], &list[0]["redelivery"]),
        (&json!(202), &json!(false))
    );
    assert_eq!(list[0]["delivered_at"], "2026-11-20T10:00:00Z");
    let whole = scene.list(&format!("/{}", list[0]["id"])).await.json();
    assert_eq!(whole["request"]["payload"], payload);
    assert_eq!(whole["request"]["headers"]["X-GitHub-Delivery"], guid);
    assert_eq!(whole["response"]["payload"], "heard");
    assert_eq!(whole["url"], scene.receiver.url());
}

#[tokio::test]
async fn a_delivery_that_got_no_answer_has_no_status_that_is_a_failure() {
    let scene = Scene::start().await;
    scene.push(2, Delivering::Deliver).await;
    scene.push(3, Delivering::BAD_GATEWAY).await;
    scene.push(4, Delivering::TIMED_OUT).await;
    scene.push(5, Delivering::UNREACHABLE).await;
    scene.push(6, Delivering::Unlisted).await;
    scene.receiver.answer(500, Duration::ZERO);
    scene.push(7, Delivering::Deliver).await;
    scene.receiver.answer(200, 20 * PATIENCE);
    scene.push(8, Delivering::Deliver).await;
    assert_eq!(scene.receiver.received().len(), 3);
    let list = scene.list("").await;
    assert_eq!(
        each(&list, "status"),
        [
            "timed out",
            "Invalid HTTP Response: 500",
            "failed to connect to host",
            "timed out",
            "Invalid HTTP Response: 502",
            "OK"
        ]
    );
    assert_eq!(each(&list, "status_code"), [0, 500, 0, 0, 502, 202]);
    assert_eq!(
        each(&scene.list("?status=failure").await, "status_code"),
        [500, 502]
    );
    assert_eq!(
        each(&scene.list("?status=success").await, "status_code"),
        [202]
    );
    assert_eq!(scene.list("?status=lost").await.status, 422);
}

#[tokio::test]
async fn lists_are_read_by_a_cursor_with_the_newest_first() {
    let scene = Scene::start().await;
    for number in 2..9 {
        scene.push(number, Delivering::TIMED_OUT).await;
    }
    let mut seen = Vec::new();
    let mut query = "?per_page=3".to_owned();
    let mut pages = 0;
    loop {
        let page = scene.list(&query).await;
        seen.extend(each(&page, "id"));
        pages += 1;
        // What is new meanwhile shifts no page.
        scene.push(90 + pages, Delivering::TIMED_OUT).await;
        let Some((_, next)) = page.header("link").split_once('?') else {
            break;
        };
        query = format!("?{}", next.split('>').next().unwrap_or_default());
        assert!(query.contains("per_page=3&cursor=v1_"), "{query}");
    }
    assert_eq!((pages, seen.len()), (3, 7));
    assert!(
        seen.windows(2).all(|it| it[0].as_u64() > it[1].as_u64()),
        "{seen:?}"
    );
    let wrong = scene.list("?cursor=1234").await;
    assert_eq!(
        (wrong.status, wrong.message().as_str()),
        (422, "Validation Failed")
    );
}

#[tokio::test]
async fn a_redelivery_has_the_same_guid_and_another_id() {
    let scene = Scene::start().await;
    let guid = scene.push(2, Delivering::TIMED_OUT).await;
    let id = scene.list("").await.json()[0]["id"].clone();
    let attempts = scene.path(&format!("/{id}/attempts"));
    let again = Call::new("POST", &attempts).by(&scene.token);
    assert_eq!(again.send(&scene.github).await.status, 202);
    scene.github.quiet().await;
    let received = scene.receiver.received().remove(0);
    assert_eq!(received.header("x-github-delivery"), guid);
    assert_eq!(
        received.header("x-hub-signature-256"),
        signature(&received.body)
    );
    let list = scene.list("").await;
    assert_eq!(each(&list, "guid"), [guid.as_str(), guid.as_str()]);
    assert_eq!(each(&list, "redelivery"), [true, false]);
    assert_ne!(each(&list, "id")[0], id);
    assert_eq!(scene.list("/1").await.status, 404);
}

#[tokio::test]
async fn deliveries_are_kept_for_three_days_and_on_a_server_of_ones_own_for_seven() {
    for (enterprise, days) in [(false, 3), (true, 7)] {
        let start: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a time");
        let options = Options {
            clock: Clock::standing_at(start),
            ..if enterprise {
                Options::enterprise("github.acme.io")
            } else {
                Options::default()
            }
        };
        let scene = Scene::of(options).await;
        scene.push(2, Delivering::TIMED_OUT).await;
        let id = scene.list("").await.json()[0]["id"].clone();
        scene.github.advance(SignedDuration::from_hours(24 * days));
        assert_eq!(each(&scene.list("").await, "id"), std::slice::from_ref(&id));
        scene.github.advance(SignedDuration::from_secs(1));
        assert_eq!(scene.list("").await.json(), json!([]));
        assert_eq!(scene.list(&format!("/{id}")).await.status, 404);
        let attempts = scene.path(&format!("/{id}/attempts"));
        let again = Call::new("POST", &attempts).by(&scene.token);
        assert_eq!(again.send(&scene.github).await.status, 404);
        // The next one drives it out.
        scene.push(3, Delivering::Deliver).await;
        assert_eq!(scene.github.deliveries(scene.hook).len(), 1);
        let received = scene.receiver.received().remove(0);
        let host = if enterprise { "github.acme.io" } else { "" };
        assert_eq!(received.header("x-github-enterprise-host"), host);
    }
}

#[tokio::test]
async fn a_throttled_delivery_comes_late_and_says_so() {
    let scene = Scene::start().await;
    scene.push(2, Delivering::Throttled).await;
    assert_eq!(scene.list("").await.json(), json!([]));
    scene.github.advance(SignedDuration::from_mins(5));
    scene.github.release_throttled();
    scene.github.quiet().await;
    let list = scene.list("").await.json();
    assert_eq!(list[0]["throttled_at"], "2026-11-20T10:00:00Z");
    assert_eq!(list[0]["delivered_at"], "2026-11-20T10:05:00Z");
    assert_eq!(scene.receiver.received().len(), 1);
}

#[tokio::test]
async fn only_a_hook_that_hears_the_event_is_told_and_a_form_is_signed_too() {
    let scene = Scene::start().await;
    scene
        .github
        .change_hook(scene.hook, |hook| hook.content_type = "form".to_owned());
    scene
        .github
        .event("acme/shop", "release", json!({"action": "published"}));
    scene.github.quiet().await;
    assert_eq!(scene.receiver.received().len(), 0);
    scene
        .github
        .change_hook(scene.hook, |hook| hook.events = vec!["*".to_owned()]);
    scene
        .github
        .event("acme/shop", "release", json!({"action": "published"}));
    scene.github.quiet().await;
    let received = scene.receiver.received().remove(0);
    assert_eq!(
        received.header("content-type"),
        "application/x-www-form-urlencoded"
    );
    assert!(received.body.starts_with(b"payload=%7B"));
    assert_eq!(
        received.header("x-hub-signature-256"),
        signature(&received.body)
    );
    assert_eq!(scene.list("").await.json()[0]["action"], "published");
    scene.github.change_hook(scene.hook, |hook| {
        hook.active = false;
    });
    scene.push(2, Delivering::Deliver).await;
    assert_eq!(scene.receiver.received().len(), 1);
}

/// The deliveries of an App's hook.
async fn of_app(github: &FakeGithub, app: &RegisteredApp) -> Value {
    let call = Call::get("/app/hook/deliveries").by(&app_token(github, app));
    call.send(github).await.json()
}

#[tokio::test]
async fn hooks_of_organisations_and_apps_hear_of_their_repositories() {
    let scene = Scene::start().await;
    let github = &scene.github;
    github.repository("acme/web");
    github.repository("other/web");
    let organisation = Scope::Organization("acme".to_owned());
    let organisation = github.add_hook(organisation, &scene.receiver.url(), None);
    let app = github.app("flux-setup", &[("contents", Level::Read)], &["push"]);
    let of_the_app = github.add_hook(Scope::App(app.id), &scene.receiver.url(), Some(SECRET));
    let installation = github.install(app.id, "acme", Some(&["acme/web"]));
    let mut told = Vec::new();
    for name in ["acme/shop", "acme/web", "other/web"] {
        let guids = github.push(name, "refs/heads/main", &"a".repeat(40));
        told.push(guids.len());
    }
    github.quiet().await;
    assert_eq!(told, [2, 2, 0]);
    assert_eq!(github.deliveries(organisation).len(), 2);
    assert_eq!(github.deliveries(of_the_app).len(), 1);
    assert_eq!(
        of_app(github, &app).await[0]["installation_id"],
        installation
    );
    let unsigned = scene.receiver.received();
    let unsigned = unsigned
        .iter()
        .filter(|it| it.header("x-hub-signature-256").is_empty());
    assert_eq!(unsigned.count(), 2);
    github.suspend(installation, true);
    assert_eq!(
        github
            .push("acme/web", "refs/heads/main", &"b".repeat(40))
            .len(),
        1
    );
    // A call as an App says nothing of its installations' limits.
    let books = github.books();
    let of_app = |who: &crate::github::who::Who| matches!(who, crate::github::who::Who::App(_));
    assert_eq!(books.count(|key| of_app(&key.who)).calls, 1);
}

#[tokio::test]
async fn a_new_hook_is_pinged_and_again_when_that_is_asked() {
    let scene = Scene::start().await;
    let config = json!({"url": format!("{}2", scene.receiver.url()), "content_type": "json"});
    let made = Call::new("POST", "/repos/acme/shop/hooks").by(&scene.token);
    let made = made
        .json(&json!({"config": config}))
        .send(&scene.github)
        .await
        .json();
    let pings = format!("/repos/acme/shop/hooks/{}/pings", made["id"]);
    let again = Call::new("POST", &pings)
        .by(&scene.token)
        .send(&scene.github)
        .await;
    assert_eq!(again.status, 204);
    scene.github.quiet().await;
    let received = scene.receiver.received();
    let events: Vec<&str> = received
        .iter()
        .map(|it| it.header("x-github-event"))
        .collect();
    assert_eq!(events, ["ping", "ping"]);
    let payload: Value = serde_json::from_slice(&received[0].body).expect("JSON");
    assert_eq!(payload["hook_id"], made["id"]);
}

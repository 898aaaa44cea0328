//! What goes wrong when a test says so, and only then.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::caller::{Answer, Call, Connection, PATIENCE, graphql};
use crate::github::FakeGithub;
use crate::github::faults::Fault;
use crate::github::who::Who;

struct Scene {
    github: FakeGithub,
    token: String,
}

impl Scene {
    async fn start() -> Self {
        let github = FakeGithub::start().await;
        github.repository("acme/shop");
        Self {
            token: github.personal_token("ann", &["repo"]),
            github,
        }
    }

    fn call(&self) -> Call {
        Call::get("/repos/acme/shop").by(&self.token)
    }

    async fn ask(&self) -> Answer {
        self.call().send(&self.github).await
    }
}

#[tokio::test]
async fn refusals_come_as_often_as_was_said_and_cost_nothing() {
    let scene = Scene::start().await;
    scene.github.fail_next(2, Fault::Status(500));
    scene.github.fail_next(1, Fault::Proxy(502));
    for status in [500, 500, 502, 200] {
        let answer = scene.ask().await;
        assert_eq!(answer.status, status);
        // What stands in front of GitHub answers in HTML and knows no limits.
        assert_eq!(
            answer.header("content-type").starts_with("text/html"),
            status == 502
        );
        assert_eq!(answer.number("x-ratelimit-used") >= 0, status != 502);
    }
    assert_eq!(scene.ask().await.number("x-ratelimit-used"), 2);
}

#[tokio::test]
async fn a_fault_befalls_the_calls_that_it_was_meant_for() {
    let scene = Scene::start().await;
    scene
        .github
        .fail_where("GET /repos/acme/shop", None, Fault::Status(404));
    scene
        .github
        .fail_where("POST /graphql", Some(1), Fault::Proxy(504));
    for _ in 0..3 {
        assert_eq!(scene.ask().await.status, 404);
    }
    let user = Call::get("/user")
        .by(&scene.token)
        .send(&scene.github)
        .await;
    assert_eq!(user.status, 200);
    let query = "{ viewer { login } }";
    for status in [504, 200] {
        let answer = graphql(&scene.github, &scene.token, query, json!({})).await;
        assert_eq!(answer.status, status);
    }
    scene.github.clear_faults();
    assert_eq!(scene.ask().await.status, 200);
}

#[tokio::test]
async fn too_many_requests_are_a_secondary_limit() {
    let scene = Scene::start().await;
    scene.github.fail_next(1, Fault::Status(429));
    assert_eq!(scene.ask().await.status, 429);
    let retry_after = Some(7);
    scene.github.fill(&Who::User("ann".to_owned()), "core");
    scene.github.fail_next(
        1,
        Fault::Secondary {
            status: 403,
            retry_after,
        },
    );
    let answer = scene.ask().await;
    assert_eq!((answer.status, answer.header("retry-after")), (403, "7"));
    // GitHub goes on refusing, and the books see it.
    scene.github.caller_ended();
    assert_eq!(scene.ask().await.status, 403);
    assert_eq!(scene.github.violations().len(), 1);
}

#[tokio::test]
async fn answers_come_late_never_or_broken() {
    let scene = Scene::start().await;
    let started = Instant::now();
    scene
        .github
        .fail_next(1, Fault::Slow(Duration::from_millis(200)));
    assert_eq!(scene.ask().await.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(200));

    scene.github.fail_next(1, Fault::Silence);
    let mut connection = Connection::open(&scene.github).await;
    let call = scene.call();
    let silence = timeout(Duration::from_millis(200), connection.send(&call)).await;
    assert!(silence.is_err());
    drop(connection);

    for fault in [Fault::Closed, Fault::Truncated] {
        scene.github.fail_next(1, fault);
        let answer = timeout(PATIENCE, scene.call().try_send(&scene.github)).await;
        let broken = answer.expect("it ends").expect_err("it is broken");
        assert_eq!(
            broken.kind(),
            std::io::ErrorKind::UnexpectedEof,
            "{fault:?}"
        );
    }
    scene.github.fail_next(1, Fault::NotJson);
    let answer = scene.ask().await;
    assert_eq!((answer.status, answer.json()), (200, Value::Null));
    scene.github.fail_next(1, Fault::Large(3_000_000));
    assert_eq!(scene.ask().await.body.len(), 3_000_000);
    // Who gave up runs no longer.
    assert_eq!(scene.ask().await.status, 200);
    assert_eq!(scene.github.books().peaks[&Who::User("ann".to_owned())], 1);
}

#[tokio::test]
async fn a_query_that_takes_too_long_costs_points() {
    let scene = Scene::start().await;
    scene
        .github
        .fail_where("/graphql", Some(1), Fault::GraphqlTimeout { points: 50 });
    let query = "{ rateLimit { used } }";
    let answer = graphql(&scene.github, &scene.token, query, json!({})).await;
    assert_eq!(answer.status, 502);
    let answer = graphql(&scene.github, &scene.token, query, json!({})).await;
    assert_eq!(answer.json()["data"]["rateLimit"]["used"], 51);
}

#[tokio::test]
async fn graphql_breaks_off_or_answers_a_part() {
    let scene = Scene::start().await;
    scene.github.fail_next(1, Fault::GraphqlBroken);
    let query = "{ a0: viewer { login } a1: viewer { login } a2: viewer { login } }";
    let answer = graphql(&scene.github, &scene.token, query, json!({})).await;
    assert_eq!((answer.status, &answer.json()["data"]), (200, &Value::Null));
    let message = answer.json()["errors"][0]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        message.starts_with("Something went wrong while executing your query."),
        "{message}"
    );
    scene
        .github
        .fail_next(1, Fault::ResourceLimits { after: 2 });
    let answer = graphql(&scene.github, &scene.token, query, json!({}))
        .await
        .json();
    let ann = json!({"login": "ann"});
    assert_eq!(answer["data"], json!({"a0": ann, "a1": ann, "a2": null}));
    assert_eq!(answer["errors"][0]["type"], "RESOURCE_LIMITS_EXCEEDED");
    assert_eq!(answer["errors"][0]["path"], json!(["a2"]));
}

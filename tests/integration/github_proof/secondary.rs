//! Secondary limits, and the books of calls that did not heed what they had been told.

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::caller::{Answer, Call, Connection};
use crate::github::books::HoldKind;
use crate::github::clock::Clock;
use crate::github::faults::Fault;
use crate::github::who::Who;
use crate::github::{FakeGithub, Options};

fn standing() -> FakeGithub {
    let start: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a time");
    FakeGithub::launch(Options {
        clock: Clock::standing_at(start),
        ..Options::default()
    })
}

fn ann() -> Who {
    Who::User("ann".to_owned())
}

fn broken(github: &FakeGithub) -> Vec<HoldKind> {
    github.violations().iter().map(|it| it.hold).collect()
}

fn assert_secondary(answer: &Answer, retry_after: &str) {
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.header("retry-after"), retry_after);
    let message = answer.message();
    assert!(
        message.starts_with("You have exceeded a secondary rate limit."),
        "{message}"
    );
}

#[tokio::test]
async fn an_endpoint_takes_900_points_a_minute() {
    let github = standing();
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let mut connection = Connection::open(&github).await;
    let user = Call::get("/user").by(&token);
    for _ in 0..900 {
        assert_eq!(connection.send(&user).await.status, 200);
    }
    // Another endpoint has points of its own.
    let shop = Call::get("/repos/acme/shop").by(&token);
    assert_eq!(connection.send(&shop).await.status, 200);
    assert_secondary(&connection.send(&user).await, "60");
    assert_eq!(broken(&github), [HoldKind::PointsAMinute]);
    // Now every call of the identity is held.
    github.advance(SignedDuration::from_secs(20));
    assert_secondary(&connection.send(&shop).await, "40");
    assert_eq!(
        broken(&github),
        [HoldKind::PointsAMinute, HoldKind::RetryAfter]
    );
    let other = github.personal_token("bob", &["repo"]);
    assert_eq!(
        connection.send(&Call::get("/user").by(&other)).await.status,
        200
    );
    github.advance(SignedDuration::from_secs(40));
    assert_eq!(connection.send(&user).await.status, 200);
    assert_eq!(github.violations().len(), 2);
    let violation = &github.violations()[1];
    assert_eq!(violation.call.endpoint, "GET /repos/{owner}/{repo}");
    assert_eq!(violation.call.who, ann());
}

#[tokio::test]
async fn what_writes_costs_five_points() {
    let github = standing();
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let mut connection = Connection::open(&github).await;
    let hook = Call::new("POST", "/repos/acme/shop/hooks")
        .by(&token)
        .json(&json!({}));
    for _ in 0..180 {
        assert_eq!(connection.send(&hook).await.status, 422);
    }
    assert_secondary(&connection.send(&hook).await, "60");
}

#[tokio::test]
async fn graphql_takes_2000_points_a_minute() {
    let github = standing();
    let token = github.personal_token("ann", &[]);
    let mut connection = Connection::open(&github).await;
    let query = json!({"query": "{ rateLimit { cost } }"});
    let query = Call::new("POST", "/graphql").by(&token).json(&query);
    for _ in 0..2_000 {
        assert_eq!(connection.send(&query).await.status, 200);
    }
    assert_secondary(&connection.send(&query).await, "60");
}

#[tokio::test]
async fn a_hundred_calls_run_at_once() {
    let github = FakeGithub::start().await;
    let token = github.personal_token("ann", &[]);
    let long = Duration::from_secs(3);
    github.latency(long, long);
    let call = Call::get("/user").by(&token);
    let answers = join_all((0..101).map(|_| call.send(&github))).await;
    let refused = answers.iter().filter(|it| it.status == 403).count();
    assert_eq!(refused, 1);
    assert_eq!(broken(&github), [HoldKind::AtOnce]);
    assert_eq!(github.books().peaks[&ann()], 101);
}

#[tokio::test]
async fn answers_of_a_minute_may_take_ninety_seconds_and_those_of_graphql_sixty() {
    for (path, below, above) in [("/user", 75, 20), ("/graphql", 48, 15)] {
        let github = FakeGithub::start().await;
        let token = github.personal_token("ann", &[]);
        let second = Duration::from_secs(1);
        github.latency(second, second);
        let query = json!({"query": "{ viewer { login } }"});
        let call = match path {
            "/graphql" => Call::new("POST", path).json(&query),
            _ => Call::get(path),
        };
        let call = call.by(&token);
        for calls in [below, above] {
            let answers = join_all((0..calls).map(|_| call.send(&github))).await;
            assert!(answers.iter().all(|it| it.status == 200), "{path}");
        }
        assert_secondary(&call.send(&github).await, "60");
        assert_eq!(broken(&github), [HoldKind::AnsweringTime]);
    }
}

#[tokio::test]
async fn without_retry_after_the_wait_is_a_minute_and_then_twice_as_long() {
    let github = standing();
    let token = github.personal_token("ann", &[]);
    let mut connection = Connection::open(&github).await;
    let call = Call::get("/user").by(&token);
    let fault = Fault::Secondary {
        status: 429,
        retry_after: None,
    };
    github.fail_next(2, fault);
    let answer = connection.send(&call).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, ""));
    github.advance(SignedDuration::from_secs(60));
    assert_eq!(connection.send(&call).await.status, 429);
    assert_eq!(broken(&github), []);
    // After two in a row two minutes are to be waited, though GitHub would take a call after one.
    github.advance(SignedDuration::from_secs(119));
    assert_eq!(connection.send(&call).await.status, 200);
    assert_eq!(broken(&github), [HoldKind::Secondary]);
}

#[tokio::test]
async fn a_call_after_nothing_was_left_is_written_down() {
    let github = standing();
    github.limit(&ann(), "core", 2);
    let token = github.personal_token("ann", &[]);
    let mut connection = Connection::open(&github).await;
    let call = Call::get("/user").by(&token);
    connection.send(&call).await;
    // Others take the last point: the caller cannot know.
    github.use_by_others(&ann(), "core", 1);
    assert_eq!(connection.send(&call).await.status, 403);
    assert_eq!(broken(&github), []);
    // To ask for the limits is allowed.
    connection.send(&Call::get("/rate_limit").by(&token)).await;
    assert_eq!(broken(&github), []);
    assert_eq!(connection.send(&call).await.status, 403);
    assert_eq!(broken(&github), [HoldKind::NothingLeft]);
    github.advance(SignedDuration::from_hours(1));
    assert_eq!(connection.send(&call).await.status, 200);
    assert_eq!(github.violations().len(), 1);
}

#[tokio::test]
async fn only_what_may_have_been_under_way_is_forgiven() {
    let github = standing();
    github.limit(&ann(), "core", 1);
    let token = github.personal_token("ann", &[]);
    let call = Call::get("/user").by(&token);
    let mut told = Connection::open(&github).await;
    let mut other = Connection::open(&github).await;
    let mut late = Connection::open(&github).await;
    late.send(&Call::get("/rate_limit").by(&token)).await;
    assert_eq!(told.send(&call).await.header("x-ratelimit-remaining"), "0");
    // On another connection it may have been sent before the answer came.
    assert_eq!(other.send(&call).await.status, 403);
    assert_eq!(
        (github.violations().len(), github.books().under_way),
        (0, 1)
    );
    // But not twice, and not on the connection of the answer.
    other.send(&call).await;
    assert_eq!(github.violations().len(), 1);
    told.send(&call).await;
    assert_eq!(github.violations().len(), 2);
    // Who has begun anew has nothing under way; from who was there before one call may come later.
    github.caller_ended();
    Connection::open(&github).await.send(&call).await;
    assert_eq!(github.violations().len(), 3);
    late.send(&call).await;
    assert_eq!(github.violations().len(), 3);
    late.send(&call).await;
    assert_eq!(github.violations().len(), 4);
    github.fill(&ann(), "core");
    assert_eq!(told.send(&call).await.status, 200);
    assert_eq!(github.violations().len(), 4);
}

#[tokio::test]
async fn the_books_count_every_call_by_what_it_was() {
    let github = standing();
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let first = Call::get("/repos/acme/shop").by(&token).send(&github).await;
    let again = Call::get("/repos/acme/shop").by(&token);
    let again = again.header("if-none-match", first.header("etag"));
    assert_eq!(again.send(&github).await.status, 304);
    Call::get("/repos/acme/none").by(&token).send(&github).await;
    Call::get("/repos/acme/shop").send(&github).await;
    let books = github.books();
    let endpoint = "GET /repos/{owner}/{repo}";
    let calls = books.count(|key| key.endpoint == endpoint && key.who == ann());
    assert_eq!(
        (calls.calls, calls.points, calls.not_modified, calls.refused),
        (3, 2, 1, 1)
    );
    assert_eq!(books.of(endpoint).calls, 4);
    assert_eq!(books.buckets[&(ann(), "core")].own, 2);
    assert_eq!(books.buckets[&(FakeGithub::anonymous(), "core")].own, 1);
}

//! Primary limits: what is left, what empties them, and when they are full again.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::caller::{Answer, Call, Connection, graphql};
use crate::github::clock::Clock;
use crate::github::who::Who;
use crate::github::{FakeGithub, Options};

const START: &str = "2026-11-20T10:00:00Z";

fn start() -> Timestamp {
    START.parse().expect("a time")
}

fn standing() -> FakeGithub {
    FakeGithub::launch(Options {
        clock: Clock::standing_at(start()),
        ..Options::default()
    })
}

fn ann() -> Who {
    Who::User("ann".to_owned())
}

/// Limit, used, remaining, and the seconds until the reset.
fn limits(answer: &Answer) -> (i64, i64, i64, i64) {
    let number = |name: &str| answer.number(&format!("x-ratelimit-{name}"));
    let reset = number("reset") - start().as_second();
    (number("limit"), number("used"), number("remaining"), reset)
}

#[tokio::test]
async fn every_answer_says_what_is_left_and_refusals_cost_too() {
    let github = standing();
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let other = github.personal_token("ann", &["repo"]);
    let mut connection = Connection::open(&github).await;
    for (used, (path, token, status)) in [
        ("/repos/acme/shop", &token, 200),
        // All tokens of a user share one bucket.
        ("/repos/acme/shop", &other, 200),
        ("/repos/acme/none", &token, 404),
        ("/nothing/at/all", &token, 404),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = connection.send(&Call::get(path).by(token)).await;
        assert_eq!(answer.status, status);
        let used = i64::try_from(used).expect("few") + 1;
        assert_eq!(limits(&answer), (5_000, used, 5_000 - used, 3_600));
        assert_eq!(answer.header("x-ratelimit-resource"), "core");
    }
    // To ask for the limits costs nothing, and shows every bucket.
    let answer = connection.send(&Call::get("/rate_limit").by(&token)).await;
    assert_eq!(limits(&answer), (5_000, 4, 4_996, 3_600));
    let json = answer.json();
    assert_eq!(json["resources"]["core"]["used"], 4);
    assert_eq!(json["resources"]["graphql"]["remaining"], 5_000);
    assert_eq!(json["resources"]["search"]["limit"], 30);
    assert!(json["resources"]["scim"].is_object());
}

#[tokio::test]
async fn an_empty_bucket_refuses_until_its_reset() {
    let github = standing();
    github.repository("acme/shop");
    github.limit(&ann(), "core", 3);
    let token = github.personal_token("ann", &["repo"]);
    let mut connection = Connection::open(&github).await;
    let call = Call::get("/repos/acme/shop").by(&token);
    for left in [2, 1, 0] {
        let answer = connection.send(&call).await;
        assert_eq!((answer.status, limits(&answer).2), (200, left));
    }
    github.advance(SignedDuration::from_secs(3_599));
    let answer = connection.send(&call).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.message(), "API rate limit exceeded for user ann.");
    assert_eq!(limits(&answer), (3, 3, 0, 3_600));
    // Another bucket of the same identity is not empty.
    let answer = graphql(&github, &token, "{ viewer { login } }", json!({})).await;
    assert_eq!(answer.json()["data"]["viewer"]["login"], "ann");
    github.advance(SignedDuration::from_secs(1));
    let answer = connection.send(&call).await;
    assert_eq!((answer.status, limits(&answer)), (200, (3, 1, 2, 7_200)));
}

#[tokio::test]
async fn an_empty_bucket_of_graphql_answers_200_and_rate_limited() {
    let github = standing();
    github.limit(&ann(), "graphql", 1);
    let token = github.personal_token("ann", &[]);
    let query = "{ rateLimit { cost remaining resetAt limit used } }";
    let answer = graphql(&github, &token, query, json!({})).await;
    let expected = json!({"cost": 1, "remaining": 0, "resetAt": "2026-11-20T11:00:00Z", "limit": 1, "used": 1});
    assert_eq!(answer.json()["data"]["rateLimit"], expected);
    assert_eq!(answer.header("x-ratelimit-resource"), "graphql");
    let answer = graphql(&github, &token, query, json!({})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["errors"][0]["type"], "RATE_LIMITED");
    assert_eq!(answer.json().get("data"), None::<&Value>);
    assert_eq!(limits(&answer), (1, 1, 0, 3_600));
}

#[tokio::test]
async fn searches_and_callers_without_a_name_have_small_buckets() {
    let github = standing();
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let search = Call::get("/search/repositories?q=shop").by(&token);
    let answer = search.send(&github).await;
    assert_eq!(limits(&answer), (30, 1, 29, 60));
    assert_eq!(answer.header("x-ratelimit-resource"), "search");
    assert_eq!(answer.json()["items"][0]["full_name"], "acme/shop");
    let answer = Call::get("/repos/acme/shop").send(&github).await;
    assert_eq!(limits(&answer), (60, 1, 59, 3_600));
    github.use_by_others(&FakeGithub::anonymous(), "core", 59);
    let answer = Call::get("/repos/acme/shop").send(&github).await;
    assert_eq!(answer.status, 403);
    // GraphQL is for callers with a name.
    let call = Call::new("POST", "/graphql").json(&json!({"query": "{ viewer { login } }"}));
    let answer = call.send(&github).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.message(),
        "This endpoint requires you to be authenticated."
    );
}

#[tokio::test]
async fn others_use_the_same_bucket_at_once_or_by_the_hour() {
    let github = standing();
    let token = github.personal_token("ann", &[]);
    let call = Call::get("/user").by(&token);
    assert_eq!(limits(&call.send(&github).await).1, 1);
    github.use_by_others(&ann(), "core", 1_000);
    assert_eq!(limits(&call.send(&github).await).1, 1_002);
    github.others_rate(&ann(), "core", 1_200.0);
    github.advance(SignedDuration::from_mins(30));
    assert_eq!(limits(&call.send(&github).await).1, 1_603);
    let book = github.books().buckets[&(ann(), "core")];
    assert_eq!((book.own, book.others), (3, 1_600));
    // The next window begins with what others use in it.
    github.advance(SignedDuration::from_mins(40));
    let (_, used, _, _) = limits(&call.send(&github).await);
    assert_eq!(used, 201);
    let book = github.books().buckets[&(ann(), "core")];
    assert_eq!((book.own, book.others), (1, 200));
    assert_eq!((book.own_ever, book.others_ever), (4, 2_400));
    github.others_rate(&ann(), "core", 0.0);
    github.advance(SignedDuration::from_mins(10));
    assert_eq!(limits(&call.send(&github).await).1, 202);
}

#[tokio::test]
async fn a_reset_can_move_and_a_bucket_be_filled() {
    let github = standing();
    let token = github.personal_token("ann", &[]);
    let call = Call::get("/user").by(&token);
    assert_eq!(limits(&call.send(&github).await), (5_000, 1, 4_999, 3_600));
    github.move_reset(&ann(), "core", start() + SignedDuration::from_mins(5));
    assert_eq!(limits(&call.send(&github).await), (5_000, 2, 4_998, 300));
    github.advance(SignedDuration::from_mins(5));
    assert_eq!(limits(&call.send(&github).await), (5_000, 1, 4_999, 3_900));
    github.fill(&ann(), "core");
    github.default_limit("core", 12_500);
    assert_eq!(limits(&call.send(&github).await).1, 1);
    let token = github.personal_token("bob", &[]);
    let answer = Call::get("/user").by(&token).send(&github).await;
    assert_eq!(limits(&answer).0, 12_500);
}

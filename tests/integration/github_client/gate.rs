//! What may be sent now, who goes first, and what becomes of those who wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use flux_setup::budget::live::{HoldReason, Purpose};
use flux_setup::github::{Call, CallFault, Client};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::task::JoinHandle;

use super::scene::{Reply, Scene};
use super::{REPOSITORY, World, soon, web};
use crate::github::faults::Fault;
use crate::github::who::Who;

const SHOW: &str = "GET /repos/{owner}/{repo}";

fn ann() -> Who {
    Who::User("ann".to_owned())
}

fn of(purpose: Purpose) -> Call {
    Call { purpose, ..web() }
}

fn begin(client: &Client, call: Call) -> JoinHandle<Result<u16, CallFault>> {
    let client = client.clone();
    tokio::spawn(async move { client.call(call).await.map(|answer| answer.status.as_u16()) })
}

fn held(fault: &CallFault) -> HoldReason {
    match fault {
        CallFault::Held(hold) => hold.why,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn fifty_callers_wait_for_a_hold_and_break_none() {
    let (world, client) = World::with_token().await;
    world
        .fake
        .latency(Duration::from_millis(1), Duration::from_millis(20));
    client.call(web()).await.unwrap();
    for status in [403, 429] {
        let fault = Fault::Secondary {
            status,
            retry_after: Some(2),
        };
        world.fake.fail_where("GET /repos/acme/web", Some(1), fault);
    }
    let calls = (0..50).map(|number| client.call(of(Purpose::ALL[number % 4])));
    let answers = soon(join_all(calls)).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    world.assert_no_violations();
    let books = world.fake.books();
    assert!(books.of(SHOW).refused >= 2);
    assert!(books.peaks[&ann()] <= 10, "{:?}", books.peaks);
}

#[tokio::test]
async fn after_a_hold_the_most_urgent_go_first() {
    let is_first = Mutex::new(true);
    let scene = Scene::new(move |line| {
        let mut is_first = is_first.lock().unwrap();
        if std::mem::replace(&mut *is_first, false) {
            return Reply::of(
                403,
                &[("retry-after", "8")],
                r#"{"message": "You have exceeded a secondary rate limit."}"#,
            );
        }
        match line.rsplit('/').next() {
            Some("web") => Reply::ok(),
            // Those of the same purpose, which may go beside each other; else some would be late on their way.
            _ => Reply::ok().together(10),
        }
    })
    .await;
    let client = scene.client();
    let first = begin(&client, web());
    let is_held = || client.ledger(|ledger| ledger.hold("core", Timestamp::now()).is_some());
    while scene.asked().is_empty() || !is_held() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut calls = Vec::new();
    for purpose in [Purpose::Heads, Purpose::BackFill, Purpose::WebhookHealth] {
        let call = Call::get(format!("/{purpose}"), "/x", purpose);
        calls.extend((0..10).map(|_| begin(&client, call.clone())));
        tokio::task::yield_now().await;
    }
    for call in calls {
        assert_eq!(soon(call).await.unwrap().unwrap(), 200);
    }
    assert_eq!(soon(first).await.unwrap().unwrap(), 200);
    let lines = scene.lines();
    let place = |part: &str| {
        let places = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.ends_with(part));
        places.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let (health, back_fill, heads) = (place("/webhookHealth"), place("/backFill"), place("/heads"));
    assert!(health.iter().max() < back_fill.iter().min(), "{lines:?}");
    assert!(back_fill.iter().max() < heads.iter().min(), "{lines:?}");
}

#[tokio::test]
async fn a_used_up_hour_is_waited_for_and_whoever_has_no_patience_is_told() {
    let (world, client) = World::with_token().await;
    world.fake.limit(&ann(), "core", 20);
    for _ in 0..3 {
        client.call(web()).await.unwrap();
    }
    world.fake.use_by_others(&ann(), "core", 17);
    let refused = begin(&client, web());
    while world.fake.books().of(SHOW).refused == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let hasty = client.patient_for(Duration::from_secs(60));
    let fault = soon(hasty.call(web())).await.unwrap_err();
    assert_eq!(held(&fault), HoldReason::PrimaryLimit, "{fault}");
    let post = Call::post("/repos/acme/web/hooks/1/pings", "/x", Purpose::Other)
        .patient_for(Duration::ZERO);
    assert_eq!(
        held(&client.call(post).await.unwrap_err()),
        HoldReason::PrimaryLimit
    );
    assert!(!refused.is_finished());
    world.fake.advance(SignedDuration::from_mins(61));
    world.settings.clock.was_set();
    assert_eq!(soon(refused).await.unwrap().unwrap(), 200);
    world.assert_no_violations();
}

#[tokio::test]
async fn the_reserve_is_left_to_others() {
    let (mut world, _) = World::with_token().await;
    world.fake.limit(&ann(), "core", 100);
    world.settings.reserve = 0.2;
    let hasty = world.client().patient_for(Duration::from_secs(1));
    let mut spent = 0;
    while soon(hasty.call(of(Purpose::WebhookHealth))).await.is_ok() {
        spent += 1;
    }
    assert_eq!(spent, 80);
}

#[tokio::test]
async fn a_query_that_is_refused_in_a_good_answer_waits_too() {
    let (world, client) = World::with_token().await;
    world.fake.limit(&ann(), "graphql", 20);
    let query = "query { rateLimit { cost } viewer { login } }";
    client
        .graphql(query, json!({}), Purpose::Heads, 1)
        .await
        .unwrap();
    world.fake.use_by_others(&ann(), "graphql", 19);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.graphql(query, json!({}), Purpose::Heads, 1).await }
    });
    while world.calls("POST /graphql") < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client.call(web()).await.unwrap();
    let hasty = client.patient_for(Duration::from_secs(1));
    let fault = soon(hasty.graphql(query, json!({}), Purpose::Heads, 1))
        .await
        .unwrap_err();
    assert_eq!(held(&fault), HoldReason::PrimaryLimit);
    world.fake.advance(SignedDuration::from_mins(61));
    world.settings.clock.was_set();
    let answer = soon(waiting).await.unwrap().unwrap();
    assert_eq!(answer.errors, []);
    world.assert_no_violations();
}

#[tokio::test]
async fn a_change_that_is_refused_for_a_limit_is_handed_back() {
    let (world, client) = World::with_token().await;
    client.call(web()).await.unwrap();
    let fault = Fault::Secondary {
        status: 403,
        retry_after: Some(1),
    };
    world.fake.fail_where("POST", Some(1), fault);
    let post = Call::post("/repos/acme/web/hooks/1/pings", "/x", Purpose::Other);
    let fault = soon(client.call(post)).await.unwrap_err();
    assert_eq!(held(&fault), HoldReason::SecondaryLimit);
    assert!(
        fault
            .to_string()
            .starts_with("GitHub may not be asked before "),
        "{fault}"
    );
    soon(client.call(web())).await.unwrap();
    world.assert_no_violations();
}

#[tokio::test]
async fn calls_that_are_dropped_free_their_place() {
    let (world, client) = World::with_token().await;
    client.call(web()).await.unwrap();
    world.fake.fail_where("/silent", None, Fault::Silence);
    let silent = Call::get("/repos/acme/silent", REPOSITORY, Purpose::Other);
    let running: Vec<_> = (0..10).map(|_| begin(&client, silent.clone())).collect();
    while client.ledger(|ledger| ledger.running()) < 10 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let waiting: Vec<_> = (0..5).map(|_| begin(&client, silent.clone())).collect();
    let last = begin(&client, web());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!last.is_finished());
    for dropped in waiting.into_iter().chain(running) {
        dropped.abort();
    }
    assert_eq!(soon(last).await.unwrap().unwrap(), 200);
    while client.ledger(|ledger| ledger.running()) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.assert_no_violations();
}

#[tokio::test]
async fn whoever_keeps_time_may_leave_and_another_does() {
    let (world, client) = World::with_token().await;
    client.call(web()).await.unwrap();
    let fault = Fault::Secondary {
        status: 403,
        retry_after: Some(2),
    };
    world.fake.fail_where("GET /repos/acme/web", Some(1), fault);
    let calls: Vec<_> = (0..4).map(|_| begin(&client, web())).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut calls = calls.into_iter();
    for call in calls.by_ref().take(3) {
        call.abort();
    }
    assert_eq!(soon(calls.next().unwrap()).await.unwrap().unwrap(), 200);
    world.assert_no_violations();
}

#[tokio::test]
async fn a_service_of_this_process_can_stand_for_the_connection() {
    let asked = Arc::new(Mutex::new(0));
    let seen = asked.clone();
    let service = tower::service_fn(move |_: http::Request<octocrab::OctoBody>| {
        *seen.lock().unwrap() += 1;
        async {
            Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::new(
                hyper::body::Bytes::from("{}"),
            )))
        }
    });
    let scene = Scene::answering(Reply::ok()).await;
    let github = flux_setup::github::Github::over(scene.settings.clone(), service).unwrap();
    let answer = github.client("bot").unwrap().call(web()).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.body[..]),
        (200, &b"{}"[..])
    );
    assert_eq!(*asked.lock().unwrap(), 2);
}

//! The store fails, tasks die, the list comes late: nothing is lost and nothing looks alive that is not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flux_setup::delivery::{
    ChangedPaths, CommitId, CutOff, Event, HeadNews, HeadSeen, PushedRef, RefChange, WebhookName,
};
use flux_setup::reconcile::keep_heartbeat;
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection};
use tokio_util::sync::CancellationToken;

use crate::machine::Stopwatch;

use super::scene::{Scene, delivery, status, taken};

/// Another program that has the store open.
async fn other(scene: &Scene) -> SqliteConnection {
    let path = scene.folder.path().join("store.db");
    let options = SqliteConnectOptions::new().filename(path);
    options.connect().await.expect("the store is there")
}

#[tokio::test]
async fn a_push_that_came_before_the_list_waits_for_it() {
    let mut scene = Scene::new(|_| taken()).await;
    scene.start();
    scene.push(1, "web").await;
    scene.until_states(1, &["waiting"]).await;
    scene.list(&["web"]);
    scene.until_states(1, &["annotated"]).await;
    scene.stop().await;
}

/// A push is to be worked, and another program locks the store.
async fn locked() -> (Scene, SqliteConnection) {
    let mut scene = Scene::new(|_| taken()).await;
    scene.list(&["web"]);
    scene.push(1, "web").await;
    let mut other = other(&scene).await;
    other
        .execute("BEGIN IMMEDIATE")
        .await
        .expect("nobody else writes");
    scene.start();
    (scene, other)
}

#[tokio::test]
async fn while_the_store_fails_all_waits_and_then_goes_on() {
    let (mut scene, mut other) = locked().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(scene.asked("web").len(), 0, "no token is stored yet");
    other.execute("ROLLBACK").await.unwrap();
    other.close().await.unwrap();
    scene.until_states(1, &["annotated"]).await;
    assert_eq!(scene.asked("web").len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn it_stops_in_time_while_the_store_fails() {
    let (mut scene, mut other) = locked().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopping = Stopwatch::start();
    scene.stop().await;
    stopping.assert_within(Duration::from_secs(8), "to stop while the store fails");
    other.execute("ROLLBACK").await.unwrap();
    other.close().await.unwrap();
    scene.start();
    scene.until_states(1, &["annotated"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_task_that_dies_ends_the_engine() {
    let mut scene = Scene::new(|_| panic!("a fault of ours")).await;
    scene.list(&["web"]);
    scene.start();
    scene.push(1, "web").await;
    let deadline = Instant::now() + Duration::from_secs(120);
    while !scene.has_ended() {
        assert!(Instant::now() < deadline, "it looks alive");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_keeps_no_other_from_being_matched_or_kept() {
    let mut scene = Scene::new(|_| taken()).await;
    scene.start();
    for number in 1..=3 {
        scene.push(number, "web").await;
        scene.until_states(number, &["waiting"]).await;
    }
    let mut other = other(&scene).await;
    let spoil = "UPDATE delivery SET content = '{}' WHERE id = 2";
    other.execute(spoil).await.unwrap();
    other.close().await.unwrap();
    scene.list(&["web"]);
    scene.until_states(1, &["overtaken"]).await;
    scene.until_states(3, &["annotated"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_delivery_whose_state_cannot_be_read_holds_up_no_other() {
    let mut scene = Scene::new(|_| taken()).await;
    scene.start();
    for (number, name) in [(1, "web"), (2, "docs")] {
        scene.push(number, name).await;
        scene.until_states(number, &["waiting"]).await;
    }
    scene.list(&["web"]);
    scene.stop().await;
    let mut other = other(&scene).await;
    let spoil = "UPDATE delivery SET state = '{}' WHERE id = 1";
    other.execute(spoil).await.unwrap();
    other.close().await.unwrap();
    scene.list(&["web", "docs"]);
    scene.start();
    scene.until_states(2, &["annotated"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_gap_is_made_good_once_though_the_heartbeat_cannot_be_kept() {
    let scene = Scene::new(|_| taken()).await;
    let long_ago = Timestamp::now() - Duration::from_secs(600);
    scene.store.beat(long_ago).await.unwrap();
    let mut other = other(&scene).await;
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF beat_at ON head BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute(refuse).await.unwrap();
    let stop = CancellationToken::new();
    let arrived = Arc::clone(&scene.arrived);
    let beating = tokio::spawn(keep_heartbeat(scene.store.clone(), arrived, stop.clone()));
    let deadline = Instant::now() + Duration::from_secs(120);
    while scene.store.unmatched(None, 10).await.unwrap().is_empty() {
        assert!(Instant::now() < deadline, "it is not made good");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // One beat more, which comes ten seconds later.
    tokio::time::sleep(Duration::from_secs(12)).await;
    stop.cancel();
    beating.await.unwrap();
    assert_eq!(scene.store.unmatched(None, 10).await.unwrap().len(), 1);
    other.close().await.unwrap();
}

/// As where a connection breaks in the moment of the commit.
#[tokio::test]
async fn work_that_was_kept_though_the_store_said_it_failed_is_done() {
    let mut scene = Scene::new(|_| taken()).await;
    scene.list(&["web"]);
    scene.push(1, "web").await;
    let mut other = other(&scene).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    scene.start();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let matched = "UPDATE delivery SET phase = 'working', open_work = 1, \
            state = '{\"state\":\"working\",\"since\":\"2026-01-01T00:00:00Z\",\"items\":1}'; \
        INSERT INTO work (id, delivery, cluster, kind, namespace, name, state, is_over) \
            VALUES (1, 1, 'prod', 'GitRepository', 'apps', 'web', \
            '{\"state\":\"accepted\",\"at\":\"2026-11-21T00:00:00Z\"}', FALSE); \
        UPDATE head SET last_work = 1; COMMIT";
    other.execute(matched).await.unwrap();
    other.close().await.unwrap();
    scene.until_states(1, &["annotated"]).await;
    assert_eq!(scene.asked("web").len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn what_a_push_could_not_wake_its_head_wakes_and_what_it_woke_is_left() {
    let mut scene = Scene::new(|asked| match (asked.name.as_str(), asked.before) {
        ("web", 0) => status(422, "it is invalid", "web"),
        _ => taken(),
    })
    .await;
    scene.list(&["web", "api"]);
    scene.start();
    let reference = PushedRef::branch("main").expect("a branch");
    let commit = CommitId::read(&"b".repeat(40)).expect("a hash");
    let commit = commit.expect("it is not all zeros");
    let pushed_at = Some(Timestamp::now());
    for (number, name, state) in [(1, "web", "failed"), (3, "api", "annotated")] {
        let mut push = delivery(number, name);
        push.event = Event::Push(RefChange {
            reference: reference.clone(),
            before: None,
            after: Some(commit.clone()),
            head_commit: Some(commit.clone()),
            created: false,
            deleted: false,
            forced: false,
            paths: ChangedPaths::CutOff(CutOff::Kept),
            pushed_at,
        });
        scene.store.accept(&push).await.expect("it is taken");
        scene.arrived.notify_one();
        scene.until_states(number, &[state]).await;
    }
    for (number, name) in [(4, "api"), (2, "web")] {
        let mut head = delivery(number, name);
        head.key.webhook = WebhookName::ourselves();
        head.event = Event::Head(HeadSeen {
            reference: reference.clone(),
            commit: commit.clone(),
            news: HeadNews::Returned,
            pushed_at,
        });
        scene.store.accept(&head).await.expect("it is taken");
        scene.arrived.notify_one();
    }
    let started = Instant::now();
    while scene.asked("web").len() < 2 {
        assert!(started.elapsed() < Duration::from_secs(120), "it is left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(scene.asked("api").len(), 1);
    scene.stop().await;
}

//! What an earlier run of the program left goes on.

use std::time::{Duration, Instant, SystemTime};

use flux_setup::catalog::Kind;
use flux_setup::delivery::{DeliveryState, Step, Token, WorkState};
use flux_setup::reconcile::Mode;
use flux_setup::store::{Accepted, NewWork, Write};
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor};

use super::scene::{CLUSTER, Scene, delivery, key, taken};

/// Work for `apps/NAME` that an earlier run matched a while ago.
async fn leave(scene: &Scene, number: u64, name: &str, ago: Duration, steps: &[Step]) {
    let accepted = scene
        .store
        .accept(&delivery(number, name))
        .await
        .expect("it is kept");
    let Accepted::New(delivery) = accepted else {
        panic!("{accepted:?}")
    };
    let at = Timestamp::now() - ago;
    let state = steps
        .iter()
        .fold(WorkState::Accepted { at }, |state, step| {
            state.after(step.clone(), at).expect("a possible step")
        });
    let work = NewWork {
        cluster: CLUSTER.into(),
        object: Some(key(name)),
        state,
    };
    let matched = Write::Matched {
        delivery,
        state: DeliveryState::matched(1, at),
        work: vec![work],
    };
    scene.store.write(vec![matched]).await.expect("it is kept");
}

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_downtime_that_was_longer_than_work_is_tried_still_gives_nothing_up() {
    let mut scene = Scene::new(|_| taken()).await;
    leave(&scene, 1, "web", 2 * DAY, &[]).await;
    scene.start_with(DAY, Mode::Annotate);
    // As long as a first list takes.
    tokio::time::sleep(Duration::from_millis(500)).await;
    scene.list(&["web"]);
    scene.until_states(1, &["annotated"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_token_that_was_stored_is_sent_and_is_no_other() {
    let mut scene = Scene::new(|_| taken()).await;
    let choose = Step::Choose(Token("t-1".into()));
    leave(&scene, 1, "web", DAY / 24, &[choose]).await;
    scene.list(&["web"]);
    scene.start_with(DAY, Mode::Annotate);
    scene.until_states(1, &["annotated"]).await;
    let asked = scene.asked("web");
    assert_eq!((asked.len(), &*asked[0].token), (1, "t-1"));
    scene.stop().await;
}

#[tokio::test]
async fn in_the_shadow_no_token_of_an_earlier_run_is_sent() {
    let mut scene = Scene::new(|_| taken()).await;
    let choose = Step::Choose(Token("t-1".into()));
    leave(&scene, 1, "web", DAY / 24, &[choose]).await;
    scene.list(&["web"]);
    scene.start_with(DAY, Mode::Shadow);
    scene.until_states(1, &["shadowed"]).await;
    assert_eq!(scene.asked("web").len(), 0);
    scene.stop().await;
}

#[tokio::test]
async fn work_for_a_kind_that_may_not_be_listed_waits_and_is_not_gone() {
    let mut scene = Scene::new(|_| taken()).await;
    leave(&scene, 1, "web", DAY / 24, &[]).await;
    scene.list_kinds(&[], |kind| kind != Kind::GitRepository);
    scene
        .live
        .forbidden(Kind::GitRepository, "may not list", SystemTime::now());
    assert!(scene.live.is_listed());
    scene.start_with(DAY, Mode::Annotate);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(scene.states(1).await, ["accepted"]);
    scene.stop().await;
    // What is so old by then has failed, and says why.
    scene.start_with(DAY / 48, Mode::Annotate);
    scene.until_states(1, &["failed"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn work_that_cannot_be_read_hides_none_of_what_comes_after_it() {
    let mut scene = Scene::new(|_| taken()).await;
    let accepted = scene.store.accept(&delivery(1, "web")).await.unwrap();
    let Accepted::New(delivery) = accepted else {
        panic!("{accepted:?}")
    };
    let names: Vec<String> = (0..1_100).map(|number| format!("web-{number}")).collect();
    let at = Timestamp::now();
    let work = names.iter().map(|name| NewWork {
        cluster: CLUSTER.into(),
        object: Some(key(name)),
        state: WorkState::Accepted { at },
    });
    let matched = Write::Matched {
        delivery,
        state: DeliveryState::matched(1_100, at),
        work: work.collect(),
    };
    scene.store.write(vec![matched]).await.unwrap();
    let path = scene.folder.path().join("store.db");
    let options = SqliteConnectOptions::new().filename(path);
    let mut other = options.connect().await.unwrap();
    let spoil = "UPDATE work SET state = '{}' WHERE id = 7";
    other.execute(spoil).await.unwrap();
    other.close().await.unwrap();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    scene.list(&names);
    scene.start();
    let deadline = Instant::now() + Duration::from_secs(240);
    while scene.asked("web-1099").is_empty() {
        assert!(Instant::now() < deadline, "it was never read");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scene.stop().await;
}

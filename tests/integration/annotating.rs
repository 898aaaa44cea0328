//! What an API server says to annotations, and what becomes of the pushes that ask for them.

mod faults;
mod late;
mod left;
mod lost;
pub mod scene;

use std::time::Duration;

use axum::response::IntoResponse;
use flux_setup::delivery::WorkState;
use flux_setup::reconcile::Mode;

use scene::{Scene, status, taken};

#[tokio::test]
async fn a_server_that_fails_is_asked_again_with_the_same_token_later_and_later() {
    let mut scene = Scene::new(|asked| match asked.before {
        0..3 => status(500, "etcd is away", &asked.name),
        _ => taken(),
    })
    .await;
    scene.list(&["web"]);
    scene.start();
    scene.push(1, "web").await;
    scene.until_states(1, &["annotated"]).await;
    let asked = scene.asked("web");
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|it| it.token == asked[0].token));
    let waits: Vec<Duration> = asked.windows(2).map(|two| two[1].at - two[0].at).collect();
    for (wait, least) in waits.iter().zip([375, 750, 1_500]) {
        assert!(*wait >= Duration::from_millis(least), "{waits:?}");
    }
    scene.stop().await;
}

#[tokio::test]
async fn what_never_works_is_given_up_after_its_time_and_says_why() {
    let mut scene = Scene::new(|asked| status(500, "etcd is away", &asked.name)).await;
    scene.list(&["web"]);
    scene.start_with(Duration::from_secs(10), Mode::Annotate);
    scene.push(1, "web").await;
    scene.until_states(1, &["annotating"]).await;
    scene.until_states(1, &["failed"]).await;
    let tries = scene.asked("web").len();
    assert!(tries >= 3, "it was tried till then");
    let work = scene.work(1).await;
    let WorkState::Failed {
        reason, failures, ..
    } = &work[0].state
    else {
        panic!("{work:?}")
    };
    assert_eq!(*failures as usize, tries);
    assert_eq!(
        reason,
        "cannot patch gitrepositories.source.toolkit.fluxcd.io: the API server answers 500: etcd is away"
    );
    // The object itself is free again.
    scene.push(2, "web").await;
    scene.until_states(2, &["annotating"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_not_asked_before() {
    let mut scene = Scene::new(|asked| match asked.before {
        0 => {
            let too_many = status(429, "too many requests", &asked.name);
            ([("retry-after", "3")], too_many).into_response()
        }
        _ => taken(),
    })
    .await;
    scene.list(&["web"]);
    scene.start();
    scene.push(1, "web").await;
    scene.until_states(1, &["annotated"]).await;
    let asked = scene.asked("web");
    assert_eq!(asked.len(), 2);
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(3));
    scene.stop().await;
}

#[tokio::test]
async fn an_object_that_was_deleted_meanwhile_is_gone_and_what_is_refused_has_failed() {
    let mut scene = Scene::new(|asked| match &*asked.name {
        "gone" => status(404, "not found", "gone"),
        _ => status(422, "denied by a policy", &asked.name),
    })
    .await;
    scene.list(&["gone", "denied"]);
    scene.start();
    scene.push(1, "gone").await;
    scene.push(2, "denied").await;
    scene.until_states(1, &["gone"]).await;
    scene.until_states(2, &["failed"]).await;
    assert_eq!(
        (scene.asked("gone").len(), scene.asked("denied").len()),
        (1, 1)
    );
    scene.stop().await;
}

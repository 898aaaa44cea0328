//! Pushes that come while what a cluster has is not seen: what it has by then is woken once it is seen again.

use std::time::{Duration, SystemTime};

use flux_setup::catalog::Kind;
use flux_setup::delivery::{DeliveryState, WorkState};
use flux_setup::reconcile::Mode;

use super::scene::{Scene, guid, taken};

impl Scene {
    fn lose(&self, kind: Kind) {
        self.live.lost(kind, "it hangs", SystemTime::now());
    }

    async fn is_done(&self, number: u64) -> bool {
        let stored = self.store.delivery(&guid(number)).await;
        let stored = stored.expect("the store answers");
        matches!(stored[0].0.state, DeliveryState::Done { .. })
    }
}

async fn listed(names: &[&str]) -> Scene {
    let mut scene = Scene::new(|_| taken()).await;
    scene.list(names);
    scene.start();
    scene
}

#[tokio::test]
async fn what_a_list_shows_after_a_loss_is_woken_for_the_pushes_of_that_time_and_nothing_twice() {
    let mut scene = listed(&["web", "docs"]).await;
    scene.lose(Kind::GitRepository);
    scene.push(1, "web").await;
    scene.until_states(1, &["annotated", "waiting"]).await;
    // Nothing that is known follows it.
    scene.push(2, "shop").await;
    scene.until_states(2, &["waiting"]).await;
    scene.push(3, "stranger").await;
    scene.until_states(3, &["waiting"]).await;
    scene.list(&["web", "web.late", "shop", "docs"]);
    scene.until_states(1, &["annotated", "annotated"]).await;
    scene.until_states(2, &["annotated"]).await;
    scene.until_states(3, &[]).await;
    for (name, times) in [("web", 1), ("web.late", 1), ("shop", 1), ("docs", 0)] {
        assert_eq!(scene.asked(name).len(), times, "{name}");
    }
    assert!(scene.is_done(1).await && scene.is_done(2).await);
    scene.stop().await;
}

#[tokio::test]
async fn what_came_while_it_was_lost_is_made_good_after_a_restart_as_well() {
    let mut scene = listed(&["web"]).await;
    scene.lose(Kind::GitRepository);
    scene.push(1, "web").await;
    scene.until_states(1, &["annotated", "waiting"]).await;
    scene.stop().await;
    scene.list(&["web", "web.late"]);
    scene.start();
    scene.until_states(1, &["annotated", "annotated"]).await;
    assert_eq!(scene.asked("web").len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn a_push_waits_for_no_kind_that_it_does_not_wake() {
    let mut scene = listed(&["web"]).await;
    scene.lose(Kind::Bucket);
    scene.push(1, "web").await;
    scene.until_states(1, &["annotated"]).await;
    assert!(scene.is_done(1).await);
    scene.lose(Kind::GitRepository);
    scene.push(2, "web").await;
    scene.until_states(2, &["annotated", "waiting"]).await;
    scene.list_kinds(&["web", "web.late"], |kind| kind == Kind::GitRepository);
    scene.until_states(2, &["annotated", "annotated"]).await;
    // Nor for one that will not be shown.
    scene.lose(Kind::GitRepository);
    scene.push(3, "web").await;
    let woken = ["annotated", "annotated"];
    scene
        .until_states(3, &["annotated", "annotated", "waiting"])
        .await;
    let now = SystemTime::now();
    scene
        .live
        .forbidden(Kind::GitRepository, "may not list", now);
    scene.until_states(3, &woken).await;
    scene.push(4, "web").await;
    scene.until_states(4, &woken).await;
    scene.stop().await;
}

#[tokio::test]
async fn what_stays_lost_is_waited_for_as_long_as_work_is_tried_and_no_longer() {
    let mut scene = Scene::new(|_| taken()).await;
    scene.list(&["web"]);
    scene.start_with(Duration::from_secs(10), Mode::Annotate);
    scene.lose(Kind::GitRepository);
    scene.push(1, "web").await;
    scene.until_states(1, &["annotated", "waiting"]).await;
    // It is looked for once a minute.
    scene.until_states(1, &["annotated", "failed"]).await;
    let work = scene.work(1).await;
    let WorkState::Failed { reason, .. } = &work[1].state else {
        panic!("{work:?}")
    };
    assert_eq!(
        reason,
        "cluster `prod` could not be listed in time: it hangs"
    );
    scene.stop().await;
}

//! A watch that shows an object as it was before it was asked: who goes on following it takes that for no answer.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use flux_setup::catalog::{Event, HostNames, Kind, Projector};
use flux_setup::delivery::{Proof, Stage, WorkState};
use serde_json::json;

use super::scene::{CLUSTER, Scene};

/// The version that the object has by our patch.
const OURS: u64 = 10;

fn taken() -> Response {
    let metadata = json!({"resourceVersion": OURS.to_string()});
    axum::Json(json!({"kind": "PartialObjectMetadata", "metadata": metadata})).into_response()
}

impl Scene {
    /// The watch shows `apps/web` as of this version, at which it was asked with `token`, and has answered.
    fn show(&self, version: u64, token: &str) {
        let object = json!({
            "metadata": {"name": "web", "namespace": "apps", "uid": "web", "generation": 1,
                "resourceVersion": version.to_string(),
                "annotations": {"reconcile.fluxcd.io/requestedAt": token}},
            "spec": {"url": "https://github.com/acme/web", "ref": {"branch": "main"}},
            "status": {"observedGeneration": 1, "lastHandledReconcileAt": token,
                "artifact": {"revision": format!("main@sha1:{}", "b".repeat(40))},
                "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]},
        });
        let mut projector = Projector::new(CLUSTER.into(), Arc::new(HostNames::of([])));
        let text = object.to_string();
        let item = projector.project(Kind::GitRepository, text.as_bytes());
        let item = Arc::new(item.expect("a GitRepository"));
        self.live.update(|cache| cache.apply(Event::Applied(item)));
    }

    async fn proof(&self) -> Option<Proof> {
        let work = self.work(1).await;
        work[0].proof.as_deref().cloned()
    }

    async fn is_answered(&self) -> bool {
        let proof = self.proof().await;
        proof.is_some_and(|proof| proof.reached(Stage::Acknowledged).is_some())
    }
}

/// As another replica does that takes the cluster over, or this one with a changed configuration, or a follower that reads
/// from the store what found no place: each has what is stored and no more.
#[tokio::test]
async fn who_takes_over_what_is_followed_knows_what_was_seen_before_it_was_asked() {
    let mut scene = Scene::new(|_| taken()).await;
    scene.list(&[]);
    scene.show(OURS - 1, "of another");
    scene.start();
    scene.push(1, "web").await;
    scene.until_states(1, &["annotated"]).await;
    for _ in 0..2 {
        // As long as two looks at what is followed.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert!(!scene.is_answered().await, "{:?}", scene.proof().await);
        scene.stop().await;
        scene.start();
    }
    let work = scene.work(1).await;
    let WorkState::Annotated { token, version, .. } = &work[0].state else {
        panic!("{work:?}");
    };
    assert_eq!(*version, Some(OURS));
    scene.show(OURS + 1, &token.0);
    while !scene.is_answered().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.stop().await;
}

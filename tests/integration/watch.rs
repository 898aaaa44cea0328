//! What API servers do seldom, and what stands before them: the catalog is right all the same.

mod fake;
mod logs;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use flux_setup::catalog::{Kind, LiveCluster, Progress, ScopeState};
use flux_setup::cluster::PatchFault;
use flux_setup::sync::Pace;
use http::StatusCode;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::cluster::followed::{Followed, key, pace, until};
use fake::{Asked, bookmark, ending_watch, event, list, object, page, status, status_with, watch};

fn lists(asked: &Mutex<Vec<Asked>>) -> usize {
    let asked = asked.lock().expect("no test panicked");
    asked.iter().filter(|asked| !asked.watch).count()
}

#[tokio::test]
async fn a_version_that_is_forgotten_leads_to_a_new_list_wherever_it_is_said() {
    let expired =
        || json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
    let (cluster, asked, gate) = fake::gated(move |asked| match (asked.watch, asked.before) {
        (false, 0) => list(100, &[object("a", 1), object("b", 2)]),
        (true, 0) => status(410, "too old resource version"),
        (false, 1) => list(200, &[object("a", 1), object("c", 150)]),
        (true, 1) => ending_watch(&[
            event("ADDED", &object("d", 201)),
            event("ERROR", &expired()),
        ]),
        (false, 2) => page(300, &[object("a", 1)], "next"),
        (false, 3) => {
            assert_eq!(asked.next, "next");
            status(410, "the provided continue parameter is too old")
        }
        (false, 4) => {
            assert_eq!((asked.next.as_str(), asked.limit), ("", None));
            list(301, &[object("a", 1), object("e", 280)])
        }
        (false, _) => panic!("one list too many"),
        (true, _) => watch(&[]),
    });
    let followed = Followed::over(cluster, pace());
    followed.until_there("apps", "b").await;
    gate.add_permits(1);
    followed.until_gone("apps", "b").await;
    followed.until_there("apps", "d").await;
    gate.add_permits(9);
    followed.until_there("apps", "e").await;
    assert!(followed.has("apps", "a"));
    assert!(!followed.has("apps", "c") && !followed.has("apps", "d"));
    until("it is watched from its last list", || {
        let asked = asked.lock().unwrap();
        asked
            .last()
            .is_some_and(|last| last.watch && last.resource_version == "301")
    })
    .await;
    assert_eq!(followed.live.progress(), Progress::Listed);
    followed.stop().await;
}

#[tokio::test]
async fn versions_that_go_back_lead_to_a_new_list() {
    let (cluster, asked) = fake::cluster(|asked| match (asked.watch, asked.before) {
        (false, 0) => list(1000, &[object("a", 900)]),
        (true, 0) => watch(&[bookmark(500)]),
        (false, 1) => list(500, &[object("b", 400)]),
        (true, 1) => watch(&[event("ADDED", &object("c", 499))]),
        (false, _) => list(499, &[object("c", 499)]),
        (true, _) => watch(&[]),
    });
    let followed = Followed::over(cluster, pace());
    followed.until_there("apps", "c").await;
    followed.until_gone("apps", "b").await;
    assert_eq!((lists(&asked), followed.live.read().len()), (3, 1));
    followed.stop().await;
}

#[tokio::test]
async fn a_silent_watch_is_begun_again_from_its_last_bookmark_and_nothing_is_lost() {
    let (cluster, asked) = fake::cluster(|asked| match (asked.watch, asked.before) {
        (false, _) => list(100, &[]),
        (true, 0) => watch(&[bookmark(150)]),
        (true, _) => watch(&[event("ADDED", &object("a", 151))]),
    });
    let brisk = Pace {
        silence: Duration::from_secs(3),
        ..pace()
    };
    let followed = Followed::over(cluster, brisk);
    followed.until_listed().await;
    let progress = followed.live.watch_progress();
    followed.until_there("apps", "a").await;
    assert_eq!(lists(&asked), 1);
    assert_eq!(asked.lock().unwrap()[2].resource_version, "150");
    assert!(
        !progress.has_changed().unwrap(),
        "{:?}",
        followed.live.progress()
    );
    followed.stop().await;
}

/// Says that a list is awaited, where what is known may be old.
fn await_list(live: &LiveCluster) -> bool {
    let cache = live.read();
    let is_old = cache.scope(Kind::GitRepository).may_be_old();
    if is_old {
        live.await_list(Kind::GitRepository);
    }
    is_old
}

#[tokio::test]
async fn where_a_list_is_awaited_no_watch_that_goes_on_takes_its_place() {
    let known: Arc<OnceLock<Arc<LiveCluster>>> = Arc::default();
    let live = Arc::clone(&known);
    let (cluster, asked, gate) = fake::gated(move |asked| match (asked.watch, asked.before) {
        (false, 0) => list(100, &[object("a", 1)]),
        (true, 0) => ending_watch(&[]),
        (true, 1) => {
            // Somebody asks in the moment in which the watch goes on.
            let is_old = await_list(live.get().expect("it was listed before"));
            assert!(is_old, "nobody watches it now");
            watch(&[event("ADDED", &object("b", 101))])
        }
        (false, 1) => list(110, &[object("a", 1), object("b", 101)]),
        (true, 2) => ending_watch(&[]),
        (false, _) => list(120, &[object("c", 120)]),
        (true, _) => watch(&[]),
    });
    let brisk = Pace {
        first_pause: Duration::from_secs(1),
        silence: Duration::from_secs(600),
        ..pace()
    };
    let followed = Followed::over(cluster, brisk);
    assert!(known.set(Arc::clone(&followed.live)).is_ok());
    let kind = Kind::GitRepository;
    until("somebody awaits it", || followed.live.is_awaited(kind)).await;
    sleep(Duration::from_millis(300)).await;
    assert!(followed.live.read().scope(kind).may_be_old());
    gate.add_permits(1);
    followed.until_there("apps", "b").await;
    until("nobody awaits it", || !followed.live.is_awaited(kind)).await;
    // Asked before it goes on, it is listed at once.
    until("it may be old", || await_list(&followed.live)).await;
    gate.add_permits(1);
    followed.until_there("apps", "c").await;
    until("it is current", || {
        followed.live.read().scope(kind).is_current()
    })
    .await;
    until("it is watched", || {
        asked.lock().unwrap().last().is_some_and(|last| last.watch)
    })
    .await;
    let asked = asked.lock().unwrap();
    let watches = asked.iter().map(|asked| asked.watch);
    assert_eq!(
        watches.collect::<Vec<_>>(),
        [false, true, true, false, true, false, true]
    );
}

#[tokio::test]
async fn a_line_that_cannot_be_read_or_held_loses_no_object() {
    let long = event("ADDED", &json!({"metadata": {"name": "x".repeat(5 << 20)}}));
    let (cluster, asked, gate) = fake::gated(move |asked| match (asked.watch, asked.before) {
        (false, 0) => list(100, &[]),
        (true, 0) => watch(&["<html>\n".to_owned(), event("ADDED", &object("never", 101))]),
        (false, 1) => list(110, &[object("a", 105)]),
        (true, 1) => ending_watch(&[long.clone(), event("ADDED", &object("b", 112))]),
        (false, 2) => list(
            120,
            &[object("a", 105), object("b", 112), object("long", 111)],
        ),
        (true, 2) => watch(&[event("OTHER", &object("c", 130))]),
        (false, _) => list(130, &[object("c", 130)]),
        (true, _) => watch(&[]),
    });
    let followed = Followed::over(cluster, pace());
    gate.add_permits(2);
    followed.until_there("apps", "a").await;
    followed.until_there("apps", "b").await;
    followed.until_there("apps", "long").await;
    gate.add_permits(9);
    followed.until_there("apps", "c").await;
    assert_eq!((lists(&asked), followed.live.read().len()), (4, 1));
    followed.stop().await;
}

#[tokio::test]
async fn a_server_that_only_fails_is_asked_ever_more_seldom_and_as_it_wishes() {
    let (cluster, asked) = fake::cluster(|asked| match asked.before {
        4.. => status_with(429, "slow down", "60"),
        _ => status(500, "etcd https://me:secret@etcd is away"),
    });
    let followed = Followed::over(cluster, pace());
    let reason = followed.until_lost().await;
    assert_eq!(
        reason,
        "cannot list gitrepositories.source.toolkit.fluxcd.io: the API server answers 500: etcd https://***@etcd is away"
    );
    until("it is asked to wait", || lists(&asked) >= 5).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(lists(&asked), 5);
    assert!(!followed.live.is_listed());
    followed.stop().await;
}

#[tokio::test]
async fn a_watch_that_ends_at_once_is_not_begun_without_end() {
    let (cluster, asked) = fake::cluster(|asked| match asked.watch {
        false => list(100, &[]),
        true => ending_watch(&[]),
    });
    let followed = Followed::over(cluster, pace());
    followed.until_listed().await;
    let begun = Instant::now();
    until("it is begun again", || asked.lock().unwrap().len() >= 3).await;
    sleep(Duration::from_secs(2)).await;
    let count = asked.lock().unwrap().len() as u64;
    // Nearly ten in the first two seconds, and less than two in each after that.
    let most = 10 + 2 * begun.elapsed().as_secs().saturating_sub(2);
    assert!(count < most, "{count}");
    followed.stop().await;
}

#[tokio::test]
async fn what_is_no_api_server_lacks_no_kind() {
    let page = || async { (StatusCode::NOT_FOUND, Html("<h1>Not found</h1>")) };
    let followed = Followed::over(fake::over(Router::new().fallback(page)), pace());
    let reason = followed.until_lost().await;
    assert_eq!(
        reason,
        "https://fake answers 404 and is no API server; check its address in the kubeconfig"
    );
    assert!(!followed.live.is_listed());
    followed.stop().await;
}

#[tokio::test]
async fn a_list_that_is_none_takes_nothing_away() {
    let (cluster, _, gate) = fake::gated(|asked| match (asked.watch, asked.before) {
        (false, 0) => list(100, &[object("a", 1)]),
        (true, 0) => status(410, "too old"),
        (false, 1) => Html("<h1>Sign in</h1>").into_response(),
        (false, 2) => "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[".into_response(),
        (false, _) => list(200, &[object("b", 150)]),
        (true, _) => watch(&[]),
    });
    let followed = Followed::over(cluster, pace());
    followed.until_there("apps", "a").await;
    gate.add_permits(2);
    let reason = followed.until_lost().await;
    assert!(reason.contains("is no list"), "{reason}");
    assert!(followed.has("apps", "a"));
    gate.add_permits(9);
    followed.until_there("apps", "b").await;
    followed.until_gone("apps", "a").await;
    followed.until_listed().await;
    followed.stop().await;
}

#[tokio::test]
async fn a_kind_that_goes_is_asked_for_twice_before_its_objects_are_taken_away() {
    let (cluster, asked, gate) = fake::gated(|asked| match (asked.watch, asked.before) {
        (false, 0) => list(100, &[object("a", 1)]),
        (true, 0) => status(404, "gone"),
        (false, 1 | 2) => status(404, "gone"),
        (false, _) => list(200, &[object("b", 150)]),
        (true, _) => watch(&[]),
    });
    let followed = Followed::over(cluster, pace());
    followed.until_there("apps", "a").await;
    gate.add_permits(2);
    followed.until_gone("apps", "a").await;
    assert_eq!(lists(&asked), 3);
    let scope = followed.live.read().scope(Kind::GitRepository);
    assert!(matches!(scope, ScopeState::Absent { .. }), "{scope:?}");
    gate.add_permits(9);
    followed.until_there("apps", "b").await;
    followed.stop().await;
}

/// What annotating says of an answer.
async fn annotated(
    answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> Result<(), PatchFault> {
    let router = Router::new().fallback(move || {
        let answer = answer.clone();
        async move { answer() }
    });
    let annotated = fake::over(router).annotate(&key("apps", "web"), "t").await;
    annotated.map(|version| assert_eq!(version, None, "no object is answered"))
}

#[tokio::test]
async fn an_annotation_is_refused_for_good_put_off_or_of_no_use() {
    let later = |reason: &str, seconds: Option<u64>, busy: bool| {
        Err(PatchFault::Later {
            reason: format!(
                "cannot patch gitrepositories.source.toolkit.fluxcd.io: the API server answers {reason}"
            ),
            retry_after: seconds.map(Duration::from_secs),
            busy,
        })
    };
    assert_eq!(annotated(|| "{}".into_response()).await, Ok(()));
    assert_eq!(
        annotated(|| status_with(429, "slow", "7")).await,
        later("429: slow", Some(7), true)
    );
    assert_eq!(
        annotated(|| status_with(503, "", "86400")).await,
        later("503", Some(300), true)
    );
    assert_eq!(
        annotated(|| status(504, "late")).await,
        later("504: late", None, true)
    );
    assert_eq!(
        annotated(|| status(500, "webhook")).await,
        later("500: webhook", None, false)
    );
    assert_eq!(
        annotated(|| status(409, "conflict")).await,
        later("409: conflict", None, false)
    );
    assert_eq!(
        annotated(|| StatusCode::FOUND.into_response()).await,
        later("302", None, false)
    );
    // No such kind: it may be installed again.
    let no_kind = || (StatusCode::NOT_FOUND, "404 page not found").into_response();
    assert_eq!(annotated(no_kind).await, later("404", None, false));
    let gone = || {
        let body = json!({"kind": "Status", "code": 404, "details": {"name": "web", "kind": "gitrepositories"}});
        (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
    };
    assert_eq!(annotated(gone).await, Err(PatchFault::Gone));
    for (code, message) in [(400, "bad"), (422, "invalid"), (415, "media type")] {
        let Err(PatchFault::Refused(reason)) = annotated(move || status(code, message)).await
        else {
            panic!("{code} is for good");
        };
        assert!(reason.ends_with(&format!("{code}: {message}")), "{reason}");
    }
    let Err(PatchFault::Later { reason, .. }) = annotated(|| status(401, "Unauthorized")).await
    else {
        panic!("credentials may be renewed");
    };
    assert!(reason.contains("renew the token"), "{reason}");
    let Err(PatchFault::Forbidden(reason)) = annotated(|| status(403, "no patch")).await else {
        panic!("a role may be given");
    };
    assert_eq!(
        reason,
        "may not patch gitrepositories.source.toolkit.fluxcd.io (403); allow it by a ClusterRole and its binding: no patch"
    );
}

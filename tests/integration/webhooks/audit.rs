//! The flow: what never came is fetched, accepted once, and the list is read on from where it was left.

use std::time::Duration;

use flux_setup::delivery::DeliveryState;
use flux_setup::flux::RepositoryUrl;
use flux_setup::reconcile::Mode;
use flux_setup::store::Write;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::encoding::text::encode;

use crate::github::faults::Fault;
use crate::github::sender::Delivering;

use super::scene::{LIST, SHOW, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_pushes_what_never_came_or_failed_is_taken_in_once() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    for start in (0..1_000).step_by(100) {
        scene.push(start..start + 60, Delivering::Deliver);
        scene.push(start + 60..start + 75, Delivering::TIMED_OUT);
        scene.push(start + 75..start + 90, Delivering::UNREACHABLE);
        scene.push(start + 90..start + 100, Delivering::BAD_GATEWAY);
    }
    scene.github.quiet().await;
    // On a busy machine one of those that we took may have been answered too late, or not have been taken.
    let failed = scene.failed();
    assert!(failed >= 400, "{failed}");
    scene.until_taken(1_000).await;
    let report = audit
        .until("all done", |it| it.missed >= 400 && !it.catching_up)
        .await;
    let missed = report.missed;
    assert!((400..=failed).contains(&missed), "{missed} of {failed}");
    assert_eq!(scene.taken().await, scene.told());
    assert_eq!((report.back_filled, report.redelivered), (missed, 0));
    let (_, shown, redelivered) = scene.all_calls();
    assert_eq!((shown, redelivered), (missed, 0), "each is fetched once");
    assert_eq!(scene.github.violations(), []);
    let mut metrics = String::new();
    encode(&mut metrics, &audit.registry).unwrap();
    let back_filled =
        format!("flux_setup_webhook_back_filled_total{{webhook=\"acme\"}} {missed}\n");
    assert!(metrics.contains(&back_filled), "{metrics}");
    audit.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_wakes_nothing_and_a_later_one_misses_nothing() {
    let scene = Scene::start().await;
    scene.push(0..3, Delivering::UNREACHABLE);
    // GitHub tells times in whole seconds.
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    let audit = scene.audit();
    audit.audited().await;
    assert_eq!(scene.taken().await, Vec::<String>::new());
    audit.stop().await;
    // Nobody listens now.
    scene.push(3..5, Delivering::UNREACHABLE);
    let audit = scene.audit();
    scene.until_taken(2).await;
    audit.audited().await;
    assert_eq!(scene.taken().await.len(), 2);
    assert_eq!(scene.calls(SHOW).calls, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_is_killed_between_pages_goes_on_there() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    audit.stop().await;
    scene.push(0..450, Delivering::TIMED_OUT);
    // It comes no further than to the third page.
    for attempt in &scene.github.deliveries(scene.hook)[..200] {
        let show = format!("/orgs/acme/hooks/{}/deliveries/{}", scene.hook, attempt.id);
        scene.github.fail_where(&show, None, Fault::Silence);
    }
    let before = scene.calls(LIST).calls;
    let audit = scene.audit();
    audit.until("half-way", |it| it.back_filled >= 200).await;
    drop(audit);
    scene.github.clear_faults();
    let (pages, shown) = (scene.calls(LIST).calls - before, scene.calls(SHOW).calls);
    assert!((2..=4).contains(&pages), "{pages} pages");
    let audit = scene.audit_every(Duration::from_secs(600));
    scene.until_taken(450).await;
    audit.until("done", |it| it.last_audit.is_some()).await;
    assert_eq!(scene.taken().await, scene.told());
    let (all_pages, all_shown) = (scene.calls(LIST).calls - before, scene.calls(SHOW).calls);
    // The page on which it was killed once more, the rest of the five, and what came in the last five minutes again.
    assert!((5..=11).contains(&all_pages), "{pages}, then {all_pages}");
    // Those that were on their way when it was killed are fetched again.
    assert!(
        (450..=454).contains(&all_shown),
        "{shown}, then {all_shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_begins_anew_in_the_same_program_counts_on() {
    let mut scene = Scene::start().await;
    let first = scene.audit();
    first.audited().await;
    scene.push(0..3, Delivering::TIMED_OUT);
    first.until("counted", |it| it.back_filled == 3).await;
    scene.metrics = Some(first.metrics.clone());
    first.stop().await;
    let audit = scene.audit();
    let report = audit.until("begun", |it| it.missed > 0).await;
    assert_eq!((report.missed, report.back_filled), (3, 3));
    scene.push(3..5, Delivering::TIMED_OUT);
    let report = audit.until("counted", |it| it.back_filled == 5).await;
    assert_eq!(report.missed, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_attempts_the_last_one_decides() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    audit.stop().await;
    scene.push(0..2, Delivering::BAD_GATEWAY);
    scene.redeliver_first().await;
    scene.until_taken(1).await;
    let audit = scene.audit();
    scene.until_taken(2).await;
    let report = audit.audited().await;
    assert_eq!((report.missed, report.back_filled), (1, 1));
    assert_eq!(scene.calls(SHOW).calls, 1);
    assert_eq!(report.healthy, Some(true), "{:?}", report.findings);
}

/// The first delivery that is not worked yet fails: so many seconds ago, or from now.
async fn fail_first(scene: &Scene, seconds: i64) {
    let store = &scene.service.state.store;
    let unmatched = store
        .unmatched(None, 10)
        .await
        .expect("the store can be read");
    let state = DeliveryState::Failed {
        at: Timestamp::now() + SignedDuration::from_secs(seconds),
        reason: "the object could not be woken".into(),
    };
    let write = Write::Matched {
        delivery: unmatched[0].id,
        state,
        work: Vec::new(),
    };
    store.write(vec![write]).await.expect("it can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_worked_once_more_where_somebody_had_it_delivered_again_in_vain() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    scene.push(0..1, Delivering::Deliver);
    scene.until_taken(1).await;
    scene.github.quiet().await;
    fail_first(&scene, -60).await;
    for _ in 0..2 {
        audit.audited().await;
    }
    assert_eq!(audit.report().missed, 0, "nobody asked for it");
    scene.github.change_hook(scene.hook, |hook| {
        hook.url = "http://127.0.0.1:1/hooks/github/acme".into();
    });
    scene.redeliver_first().await;
    let report = audit.until("once more", |it| it.back_filled == 1).await;
    assert_eq!(report.missed, 1);
    let store = &scene.service.state.store;
    assert_eq!(store.unmatched(None, 10).await.unwrap().len(), 1);
    assert_eq!(scene.taken().await.len(), 1, "under the same key");
    // It fails again, after it was delivered again.
    fail_first(&scene, 2).await;
    scene.push(1..2, Delivering::TIMED_OUT);
    scene.until_taken(2).await;
    let report = audit.until("the other one", |it| it.back_filled > 1).await;
    assert_eq!((report.missed, report.back_filled), (2, 2));
    let unmatched = store.unmatched(None, 10).await.unwrap();
    assert_eq!(unmatched.len(), 1, "only the other one");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_too_large_for_a_usual_answer_are_fetched_and_not_delivered_again() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    scene.github.delivering(Delivering::Failed {
        status: "Invalid HTTP Response: 413",
        code: 413,
    });
    let sizes_mib = [9, 1, 24];
    for size in sizes_mib {
        let commit = format!("{:040x}", 0x1000 + size);
        let message = "x".repeat(size << 20);
        let push = serde_json::json!({"ref": "refs/heads/main", "after": commit,
            "commits": [{"id": commit, "message": message, "modified": ["deploy/web.yaml"]}]});
        scene.github.event("acme/web", "push", push);
    }
    scene.until_taken(3).await;
    assert_eq!(scene.taken().await, scene.told());
    let report = audit.until("done", |it| it.back_filled == 3).await;
    assert_eq!((report.missed, report.redelivered), (3, 0));
    // The large ones twice: that they are is known only then.
    assert_eq!(scene.calls(SHOW).calls, 5);
}

/// Two deliveries that came to nothing, and whose payloads GitHub shows as no JSON.
async fn two_that_cannot_be_read(scene: &Scene) {
    let audit = scene.audit();
    audit.audited().await;
    audit.stop().await;
    scene.push(0..2, Delivering::BAD_GATEWAY);
    for attempt in scene.github.deliveries(scene.hook) {
        scene.github.fail_where(
            &format!(
                "GET /orgs/acme/hooks/{}/deliveries/{}",
                scene.hook, attempt.id
            ),
            None,
            Fault::NotJson,
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shadow_nothing_is_delivered_again() {
    let mut scene = Scene::start().await;
    scene.mode = Mode::Shadow;
    two_that_cannot_be_read(&scene).await;
    let audit = scene.audit();
    let report = audit.until("unreadable", |it| it.unreadable == 2).await;
    assert_eq!((report.missed, report.redelivered), (2, 0));
    let (_, shown, redelivered) = scene.all_calls();
    assert_eq!(
        (shown, redelivered),
        (6, 0),
        "each is looked at three times"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_delivered_again_once() {
    let scene = Scene::start().await;
    two_that_cannot_be_read(&scene).await;
    let audit = scene.audit();
    scene.until_taken(2).await;
    let report = audit.until("redelivered", |it| it.redelivered == 2).await;
    assert_eq!((report.missed, report.back_filled), (2, 0));
    for _ in 0..3 {
        audit.audited().await;
    }
    let (_, shown, redelivered) = scene.all_calls();
    assert_eq!(
        (shown, redelivered),
        (6, 2),
        "each is looked at three times"
    );
    assert_eq!(scene.taken().await, scene.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_proxy_in_the_place_of_a_delivery_costs_no_redelivery() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    let show = format!("GET /orgs/acme/hooks/{}/deliveries/", scene.hook);
    scene.github.fail_where(&show, Some(2), Fault::NotJson);
    scene.push(0..1, Delivering::BAD_GATEWAY);
    scene.until_taken(1).await;
    let report = audit.until("done", |it| it.back_filled == 1).await;
    assert_eq!(
        (report.missed, report.redelivered, report.unreadable),
        (1, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_that_fails_as_well_is_asked_for_again_also_after_a_restart() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    let hooks = &scene.github;
    let url = format!("http://{}/hooks/github/acme", scene.service.at.hooks);
    // Nobody listens there, and nothing can be read but by delivering it.
    hooks.change_hook(scene.hook, |hook| {
        hook.url = "http://127.0.0.1:1/hooks/github/acme".into();
    });
    let show = format!("GET /orgs/acme/hooks/{}/deliveries/", scene.hook);
    hooks.fail_where(&show, None, Fault::NotJson);
    scene.push(0..2, Delivering::BAD_GATEWAY);
    audit.until("asked", |it| it.redelivered == 2).await;
    hooks.quiet().await;
    assert_eq!(hooks.deliveries(scene.hook).len(), 4);
    audit.audited().await;
    audit.stop().await;
    assert_eq!(scene.taken().await.len(), 0);
    hooks.change_hook(scene.hook, |hook| hook.url = url);
    let audit = scene.audit();
    scene.until_taken(2).await;
    assert_eq!(scene.taken().await, scene.told());
    let report = audit.audited().await;
    assert_eq!((report.missed, report.unreadable), (0, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_that_failed_is_fetched_once_its_payload_can_be_read() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    let hooks = &scene.github;
    hooks.change_hook(scene.hook, |hook| {
        hook.url = "http://127.0.0.1:1/hooks/github/acme".into();
    });
    let show = format!("GET /orgs/acme/hooks/{}/deliveries/", scene.hook);
    hooks.fail_where(&show, None, Fault::NotJson);
    scene.push(0..1, Delivering::BAD_GATEWAY);
    audit.until("asked", |it| it.redelivered == 1).await;
    hooks.quiet().await;
    hooks.clear_faults();
    scene.until_taken(1).await;
    let report = audit.until("done", |it| it.back_filled == 1).await;
    assert_eq!(
        (report.missed, report.redelivered, report.unreadable),
        (1, 1, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_forms_are_read_and_events_that_wake_nothing_are_not_fetched() {
    let scene = Scene::start().await;
    scene.github.change_hook(scene.hook, |hook| {
        hook.content_type = "form".into();
        hook.events.push("star".into());
    });
    let audit = scene.audit();
    audit.audited().await;
    scene.github.delivering(Delivering::UNREACHABLE);
    let star = serde_json::json!({"action": "created"});
    scene.github.event("acme/web", "star", star);
    scene.push(0..1, Delivering::UNREACHABLE);
    scene.until_taken(1).await;
    let report = audit.audited().await;
    assert_eq!((report.missed, scene.calls(SHOW).calls), (1, 1));
    let kinds: Vec<_> = report.findings.iter().map(|it| it.kind).collect();
    assert!(
        kinds.contains(&flux_setup::github::hooks::FindingKind::ContentType),
        "{kinds:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_sound_webhook_is_relied_on() {
    let scene = Scene::start().await;
    let web = RepositoryUrl::read("https://github.com/acme/web").unwrap();
    let web = web.identity(|_| None);
    let audit = scene.audit();
    // Perhaps nobody pushed.
    let silent = audit.until("judged", |it| it.healthy == Some(true)).await;
    assert_eq!(
        silent.findings[0].what,
        "nothing was delivered to the webhook `acme` of organisation acme for 3 days"
    );
    assert!(!audit.board.is_healthy(&web));
    scene.push(0..1, Delivering::Deliver);
    let sound = audit.until("sound", |it| it.findings.is_empty()).await;
    assert!(audit.board.is_healthy(&web));
    assert_eq!(sound.hook_id, Some(scene.hook));
    assert!(sound.last_delivery.is_some());
    scene.push(1..2, Delivering::BAD_GATEWAY);
    audit.until("failing", |it| it.healthy == Some(false)).await;
    assert!(!audit.board.is_healthy(&web));
    scene.until_taken(2).await;
}

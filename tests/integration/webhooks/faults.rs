//! What goes wrong at GitHub while its lists are read: nothing is lost, and nothing is done twice.

use std::time::{Duration, Instant};

use flux_setup::delivery::SpeaksFor;
use flux_setup::flux::RepositoryUrl;
use flux_setup::github::Clock;
use flux_setup::github::hooks::{Finding, FindingKind};
use flux_setup::reconcile::AuditSubject;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::github::faults::Fault;
use crate::github::sender::Delivering;

use super::scene::{SHOW, Scene};

/// A webhook of the organisation, and one of `acme/web` alone.
fn subjects() -> [(AuditSubject, SpeaksFor); 2] {
    let web = RepositoryUrl::read("https://github.com/acme/web").expect("a URL");
    let web = web.identity(|_| None);
    [
        (
            AuditSubject::Organization("acme".into()),
            SpeaksFor::Organization("acme".into()),
        ),
        (
            AuditSubject::Repositories(vec![web]),
            SpeaksFor::KnownRepositories,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn while_github_is_away_nothing_is_lost_and_all_is_caught_up_after() {
    for fault in [Fault::Proxy(502), Fault::Closed, Fault::Truncated] {
        let scene = Scene::start().await;
        let audit = scene.audit();
        audit.audited().await;
        scene.github.fail_where("", None, fault);
        scene.push(0..150, Delivering::UNREACHABLE);
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(scene.taken().await.len(), 0);
        scene.github.clear_faults();
        scene.until_taken(150).await;
        audit.until("done", |it| !it.catching_up).await;
        assert_eq!(scene.taken().await, scene.told(), "{fault:?}");
        assert_eq!(audit.report().redelivered, 0, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_github_cannot_be_reached_at_the_start_it_is_told_since_when_and_why() {
    let scene = Scene::start().await;
    for (subject, speaks_for) in subjects() {
        scene.github.fail_where("", None, Fault::Closed);
        let begun = Timestamp::now().as_second();
        let every = Duration::from_millis(100);
        let audit = scene.audit_of(subject, speaks_for, Vec::new(), every);
        let report = audit.until("told", |it| it.healthy == Some(false)).await;
        let [finding] = &report.findings[..] else {
            panic!("{report:?}")
        };
        assert_eq!(finding.kind, FindingKind::Unasked);
        let told = finding.what.strip_prefix("GitHub cannot be asked since ");
        let (since, why) = told.unwrap().split_once(": ").unwrap();
        let since: Timestamp = since.parse().unwrap();
        assert!((begun..=begun + 60).contains(&since.as_second()), "{since}");
        assert!(why.starts_with("cannot reach `github.com`: "), "{why}");
        assert_eq!(
            finding.mend,
            "it goes on by itself once GitHub can be asked"
        );
        assert_eq!(report.last_audit, None);
        scene.github.clear_faults();
        audit
            .until("asked", |it| {
                let is_unasked = |it: &Finding| it.kind == FindingKind::Unasked;
                it.last_audit.is_some() && !it.findings.iter().any(is_unasked)
            })
            .await;
        audit.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_in_the_middle_of_a_page_cost_no_delivery_and_no_second_fetch() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    audit.stop().await;
    scene.push(0..120, Delivering::TIMED_OUT);
    let attempts = scene.github.deliveries(scene.hook);
    for place in [10, 60, 119] {
        let path = format!(
            "/orgs/acme/hooks/{}/deliveries/{}",
            scene.hook, attempts[place].id
        );
        scene.github.fail_where(&path, Some(2), Fault::Proxy(503));
    }
    let audit = scene.audit();
    scene.until_taken(120).await;
    audit
        .until("done", |it| !it.catching_up && it.back_filled == 120)
        .await;
    assert_eq!(scene.taken().await, scene.told());
    let shown = scene.calls(SHOW);
    assert_eq!(shown.calls - shown.refused, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_is_withdrawn_in_the_middle_of_a_page_loses_nothing() {
    for status in [404, 403, 410] {
        let scene = Scene::start().await;
        let audit = scene.audit();
        audit.audited().await;
        audit.stop().await;
        scene.push(0..50, Delivering::TIMED_OUT);
        // The list is still shown when it is read, and nothing of it any more.
        let deliveries = format!("/orgs/acme/hooks/{}/deliveries/", scene.hook);
        scene
            .github
            .fail_where(&deliveries, None, Fault::Status(status));
        let audit = scene.audit();
        let report = audit.until("refused", |it| it.healthy == Some(false)).await;
        assert_eq!((report.missed, report.unreadable), (0, 0), "{status}");
        audit.stop().await;
        scene.github.clear_faults();
        let audit = scene.audit();
        scene.until_taken(50).await;
        assert_eq!(scene.taken().await, scene.told(), "{status}");
        let report = audit.until("done", |it| it.back_filled == 50).await;
        assert_eq!((report.redelivered, report.unreadable), (0, 0), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_listed_and_never_known_holds_up_no_other() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    audit.stop().await;
    scene.push(0..10, Delivering::TIMED_OUT);
    let gone = &scene.github.deliveries(scene.hook)[9];
    let path = format!("/orgs/acme/hooks/{}/deliveries/{}", scene.hook, gone.id);
    scene.github.fail_where(&path, None, Fault::Status(404));
    let audit = scene.audit();
    scene.until_taken(9).await;
    let report = audit.until("past it", |it| it.missed == 10).await;
    assert_eq!((report.back_filled, report.unreadable), (9, 0));
    scene.github.clear_faults();
    scene.until_taken(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_for_which_github_never_has_an_answer_holds_up_no_other() {
    let mut scene = Scene::start().await;
    scene.timeouts.whole = Duration::from_millis(1_500);
    let audit = scene.audit();
    audit.audited().await;
    audit.stop().await;
    scene.push(0..152, Delivering::TIMED_OUT);
    let attempts = scene.github.deliveries(scene.hook);
    // Both are on the second page; they can still be delivered again.
    for (place, fault) in [(30, Fault::Proxy(502)), (31, Fault::Silence)] {
        let path = format!(
            "GET /orgs/acme/hooks/{}/deliveries/{}",
            scene.hook, attempts[place].id
        );
        scene.github.fail_where(&path, None, fault);
    }
    let audit = scene.audit();
    scene.until_taken(150).await;
    audit.until("past them", |it| it.missed == 152).await;
    scene.push(152..153, Delivering::TIMED_OUT);
    scene.until_taken(153).await;
    assert_eq!(scene.taken().await, scene.told());
    let report = audit.until("redelivered", |it| it.redelivered == 2).await;
    assert_eq!((report.missed, report.back_filled), (153, 151));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_at_later_waits_for_no_other_and_is_delivered_again_where_there_is_no_answer()
 {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    audit.stop().await;
    scene.push(0..6, Delivering::TIMED_OUT);
    let show = format!("GET /orgs/acme/hooks/{}/deliveries/", scene.hook);
    scene.github.fail_where(&show, Some(6), Fault::NotJson);
    // From the second look on, of the four that are looked at first.
    for attempt in &scene.github.deliveries(scene.hook)[2..] {
        let path = format!("{show}{}", attempt.id);
        scene.github.fail_where(&path, None, Fault::Proxy(502));
    }
    let audit = scene.audit();
    scene.until_taken(6).await;
    let report = audit.until("redelivered", |it| it.redelivered == 4).await;
    assert_eq!((report.missed, report.back_filled), (6, 2));
    assert_eq!(scene.taken().await, scene.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_cannot_be_read_nothing_is_dropped_because_there_is_much_of_it() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    audit.stop().await;
    // Of a thousand that fit there are so many already, which GitHub has forgotten meanwhile.
    let long_ago = "2020-01-02T03:04:05Z";
    let later = (0..995).map(|number| {
        json!({"guid": format!("old-{number}"), "attempt": number, "deliveredAt": long_ago, "tries": 9, "next": long_ago})
    });
    let later: Vec<_> = later.collect();
    let cursor = json!({"hook": scene.hook, "seen": null, "pass": null, "later": later});
    let note = ("acme/orgs/acme/hooks".to_owned(), cursor.to_string());
    let store = &scene.service.state.store;
    store.note("cursor", vec![note]).await.unwrap();
    scene.push(0..10, Delivering::TIMED_OUT);
    let show = format!("GET /orgs/acme/hooks/{}/deliveries/", scene.hook);
    scene.github.fail_where(&show, None, Fault::NotJson);
    let audit = scene.audit();
    audit.until("all looked at", |it| it.missed == 10).await;
    scene.github.clear_faults();
    scene.until_taken(10).await;
    let report = audit.until("done", |it| !it.catching_up).await;
    assert_eq!(report.unreadable, 995);
    assert_eq!(scene.taken().await, scene.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_by_the_clock_by_which_it_was_told() {
    let mut scene = Scene::start().await;
    // That of this machine was set back after the start.
    scene.clock = Clock::of(|| Timestamp::now() + SignedDuration::from_hours(1));
    let hold = Fault::Secondary {
        status: 429,
        retry_after: Some(1),
    };
    for (subject, speaks_for) in subjects() {
        // A call waits five times by itself.
        scene.github.fail_where("/hooks", Some(6), hold);
        let every = Duration::from_millis(100);
        let audit = scene.audit_of(subject, speaks_for, Vec::new(), every);
        audit.until("held", |it| it.held_until.is_some()).await;
        let held = Instant::now();
        audit.until("audited", |it| it.last_audit.is_some()).await;
        assert!(
            held.elapsed() < Duration::from_secs(60),
            "{:?}",
            held.elapsed()
        );
        audit.stop().await;
    }
    assert_eq!(scene.github.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_named() {
    let mut scene = Scene::start().await;
    let granted = [];
    scene.token = scene.github.fine_grained_token("bot", &granted);
    let audit = scene.audit();
    let report = audit.until("refused", |it| it.healthy == Some(false)).await;
    let finding = &report.findings[0];
    assert!(
        finding.mend.contains("`Webhooks: read-only`"),
        "{finding:?}"
    );
    assert_eq!(report.identity.as_deref(), Some("bot"));
    assert_eq!(report.last_audit, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_is_made_anew_is_read_from_where_the_old_one_ended() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    scene.push(0..1, Delivering::TIMED_OUT);
    scene.until_taken(1).await;
    audit.stop().await;
    let old = scene
        .github
        .hooks(&crate::github::hooks::Scope::Organization("acme".into()));
    scene
        .github
        .change_hook(scene.hook, |hook| hook.url = "http://b.io/ci".into());
    let new = scene.github.add_hook(
        crate::github::hooks::Scope::Organization("acme".into()),
        &old[0].url,
        Some(crate::service::SECRET),
    );
    scene.push(1..3, Delivering::TIMED_OUT);
    let audit = scene.audit();
    scene.until_taken(3).await;
    let report = audit.audited().await;
    assert_eq!(report.hook_id, Some(new));
    assert_eq!(scene.taken().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_github_does_not_know_any_more_is_looked_for_from_the_newest_on() {
    let scene = Scene::start().await;
    let audit = scene.audit();
    audit.audited().await;
    audit.stop().await;
    scene.push(0..250, Delivering::TIMED_OUT);
    scene
        .github
        .fail_where("cursor=", Some(1), Fault::Status(422));
    let audit = scene.audit();
    scene.until_taken(250).await;
    audit.until("done", |it| !it.catching_up).await;
    assert_eq!(scene.taken().await, scene.told());
    let shown = scene.calls(SHOW);
    assert_eq!((shown.calls, shown.refused), (250, 0));
}

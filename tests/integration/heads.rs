//! Pushes that nobody told of are found by asking where refs point, through the store to the object.

mod organisations;
mod scene;

use std::process::Command;
use std::time::{Duration, Instant};

use flux_setup::delivery::{
    ChangedPaths, CommitId, CutOff, Event, HeadNews, PushedRef, RefChange, WebhookName,
};
use flux_setup::github::heads::{Asked, RepositoryQuestion, query, recency_query};
use serde_json::json;

use crate::annotating::scene::delivery;
use crate::github::books::Calls;
use crate::github::faults::Fault;
use crate::github::published_schema::judge;
use crate::github::repositories::{Block, Target};

use scene::{EVERY, Heads, commit};

fn id(number: u32) -> CommitId {
    let read = CommitId::read(&commit(number)).expect("a hash");
    read.expect("it is not all zeros")
}

#[tokio::test]
async fn a_push_that_nobody_told_of_wakes_who_follows_it_once_also_over_restarts_and_back_again() {
    let mut heads = Heads::new().await;
    heads.github.repository("acme/web");
    heads.follower("web", 1);
    heads.list();
    heads.start();
    heads.until_noted(1).await;
    heads.rounds(2).await;
    assert!(
        heads.deliveries().await.is_empty(),
        "seen first, it is no news"
    );

    heads.github.push("acme/web", "refs/heads/main", &commit(2));
    heads.until_woken("web", 1).await;
    let told = heads.deliveries().await.remove(0).delivery;
    assert_eq!(told.key.webhook, WebhookName::ourselves());
    let Event::Head(seen) = told.event else {
        panic!("{told:?}")
    };
    assert_eq!(seen.reference.to_string(), "refs/heads/main");
    assert_eq!(
        (seen.commit, seen.news),
        (id(2), HeadNews::Moved { before: id(1) })
    );
    heads.stop().await;

    // Flux has fetched it; the program is started anew.
    heads.follower("web", 2);
    heads.list();
    heads.start();
    heads.rounds(2).await;
    assert_eq!(heads.scene.asked("web").len(), 1);

    // A forced push takes it back: the same commit as before is news.
    heads.github.push("acme/web", "refs/heads/main", &commit(1));
    heads.until_woken("web", 2).await;
    heads.follower("web", 1);
    heads.list();
    heads.github.push("acme/web", "refs/heads/main", &commit(2));
    heads.until_woken("web", 3).await;
    assert_eq!(heads.deliveries().await.len(), 3);
    heads.calls();
    heads.stop().await;
}

#[tokio::test]
async fn what_is_behind_when_its_head_is_first_seen_is_woken_and_what_fetched_nothing_is_not() {
    let mut heads = Heads::new().await;
    for name in ["behind", "current", "empty"] {
        heads.github.repository(&format!("acme/{name}"));
        heads
            .github
            .push(&format!("acme/{name}"), "refs/heads/main", &commit(7));
    }
    heads.follower("behind", 6);
    heads.follower("current", 7);
    heads.object("empty", "empty", json!({"branch": "main"}), None);
    heads.list();
    heads.start();
    heads.until_woken("behind", 1).await;
    heads.until_noted(3).await;
    heads.rounds(2).await;
    let told = heads.deliveries().await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].delivery.repository.as_ref().unwrap().full_name,
        "acme/behind"
    );
    heads.stop().await;
}

#[tokio::test]
async fn a_push_that_a_webhook_told_of_is_only_noted() {
    let mut heads = Heads::new().await;
    heads.github.repository("acme/web");
    heads.follower("web", 1);
    heads.list();
    heads.start();
    heads.until_noted(1).await;
    let mut push = delivery(1, "web");
    push.event = Event::Push(RefChange {
        reference: PushedRef::branch("main").expect("a branch"),
        before: Some(id(1)),
        after: Some(id(2)),
        head_commit: Some(id(2)),
        created: false,
        deleted: false,
        forced: false,
        paths: ChangedPaths::CutOff(CutOff::Kept),
        // Not before GitHub has it, which is a moment later here.
        pushed_at: Some(jiff::Timestamp::now() + Duration::from_secs(60)),
    });
    heads.scene.store.accept(&push).await.expect("it is taken");
    heads.scene.arrived.notify_one();
    heads.until_woken("web", 1).await;
    heads.github.push("acme/web", "refs/heads/main", &commit(2));
    let is_noted = async || {
        heads
            .noted()
            .await
            .values()
            .any(|it| it.contains(&commit(2)))
    };
    heads.until("the new head is noted", is_noted).await;
    heads.rounds(2).await;
    assert_eq!(heads.deliveries().await.len(), 1);
    // The next push is told by nobody again.
    heads.github.push("acme/web", "refs/heads/main", &commit(3));
    heads.until_woken("web", 2).await;
    heads.stop().await;
}

#[tokio::test]
async fn repositories_that_cannot_be_seen_are_told_apart_and_harm_no_other() {
    let mut heads = Heads::new().await;
    for name in ["web", "old", "blocked", "archived", "gone"] {
        heads.github.repository(&format!("acme/{name}"));
        heads.follower(name, 1);
    }
    heads.github.rename("acme/old", "acme/new");
    heads.github.block("acme/blocked", Block::Law);
    heads
        .github
        .change("acme/archived", |it| it.archived = true);
    heads.github.delete("acme/gone");
    heads.follower("branchless", 1);
    heads.github.repository("acme/branchless");
    heads.github.push_as(
        "acme/branchless",
        "refs/heads/main",
        None,
        crate::github::sender::Delivering::Deliver,
    );
    heads.list();
    heads.start();
    heads.until_noted(3).await;
    heads.rounds(3).await;
    let faults = heads.report().unwrap().faults;
    let mut told: Vec<_> = faults
        .iter()
        .map(|it| (it.repository.as_str(), it.kind, it.failures))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("acme/archived", "archived", 0),
            ("acme/blocked", "blocked", 1),
            ("acme/branchless", "absent", 0),
            ("acme/gone", "notSeen", 1),
            ("acme/old", "renamed", 0),
        ]
    );
    let reason = |name: &str| {
        &faults
            .iter()
            .find(|it| it.repository == name)
            .unwrap()
            .reason
    };
    assert_eq!(
        reason("acme/old"),
        "it is called `acme/new` now; write that in the source's URL"
    );
    assert!(reason("acme/gone").starts_with("not found, or not visible to identity `bot`"));
    // The renamed one wakes who names it as before, the lost branch when it returns.
    heads.github.push("acme/new", "refs/heads/main", &commit(2));
    heads.until_woken("old", 1).await;
    heads
        .github
        .push("acme/branchless", "refs/heads/main", &commit(3));
    heads.until_woken("branchless", 1).await;
    heads.stop().await;
}

#[tokio::test]
async fn versions_are_found_among_tags_and_annotated_tags_lead_to_their_commit() {
    let mut heads = Heads::new().await;
    heads.github.repository("acme/web");
    let tag = |name: &str, number| {
        heads
            .github
            .push("acme/web", &format!("refs/tags/{name}"), &commit(number));
    };
    tag("v1.9.0", 9);
    let revision = format!("v1.9.0@sha1:{}", commit(9));
    let revision = Some(revision);
    heads.object("one", "web", json!({"semver": "1.x"}), revision.clone());
    heads.object("any", "web", json!({"semver": ">=1"}), revision);
    heads.object("head", "web", json!({"name": "HEAD"}), None);
    heads.list();
    heads.start();
    heads.until_noted(3).await;
    heads
        .github
        .push("acme/web", "refs/tags/v1.8.1", &commit(8));
    heads.rounds(2).await;
    assert!(heads.deliveries().await.is_empty());
    let annotated = Target::Tag {
        oid: commit(200),
        commit: commit(20),
    };
    let delivering = crate::github::sender::Delivering::Deliver;
    heads
        .github
        .push_as("acme/web", "refs/tags/v2.0.0", Some(annotated), delivering);
    heads.until_woken("any", 1).await;
    assert!(heads.scene.asked("one").is_empty());
    let told = heads.deliveries().await.remove(0).delivery;
    let Event::Head(seen) = told.event else {
        panic!("{told:?}")
    };
    assert_eq!(
        (seen.reference.to_string(), seen.commit),
        ("refs/tags/v2.0.0".to_owned(), id(20))
    );
    heads.stop().await;
}

#[tokio::test]
async fn a_pull_request_is_asked_for_by_its_number_for_no_ref_of_its_name_is_known() {
    let mut heads = Heads::new().await;
    heads.github.repository("acme/web");
    heads.told.lock().unwrap().push("acme/web".to_owned());
    let push = |what: &str, number| {
        let name = format!("refs/pull/7/{what}");
        heads.github.push("acme/web", &name, &commit(number));
    };
    push("head", 1);
    let follows = |what: &str| json!({"name": format!("refs/pull/7/{what}")});
    let fetched = Some(format!("refs/pull/7/head@sha1:{}", commit(1)));
    heads.object("head", "web", follows("head"), fetched);
    heads.object("merge", "web", follows("merge"), None);
    heads.list();
    heads.start();
    heads.until_noted(1).await;
    let absent = loop {
        if let Some(absent) = heads.report().unwrap().faults.pop() {
            break absent;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(
        (absent.kind, absent.reference.as_deref()),
        ("absent", Some("refs/pull/7/merge"))
    );
    // A webhook tells of pushes to branches, and of none to pull requests.
    heads
        .github
        .push("acme/web", "refs/pull/7/head", &commit(2));
    heads.until_woken("head", 1).await;
    heads
        .github
        .push("acme/web", "refs/pull/7/merge", &commit(3));
    heads.until_noted(2).await;
    heads.stop().await;
}

#[tokio::test]
async fn of_a_large_owner_only_what_was_pushed_to_is_asked_for() {
    let mut heads = Heads::new().await;
    heads.owners.push("Acme".to_owned());
    for number in 0..120 {
        heads.github.repository(&format!("acme/r{number}"));
        heads.follower(&format!("r{number}"), 1);
    }
    heads.list();
    heads.start();
    heads.until_noted(120).await;
    heads.rounds(2).await;
    assert_eq!(heads.report().unwrap().owners, ["acme"]);
    let (before, begun) = (heads.calls().points, Instant::now());
    heads.github.push("acme/r77", "refs/heads/main", &commit(2));
    heads.until_woken("r77", 1).await;
    // The owner once or twice a second, and one repository; all would be two more a second.
    let points = heads.calls().points - before;
    let most = 3 + 2 * begun.elapsed().as_secs();
    assert!(points <= most.max(5), "{points} of {most}");
    assert_eq!(heads.deliveries().await.len(), 1);
    heads.stop().await;
}

#[tokio::test]
async fn seventy_eight_refs_are_one_point_a_round_and_storms_do_no_harm() {
    let mut heads = Heads::new().await;
    for number in 0..26 {
        let name = format!("r{number}");
        heads.github.repository(&format!("acme/{name}"));
        for branch in ["main", "stage", "dev"] {
            heads.github.push(
                &format!("acme/{name}"),
                &format!("refs/heads/{branch}"),
                &commit(1),
            );
            let reference = json!({"branch": branch});
            let revision = Some(format!("{branch}@sha1:{}", commit(1)));
            heads.object(&format!("{name}-{branch}"), &name, reference, revision);
        }
    }
    heads.list();
    let begun = Instant::now();
    heads.start();
    heads.until_noted(78).await;
    heads.rounds(3).await;
    let Calls { calls, points, .. } = heads.calls();
    assert_eq!(calls, points);
    // A round is one second.
    let most = (2 + begun.elapsed().as_secs()).max(6);
    assert!(points <= most, "{points} of {most}");
    let report = heads.report().unwrap();
    assert_eq!((report.repositories, report.refs), (26, 78));
    heads.github.fail_next(2, Fault::Proxy(502));
    heads.github.push("acme/r7", "refs/heads/dev", &commit(2));
    heads.until_woken("r7-dev", 1).await;
    assert_eq!(heads.deliveries().await.len(), 1);
    heads.stop().await;
}

#[tokio::test]
async fn what_nobody_follows_any_more_is_forgotten_and_what_a_webhook_tells_of_is_swept_alone() {
    let mut heads = Heads::new().await;
    heads.github.repository("acme/web");
    heads.github.repository("acme/api");
    heads.follower("web", 1);
    heads.follower("api", 1);
    heads.told.lock().unwrap().push("acme/web".to_owned());
    heads.list();
    heads.start();
    heads.until_noted(2).await;
    let lanes = heads.report().unwrap().lanes;
    let lanes: Vec<_> = lanes.iter().map(|it| (it.cadence, it.refs)).collect();
    assert_eq!(lanes, [("every", 1), ("sweep", 1)]);
    // Of `api` is asked still, of `web` in a quarter of an hour.
    heads.github.push("acme/web", "refs/heads/main", &commit(2));
    heads.rounds(3).await;
    assert!(heads.deliveries().await.is_empty());
    // Its webhook is silent.
    heads.told.lock().unwrap().clear();
    heads.until_woken("web", 1).await;

    let mut fewer = Heads::new().await;
    std::mem::swap(&mut fewer.scene, &mut heads.scene);
    fewer.follower("api", 1);
    fewer.list();
    fewer.until_noted(1).await;
    assert!(
        fewer
            .noted()
            .await
            .keys()
            .all(|name| name.starts_with("github.com/acme/api "))
    );
    std::mem::swap(&mut fewer.scene, &mut heads.scene);
    heads.stop().await;
    tokio::time::sleep(EVERY / 10).await;
}

#[tokio::test]
async fn a_token_that_was_revoked_is_told_and_nothing_is_hammered() {
    let mut heads = Heads::new().await;
    heads.github.repository("acme/web");
    heads.follower("web", 1);
    heads.list();
    heads.start();
    heads.until_noted(1).await;
    heads.github.fail_where("graphql", None, Fault::Status(401));
    let in_trouble = async || heads.report().is_some_and(|it| it.trouble.is_some());
    heads.until("it is told", in_trouble).await;
    let (before, begun) = (heads.calls().calls, Instant::now());
    tokio::time::sleep(Duration::from_secs(4)).await;
    // After 1, 2 and 4 seconds, and so on.
    let calls = heads.calls().calls - before;
    let most = u64::from((begun.elapsed().as_secs() + 1).ilog2() + 1);
    assert!(calls <= most, "{calls} of {most}");
    let trouble = heads.report().unwrap().trouble.unwrap();
    assert!(trouble.reason.contains("401"), "{trouble:?}");
    heads.github.clear_faults();
    heads.github.push("acme/web", "refs/heads/main", &commit(2));
    heads.until_woken("web", 1).await;
    heads.stop().await;
}

#[test]
#[ignore = "needs GitHub's descriptions"]
fn github_takes_our_queries_for_heads() {
    let asked = [
        Asked::Ref("refs/heads/main".into()),
        Asked::Default,
        Asked::PullHead(7),
        Asked::PullMerge(7),
        Asked::Tags,
    ];
    let all = RepositoryQuestion {
        owner: "acme".into(),
        name: "web".into(),
        asked: asked.to_vec(),
    };
    let (heads, _) = query(&[all.clone(), all]);
    let (recency, _) = recency_query("acme", Some("c"));
    let judged = judge(&[&heads, recency], &[]);
    assert_eq!(judged.faults, [Vec::<String>::new(), Vec::new()]);
}

#[test]
#[ignore = "takes half a minute, and prints figures"]
fn ten_thousand_refs_are_little_work_and_little_memory() {
    const ROUNDS: u64 = 3;
    const ALONE: &str = "FLUX_SETUP_TEST_ALONE";
    // What other tests of this process take is no memory of ours.
    if std::env::var_os(ALONE).is_none() {
        let name = "heads::ten_thousand_refs_are_little_work_and_little_memory";
        let alone = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--include-ignored", "--nocapture"])
            .env(ALONE, "1")
            .output();
        let alone = alone.expect("it can be run");
        let told = String::from_utf8_lossy(&alone.stdout);
        println!("{told}");
        let is_well = alone.status.success() && told.contains("1 passed");
        assert!(is_well, "{}", String::from_utf8_lossy(&alone.stderr));
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut heads = runtime.block_on(async {
        let mut heads = Heads::new().await;
        // Else the pace is stretched, and the test takes minutes.
        heads.github.default_limit("graphql", 1_000_000);
        for number in 0..10_000 {
            heads.github.repository(&format!("acme/r{number}"));
            heads.follower(&format!("r{number}"), 1);
        }
        heads.list();
        heads
    });
    let before = scene::resident_bytes();
    let spent = std::thread::scope(|scope| {
        // One thread of its own, so that what it takes can be told from what GitHub takes.
        let worked = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                heads.start_every(Duration::from_secs(5));
                heads.until_noted(10_000).await;
                let first = scene::on_processor();
                heads.rounds(ROUNDS * 100).await;
                let later = scene::on_processor();
                heads.stop().await;
                (
                    first,
                    (later - first) / u32::try_from(ROUNDS).expect("a few"),
                )
            })
        });
        worked.join().expect("it does not panic")
    });
    let grown = scene::resident_bytes().saturating_sub(before) / 1024 / 1024;
    let share = spent.1.as_secs_f64() / 30.0 * 100.0;
    println!(
        "10,000 refs: first round {:?}, each later one {:?} of a core, which is {share:.2} % at 30s; {grown} MiB more",
        spent.0, spent.1
    );
    assert!(grown < 50, "{grown} MiB");
}

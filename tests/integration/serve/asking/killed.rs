//! The service is killed while it fetches what never came, or sees where refs point: each push wakes once, and no call
//! is made inside a hold.

use std::thread;
use std::time::Duration;

use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::api_server::{ApiServer, shared};
use crate::github::faults::Fault;
use crate::github::hooks::Scope;
use crate::github::sender::Delivering;
use crate::github::{FakeGithub, Options};
use crate::process::Home;

use super::scene::{LIST, SHOW, Scene, TOKEN, heads, webhook};

const MISSED: u32 = 240;
/// Deliveries that are fetched beside each other.
const AT_ONCE: u64 = 4;

/// How many refusals by a secondary limit stand in the store.
#[tokio::main(flavor = "current_thread")]
async fn refusals_kept(home: &Home) -> usize {
    let options = SqliteConnectOptions::new()
        .filename(home.store())
        .read_only(true);
    let mut store = options.connect().await.expect("the store is there");
    let notes = "SELECT content FROM note WHERE subject = 'ledger'";
    let notes: Vec<String> = sqlx::query_scalar(notes)
        .fetch_all(&mut store)
        .await
        .expect("it can be read");
    let hits = |note: &String| {
        let ledger: Value = serde_json::from_str(note).expect("it is JSON");
        ledger["pressure"]["hits"].as_array().map_or(0, Vec::len)
    };
    notes.iter().map(hits).sum()
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn kill_9_in_the_middle_of_the_back_fill_fetches_each_once_and_asks_nothing_inside_a_hold() {
    let scene = Scene::new(shared(), "refetch", "audit: {every: 1s}, heads: false");
    scene.fleet(MISSED);
    scene.start().kill();
    let miss = |numbers: std::ops::Range<u32>| {
        for number in numbers {
            scene.push(number, Delivering::UNREACHABLE);
        }
    };
    // The rest comes bit by bit, so that in each round there is something to be fetched.
    let a_round = MISSED / 10;
    miss(0..MISSED / 2);
    let shown = || scene.github.books().of(SHOW).calls;
    let (mut kills, mut held) = (0, 0);
    for (round, pause) in (0..).zip([35, 210, 90, 5, 140]) {
        let first = MISSED / 2 + round * a_round;
        miss(first..first + a_round);
        let before = shown();
        let mut service = scene.home.start();
        service.wait_until("it fetches", |_| shown() > before);
        thread::sleep(Duration::from_millis(pause));
        if round % 2 == 1 {
            let fault = Fault::Secondary {
                status: 403,
                retry_after: Some(6),
            };
            let before = refusals_kept(&scene.home);
            scene.github.fail_next(1, fault);
            service.wait_until("its hold is kept", |_| refusals_kept(&scene.home) > before);
            held += 1;
        }
        service.kill();
        scene.github.caller_ended();
        kills += 1;
        assert!(shown() < u64::from(MISSED) + kills * AT_ONCE);
    }
    let mut service = scene.home.start();
    scene.wait_for(&service, 0..MISSED);
    service.wait_until("nothing is left", |service| {
        let told = webhook(service);
        told["catchingUp"] == false && told["lastAudit"].is_string()
    });
    thread::sleep(Duration::from_secs(4));
    assert_eq!(scene.not_once(0..MISSED), []);
    let books = scene.github.books();
    assert_eq!(books.violations, []);
    // Only what was on its way when it was killed is fetched again.
    let (shown, refused) = (books.of(SHOW).calls, books.of(SHOW).refused);
    let most = u64::from(MISSED) + kills * AT_ONCE + refused;
    assert!(shown <= most, "{shown} of {most}");
    println!(
        "{kills} kills, {held} inside a hold: {MISSED} missed, {shown} fetched, {} pages",
        books.of(LIST).calls
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn kill_9_while_heads_are_seen_wakes_each_object_once() {
    // All sources of a cluster are asked for, so that it is one of its own.
    let server = ApiServer::start();
    let github = FakeGithub::launch(Options::default());
    let token = github.personal_token("bot", &["repo"]);
    // Without webhooks heads alone tell of pushes.
    let host =
        format!("heads: {{every: 1s}}, identities: [{{name: bot, token: {{file: {TOKEN}}}}}]");
    let hook = Scope::Organization("acme".into());
    let scene = Scene::configured(&server, "seen", github, hook, &host);
    scene.home.write(TOKEN, &token);
    scene.github.default_limit("graphql", 1_000_000);
    scene.fleet(MISSED);
    let mut service = scene.home.start();
    service.wait_until("it knows where all refs point", |service| {
        let told = heads(service);
        told["refs"] == MISSED && told["lastRound"].is_string()
    });
    let asked = || scene.github.books().of("POST /graphql").calls;
    let a_round = MISSED / 5;
    for (round, pause) in (0u32..).zip([20, 70, 150, 300, 0]) {
        let before = asked();
        for number in round * a_round..(round + 1) * a_round {
            scene.push(number, Delivering::UNREACHABLE);
        }
        service.wait_until("it asks where they point", |_| asked() > before);
        thread::sleep(Duration::from_millis(pause));
        service.kill();
        scene.github.caller_ended();
        service = scene.home.start();
        service.wait_until_ready();
    }
    scene.wait_for(&service, 0..MISSED);
    thread::sleep(Duration::from_secs(4));
    assert_eq!(scene.not_once(0..MISSED), []);
    assert_eq!(scene.github.books().violations, []);
}

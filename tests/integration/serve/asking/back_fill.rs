//! Pushes of which many were never delivered: each wakes its object once, and the books of both sides agree.

use serde_json::{Value, json};

use crate::api_server::{ApiServer, shared};
use crate::binary::{command, ended};
use crate::github::sender::Delivering;
use crate::github::who::Who;

use super::scene::{SHOW, Scene, bot, bucket, webhook};

const PUSHES: u32 = 1_000;

/// Of ten pushes three are never delivered, and one fails.
fn fate(number: u32) -> Delivering {
    match number % 20 {
        0..3 => Delivering::TIMED_OUT,
        3..6 => Delivering::UNREACHABLE,
        6..8 => Delivering::BAD_GATEWAY,
        _ => Delivering::Deliver,
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn of_a_thousand_pushes_each_wakes_its_object_once_also_where_four_hundred_never_came() {
    let scene = Scene::new(shared(), "thousand", "audit: {every: 1s}, heads: false");
    scene.fleet(PUSHES);
    let mut service = scene.start();
    for number in 0..PUSHES {
        scene.push(number, fate(number));
    }
    scene.quiet();
    // On a busy machine one of those that were posted may have been answered too late, or not have been taken.
    let failed = scene.failed();
    assert!(failed >= 400, "{failed}");
    scene.wait_for(&service, 0..PUSHES);
    service.wait_until("nothing is left", |service| {
        let told = webhook(service);
        let missed = told["missed"].as_u64() >= Some(400);
        missed && told["backFilled"] == told["missed"] && told["catchingUp"] == false
    });
    // Who would be woken twice is woken again after the rest of its object.
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(scene.not_once(0..PUSHES), []);
    let told = webhook(&service);
    let missed = told["missed"].as_u64().unwrap_or_default();
    assert!((400..=failed).contains(&missed), "{failed}: {told}");
    assert_eq!(
        (&told["backFilled"], &told["redelivered"]),
        (&json!(missed), &json!(0)),
        "{told}"
    );
    let books = scene.github.books();
    assert_eq!(books.of(SHOW).calls, missed, "each is fetched once");
    assert_eq!(books.violations, []);
}

/// Whether a bucket is told as GitHub has it; both are read again where a call came between.
fn agrees(told: &Value, own: u32, others: u32, used: u32, remaining: u32) -> bool {
    let purposes = told["byPurpose"].as_object().into_iter().flatten();
    let purposes: u64 = purposes.filter_map(|(_, points)| points.as_u64()).sum();
    let foreign = told["foreignUsed"].as_u64().unwrap_or(u64::MAX);
    told["ownUsed"] == own
        && told["used"] == used
        && told["remaining"] == remaining
        && purposes == u64::from(own)
        && 50 * foreign.abs_diff(others.into()) <= u64::from(others)
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn after_a_busy_run_the_report_and_the_command_line_agree_with_githubs_books_to_the_request() {
    let host = "audit: {every: 1s}, heads: {every: 1s, sweep: 1s}";
    // All objects of the cluster are asked for: the report would never rest among those of other tests.
    let server = ApiServer::start();
    let scene = Scene::new(&server, "agree", host);
    scene.fleet(100);
    for resource in ["core", "graphql"] {
        scene.github.others_rate(&bot(), resource, 36_000.0);
    }
    let mut service = scene.start();
    for number in 0..100 {
        if number == 50 {
            scene.github.use_by_others(&bot(), "core", 333);
        }
        scene.push(number, fate(number));
    }
    scene.wait_for(&service, 0..100);
    service.wait_until("enough was used to compare", |_| {
        let books = scene.github.books();
        let mut books = ["core", "graphql"]
            .iter()
            .map(|it| books.buckets[&(bot(), *it)]);
        books.all(|book| book.own > 5 && book.others >= 100)
    });
    for resource in ["core", "graphql"] {
        scene.github.others_rate(&bot(), resource, 0.0);
    }
    for resource in ["core", "graphql"] {
        let mut told = Value::Null;
        let book = |who: &Who| scene.github.books().buckets[&(who.clone(), resource)];
        service.wait_until("the report agrees with GitHub's books", |service| {
            let before = book(&bot());
            told = bucket(service, resource);
            let is_same = before == book(&bot());
            let sample = before.sample;
            let (used, remaining) = (sample.used, sample.remaining);
            is_same && agrees(&told, before.own, before.others, used, remaining)
        });
    }
    service.wait_until("the command line agrees with GitHub's books", |_| {
        let before = scene.github.books().buckets;
        let output = command(&["budget", "--live", "--format", "json"])
            .current_dir(scene.home.path())
            .output();
        let run = ended(&output.expect("the program was built"));
        // At the pace at which others went it would be empty before its reset, which is 1.
        assert!(
            matches!(run.code, Some(0 | 1)) && run.stderr.is_empty(),
            "{run:?}"
        );
        let report: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
        let after = scene.github.books().buckets;
        let mut rows = report["buckets"].as_array().into_iter().flatten();
        let core = rows.find(|row| row["resource"] == "core").unwrap();
        let key = (bot(), "core");
        let (book, later) = (before[&key], after[&key]);
        let (used, remaining) = (book.sample.used, book.sample.remaining);
        book == later && agrees(core, book.own, book.others, used, remaining)
    });
    assert_eq!(scene.github.violations(), []);
}

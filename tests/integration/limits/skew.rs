//! This machine's clock is ten minutes off: GitHub is asked as ever, times are told by its clock, and people are told.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::asking::{back_filled, book, core, home, miss, start, until_it_agrees};
use crate::github::faults::Fault;
use crate::github::who::{Level, Who};
use crate::github::{FakeGithub, Options};
use crate::process::Service;

/// In seconds; long enough to be seen on a machine that stands still for a while.
const HOLD: u32 = 12;
const MINT: &str = "POST /app/installations/{installation_id}/access_tokens";

fn notes(service: &Service) -> String {
    let told = service.get("/api/v1/rate-limit").map(|(_, told)| told);
    told.unwrap_or_default()["notes"].to_string()
}

fn time(value: &Value) -> Timestamp {
    let text = value.as_str();
    text.and_then(|it| it.parse().ok())
        .unwrap_or_else(|| panic!("no time: {value}"))
}

/// Clocks are compared in whole seconds, and by an answer that was some time on its way.
const ROUNDED: SignedDuration = SignedDuration::from_secs(10);

fn is_between(one: Timestamp, from: Timestamp, to: Timestamp, off: SignedDuration) -> bool {
    (from - off..=to + off).contains(&one)
}

fn a_clock_that_is_off(minutes: i64, side: &str) {
    let github = FakeGithub::launch(Options::default());
    github.skew(SignedDuration::from_mins(minutes));
    let granted = ["contents", "metadata", "organization_hooks"];
    let app = github.app("robot", &granted.map(|name| (name, Level::Read)), &[]);
    let installation = github.install(app.id, "acme", None);
    let who = Who::Installation(installation);
    // 400 by others in the half hour that is over.
    github.use_by_others(&who, "core", 400);
    github.move_reset(&who, "core", github.now() + SignedDuration::from_mins(30));
    let identity = format!(
        "{{name: app, app: {{id: {}, installation: {installation}, privateKey: {{file: app.pem}}}}}}",
        app.id
    );
    let home = home(&github, &identity);
    home.write("app.pem", &app.private_key);
    let mut service = start(&home);

    // The first signature is by the wrong clock; its answer has GitHub's.
    let mints = github.books().of(MINT);
    assert_eq!((mints.calls, mints.refused), (2, 1));
    miss(&github, 0..3);
    service.wait_until("they are fetched", |service| back_filled(service) == 3);
    until_it_agrees(&mut service, &github, &who, "by another clock");
    let bucket = core(&service);
    let figure = |name: &str| bucket[name].as_f64().unwrap_or(f64::NAN);
    let left = bucket["forecast"]["remainingAtReset"].as_f64();
    // As in the half hour that is over, in the half hour that is to come.
    let expected = figure("remaining") - figure("ratePerHour") / 2.0;
    let is_right = |left: f64| (left - expected).abs() < expected / 50.0;
    assert!(left.is_some_and(is_right), "{expected} of {bucket}");
    let basis = bucket["forecast"]["basis"].as_str().expect("it is told");
    // 400 in half an hour, and in some seconds more on a busy machine.
    let pace = basis.split("others' ").nth(1).and_then(|rest| {
        let digits = rest.split(|it: char| !it.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok()
    });
    assert!(pace.is_some_and(|it| (700..=809).contains(&it)), "{basis}");
    let before = github.now();
    let (_, report) = service.get("/api/v1/rate-limit").expect("it is told");
    let is_now = is_between(time(&report["at"]), before, github.now(), ROUNDED);
    assert!(is_now, "{report}");

    let told = format!(
        "the clock of this machine is 10m {side} that of github.com; set it right, best by NTP"
    );
    let is_told = |text: &str| text.contains(&told);
    assert!(is_told(&notes(&service)), "{}", notes(&service));
    service.wait_until("the log tells", |service| is_told(&service.log()));
    let (_, metrics) = service.get("/metrics").expect("it is told");
    let metrics = metrics.as_str().expect("it is told");
    let name = "\nflux_setup_github_clock_ahead_seconds{host=\"github.com\"} ";
    let ahead: Option<i64> = metrics.split(name).nth(1).and_then(|rest| {
        let figure = rest.lines().next()?;
        figure.parse().ok()
    });
    assert!(
        ahead.is_some_and(|ahead| (ahead - minutes * 60).abs() <= ROUNDED.as_secs()),
        "{metrics}"
    );

    // A hold is as long as GitHub said, and is told by its clock.
    let fault = Fault::Secondary {
        status: 403,
        retry_after: Some(HOLD),
    };
    let before = github.now();
    github.fail_next(1, fault);
    let mut hold = Value::Null;
    service.wait_until("it is held", |service| {
        hold = core(service)["holds"][0].clone();
        hold.is_object()
    });
    let until = time(&hold["until"]);
    let least = SignedDuration::from_secs(HOLD.into());
    let is_right = is_between(until, before + least, github.now() + least, ROUNDED);
    assert!(is_right, "{until}");
    miss(&github, 3..6);
    service.wait_until("it goes on after", |service| back_filled(service) == 6);
    // Whoever takes its own clock for GitHub's goes on ten minutes early or late.
    let now = github.now();
    assert!(now >= until - ROUNDED, "{now}, and not {until}");
    assert!(
        now.duration_since(until) < SignedDuration::from_mins(5),
        "{now}, and not {until}"
    );
    assert_eq!(book(&github, &who).others, 400);
    until_it_agrees(&mut service, &github, &who, "after the hold");

    // Now they are one.
    github.skew(SignedDuration::ZERO);
    service.wait_until("nothing is told any more", |service| notes(service) == "[]");
    service.wait_until("the log tells", |service| {
        service
            .log()
            .contains("the clock of this machine is that of github.com again")
    });
    assert_eq!(service.log().matches("; set it right").count(), 1);
    assert_eq!(github.books().of(MINT).calls, 2);
    assert_eq!(github.violations(), []);
}

#[test]
fn a_clock_that_is_ten_minutes_behind_githubs_harms_nothing_and_is_told() {
    a_clock_that_is_off(10, "behind");
}

#[test]
fn a_clock_that_is_ten_minutes_ahead_of_githubs_harms_nothing_and_is_told() {
    a_clock_that_is_off(-10, "ahead of");
}

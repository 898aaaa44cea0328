//! A reset that moves: what is told stays what GitHub's books say, and nothing is asked past a limit.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::asking::{back_filled, book, core, home, miss, start, until_it_agrees};
use super::{TOKEN, bot};
use crate::github::{FakeGithub, Options};
use crate::process::{Home, Service};

fn launched() -> (FakeGithub, Home) {
    let github = FakeGithub::launch(Options::default());
    let home = home(&github, &format!("{{name: bot, token: {{file: {TOKEN}}}}}"));
    let token = github.personal_token("bot", &["repo", "admin:org_hook"]);
    home.write(TOKEN, &token);
    (github, home)
}

fn in_minutes(minutes: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(minutes)
}

/// Misses three more, and waits until they were fetched.
fn go_on(service: &mut Service, github: &FakeGithub, missed: &mut u32) {
    miss(github, *missed..*missed + 3);
    *missed += 3;
    let all = u64::from(*missed);
    service.wait_until("they are fetched", |service| back_filled(service) == all);
}

#[test]
fn a_reset_that_jumps_and_use_that_goes_back_leave_the_report_right() {
    let (github, home) = launched();
    github.use_by_others(&bot(), "core", 40);
    let mut service = start(&home);
    let mut missed = 0;
    go_on(&mut service, &github, &mut missed);
    until_it_agrees(&mut service, &github, &bot(), "at first");
    for (minutes, when) in [
        (20, "back"),
        (55, "forth"),
        (5, "back again"),
        (59, "to the end"),
    ] {
        github.move_reset(&bot(), "core", in_minutes(minutes));
        github.use_by_others(&bot(), "core", 7);
        go_on(&mut service, &github, &mut missed);
        until_it_agrees(&mut service, &github, &bot(), when);
    }
    // All of it is given back, and another hour begins with the next call.
    github.fill(&bot(), "core");
    go_on(&mut service, &github, &mut missed);
    // The call that found it was on its way when the hour began.
    until_it_agrees(&mut service, &github, &bot(), "used goes back");
    // An hour that ends while it works.
    github.move_reset(
        &bot(),
        "core",
        Timestamp::now() + SignedDuration::from_secs(3),
    );
    github.use_by_others(&bot(), "core", 11);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        go_on(&mut service, &github, &mut missed);
    }
    until_it_agrees(&mut service, &github, &bot(), "a new hour");
    let book = book(&github, &bot());
    assert!(book.sample.used < 40, "it is a new hour: {book:?}");
    assert_eq!(github.violations(), []);
    assert_eq!(
        u64::from(missed),
        github.books().of(super::asking::SHOW).calls
    );
}

#[test]
fn where_the_reset_moves_while_nothing_is_left_nothing_is_asked_past_the_limit() {
    let (github, home) = launched();
    github.limit(&bot(), "core", 100);
    let mut service = start(&home);
    let mut missed = 0;
    go_on(&mut service, &github, &mut missed);
    github.move_reset(
        &bot(),
        "core",
        Timestamp::now() + SignedDuration::from_secs(20),
    );
    go_on(&mut service, &github, &mut missed);
    until_it_agrees(&mut service, &github, &bot(), "before it is used up");
    // Others leave what is kept for them, and ten.
    let left = book(&github, &bot()).sample.remaining;
    github.use_by_others(&bot(), "core", left - 30);
    miss(&github, missed..missed + 60);
    missed += 60;
    service.wait_until("it waits for the reset", |service| {
        core(service)["holds"][0]["why"] == "reserve"
    });
    let held = book(&github, &bot());
    // It is not where it was said to be: who comes then is told so. Resets that are near each other are one.
    let mut told = held;
    for seconds in [4, 7] {
        let later = told.sample.reset + SignedDuration::from_secs(seconds);
        github.move_reset(&bot(), "core", later);
        until_it_agrees(&mut service, &github, &bot(), "at the reset that was told");
        told = book(&github, &bot());
    }
    assert!(
        told.sample.remaining >= 17,
        "the reserve, but for who found it out: {told:?}"
    );
    service.wait_until("the next hour is not used up either", |service| {
        back_filled(service) == u64::from(missed)
    });
    let after = book(&github, &bot());
    assert!(after.sample.reset > told.sample.reset, "{after:?}");
    assert!(after.sample.remaining >= 20, "{after:?}");
    until_it_agrees(&mut service, &github, &bot(), "after");
    let books = github.books();
    assert_eq!(books.count(|_| true).refused, 0);
    assert_eq!(books.violations, []);
}

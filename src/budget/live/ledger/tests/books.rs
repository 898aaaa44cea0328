//! What is booked where, of calls of every kind.

use std::time::Duration;

use super::{call, go, knows, secondary, wait};
use crate::budget::live::answer::{Outcome, Sample, Verdict};
use crate::budget::live::ask::{APP_JWT, Ask, Purpose};
use crate::budget::live::hold::HoldReason;
use crate::budget::live::ledger::Ledger;
use crate::budget::live::model::{answered, ask, core, sample, second, settings, spent};

#[test]
fn a_call_without_an_answer_counts_until_a_later_call_tells() {
    let mut ledger = knows(10);
    let lost = go(&mut ledger, &core(), second(1));
    let earlier = go(&mut ledger, &core(), second(1));
    let latency = Duration::from_secs(1);
    ledger.settle(lost, &Outcome::NoAnswer { latency }, second(2));
    assert_eq!(ledger.report(second(2))[0].used, Some(11));
    ledger.settle(earlier, &spent(11, second(3600)), second(2));
    assert_eq!(ledger.report(second(2))[0].used, Some(12));
    call(&mut ledger, &core(), &spent(12, second(3600)), second(3));
    let row = &ledger.report(second(3))[0];
    assert_eq!((row.used, row.own_used), (Some(12), 3));
}

#[test]
fn an_answer_without_a_change_costs_nothing() {
    let mut ledger = knows(10);
    let unchanged = answered(
        Some(("core", sample(10, second(3600)))),
        Verdict::NotModified,
    );
    call(&mut ledger, &core(), &unchanged, second(1));
    let row = &ledger.report(second(1))[0];
    assert_eq!((row.used, row.own_used, row.foreign_used), (Some(10), 1, 9));
}

#[test]
fn a_call_that_github_counts_in_another_bucket_is_booked_and_asked_for_there() {
    let mut ledger = knows(10);
    let search = Ask {
        endpoint: "/search/code".into(),
        ..core()
    };
    let sample = Sample {
        limit: 10,
        remaining: 2,
        used: 8,
        reset: second(60),
    };
    let outcome = answered(Some(("code_search", sample)), Verdict::Spent);
    call(&mut ledger, &search, &outcome, second(1));
    let hold = wait(&mut ledger, &search, second(3));
    assert_eq!(hold.resource.as_deref(), Some("code_search"));
    assert_eq!(hold.until, second(61));
    let rows = ledger.report(second(3));
    let used: Vec<_> = rows
        .iter()
        .map(|row| (row.resource.as_str(), row.own_used))
        .collect();
    assert_eq!(used, [("code_search", 1), ("core", 1)]);
}

#[test]
fn what_an_app_asks_as_itself_is_another_core() {
    let mut ledger = knows(10);
    let mint = ask(APP_JWT, Purpose::Other);
    let outcome = answered(Some(("core", sample(4000, second(900)))), Verdict::Spent);
    call(&mut ledger, &mint, &outcome, second(1));
    let rows = ledger.report(second(1));
    let used: Vec<_> = rows
        .iter()
        .map(|row| (row.resource.as_str(), row.used))
        .collect();
    assert_eq!(used, [("app_jwt", Some(4000)), ("core", Some(10))]);
}

#[test]
fn a_call_that_is_forgotten_counts_as_spent_after_a_quarter_of_an_hour() {
    let mut ledger = knows(10);
    let forgotten = [(); 10].map(|()| go(&mut ledger, &core(), second(1)));
    assert_eq!(
        wait(&mut ledger, &core(), second(900)).why,
        HoldReason::Running
    );
    let next = go(&mut ledger, &core(), second(901));
    assert_eq!(ledger.running(), 1);
    assert_eq!(ledger.report(second(901))[0].used, Some(20));
    let [late, ..] = forgotten;
    ledger.settle(late, &spent(21, second(3600)), second(902));
    ledger.settle(next, &spent(21, second(3600)), second(902));
    assert_eq!(ledger.report(second(902))[0].used, Some(21));
}

#[test]
fn rate_limit_is_asked_when_nothing_was_heard_for_five_minutes_and_not_in_a_hold() {
    let mut ledger = Ledger::new(settings());
    assert!(ledger.wants_rate_limit(second(0)));
    call(&mut ledger, &core(), &spent(1, second(3600)), second(0));
    assert!(!ledger.wants_rate_limit(second(299)));
    assert!(ledger.wants_rate_limit(second(300)));
    call(&mut ledger, &core(), &secondary(Some(3600)), second(0));
    assert!(!ledger.wants_rate_limit(second(900)));
}

#[test]
fn rate_limit_is_not_asked_where_it_would_wait_for_a_reset_and_all_else_behind_it() {
    let mut ledger = knows(10);
    let refused = |resource| {
        let sample = (resource, sample(5000, second(3600)));
        answered(Some(sample), Verdict::PrimaryLimit)
    };
    let query = ask("graphql", Purpose::Heads);
    call(&mut ledger, &query, &refused("graphql"), second(0));
    assert!(ledger.wants_rate_limit(second(300)));
    call(&mut ledger, &core(), &refused("core"), second(0));
    assert!(!ledger.wants_rate_limit(second(300)));
    assert!(!ledger.wants_rate_limit(second(3600)));
    assert!(ledger.wants_rate_limit(second(3601)));
}

#[test]
fn an_answer_that_was_seen_before_a_restart_counts_and_one_from_the_future_does_not() {
    let ledger = knows(10);
    let restored = |now: i64| {
        let state = ledger.state(second(1));
        Ledger::restore(settings(), state, second(now))
    };
    assert!(!restored(2).wants_rate_limit(second(299)));
    assert!(restored(2).wants_rate_limit(second(300)));
    assert!(restored(400).wants_rate_limit(second(400)));
    let set_back = restored(-86_400);
    assert!(!set_back.wants_rate_limit(second(-86_101)));
    assert!(set_back.wants_rate_limit(second(-86_100)));
}

#[test]
fn what_others_do_fades_where_nobody_has_looked_since_the_reset() {
    let mut ledger = knows(10);
    call(
        &mut ledger,
        &core(),
        &spent(3000, second(3600)),
        second(600),
    );
    let others = |now| ledger.report(second(now))[0].foreign_per_hour;
    assert!(others(700) > 2000.0, "{}", others(700));
    assert!(others(3 * 3600) < 100.0, "{}", others(3 * 3600));
}

#[test]
fn what_was_spent_in_this_minute_counts_after_a_restart() {
    let mut ledger = knows(0);
    let path = Ask {
        endpoint: "/deliveries/{}".into(),
        ..core()
    };
    for _ in 0..720 {
        call(
            &mut ledger,
            &path,
            &answered(None, Verdict::NotModified),
            second(10),
        );
    }
    let why = |ledger: &mut Ledger, now| super::wait(ledger, &path, second(now)).why;
    assert_eq!(why(&mut ledger, 11), HoldReason::Points);
    let state = ledger.state(second(12));
    let mut restored = Ledger::restore(settings(), state, second(13));
    assert_eq!(why(&mut restored, 14), HoldReason::Points);
    let reservation = super::go(&mut restored, &path, second(80));
    restored.unsent(reservation);
}

#[test]
fn a_list_of_all_limits_adds_buckets_that_are_used_and_no_others() {
    let mut ledger = knows(10);
    ledger.learn("core", sample(30, second(3600)), second(1));
    ledger.learn("search", sample(0, second(60)), second(1));
    ledger.learn("graphql", sample(7, second(2000)), second(1));
    let rows = ledger.report(second(1));
    let used: Vec<_> = rows
        .iter()
        .map(|row| (row.resource.as_str(), row.used, row.foreign_used))
        .collect();
    assert_eq!(used, [("core", Some(30), 29), ("graphql", Some(7), 7)]);
}

//! The rules of the ledger, one by one.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Choice, Decision, Ledger, Reservation};
use crate::budget::live::answer::{Outcome, Sample, Verdict};
use crate::budget::live::ask::{APP_JWT, Ask, Purpose};
use crate::budget::live::hold::{Hold, HoldReason};
use crate::budget::live::model::{
    Github, answered, ask, at, core, sample, second, settings, spent,
};

fn go(ledger: &mut Ledger, ask: &Ask, now: Timestamp) -> Reservation {
    match ledger.reserve(ask, now) {
        Decision::Go(reservation) => reservation,
        Decision::Wait(hold) => panic!("{hold:?}"),
    }
}

fn wait(ledger: &mut Ledger, ask: &Ask, now: Timestamp) -> Hold {
    match ledger.reserve(ask, now) {
        Decision::Go(_) => panic!("it was let through"),
        Decision::Wait(hold) => hold,
    }
}

fn why(ledger: &mut Ledger, ask: &Ask, now: Timestamp) -> (HoldReason, i64) {
    let hold = wait(ledger, ask, now);
    let until = hold.until.duration_since(second(0)).as_millis();
    (hold.why, i64::try_from(until).unwrap())
}

/// A ledger that was told that much is used of 5,000, until second 3,600.
fn knows(used: u32) -> Ledger {
    let mut ledger = Ledger::new(settings());
    call(&mut ledger, &core(), &spent(used, second(3600)), second(0));
    ledger
}

fn call(ledger: &mut Ledger, ask: &Ask, outcome: &Outcome, now: Timestamp) {
    let reservation = go(ledger, ask, now);
    ledger.settle(reservation, outcome, now);
}

fn secondary(retry_after: Option<u64>) -> Outcome {
    let retry_after = retry_after.map(Duration::from_secs);
    answered(None, Verdict::SecondaryLimit { retry_after })
}

#[test]
fn calls_stop_where_the_reserve_begins_and_those_on_their_way_count() {
    let mut ledger = knows(3997);
    let on_their_way = [(); 3].map(|()| go(&mut ledger, &core(), second(1)));
    assert_eq!(
        why(&mut ledger, &core(), second(1)),
        (HoldReason::Reserve, 3_601_000)
    );
    let mut on_their_way = on_their_way.into_iter();
    ledger.unsent(on_their_way.next().unwrap());
    let again = go(&mut ledger, &core(), second(1));
    assert_eq!(ledger.running(), 3);
    ledger.unsent(again);
}

#[test]
fn heads_and_others_leave_a_twentieth_more_to_webhooks_and_back_fill() {
    let mut ledger = knows(3750);
    for purpose in [Purpose::Heads, Purpose::Other] {
        let hold = wait(&mut ledger, &ask("core", purpose), second(1));
        assert_eq!(hold.why, HoldReason::Reserve);
    }
    for purpose in [Purpose::WebhookHealth, Purpose::BackFill] {
        let reservation = go(&mut ledger, &ask("core", purpose), second(1));
        ledger.unsent(reservation);
    }
}

#[test]
fn a_free_call_goes_though_nothing_is_left() {
    let mut ledger = knows(5000);
    let free = Ask { cost: 0, ..core() };
    let reservation = go(&mut ledger, &free, second(1));
    ledger.unsent(reservation);
}

#[test]
fn one_call_alone_finds_out_what_is_left() {
    let mut ledger = Ledger::new(settings());
    let first = go(&mut ledger, &core(), second(0));
    assert_eq!(
        why(&mut ledger, &core(), second(0)),
        (HoldReason::Unknown, 1000)
    );
    ledger.settle(first, &spent(1, second(3600)), second(0));
    let more = [(); 5].map(|()| go(&mut ledger, &core(), second(1)));
    more.into_iter().for_each(|it| ledger.unsent(it));
    // The hour is over: nobody knows what others have spent of the next one.
    let first = go(&mut ledger, &core(), second(3601));
    assert_eq!(
        wait(&mut ledger, &core(), second(3601)).why,
        HoldReason::Unknown
    );
    ledger.unsent(first);
}

#[test]
fn a_refusal_for_the_hour_holds_that_bucket_until_a_second_after_the_reset() {
    let mut ledger = knows(10);
    let refused = answered(
        Some(("core", sample(5000, second(3600)))),
        Verdict::PrimaryLimit,
    );
    call(&mut ledger, &core(), &refused, second(5));
    let hold = wait(&mut ledger, &core(), second(6));
    assert_eq!(hold.why, HoldReason::PrimaryLimit);
    assert_eq!(hold.resource.as_deref(), Some("core"));
    assert_eq!(ledger.hold("core", second(6)), Some(hold));
    assert_eq!(ledger.hold("graphql", second(6)), None);
    let query = go(&mut ledger, &ask("graphql", Purpose::Heads), second(6));
    ledger.unsent(query);
    assert_eq!(
        why(&mut ledger, &core(), at(3_600_999)),
        (HoldReason::PrimaryLimit, 3_601_000)
    );
    let first = go(&mut ledger, &core(), second(3601));
    ledger.unsent(first);
}

#[test]
fn a_refusal_that_names_no_reset_to_come_holds_a_minute() {
    let mut ledger = Ledger::new(settings());
    let refused = answered(None, Verdict::PrimaryLimit);
    call(&mut ledger, &core(), &refused, second(0));
    assert_eq!(
        why(&mut ledger, &core(), second(1)),
        (HoldReason::PrimaryLimit, 60_000)
    );
}

#[test]
fn a_refusal_of_the_last_hour_that_comes_late_closes_nothing() {
    let mut ledger = knows(10);
    let late = go(&mut ledger, &core(), second(3599));
    let reservation = go(&mut ledger, &Ask { cost: 0, ..core() }, second(3601));
    ledger.settle(reservation, &spent(1, second(7200)), second(3601));
    let refused = answered(
        Some(("core", sample(5000, second(3600)))),
        Verdict::PrimaryLimit,
    );
    ledger.settle(late, &refused, second(3602));
    let reservation = go(&mut ledger, &core(), second(3603));
    ledger.unsent(reservation);
}

#[test]
fn a_secondary_limit_holds_every_bucket_as_long_as_it_says() {
    let mut ledger = knows(10);
    call(&mut ledger, &core(), &secondary(Some(30)), second(5));
    for resource in ["core", "graphql", APP_JWT] {
        let hold = wait(&mut ledger, &ask(resource, Purpose::Other), second(6));
        assert_eq!(hold.why, HoldReason::SecondaryLimit);
        assert_eq!((hold.until, hold.resource), (second(36), None));
    }
    let reservation = go(&mut ledger, &core(), second(36));
    ledger.unsent(reservation);
}

#[test]
fn without_a_word_how_long_holds_double_to_a_quarter_of_an_hour_and_a_good_answer_ends_that() {
    let mut ledger = knows(10);
    let mut now = 100;
    let mut waits = Vec::new();
    for _ in 0..6 {
        call(&mut ledger, &core(), &secondary(None), second(now));
        let (_, until) = why(&mut ledger, &core(), second(now));
        waits.push(until / 1000 - now);
        now = until / 1000;
    }
    assert_eq!(waits, [60, 120, 240, 480, 900, 900]);
    call(&mut ledger, &core(), &spent(20, second(7200)), second(now));
    call(&mut ledger, &core(), &secondary(None), second(now));
    assert_eq!(why(&mut ledger, &core(), second(now)).1, (now + 60) * 1000);
}

#[test]
fn calls_that_were_on_their_way_when_the_gate_closed_count_as_one_refusal() {
    let mut ledger = knows(10);
    let running = [(); 5].map(|()| go(&mut ledger, &core(), second(1)));
    for reservation in running {
        ledger.settle(reservation, &secondary(None), second(2));
    }
    assert_eq!(why(&mut ledger, &core(), second(2)).1, 62_000);
    assert!(!ledger.is_slowed(second(2)));
}

#[test]
fn three_refusals_within_an_hour_halve_what_runs_at_once_for_the_next() {
    let mut ledger = knows(10);
    for now in [10, 1000, 2000] {
        assert!(!ledger.is_slowed(second(now)));
        call(&mut ledger, &core(), &secondary(Some(1)), second(now));
    }
    let free = Ask { cost: 0, ..core() };
    let running = [(); 5].map(|()| go(&mut ledger, &free, second(2002)));
    assert_eq!(
        wait(&mut ledger, &free, second(2002)).why,
        HoldReason::Running
    );
    running.into_iter().for_each(|it| ledger.unsent(it));
    assert!(ledger.is_slowed(second(2000 + 3599)));
    assert!(!ledger.is_slowed(second(2000 + 3600)));
}

#[test]
fn ten_calls_run_at_once_and_no_more() {
    let mut ledger = knows(10);
    let running = [(); 10].map(|()| go(&mut ledger, &core(), second(1)));
    assert_eq!(
        why(&mut ledger, &core(), second(1)),
        (HoldReason::Running, 2000)
    );
    for reservation in running {
        ledger.settle(reservation, &spent(11, second(3600)), second(1));
    }
    assert_eq!(ledger.running(), 0);
}

#[test]
fn an_endpoint_has_720_points_a_minute_and_graphql_1600() {
    for (resource, most) in [("core", 720), ("graphql", 1600)] {
        let mut ledger = Ledger::new(settings());
        let ask = Ask {
            cost: 0,
            ..ask(resource, Purpose::Heads)
        };
        let quick = Outcome::Answered {
            sample: None,
            date: None,
            latency: Duration::ZERO,
            cost: None,
            verdict: Verdict::Spent,
        };
        for _ in 0..most {
            call(&mut ledger, &ask, &quick, second(0));
        }
        assert_eq!(
            why(&mut ledger, &ask, second(30)),
            (HoldReason::Points, 61_000)
        );
        let other = Ask {
            endpoint: "/meta".into(),
            resource: "core".into(),
            ..ask.clone()
        };
        call(&mut ledger, &other, &quick, second(30));
        call(&mut ledger, &ask, &quick, second(61));
    }
}

#[test]
fn githubs_time_is_spent_to_four_fifths_of_what_it_allows_in_a_minute() {
    let mut ledger = Ledger::new(settings());
    let query = ask("graphql", Purpose::Heads);
    let slow = Outcome::Answered {
        sample: Some(("graphql".into(), sample(1, second(3600)))),
        date: None,
        latency: Duration::from_secs(8),
        cost: None,
        verdict: Verdict::Spent,
    };
    for second_of in 0..6 {
        call(&mut ledger, &query, &slow, second(second_of));
    }
    assert_eq!(
        why(&mut ledger, &query, second(6)),
        (HoldReason::Time, 61_000)
    );
    let reservation = go(&mut ledger, &core(), second(6));
    ledger.unsent(reservation);
}

#[test]
fn changes_are_a_second_apart_and_what_is_created_is_counted() {
    let mut ledger = knows(10);
    let change = Ask {
        cost: 0,
        secondary: 5,
        creates: true,
        endpoint: "/repos/{owner}/{repo}/hooks".into(),
        ..core()
    };
    let done = answered(None, Verdict::Spent);
    call(&mut ledger, &change, &done, second(10));
    assert_eq!(
        why(&mut ledger, &change, at(10_500)),
        (HoldReason::Mutation, 11_100)
    );
    for number in 1..400 {
        call(&mut ledger, &change, &done, second(10 + number * 2));
    }
    assert_eq!(
        wait(&mut ledger, &change, second(900)).why,
        HoldReason::Content
    );
}

#[test]
fn a_server_with_its_limits_off_holds_nothing_but_speed() {
    let mut ledger = Ledger::new(settings());
    let not_found = answered(None, Verdict::Spent);
    let rate_limit = Ask { cost: 0, ..core() };
    call(&mut ledger, &rate_limit, &not_found, second(0));
    let running = [(); 10].map(|()| go(&mut ledger, &core(), second(1)));
    for reservation in running {
        ledger.settle(reservation, &not_found, second(1));
    }
    let [row] = &ledger.report(second(2))[..] else {
        panic!("one bucket")
    };
    assert_eq!((row.limit, row.used, row.reset), (None, None, None));
    assert_eq!((row.own_used, row.by_purpose.back_fill), (10, 10));
    assert_eq!(row.forecast, None);
    // Somebody switches them on.
    call(&mut ledger, &core(), &spent(3999, second(3600)), second(3));
    let reservation = go(&mut ledger, &core(), second(3));
    assert_eq!(
        wait(&mut ledger, &core(), second(3)).why,
        HoldReason::Reserve
    );
    ledger.unsent(reservation);
}

#[test]
fn an_answer_without_headers_in_a_known_hour_switches_nothing_off() {
    let mut ledger = knows(3998);
    let from_a_proxy = answered(None, Verdict::Spent);
    call(&mut ledger, &core(), &from_a_proxy, second(1));
    call(&mut ledger, &core(), &from_a_proxy, second(1));
    assert_eq!(
        wait(&mut ledger, &core(), second(1)).why,
        HoldReason::Reserve
    );
}

#[test]
fn nobody_without_a_token_makes_48_of_60_calls_an_hour() {
    let mut ledger = Ledger::new(settings());
    let mut github = Github::with_limit(60);
    for _ in 0..48 {
        let (sample, verdict) = github.arrive(1);
        let outcome = answered(Some(("core", sample)), verdict);
        call(&mut ledger, &core(), &outcome, second(1));
    }
    assert_eq!(
        wait(&mut ledger, &core(), second(1)).why,
        HoldReason::Reserve
    );
}

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
fn the_most_urgent_goes_first_and_one_that_is_held_keeps_back_no_other() {
    let mut ledger = knows(10);
    let waiting = [
        ask("core", Purpose::Other),
        ask("graphql", Purpose::Heads),
        ask("core", Purpose::WebhookHealth),
        ask("core", Purpose::WebhookHealth),
    ];
    let Choice::Go { index, reservation } = ledger.choose(&waiting, second(1)) else {
        panic!("one may go")
    };
    assert_eq!(index, 2);
    let refused = answered(
        Some(("core", sample(5000, second(3600)))),
        Verdict::PrimaryLimit,
    );
    ledger.settle(reservation, &refused, second(1));
    let Choice::Go { index, reservation } = ledger.choose(&waiting, second(2)) else {
        panic!("one may go")
    };
    assert_eq!(index, 1);
    let Choice::Wait(hold) = ledger.choose(&waiting, second(2)) else {
        panic!("nobody may go")
    };
    assert_eq!((hold.why, hold.until), (HoldReason::Unknown, second(3)));
    ledger.unsent(reservation);
    assert!(matches!(ledger.choose([], second(2)), Choice::Idle));
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

/// The same hour with the local clock that far off.
fn reset_is_kept_with_a_clock_off_by(off: SignedDuration) {
    let mut ledger = Ledger::new(settings());
    let local = |seconds| second(seconds) + off;
    let dated = |outcome: Outcome, seconds| match outcome {
        Outcome::Answered {
            sample,
            latency,
            cost,
            verdict,
            ..
        } => Outcome::Answered {
            sample,
            date: Some(second(seconds)),
            latency,
            cost,
            verdict,
        },
        silent @ Outcome::NoAnswer { .. } => silent,
    };
    let outcome = dated(spent(10, second(3600)), 0);
    call(&mut ledger, &core(), &outcome, local(0));
    let refused = answered(
        Some(("core", sample(5000, second(3600)))),
        Verdict::PrimaryLimit,
    );
    call(&mut ledger, &core(), &dated(refused, 3000), local(3000));
    let hold = wait(&mut ledger, &core(), local(3599));
    assert_eq!(hold.until, local(3601));
    assert_eq!(ledger.report(local(3599))[0].holds[0].until, second(3601));
    assert_eq!(ledger.github_time(local(3599)), second(3599));
    let reservation = go(&mut ledger, &core(), local(3601));
    ledger.unsent(reservation);
}

#[test]
fn a_reset_is_kept_to_the_second_with_a_clock_ten_minutes_off() {
    reset_is_kept_with_a_clock_off_by(SignedDuration::from_mins(10));
    reset_is_kept_with_a_clock_off_by(SignedDuration::from_mins(-10));
}

#[test]
fn a_clock_that_is_set_back_or_forward_keeps_no_hold_closed_and_none_open() {
    let mut ledger = knows(10);
    call(&mut ledger, &core(), &secondary(Some(99)), second(1000));
    // Back by half a day: the rest of the wait is waited again, and no more.
    let back = second(1000 - 43_200);
    let hold = wait(&mut ledger, &core(), back);
    assert_eq!(hold.until, back + SignedDuration::from_secs(100));
    let reservation = go(&mut ledger, &core(), hold.until);
    ledger.unsent(reservation);
    // Forward by a day in a hold: one call finds out, and the gate is closed again.
    let mut ledger = knows(10);
    let refusal = |now| Outcome::Answered {
        sample: Some(("core".into(), sample(5000, second(3600)))),
        date: Some(second(now)),
        latency: Duration::from_millis(5),
        cost: None,
        verdict: Verdict::PrimaryLimit,
    };
    call(&mut ledger, &core(), &refusal(1000), second(1000));
    let day = SignedDuration::from_hours(24);
    call(&mut ledger, &core(), &refusal(1010), second(1010) + day);
    let hold = wait(&mut ledger, &core(), second(1011) + day);
    assert_eq!(hold.until, second(3601) + day);
}

#[test]
fn a_reset_without_end_is_not_believed() {
    let mut ledger = Ledger::new(settings());
    let absurd = answered(
        Some(("core", sample(5000, Timestamp::MAX))),
        Verdict::PrimaryLimit,
    );
    call(&mut ledger, &core(), &absurd, second(0));
    let (_, until) = why(&mut ledger, &core(), second(1));
    assert_eq!(until, 7_201_000);
}

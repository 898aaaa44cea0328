//! The secondary limits, what runs at once, and who goes first.

use std::time::Duration;

use super::{call, go, knows, secondary, wait, why};
use crate::budget::live::answer::{Outcome, Verdict};
use crate::budget::live::ask::{APP_JWT, Ask, Purpose};
use crate::budget::live::hold::HoldReason;
use crate::budget::live::ledger::Ledger;
use crate::budget::live::ledger::choose::Choice;
use crate::budget::live::model::{answered, ask, at, core, sample, second, settings, spent};

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

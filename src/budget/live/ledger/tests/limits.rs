//! What is left of a bucket: reserve, refusals, servers without limits.

use super::{call, go, knows, wait, why};
use crate::budget::live::answer::Verdict;
use crate::budget::live::ask::{Ask, Purpose};
use crate::budget::live::hold::HoldReason;
use crate::budget::live::ledger::Ledger;
use crate::budget::live::model::{
    Github, answered, ask, at, core, sample, second, settings, spent,
};
use crate::budget::live::report::HoldScope;

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
    let held = |ledger: &Ledger| {
        let holds = ledger.holds(second(1));
        let holds: Vec<_> = holds.into_iter().map(|hold| (hold.of, hold.why)).collect();
        holds
    };
    assert_eq!(
        held(&ledger),
        [(HoldScope::LessUrgent, HoldReason::Reserve)]
    );
    assert_eq!(
        held(&knows(4000)),
        [(HoldScope::Bucket, HoldReason::Reserve)]
    );
    assert_eq!(held(&knows(10)), []);
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

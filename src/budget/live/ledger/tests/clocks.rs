//! Clocks that are off or set, and resets that cannot be.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{call, go, knows, secondary, wait, why};
use crate::budget::live::answer::{Outcome, Verdict};
use crate::budget::live::ledger::Ledger;
use crate::budget::live::model::{answered, core, sample, second, settings, spent};

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

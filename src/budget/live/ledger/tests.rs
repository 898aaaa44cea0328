//! The rules of the ledger, one by one.

mod books;
mod clocks;
mod limits;
mod speed;

use std::time::Duration;

use jiff::Timestamp;

use super::{Decision, Ledger, Reservation};
use crate::budget::live::answer::{Outcome, Verdict};
use crate::budget::live::ask::Ask;
use crate::budget::live::hold::{Hold, HoldReason};
use crate::budget::live::model::{answered, core, second, settings, spent};

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

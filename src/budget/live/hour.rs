//! Whole hours of steady use by us and others: how true rates, books and forecasts are.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Outcome, Verdict};
use super::ask::Purpose;
use super::forecast::Forecast;
use super::ledger::{Decision, Ledger};
use super::model::{Github, ask, at, settings};
use super::report::BucketReport;

/// Who spends what in an hour, evenly.
struct Use {
    ours: u32,
    others: u32,
    limit: u32,
    /// We send so many calls at the same time.
    at_once: u32,
    /// The local clock minus GitHub's, in milliseconds.
    off: i64,
}

const STEP: i64 = 100;

/// The books of GitHub and our report at some seconds.
fn run(use_: &Use, looks: &[i64]) -> Vec<(Github, BucketReport)> {
    let mut ledger = Ledger::new(settings());
    let mut github = Github::with_limit(use_.limit);
    let heads = ask("core", Purpose::Heads);
    let mut on_their_way = Vec::new();
    let (mut ours, mut others) = (0, 0);
    let mut seen = Vec::new();
    let last = looks.last().copied().unwrap_or(0) * 1000;
    for now in (0..=last).step_by(STEP as usize) {
        github.now = now;
        let local = at(now + use_.off);
        let due = |rate: u32| (now as f64 * f64::from(rate) / 3_600_000.0) as u32;
        if due(use_.others) > others {
            github.spend_by_others(due(use_.others) - others);
            others = due(use_.others);
        }
        let burst = due(use_.ours) + 1 >= ours + use_.at_once;
        for _ in 0..if burst { use_.at_once } else { 0 } {
            ours += 1;
            let Decision::Go(reservation) = ledger.reserve(&heads, local) else {
                continue;
            };
            let answer = github.arrive(1);
            on_their_way.push((reservation, answer, github.date(), now));
        }
        if on_their_way.iter().any(|(.., sent)| *sent < now) {
            // The answers come back in another order.
            for (reservation, (sample, verdict), date, sent) in on_their_way.drain(..).rev() {
                assert_eq!(verdict, Verdict::Spent);
                let outcome = Outcome::Answered {
                    sample: Some(("core".into(), sample)),
                    date: Some(date),
                    latency: Duration::from_millis((now - sent) as u64),
                    cost: None,
                    verdict,
                };
                ledger.settle(reservation, &outcome, local);
            }
        }
        if looks.contains(&(now / 1000)) && now % 1000 == 0 {
            let row = ledger.report(local).remove(0);
            seen.push((github.clone(), row));
        }
    }
    seen
}

fn close(one: f64, other: f64, share: f64) {
    assert!((one - other).abs() <= other * share, "{one} is not {other}");
}

#[test]
fn use_by_others_is_told_within_two_percent_over_an_hour() {
    for (ours, others, at_once, off) in [
        (120, 900, 1, 0),
        (120, 900, 1, 600_000),
        (3000, 300, 8, 0),
        (600, 2000, 5, -600_000),
    ] {
        let steady = Use {
            ours,
            others,
            limit: 5000,
            at_once,
            off,
        };
        let seen = run(&steady, &[3599]);
        let (books, row) = &seen[0];
        close(row.foreign_used.into(), books.foreign.into(), 0.02);
        close(row.foreign_per_hour, others.into(), 0.02);
        close(row.rate_per_hour, (ours + others).into(), 0.04);
        let missing = books.used - row.used.unwrap();
        assert!(missing <= at_once + 30, "{missing} are not seen");
    }
}

#[test]
fn the_forecast_at_half_time_is_true_within_five_percent_of_what_remains() {
    let steady = Use {
        ours: 120,
        others: 2400,
        limit: 5000,
        at_once: 1,
        off: 0,
    };
    let seen = run(&steady, &[1800, 3599]);
    let Some(Forecast::Lasts {
        remaining_at_reset, ..
    }) = &seen[0].1.forecast
    else {
        panic!("{:?}", seen[0].1.forecast)
    };
    close(
        (*remaining_at_reset).into(),
        seen[1].0.remaining().into(),
        0.05,
    );
}

#[test]
fn the_time_when_all_is_used_up_is_told_within_five_percent_at_half_time() {
    // We stop at a quarter of the limit, and others go on: 6,000 and 600 an hour make 3,750 in
    // 2,045 s and the rest of 5,000 in 750 s more.
    let steady = Use {
        ours: 600,
        others: 6000,
        limit: 5000,
        at_once: 1,
        off: 0,
    };
    let seen = run(&steady, &[1800]);
    let Some(Forecast::Empty { empty_at, basis }) = &seen[0].1.forecast else {
        panic!("{:?}", seen[0].1.forecast)
    };
    let true_time = at(2_795_000);
    let wrong: f64 = empty_at.duration_since(true_time).as_secs_f64();
    assert!(wrong.abs() < 0.05 * 2795.0, "{wrong}");
    assert!(basis.contains("others' 6,000"), "{basis}");
}

#[test]
fn a_forecast_is_made_from_what_was_seen_in_the_hour_before_the_start() {
    let mut ledger = Ledger::new(settings());
    let mut github = Github::with_limit(5000);
    github.spend_by_others(0);
    github.now = 1_800_000;
    github.spend_by_others(1000);
    let Decision::Go(reservation) = ledger.reserve(&ask("core", Purpose::Other), at(github.now))
    else {
        panic!("it may go")
    };
    let (sample, verdict) = github.arrive(1);
    let outcome = Outcome::Answered {
        sample: Some(("core".into(), sample)),
        date: Some(github.date()),
        latency: Duration::ZERO,
        cost: None,
        verdict,
    };
    let now: Timestamp = at(github.now);
    ledger.settle(reservation, &outcome, now);
    let row = ledger.report(now).remove(0);
    assert_eq!((row.own_used, row.foreign_used), (1, 1000));
    close(row.foreign_per_hour, 2000.0, 0.01);
}

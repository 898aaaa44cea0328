//! What holds in any order of calls, answers, losses, foreign use and time, against GitHub's books.

use std::time::Duration;

use proptest::prelude::{Just, Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

use super::{Decision, Ledger, Reservation};
use crate::budget::live::answer::{Outcome, Sample, Verdict};
use crate::budget::live::ask::{Ask, Purpose};
use crate::budget::live::hold::HoldReason;
use crate::budget::live::model::{Github, RESERVE, ask, at, settings};
use crate::budget::live::state::LedgerState;

#[derive(Debug, Clone)]
enum Step {
    Reserve {
        purpose: Purpose,
        cost: u32,
    },
    /// A call that is on its way comes to GitHub.
    Arrive(usize),
    /// The answer of a call comes back.
    Answer(usize),
    /// An answer that says "not modified": it was free.
    Unchanged(usize),
    SecondaryLimit {
        call: usize,
        retry_after: Option<u64>,
    },
    /// Nothing comes back of a call, whether it arrived or not.
    Lose(usize),
    Unsent(usize),
    Others(u32),
    Pass {
        milliseconds: i64,
    },
    Restart,
}

fn steps(with_losses: bool) -> impl Strategy<Value = Vec<Step>> {
    let purpose = prop::sample::select(Purpose::ALL.as_slice());
    let call = 0..10_usize;
    let common = prop_oneof![
        8 => (purpose, 0..4_u32).prop_map(|(purpose, cost)| Step::Reserve { purpose, cost }),
        6 => call.clone().prop_map(Step::Arrive),
        6 => call.clone().prop_map(Step::Answer),
        1 => call.clone().prop_map(Step::Unchanged),
        1 => call.clone().prop_map(Step::Unsent),
        2 => (0..9_u32).prop_map(Step::Others),
        3 => (0..20_000_i64).prop_map(|milliseconds| Step::Pass { milliseconds }),
        1 => (0..4_000_000_i64).prop_map(|milliseconds| Step::Pass { milliseconds }),
    ];
    let losses = prop_oneof![
        3 => call.clone().prop_map(Step::Lose),
        1 => (call, prop::option::of(0..100_u64))
            .prop_map(|(call, retry_after)| Step::SecondaryLimit { call, retry_after }),
        1 => Just(Step::Restart),
    ];
    let weight = if with_losses { 4 } else { 0 };
    let step = if weight > 0 {
        prop_oneof![28 => common, weight => losses].boxed()
    } else {
        common.boxed()
    };
    prop::collection::vec(step, 1..150)
}

struct Call {
    reservation: Reservation,
    cost: u32,
    /// GitHub's time.
    since: i64,
    arrived: Option<(Sample, Verdict)>,
}

/// Clients give up long before that.
const LONGEST_CALL: i64 = 600_000;

/// A ledger, GitHub, and what is on its way between them.
struct World {
    ledger: Ledger,
    github: Github,
    calls: Vec<Call>,
    /// The local clock minus GitHub's, in milliseconds.
    off: i64,
    /// What others spent of the hour when GitHub wrote the newest sample that came, and which hour
    /// that was.
    seen: Option<(u32, u32)>,
    /// GitHub's time until which all, or the bucket, was refused.
    refused_until: i64,
    is_exact: bool,
}

impl World {
    fn new(limit: u32, off: i64) -> Self {
        Self {
            ledger: Ledger::new(settings()),
            github: Github::with_limit(limit),
            calls: Vec::new(),
            off,
            seen: None,
            refused_until: i64::MIN,
            is_exact: true,
        }
    }

    fn now(&self) -> jiff::Timestamp {
        at(self.github.now + self.off)
    }

    fn reserve(&mut self, ask: &Ask) -> Result<bool, TestCaseError> {
        let now = self.now();
        let reservation = match self.ledger.reserve(ask, now) {
            Decision::Go(reservation) => reservation,
            Decision::Wait(hold) => {
                prop_assert!(hold.until > now, "a hold that is over: {hold:?}");
                return Ok(false);
            }
        };
        prop_assert!(
            self.github.now >= self.refused_until,
            "let through in a hold until {} at {}",
            self.refused_until,
            self.github.now
        );
        let on_their_way: u32 = self.calls.iter().map(|call| call.cost).sum();
        let not_arrived = self.calls.iter().filter(|call| call.arrived.is_none());
        let not_arrived: u32 = not_arrived.map(|call| call.cost).sum();
        if ask.cost > 0 {
            let is_live = self.github.now < self.github.reset;
            match self.seen {
                Some((hour, foreign)) if is_live && hour == self.github.hours => {
                    let unseen = self.github.foreign - foreign;
                    let floor = (f64::from(self.github.limit) * RESERVE).ceil() as u32;
                    prop_assert!(
                        floor + not_arrived + ask.cost <= self.github.remaining() + unseen,
                        "past the reserve of {floor}: {} remain and {unseen} were spent unseen, \
                         {not_arrived} are on their way",
                        self.github.remaining()
                    );
                }
                // Nothing is known of this hour: one alone finds out, or the last hour's books count
                // for another second.
                _ => prop_assert!(
                    on_their_way == 0 || self.github.now < self.github.reset + 2000,
                    "more than one call in an hour of which nothing is known"
                ),
            }
        }
        self.calls.push(Call {
            reservation,
            cost: ask.cost,
            since: self.github.now,
            arrived: None,
        });
        Ok(true)
    }

    fn arrive(&mut self, index: usize) {
        let call = &mut self.calls[index];
        if call.arrived.is_none() {
            call.arrived = Some(self.github.arrive(call.cost));
        }
    }

    fn answer(&mut self, index: usize, verdict: Option<Verdict>) {
        self.arrive(index);
        let call = self.calls.remove(index);
        let Some((sample, said)) = call.arrived else {
            return;
        };
        let is_of_this_hour = sample.reset == at(self.github.reset);
        if is_of_this_hour {
            // Others' use that is in the sample.
            let foreign = sample.used.saturating_sub(self.github.own);
            let foreign = foreign.min(self.github.foreign);
            let hour = self.github.hours;
            self.seen = Some(match self.seen {
                Some((seen, most)) if seen == hour => (hour, most.max(foreign)),
                _ => (hour, foreign),
            });
        }
        let verdict = verdict.unwrap_or(said);
        match verdict {
            Verdict::PrimaryLimit if is_of_this_hour => {
                self.refused_until = self.refused_until.max(self.github.reset);
            }
            Verdict::SecondaryLimit { retry_after } => {
                let wait = retry_after.map_or(60_000, |wait| wait.as_millis() as i64);
                self.refused_until = self.refused_until.max(self.github.now + wait);
            }
            _ => {}
        }
        let outcome = Outcome::Answered {
            sample: Some(("core".into(), sample)),
            date: Some(self.github.date()),
            latency: Duration::ZERO,
            cost: None,
            verdict,
        };
        let now = self.now();
        self.ledger.settle(call.reservation, &outcome, now);
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let of =
            |index: &usize, calls: &Vec<Call>| (!calls.is_empty()).then(|| index % calls.len());
        match step {
            Step::Reserve { purpose, cost } => {
                let ask = Ask {
                    cost: *cost,
                    ..ask("core", *purpose)
                };
                self.reserve(&ask)?;
            }
            Step::Arrive(index) => {
                if let Some(index) = of(index, &self.calls) {
                    self.arrive(index);
                }
            }
            Step::Answer(index) => {
                if let Some(index) = of(index, &self.calls) {
                    self.answer(index, None);
                }
            }
            Step::Unchanged(index) => {
                // Free calls are not counted where they arrive.
                if let Some(index) = of(index, &self.calls)
                    && self.calls[index].arrived.is_none()
                {
                    self.calls[index].arrived = Some(self.github.arrive(0));
                    self.answer(index, Some(Verdict::NotModified));
                }
            }
            Step::SecondaryLimit { call, retry_after } => {
                if let Some(index) = of(call, &self.calls) {
                    let retry_after = retry_after.map(Duration::from_secs);
                    self.answer(index, Some(Verdict::SecondaryLimit { retry_after }));
                    self.is_exact = false;
                }
            }
            Step::Lose(index) => {
                if let Some(index) = of(index, &self.calls) {
                    let call = self.calls.remove(index);
                    let latency = Duration::ZERO;
                    let now = self.now();
                    self.ledger
                        .settle(call.reservation, &Outcome::NoAnswer { latency }, now);
                    self.is_exact = false;
                }
            }
            Step::Unsent(index) => {
                if let Some(index) = of(index, &self.calls)
                    && self.calls[index].arrived.is_none()
                {
                    let call = self.calls.remove(index);
                    self.ledger.unsent(call.reservation);
                }
            }
            Step::Others(points) => self.github.spend_by_others(*points),
            Step::Pass { milliseconds } => {
                let then = self.github.now + milliseconds;
                while let Some(index) = self
                    .calls
                    .iter()
                    .position(|call| then - call.since > LONGEST_CALL)
                {
                    self.answer(index, None);
                }
                self.github.now = then;
            }
            Step::Restart => {
                self.restart()?;
                self.is_exact = false;
            }
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<(), TestCaseError> {
        let now = self.now();
        let text = serde_json::to_string(&self.ledger.state(now)).unwrap();
        let state: LedgerState = serde_json::from_str(&text).unwrap();
        let restored = Ledger::restore(settings(), state, now);
        if self.calls.is_empty() {
            let rows = |ledger: &Ledger| {
                let mut rows = ledger.report(now);
                for row in &mut rows {
                    // Rates are kept to a thousandth of a point.
                    (row.rate_per_hour, row.foreign_per_hour, row.forecast) = (0.0, 0.0, None);
                }
                rows
            };
            prop_assert_eq!(rows(&restored), rows(&self.ledger));
            let again = serde_json::to_string(&restored.state(now)).unwrap();
            prop_assert_eq!(again, text);
        }
        self.ledger = restored;
        self.calls.clear();
        Ok(())
    }

    /// All calls come back, and then one call alone: our books are GitHub's.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        while !self.calls.is_empty() {
            self.answer(0, None);
        }
        prop_assert_eq!(self.ledger.running(), 0, "reservations leak");
        let free = Ask {
            cost: 0,
            ..ask("core", Purpose::Other)
        };
        let mut tries = 0;
        while !self.reserve(&free)? {
            tries += 1;
            prop_assert!(tries < 10_000, "a hold without end");
            self.github.now += 10_000;
        }
        self.answer(0, None);
        let now = self.now();
        let rows = self.ledger.report(now);
        let row = &rows[0];
        prop_assert_eq!(row.used, Some(self.github.used));
        prop_assert_eq!(row.remaining, Some(self.github.remaining()));
        prop_assert_eq!(row.own_used + row.foreign_used, self.github.used);
        let by_purpose = row.by_purpose;
        let sum =
            by_purpose.webhook_health + by_purpose.back_fill + by_purpose.heads + by_purpose.other;
        prop_assert_eq!(sum, row.own_used);
        if self.is_exact {
            prop_assert_eq!(row.own_used, self.github.own);
            prop_assert_eq!(row.foreign_used, self.github.foreign);
        }
        Ok(())
    }
}

fn live(limit: u32, off: i64, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::new(limit, off);
    for step in steps {
        world.step(step)?;
    }
    world.finish()
}

const LIMITS: [u32; 3] = [12, 60, 200];
const OFF: [i64; 3] = [0, 600_000, -600_000];

proptest! {
    #[test]
    fn no_call_goes_into_a_hold_or_past_the_reserve_and_none_leaks_whatever_is_lost(
        limit in prop::sample::select(LIMITS.as_slice()),
        off in prop::sample::select(OFF.as_slice()),
        steps in steps(true),
    ) {
        live(limit, off, &steps)?;
    }

    #[test]
    fn without_losses_what_is_ours_and_what_is_others_is_told_to_the_point(
        limit in prop::sample::select(LIMITS.as_slice()),
        off in prop::sample::select(OFF.as_slice()),
        steps in steps(false),
    ) {
        live(limit, off, &steps)?;
    }
}

#[test]
fn the_reason_of_each_hold_has_a_name_of_its_own() {
    let reasons = [
        HoldReason::PrimaryLimit,
        HoldReason::SecondaryLimit,
        HoldReason::Reserve,
        HoldReason::Unknown,
        HoldReason::Running,
        HoldReason::Points,
        HoldReason::Time,
        HoldReason::Mutation,
        HoldReason::Content,
    ];
    for reason in reasons {
        assert_eq!(
            serde_json::to_string(&reason).unwrap(),
            format!("\"{reason}\"")
        );
    }
}

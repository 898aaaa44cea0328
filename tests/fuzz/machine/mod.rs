//! Runs a target on inputs of its own making until one fails or the time is over.

mod mutate;
mod targets;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use fastrand::Rng;

pub use targets::Target;

/// An input that takes longer fails; also a debug build on a busy machine takes far less.
const PATIENCE: Duration = Duration::from_secs(2);
/// So often one that took long is run: a machine that stands still takes long now and then, and such an input always.
const RUNS: usize = 3;
/// So long it is tried to make an input that fails smaller.
const MINIMISING: Duration = Duration::from_secs(5);

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    target: Target,
    seed: u64,
    pub inputs: u64,
    took: Duration,
    pub failure: Option<Failure>,
}

/// The smallest input that was found to fail.
#[derive(Debug)]
pub struct Failure {
    input: Vec<u8>,
    why: String,
}

pub fn run(target: Target, seed: u64, time: Duration) -> Ran {
    let mut random = Rng::with_seed(seed);
    let seeds = target.seeds();
    let started = Instant::now();
    let mut inputs = 0;
    let mut failure = None;
    while failure.is_none() && started.elapsed() < time {
        let input = target.input(&seeds, &mut random);
        inputs += 1;
        failure = fails(target, &input).map(|_| minimised(target, input));
    }
    Ran {
        target,
        seed,
        inputs,
        took: started.elapsed(),
        failure,
    }
}

/// Why an input fails, if it does.
fn fails(target: Target, input: &[u8]) -> Option<String> {
    let mut shortest = Duration::MAX;
    for _ in 0..RUNS {
        let started = Instant::now();
        let checked = catch_unwind(AssertUnwindSafe(|| target.check(input)));
        let took = started.elapsed();
        match checked {
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                return Some(format!("it panics: {}", text.unwrap_or_default()));
            }
            Ok(Err(why)) => return Some(why),
            Ok(Ok(())) if took <= PATIENCE => return None,
            Ok(Ok(())) => shortest = shortest.min(took),
        }
    }
    Some(format!("it takes {shortest:?}"))
}

/// Takes away ever smaller pieces as long as the rest still fails.
fn minimised(target: Target, mut input: Vec<u8>) -> Failure {
    let deadline = Instant::now() + MINIMISING;
    let mut piece = input.len().div_ceil(2);
    while piece > 0 && Instant::now() < deadline {
        let mut at = 0;
        while at < input.len() && Instant::now() < deadline {
            let end = (at + piece).min(input.len());
            let rest = [&input[..at], &input[end..]].concat();
            if fails(target, &rest).is_some() {
                input = rest;
            } else {
                at = end;
            }
        }
        piece = if piece == 1 { 0 } else { piece.div_ceil(2) };
    }
    let why = fails(target, &input).unwrap_or_else(|| "it fails now and then".to_owned());
    Failure { input, why }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pace = self.inputs as f64 / self.took.as_secs_f64();
        write!(
            f,
            "{:8} {:>10} inputs {pace:>10.0}/s  seed {}",
            self.target.name(),
            self.inputs,
            self.seed
        )?;
        if let Some(Failure { input, why }) = &self.failure {
            write!(f, "\nfailed: {why}\ninput: b\"{}\"", input.escape_ascii())?;
        }
        Ok(())
    }
}

//! Throws made-up and mutated inputs at what reads strangers' texts:
//! `cargo bench --bench fuzz -- SECONDS [events|urls|refs|headers]`.
//!
//! With FLUX_SETUP_GITHUB_EXAMPLES (the folder that `tests/github/examples` prints) payloads grow from
//! GitHub's own. A failure prints its input, cut down as far as it still fails, and the seed;
//! FLUX_SETUP_FUZZ_SEED repeats a run.

mod machine;

use std::env;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use machine::{Target, run};

const SECONDS_UNASKED: u64 = 10;

fn main() -> io::Result<ExitCode> {
    let given: Vec<_> = env::args().skip(1).filter(|it| it != "--bench").collect();
    let seconds = given.first().map_or(Ok(SECONDS_UNASKED), |it| it.parse());
    let wanted = given.get(1).map(|name| {
        let mut all = Target::ALL.into_iter();
        all.find(|target| target.name() == name)
    });
    let (Ok(seconds), None | Some(Some(_))) = (seconds, wanted) else {
        let usage = "usage: cargo bench --bench fuzz -- SECONDS [events|urls|refs|headers]";
        writeln!(io::stderr(), "{usage}")?;
        return Ok(ExitCode::from(2));
    };
    let wanted = wanted.flatten();
    let seed = match env::var("FLUX_SETUP_FUZZ_SEED") {
        Ok(seed) => seed.parse().expect("FLUX_SETUP_FUZZ_SEED is a number"),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |since| since.as_micros() as u64),
    };
    // A panic is told once, with its input, and not for every try to make that smaller.
    panic::set_hook(Box::new(|_| {}));
    let mut out = io::stdout().lock();
    let mut code = ExitCode::SUCCESS;
    for target in Target::ALL {
        if wanted.is_some_and(|wanted| wanted != target) {
            continue;
        }
        let ran = run(target, seed, Duration::from_secs(seconds));
        writeln!(out, "{ran}")?;
        if ran.failure.is_some() {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

//! Whether this machine stood still meanwhile, which says nothing of what took longer by that.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(10);
/// An idle machine wakes a thread up much sooner.
const NOTICED: Duration = Duration::from_millis(50);
/// The oldest are forgotten.
const KEPT: usize = 100_000;

/// When a thread of ours was to be woken up and was not, and for how long.
fn gaps() -> &'static Mutex<Vec<(Instant, Duration)>> {
    static GAPS: OnceLock<Mutex<Vec<(Instant, Duration)>>> = OnceLock::new();
    GAPS.get_or_init(|| {
        thread::spawn(watch);
        Mutex::default()
    })
}

fn watch() {
    loop {
        let before = Instant::now();
        thread::sleep(EVERY);
        let late = before.elapsed().saturating_sub(EVERY);
        if late > NOTICED {
            let mut gaps = gaps().lock().unwrap_or_else(PoisonError::into_inner);
            if gaps.len() == KEPT {
                gaps.drain(..KEPT / 2);
            }
            gaps.push((before, late));
        }
    }
}

/// A time that is measured, less that for which the machine stood still.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Self {
        let _ = gaps();
        Self(Instant::now())
    }

    /// By the clock.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// For how long the machine stood still since.
    pub fn stood_still(self) -> Duration {
        let gaps = gaps().lock().unwrap_or_else(PoisonError::into_inner);
        let since = gaps.iter().filter(|(at, _)| *at >= self.0);
        since.map(|(_, late)| *late).sum()
    }

    /// # Panics
    /// Where it took longer than this, and the machine did not stand still for the rest of it.
    #[expect(clippy::print_stdout, reason = "who reads it learns how slow it was")]
    pub fn assert_within(self, most: Duration, what: &str) {
        let (took, still) = (self.elapsed(), self.stood_still());
        if took < most {
            return;
        }
        println!("{what}: {took:.1?}, in which the machine stood still for {still:.1?}");
        assert!(took < most + still, "{what}: {took:.1?}, and not {most:?}");
    }
}

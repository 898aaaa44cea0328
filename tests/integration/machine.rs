//! Whether this machine stood still meanwhile, which says nothing of what took longer by that.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(10);
/// An idle machine wakes a thread up much sooner.
const NOTICED: Duration = Duration::from_millis(50);
/// The oldest are forgotten.
const KEPT: usize = 100_000;

/// What a thread of ours has seen that is to be woken up again and again.
#[derive(Debug)]
struct Watch {
    /// When it was woken up last.
    seen: Instant,
    /// When it was to be woken up and was not, and for how long.
    gaps: Vec<(Instant, Duration)>,
}

fn watch() -> MutexGuard<'static, Watch> {
    static WATCH: OnceLock<Mutex<Watch>> = OnceLock::new();
    let watch = WATCH.get_or_init(|| {
        thread::spawn(look);
        let seen = Instant::now();
        let gaps = Vec::new();
        Mutex::new(Watch { seen, gaps })
    });
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look() {
    loop {
        let before = Instant::now();
        thread::sleep(EVERY);
        let late = before.elapsed().saturating_sub(EVERY);
        let mut watch = watch();
        watch.seen = Instant::now();
        if late > NOTICED {
            if watch.gaps.len() == KEPT {
                watch.gaps.drain(..KEPT / 2);
            }
            watch.gaps.push((before, late));
        }
    }
}

/// A time that is measured, less that for which the machine stood still.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Self {
        drop(watch());
        Self(Instant::now())
    }

    /// By the clock.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// For how long the machine stood still since.
    pub fn stood_still(self) -> Duration {
        // It may be woken up after us.
        let now = Instant::now();
        while watch().seen < now {
            thread::sleep(EVERY);
        }
        let watch = watch();
        let gaps = watch.gaps.iter();
        let since = gaps.filter(|(at, late)| *at + *late >= self.0);
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

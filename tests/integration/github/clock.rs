//! The clock of a test: it runs by itself or stands still, and hours pass at once.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};

/// A clone is the same clock, so that a program under test can be given it too.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    /// `None` where the clock runs by itself.
    stands_at: Option<Timestamp>,
    /// How far a running one is ahead of this machine's.
    ahead: SignedDuration,
    /// Since when a running one runs so many times as fast as this machine's.
    fast: Option<(Timestamp, i32)>,
}

impl Clock {
    pub fn real() -> Self {
        Self(Arc::new(Mutex::new(Hands {
            stands_at: None,
            ahead: SignedDuration::ZERO,
            fast: None,
        })))
    }

    /// A clock that runs so many times as fast as this machine's since then, as `serve/fast.c` lets all clocks of a
    /// process run.
    pub fn fast(since: Timestamp, times: i32) -> Self {
        let clock = Self::real();
        clock.0.lock().expect("no holder panicked").fast = Some((since, times));
        clock
    }

    /// A clock that moves only when it is told to.
    pub fn standing_at(at: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Hands {
            stands_at: Some(at),
            ahead: SignedDuration::ZERO,
            fast: None,
        })))
    }

    pub fn now(&self) -> Timestamp {
        let hands = self.0.lock().expect("no holder panicked");
        let now = Timestamp::now();
        let now = hands.fast.map_or(now, |(since, times)| {
            since + now.duration_since(since) * times
        });
        hands.stands_at.unwrap_or(now + hands.ahead)
    }

    /// Lets time pass at once; a negative span turns the clock back.
    pub fn advance(&self, by: SignedDuration) {
        let mut hands = self.0.lock().expect("no holder panicked");
        match &mut hands.stands_at {
            Some(at) => *at += by,
            None => hands.ahead += by,
        }
    }
}

/// As GitHub writes times in JSON.
pub fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// As HTTP writes times in headers.
pub fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

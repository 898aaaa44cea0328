//! Counts failed signatures by sender, so that nobody guesses on at full speed.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::client::Sender;

/// So many failed signatures a sender may have in a window.
pub(super) const FAILURES_ALLOWED: u32 = 100;
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// So many senders are remembered; one more, and the one whose window began first is forgotten.
const SENDERS_LIMIT: usize = 16_384;

/// Windows of a minute that begin with a sender's first failure.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    failures: HashMap<Sender, Window>,
    /// By the time they began; each sender of the map is here once.
    order: VecDeque<Sender>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    failures: u32,
}

/// What is to be done about a failed signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// It is answered as such; whether it is the first of its sender's window, so that it is worth a line in the log.
    Answered { first: bool },
    /// The sender had enough of them; whether this is the first one too many.
    TooMany { wait: Duration, first: bool },
}

impl Throttle {
    /// Counts a failed signature. Whatever was rightly signed never comes here.
    pub(super) fn failed(&mut self, sender: Sender, now: Instant) -> Failed {
        self.forget(now);
        if !self.failures.contains_key(&sender) {
            if self.order.len() >= SENDERS_LIMIT {
                self.forget_first();
            }
            self.order.push_back(sender);
        }
        let window = self.failures.entry(sender).or_insert(Window {
            began: now,
            failures: 0,
        });
        window.failures = window.failures.saturating_add(1);
        if window.failures <= FAILURES_ALLOWED {
            return Failed::Answered {
                first: window.failures == 1,
            };
        }
        Failed::TooMany {
            wait: (window.began + WINDOW).saturating_duration_since(now),
            first: window.failures == FAILURES_ALLOWED + 1,
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some(first) = self.order.front()
            && let Some(window) = self.failures.get(first)
            && now.saturating_duration_since(window.began) >= WINDOW
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some(first) = self.order.pop_front() {
            self.failures.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::HeaderMap;

    use super::*;

    fn sender(number: u32) -> Sender {
        let address = IpAddr::V4(Ipv4Addr::from_bits(number));
        Sender::of(address, &HeaderMap::new(), &[])
    }

    #[test]
    fn a_sender_is_answered_a_hundred_times_a_minute() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        for number in 0..FAILURES_ALLOWED {
            let failed = throttle.failed(sender(1), start);
            let first = number == 0;
            assert_eq!(failed, Failed::Answered { first });
        }
        for (seconds, first) in [(10, true), (59, false)] {
            let now = start + Duration::from_secs(seconds);
            let wait = Duration::from_secs(60 - seconds);
            assert_eq!(
                throttle.failed(sender(1), now),
                Failed::TooMany { wait, first }
            );
        }
        // Others are not concerned, and the next minute is a new one.
        let first = Failed::Answered { first: true };
        assert_eq!(throttle.failed(sender(2), start), first);
        assert_eq!(throttle.failed(sender(1), start + WINDOW), first);
    }

    #[test]
    fn so_many_senders_are_remembered_and_no_more() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let limit = u32::try_from(SENDERS_LIMIT).unwrap();
        for number in 0..limit * 2 {
            throttle.failed(sender(number), start);
            assert!(throttle.failures.len() <= SENDERS_LIMIT);
            assert_eq!(throttle.order.len(), throttle.failures.len());
        }
        let again = Failed::Answered { first: false };
        assert_eq!(throttle.failed(sender(limit * 2 - 1), start), again);
        let forgotten = Failed::Answered { first: true };
        assert_eq!(throttle.failed(sender(0), start), forgotten);
        throttle.failed(sender(3), start + WINDOW);
        assert_eq!(throttle.failures.len(), 1);
        assert_eq!(throttle.order.len(), 1);
    }
}

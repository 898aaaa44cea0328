//! Whether a connection still answers: when it was asked last.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A clone is the same.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Mutex<Instant>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Pulse {
    /// Something is asked now.
    pub fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits until what was asked last is not answered for so long, or nobody asks anything.
    pub async fn stops(&self, patience: Duration) {
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + patience;
            if Instant::now() >= until {
                return;
            }
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than a busy machine takes from one line to the next.
    const MOMENT: Duration = Duration::from_secs(3);

    #[tokio::test]
    async fn it_stops_only_once_nothing_was_asked_for_so_long() {
        let pulse = Pulse::default();
        let asking = async {
            let mut last = Instant::now();
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                last = Instant::now();
                pulse.beat();
            }
            last
        };
        let (ended, last) = tokio::join!(
            async {
                pulse.stops(MOMENT).await;
                Instant::now()
            },
            asking
        );
        assert!(ended >= last + MOMENT);
    }
}

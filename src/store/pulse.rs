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

    const MOMENT: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn it_stops_only_once_nothing_was_asked_for_so_long() {
        let (pulse, started) = (Pulse::default(), Instant::now());
        let asking = async {
            for _ in 0..9 {
                tokio::time::sleep(MOMENT / 2).await;
                pulse.beat();
            }
        };
        tokio::join!(pulse.stops(MOMENT), asking);
        assert!(started.elapsed() >= MOMENT * 11 / 2);
    }
}

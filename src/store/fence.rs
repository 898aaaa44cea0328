//! What a replica holds of a lease: for whom it writes, and until when it may act.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// A lease that was taken. Whatever is written under it is refused once another has taken it; a clone is the same.
#[derive(Debug, Clone)]
pub struct Fence(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lease: String,
    holder: Arc<str>,
    epoch: i64,
    /// By a clock that nobody sets and that goes on while the process is stopped; well before the lease itself ends.
    until: Mutex<Instant>,
    /// Told where the database in which it was taken is another one by now.
    history: CancellationToken,
    lost: CancellationToken,
}

impl Fence {
    pub(super) fn new(
        lease: &str,
        holder: Arc<str>,
        epoch: i64,
        until: Instant,
        history: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            lease: lease.to_owned(),
            holder,
            epoch,
            until: Mutex::new(until),
            lost: history.child_token(),
            history,
        }))
    }

    pub fn lease(&self) -> &str {
        &self.0.lease
    }

    pub fn epoch(&self) -> i64 {
        self.0.epoch
    }

    pub(super) fn holder(&self) -> &str {
        &self.0.holder
    }

    /// Whether the database lacks nothing of what was read under it: numbers mean there what they meant then.
    pub(super) fn is_of_this_history(&self) -> bool {
        !self.0.history.is_cancelled()
    }

    /// Whether one may act under it now.
    pub fn is_held(&self) -> bool {
        !self.0.lost.is_cancelled() && Instant::now() < self.until()
    }

    /// It was renewed. What is over stays over.
    pub(super) fn extend(&self, until: Instant) {
        let mut held = self.0.until.lock().unwrap_or_else(PoisonError::into_inner);
        if Instant::now() < *held {
            *held = until.max(*held);
        }
    }

    /// Another has it, or it is about to be given back.
    pub fn lose(&self) {
        self.0.lost.cancel();
    }

    /// Waits until it is held no longer.
    pub async fn lost(&self) {
        let ran_out = async {
            loop {
                let until = self.until();
                if Instant::now() >= until {
                    return;
                }
                sleep_until(until).await;
            }
        };
        tokio::select! {
            () = self.0.lost.cancelled() => {}
            () = ran_out => self.lose(),
        }
    }

    fn until(&self) -> Instant {
        *self.0.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Longer than a busy machine takes from one line to the next.
    const MOMENT: Duration = Duration::from_secs(3);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn taken() -> (Fence, Instant) {
        let until = Instant::now() + MOMENT;
        let history = CancellationToken::new();
        let fence = Fence::new("cluster/prod", "me".into(), 1, until, history);
        (fence, until)
    }

    #[tokio::test]
    async fn it_is_held_until_its_time_is_over_unless_it_was_renewed_before() {
        let (fence, until) = taken();
        assert!(fence.is_held());
        fence.extend(until + HOUR);
        sleep_until(until).await;
        assert!(fence.is_held());
        let (fence, until) = taken();
        sleep_until(until).await;
        assert!(!fence.is_held());
        // Whoever stood still and wakes up is told too late that it was renewed.
        fence.extend(until + HOUR);
        assert!(!fence.is_held());
    }

    #[tokio::test]
    async fn who_waits_for_its_end_waits_on_while_it_is_renewed() {
        let (fence, until) = taken();
        let waiting = fence.clone();
        let waited = tokio::spawn(async move {
            waiting.lost().await;
            Instant::now()
        });
        tokio::task::yield_now().await;
        fence.extend(until + MOMENT);
        assert!(waited.await.unwrap() >= until + MOMENT);
        let (fence, _) = taken();
        fence.lose();
        assert!(!fence.is_held());
        fence.lost().await;
    }
}

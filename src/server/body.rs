//! Reads bodies: each within its time, and all of them together within their memory.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Buf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::Refusal;
use super::metrics::Metrics;

/// How patient the reader of bodies is, and how much memory it may use.
#[derive(Debug, Clone, Copy)]
pub struct BodyBounds {
    /// A larger body is refused.
    pub limit_bytes: usize,
    /// A body is to be whole by then; GitHub itself waits 10 s for the answer, GitHub Enterprise Server 30 s.
    pub deadline: Duration,
    /// A sender is not asked for its rate before.
    pub grace: Duration,
    /// From then on a sender is cut that was slower on the whole.
    pub bytes_per_second: u32,
    /// So much each body has for itself, however many come: as many as there may be connections. Most deliveries are
    /// smaller.
    pub own_bytes: usize,
    /// Up to here a body counts as a small one.
    pub small_bytes: usize,
    /// Together, of what is between [`Self::own_bytes`] and [`Self::small_bytes`] in each body.
    pub all_small_bytes: usize,
    /// Together, of what is above.
    pub all_large_bytes: usize,
    /// How long a body waits for others to make room.
    pub wait_for_room: Duration,
}

impl Default for BodyBounds {
    fn default() -> Self {
        Self {
            limit_bytes: super::answer::BODY_LIMIT_BYTES,
            deadline: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            bytes_per_second: 16 * 1024,
            own_bytes: 64 * 1024,
            small_bytes: 256 * 1024,
            all_small_bytes: 32 * 1024 * 1024,
            all_large_bytes: 100 * 1024 * 1024,
            wait_for_room: Duration::from_secs(2),
        }
    }
}

/// The memory that all bodies share.
///
/// Room is taken as a body grows, not when it is announced, so who sends nothing holds nothing. The large ones have a
/// room of their own, so that they never take that of the small ones; and what nearly every delivery needs is shared
/// with nobody, for who signs nothing rightly may send bodies too.
#[derive(Debug)]
pub(super) struct Bodies {
    bounds: BodyBounds,
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    metrics: Metrics,
}

/// A whole body; the room that it takes is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    bytes: Vec<u8>,
    own: usize,
    small: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
    metrics: Metrics,
}

impl Held {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn room(&self) -> usize {
        let permits = [&self.small, &self.large];
        let taken = permits.into_iter().flatten();
        let shared: usize = taken.map(OwnedSemaphorePermit::num_permits).sum();
        self.own + shared
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.metrics.body_bytes.dec_by(count(self.room()));
    }
}

fn count(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Bodies {
    pub(super) fn new(bounds: BodyBounds, metrics: Metrics) -> Self {
        Self {
            small: Arc::new(Semaphore::new(bounds.all_small_bytes)),
            large: Arc::new(Semaphore::new(bounds.all_large_bytes)),
            bounds,
            metrics,
        }
    }

    pub(super) fn limit_bytes(&self) -> usize {
        self.bounds.limit_bytes
    }

    /// Reads a body whole; `declared` is the length that its header gave.
    ///
    /// # Errors
    /// Too large, too slow, cut off, or too many others.
    pub(super) async fn read<B>(&self, body: B, declared: Option<usize>) -> Result<Held, Refusal>
    where
        B: Body<Data: Buf>,
    {
        let start = Instant::now();
        let mut held = Held {
            bytes: Vec::new(),
            own: 0,
            small: None,
            large: None,
            metrics: self.metrics.clone(),
        };
        let mut body = pin!(body);
        loop {
            let due = start + self.bounds.allowed_after(held.bytes.len());
            let Ok(frame) = timeout_at(due, body.frame()).await else {
                return Err(Refusal::Slow);
            };
            let Some(frame) = frame else {
                return Ok(held);
            };
            let Ok(frame) = frame else {
                return Err(Refusal::Broken);
            };
            // What else comes in frames are the trailers, of which nobody asks.
            if let Ok(data) = frame.into_data() {
                self.take(&mut held, data, declared).await?;
            }
        }
    }

    async fn take(
        &self,
        held: &mut Held,
        mut data: impl Buf,
        declared: Option<usize>,
    ) -> Result<(), Refusal> {
        let length = held.bytes.len().saturating_add(data.remaining());
        if length > self.bounds.limit_bytes {
            return Err(Refusal::TooLarge);
        }
        if length > held.bytes.capacity() {
            let most = declared.unwrap_or(self.bounds.limit_bytes).max(length);
            let capacity = (held.bytes.capacity() * 2).max(length).min(most);
            self.make_room(held, capacity).await?;
            held.bytes.reserve_exact(capacity - held.bytes.len());
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            held.bytes.extend_from_slice(chunk);
            let taken = chunk.len();
            data.advance(taken);
        }
        Ok(())
    }

    async fn make_room(&self, held: &mut Held, capacity: usize) -> Result<(), Refusal> {
        let own = capacity.min(self.bounds.own_bytes);
        let small = capacity.min(self.bounds.small_bytes).saturating_sub(own);
        let large = capacity - own - small;
        let before = held.room();
        held.own = own;
        let within = self.bounds.wait_for_room;
        grow(&self.small, &mut held.small, small, within).await?;
        let grown = grow(&self.large, &mut held.large, large, within).await;
        held.metrics.body_bytes.inc_by(count(held.room() - before));
        grown
    }
}

async fn grow(
    room: &Arc<Semaphore>,
    taken: &mut Option<OwnedSemaphorePermit>,
    wanted: usize,
    within: Duration,
) -> Result<(), Refusal> {
    let has = taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let more = wanted.saturating_sub(has);
    if more == 0 {
        return Ok(());
    }
    let more = u32::try_from(more).map_err(|_| Refusal::Crowded)?;
    let more = timeout(within, Arc::clone(room).acquire_many_owned(more)).await;
    let Ok(Ok(more)) = more else {
        return Err(Refusal::Crowded);
    };
    match taken {
        Some(taken) => taken.merge(more),
        None => *taken = Some(more),
    }
    Ok(())
}

impl BodyBounds {
    /// How long after its start a body of which so much came may take until more comes.
    fn allowed_after(&self, received: usize) -> Duration {
        let rate = f64::from(self.bytes_per_second.max(1));
        let earned = Duration::from_secs_f64(received as f64 / rate);
        self.deadline.min(self.grace + earned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_buys_time_for_what_is_to_come() {
        let bounds = BodyBounds::default();
        let seconds = |received| bounds.allowed_after(received).as_secs_f64();
        assert_eq!(seconds(0), 5.0);
        assert_eq!(seconds(16 * 1024), 6.0);
        assert_eq!(seconds(160 * 1024), 15.0);
        assert_eq!(seconds(25 * 1024 * 1024), 30.0);
    }
}

//! Keeps the time until which somebody listened, and makes good what may have been missed since.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::store::{Store, StoreError};

use super::gap;

/// A third of the shortest gap, so that a late beat is none.
const EVERY: Duration = Duration::from_secs(10);
/// How often what is old is taken out of the store.
const PRUNE_EVERY: Duration = Duration::from_secs(300);

/// Beats until it is told to stop. A beat that cannot be kept is a gap as well: deliveries could not
/// be kept either, and GitHub does not send them again.
pub async fn keep(store: Store, arrived: Arc<Notify>, stop: CancellationToken) {
    let mut beats = tokio::time::interval(EVERY);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last: Option<(Timestamp, Instant)> = None;
    let mut pruned_at = Instant::now();
    let mut is_lost = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = beats.tick() => {}
        }
        match beat(&store, &arrived, last).await {
            Ok(beat) => {
                last = Some(beat);
                is_lost = false;
            }
            Err(fault) if !is_lost => {
                is_lost = true;
                warn!(error = %fault, "the heartbeat cannot be kept");
            }
            Err(_) => {}
        }
        if pruned_at.elapsed() >= PRUNE_EVERY {
            pruned_at = Instant::now();
            match store.prune(Timestamp::now()).await {
                Ok(0) => {}
                Ok(deliveries) => info!(deliveries, "forgot old deliveries"),
                Err(fault) => warn!(error = %fault, "old deliveries cannot be forgotten"),
            }
        }
    }
}

async fn beat(
    store: &Store,
    arrived: &Notify,
    last: Option<(Timestamp, Instant)>,
) -> Result<(Timestamp, Instant), StoreError> {
    let (now, at) = (Timestamp::now(), Instant::now());
    let last = match last {
        // A clock that is set while we listen misses nothing.
        Some((then, beat_at)) if at.duration_since(beat_at) <= gap::GAP && now < then => None,
        Some((then, _)) => Some(then),
        None => store.last_beat().await?,
    };
    if let Some(gap) = gap::between(last, now) {
        info!(delivery = %gap.key, "nobody listened for a while; every source that a webhook covers is woken once");
        store.accept(&gap).await?;
        arrived.notify_one();
    }
    store.beat(now).await?;
    Ok((now, at))
}

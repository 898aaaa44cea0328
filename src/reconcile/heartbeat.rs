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

/// Beats until it is told to stop, and forgets what is old meanwhile. A beat that cannot be kept is a
/// gap as well: deliveries could not be kept either, and GitHub does not send them again.
pub async fn keep(store: Store, arrived: Arc<Notify>, stop: CancellationToken) {
    // Beside each other: what takes long to forget is no gap.
    let both = async { tokio::join!(beat_on(&store, &arrived), forget(&store)) };
    stop.run_until_cancelled(both).await;
}

async fn beat_on(store: &Store, arrived: &Notify) {
    let mut beats = tokio::time::interval(EVERY);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = None;
    let mut is_lost = false;
    loop {
        beats.tick().await;
        match beat(store, arrived, &mut last).await {
            Ok(()) => is_lost = false,
            Err(fault) if !is_lost => {
                is_lost = true;
                warn!(error = %fault, "the heartbeat cannot be kept");
            }
            Err(_) => {}
        }
    }
}

async fn forget(store: &Store) {
    loop {
        tokio::time::sleep(PRUNE_EVERY).await;
        match store.prune(Timestamp::now()).await {
            Ok(0) => {}
            Ok(deliveries) => info!(deliveries, "forgot old deliveries"),
            Err(fault) => warn!(error = %fault, "old deliveries cannot be forgotten"),
        }
    }
}

/// `last` is the end of the time that is accounted for.
async fn beat(
    store: &Store,
    arrived: &Notify,
    last: &mut Option<(Timestamp, Instant)>,
) -> Result<(), StoreError> {
    let (now, at) = (Timestamp::now(), Instant::now());
    let since = match *last {
        // A clock that is set while we listen misses nothing.
        Some((then, beat_at)) if at.duration_since(beat_at) <= gap::GAP && now < then => None,
        Some((then, _)) => Some(then),
        None => store.last_beat().await?,
    };
    if let Some(gap) = gap::between(since, now) {
        store.accept(&gap).await?;
        info!(delivery = %gap.key.guid, "nobody listened for a while; every source that a webhook covers is woken once");
        arrived.notify_one();
        // Made good, whether or not this beat can be kept: else the next would wake all once more.
        *last = Some((now, at));
    }
    store.beat(now).await?;
    *last = Some((now, at));
    Ok(())
}

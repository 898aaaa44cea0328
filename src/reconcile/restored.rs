//! Asks again for what a cluster has forgotten that was put back to an earlier state.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::catalog::{Kind, LiveCluster};
use crate::delivery::{Delivery, Event};
use crate::store::Store;

use super::gap;
use super::record::until_stored;

/// Until it is told to stop: each time that a kind of source went back, all of it that a webhook covers is
/// woken once, for nobody knows which annotations the cluster has lost.
pub async fn wake_what_went_back(
    live: Arc<LiveCluster>,
    store: Store,
    arrived: Arc<Notify>,
    stop: CancellationToken,
) {
    while let Some(kind) = stop.run_until_cancelled(live.next_that_went_back()).await {
        if !kind.is_source() {
            continue;
        }
        let restored = restored(live.name(), kind, Timestamp::now());
        if until_stored(&stop, || store.accept(&restored))
            .await
            .is_none()
        {
            return;
        }
        info!(delivery = %restored.key, cluster = %live.name(), kind = %kind, "a cluster was restored; its sources are woken once");
        arrived.notify_one();
    }
}

fn restored(cluster: &str, kind: Kind, now: Timestamp) -> Delivery {
    let event = Event::Restored {
        cluster: cluster.to_owned(),
        kind: kind.name().to_owned(),
    };
    gap::ours(&format!("restored-{kind}"), now, event)
}

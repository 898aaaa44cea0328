//! What other replicas tell reaches those who wait for it here.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::store::{News, QUESTION, Store};

use super::engine::Bells;

/// Who is told of what; a clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Ears {
    /// Deliveries that were accepted.
    pub arrived: Arc<Notify>,
    /// New work, by cluster.
    pub work: Bells,
    /// Leases that were given back.
    pub leases: Arc<Notify>,
    /// Questions of replicas, to the one that knows.
    pub questions: Arc<Notify>,
    /// Their answers. Whoever waits for one looks whether it is its own.
    pub answers: Arc<Notify>,
}

/// Hears the others until it is told to stop; where there are none, only that.
pub async fn hear_others(store: Store, ears: Ears, stop: CancellationToken) {
    let Some(mut listener) = store.listener() else {
        return stop.cancelled().await;
    };
    while let Some(news) = stop.run_until_cancelled(listener.next()).await {
        match news {
            Some(News::Inbox) => ears.arrived.notify_one(),
            Some(News::Work(cluster)) => ears.work.ring(&cluster),
            Some(News::Lease) => ears.leases.notify_one(),
            Some(News::Note(QUESTION)) => ears.questions.notify_one(),
            Some(News::Note(_)) => ears.answers.notify_waiters(),
            None => {
                ears.arrived.notify_one();
                ears.work.ring_all();
                ears.leases.notify_one();
                ears.questions.notify_one();
                ears.answers.notify_waiters();
            }
        }
    }
}

//! Deliveries that wait until a cluster was listed, for the first time or after it was lost, and what they wake when
//! it was.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::catalog::{Kind, LiveCluster};
use crate::store::{Store, StoreError, StoredWork, Write};

use super::matcher::Matcher;
use super::names;
use super::record::{Record, Recorded, until_stored, write_all};

/// Deliveries that are matched at once when the cluster was listed at last.
const BATCH: usize = 200;

/// Oldest first.
#[derive(Debug, Default)]
pub(super) struct Unlisted {
    waiting: VecDeque<StoredWork>,
    /// Those that wait for the list of one kind.
    held: BTreeMap<Kind, VecDeque<StoredWork>>,
}

impl Unlisted {
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.held.values().map(VecDeque::len).sum::<usize>()
    }

    pub(super) fn add(&mut self, work: StoredWork) {
        self.waiting.push_back(work);
    }

    pub(super) fn hold(&mut self, work: StoredWork, until: Kind) {
        self.held.entry(until).or_default().push_back(work);
    }

    /// Goes on with those whose kind is awaited no more.
    pub(super) fn release(&mut self, is_awaited: impl Fn(Kind) -> bool) {
        let came = self.held.extract_if(.., |kind, _| !is_awaited(*kind));
        let came = came.flat_map(|(_, held)| held);
        self.waiting.extend(came);
    }

    /// Those that are matched next; `None` where nothing waits.
    pub(super) fn take(&mut self) -> Option<Vec<StoredWork>> {
        let most = self.waiting.len().min(BATCH);
        (most > 0).then(|| self.waiting.drain(..most).collect())
    }

    /// Takes out what has waited too long.
    pub(super) fn take_hopeless(
        &mut self,
        is_hopeless: impl Fn(&StoredWork) -> bool,
    ) -> Vec<StoredWork> {
        let all = std::iter::once(&mut self.waiting).chain(self.held.values_mut());
        let mut hopeless = Vec::new();
        for waiting in all {
            let (some, left) = waiting.drain(..).partition::<VecDeque<_>, _>(&is_hopeless);
            *waiting = left;
            hopeless.extend(some);
        }
        hopeless
    }
}

/// Finds and keeps the work of deliveries that waited for a cluster. `None` where the program ends.
pub(super) async fn matched(
    waited: Vec<StoredWork>,
    live: &LiveCluster,
    matcher: &Matcher,
    store: &Store,
    stop: &CancellationToken,
) -> Recorded {
    let mut record = Record::default();
    names::learn(store, matcher, stop).await;
    for waited in waited {
        let ask = || async {
            match store.stored(waited.delivery).await {
                // It harms no other, and waits for a program that can read it.
                Err(fault @ StoreError::Unreadable { .. }) => Ok(Err(fault)),
                answered => answered.map(Ok),
            }
        };
        let work = match until_stored(stop, ask).await? {
            Ok(None) => Ok(Vec::new()),
            Ok(Some(stored)) => matcher.work_in(live, &stored.delivery, Timestamp::now()),
            Err(fault) => {
                let (delivery, webhook) = (&waited.key.guid, &waited.key.webhook);
                error!(%delivery, %webhook, error = %fault, "left out the delivery {}", waited.key);
                continue;
            }
        };
        match work {
            Ok(work) => {
                let waited = waited.id;
                record.writes.push(Write::Listed { waited, work });
            }
            Err(old) => record.held.push((waited, old)),
        }
    }
    write_all(store, &record.writes, stop).await?;
    Some(record)
}

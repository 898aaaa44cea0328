//! What a delivery says that matters once its objects are annotated.

use std::sync::Arc;

use jiff::Timestamp;

use crate::delivery::{CommitId, DeliveryKey, Event, PushedRef, Wanted};
use crate::store::{Filter, Store, StoreError, StoredDelivery};

use super::proof::{Age, KnownPush};

/// The newest deliveries of a repository that are looked through for a commit.
const LOOKED_THROUGH: u32 = 200;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) key: DeliveryKey,
    pub(super) received_at: Timestamp,
    pub(super) wanted: Wanted,
    /// Nobody pushed: it makes good what may have been missed.
    pub(super) is_made_good: bool,
    /// `owner/name`, and the ref that was moved.
    moved: Option<(String, PushedRef)>,
}

impl Told {
    pub(super) fn by(stored: StoredDelivery) -> Arc<Self> {
        let delivery = stored.delivery;
        let moved = moved(&delivery.event).map(|(reference, ..)| reference.clone());
        let repository = delivery.repository.map(|repository| repository.full_name);
        Arc::new(Self {
            wanted: Wanted::of(&delivery.event),
            is_made_good: matches!(delivery.event, Event::Gap { .. } | Event::Restored { .. }),
            moved: repository.zip(moved),
            received_at: delivery.received_at,
            key: delivery.key,
        })
    }

    /// Whether a commit came later than the wanted one, by the deliveries of the same ref.
    pub(super) async fn age_of(&self, commit: &str, store: &Store) -> Result<Age, StoreError> {
        let (Wanted::Commit { commit: wanted, .. }, Some((repository, reference))) =
            (&self.wanted, &self.moved)
        else {
            return Ok(Age::Unknown);
        };
        let filter = Filter {
            repository: Some(repository.clone()),
            limit: LOOKED_THROUGH,
            ..Filter::default()
        };
        let newest_first = store.deliveries(&filter).await?;
        let pushes = newest_first.into_iter().rev().filter_map(|stored| {
            let (of, commit, before) = moved(&stored.delivery.event)?;
            (of == reference).then(|| KnownPush {
                commit: commit.clone(),
                before: before.cloned(),
                key: stored.delivery.key.clone(),
            })
        });
        let pushes: Vec<_> = pushes.collect();
        Ok(Age::of(commit, wanted, &pushes))
    }
}

/// The ref that was moved, where to, and from where.
fn moved(event: &Event) -> Option<(&PushedRef, &CommitId, Option<&CommitId>)> {
    match event {
        Event::Push(change) => Some((&change.reference, change.commit()?, change.before.as_ref())),
        Event::Head(seen) => {
            let before = match &seen.news {
                crate::delivery::HeadNews::Moved { before } => Some(before),
                _ => None,
            };
            Some((&seen.reference, &seen.commit, before))
        }
        _ => None,
    }
}

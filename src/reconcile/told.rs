//! What a delivery says that matters once its objects are annotated.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::delivery::{CommitId, DeliveryKey, Event, PushedRef, Repository, Wanted};
use crate::store::{DeliveryId, Store, StoreError, StoredDelivery};

use super::names;
use super::proof::{Age, KnownPush};

/// The newest pushes of a ref that are looked through for a commit, of each name that its repository had.
const LOOKED_THROUGH: u32 = 200;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) key: DeliveryKey,
    pub(super) received_at: Timestamp,
    pub(super) wanted: Wanted,
    /// Nobody pushed: it makes good what may have been missed.
    pub(super) is_made_good: bool,
    moved: Option<Moved>,
}

/// How a delivery moved a ref.
#[derive(Debug, PartialEq, Eq)]
struct Moved {
    by: DeliveryId,
    push: KnownPush,
    repository: Repository,
    reference: PushedRef,
}

impl Told {
    pub(super) fn by(stored: StoredDelivery) -> Arc<Self> {
        Arc::new(Self {
            wanted: Wanted::of(&stored.delivery.event),
            is_made_good: matches!(
                stored.delivery.event,
                Event::Gap { .. } | Event::Restored { .. }
            ),
            received_at: stored.delivery.received_at,
            key: stored.delivery.key.clone(),
            moved: Moved::by(stored),
        })
    }

    /// Whether a commit came later than the wanted one, by the deliveries of the same ref.
    pub(super) async fn age_of(&self, commit: &str, store: &Store) -> Result<Age, StoreError> {
        let (Wanted::Commit { commit: wanted, .. }, Some(ours)) = (&self.wanted, &self.moved)
        else {
            return Ok(Age::Unknown);
        };
        // Ours has its place however many came since.
        let mut pushes = BTreeMap::from([(ours.by, ours.push.clone())]);
        for name in names::of(&ours.repository, store).await? {
            let told = store.deliveries_of_ref(&name, &ours.reference, LOOKED_THROUGH);
            let moved = told.await?.into_iter().filter_map(Moved::by);
            let same = moved.filter(|moved| moved.is_of_the_same(ours));
            pushes.extend(same.map(|moved| (moved.by, moved.push)));
        }
        let pushes: Vec<_> = pushes.into_values().collect();
        Ok(Age::of(commit, wanted, &pushes))
    }
}

impl Moved {
    fn by(stored: StoredDelivery) -> Option<Self> {
        let (reference, commit, before) = moved(&stored.delivery.event)?;
        Some(Self {
            by: stored.id,
            push: KnownPush {
                key: stored.delivery.key.clone(),
                commit: commit.clone(),
                before: before.cloned(),
            },
            reference: reference.clone(),
            repository: stored.delivery.repository?,
        })
    }

    /// Another repository may have taken a name that this one had.
    fn is_of_the_same(&self, other: &Self) -> bool {
        let (one, other_one) = (&self.repository, &other.repository);
        let numbers = [one.id, other_one.id];
        self.reference == other.reference
            && one.host == other_one.host
            && (numbers.contains(&0) || one.id == other_one.id)
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

#[cfg(test)]
mod tests {
    use futures::future::try_join_all;

    use crate::delivery::{ChangedPaths, Delivery, DeliveryState, Guid, RefChange, WebhookName};
    use crate::reconcile::played;
    use crate::store::{Accepted, Limits, StoreUrl};

    use super::*;

    fn commit(number: u32) -> CommitId {
        CommitId::read(&format!("{number:040x}")).unwrap().unwrap()
    }

    fn key(number: u32) -> DeliveryKey {
        DeliveryKey {
            webhook: WebhookName("acme".into()),
            guid: Guid::read(&format!("a-{number}")).unwrap(),
        }
    }

    /// A push of the commit of that number onto the one before, to a branch of `acme/web`.
    fn push(number: u32, branch: &str) -> Delivery {
        let event = Event::Push(RefChange {
            reference: PushedRef::branch(branch).unwrap(),
            before: Some(commit(number - 1)),
            after: Some(commit(number)),
            head_commit: Some(commit(number)),
            created: false,
            deleted: false,
            forced: false,
            paths: ChangedPaths::All([].into()),
            pushed_at: None,
        });
        played::delivery("acme", number as usize, (42, "Acme/Web"), event)
    }

    async fn accept(store: &Store, delivery: Delivery) -> Arc<Told> {
        let Accepted::New(id) = store.accept(&delivery).await.unwrap() else {
            panic!("it is new");
        };
        Told::by(StoredDelivery {
            id,
            delivery,
            state: DeliveryState::Accepted,
        })
    }

    async fn many(store: &Store, numbers: std::ops::Range<u32>, branch: &str) {
        let pushes: Vec<_> = numbers.map(|number| push(number, branch)).collect();
        let accepted = pushes.iter().map(|delivery| store.accept(delivery));
        try_join_all(accepted).await.unwrap();
    }

    async fn with_store(test: impl AsyncFnOnce(Store)) {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::read("sqlite:store.db", folder.path()).unwrap();
        test(Store::open(&url, Limits::default()).await.unwrap()).await;
    }

    #[tokio::test]
    async fn a_later_commit_is_later_however_many_deliveries_came_between() {
        with_store(async |store: Store| {
            let first = accept(&store, push(2, "main")).await;
            accept(&store, push(3, "main")).await;
            many(&store, 1_000..1_250, "next").await;
            let fourth = accept(&store, push(4, "main")).await;
            let found = |number: u32| commit(number).to_string();
            let later = Age::Later(key(4));
            assert_eq!(first.age_of(&found(4), &store).await.unwrap(), later);
            assert_eq!(first.age_of(&found(1), &store).await.unwrap(), Age::Older);
            assert_eq!(fourth.age_of(&found(2), &store).await.unwrap(), Age::Older);
            let unknown = first.age_of(&found(1_100), &store).await.unwrap();
            assert_eq!(unknown, Age::Unknown);
            // Also of the same ref: then no chain leads back to it.
            many(&store, 2_000..2_250, "main").await;
            let later = Age::Later(key(2_249));
            assert_eq!(first.age_of(&found(2_249), &store).await.unwrap(), later);
        })
        .await;
    }

    #[tokio::test]
    async fn pushes_from_before_a_rename_count_and_those_of_who_took_the_name_do_not() {
        with_store(async |store: Store| {
            let first = accept(&store, push(2, "main")).await;
            let under = |name: &str, id, number| {
                let mut push = push(number, "main");
                let repository = push.repository.as_mut().unwrap();
                repository.full_name = name.to_owned();
                repository.id = id;
                push
            };
            let renamed = accept(&store, under("acme/site", 42, 3)).await;
            accept(&store, under("acme/web", 7, 9)).await;
            let paths = r#"["acme/web","acme/site"]"#.to_owned();
            let noted = vec![("github.com/42".to_owned(), paths)];
            store.note("names", noted).await.unwrap();
            let found = |number: u32| commit(number).to_string();
            let later = Age::Later(key(3));
            assert_eq!(first.age_of(&found(3), &store).await.unwrap(), later);
            assert_eq!(renamed.age_of(&found(1), &store).await.unwrap(), Age::Older);
            let unknown = first.age_of(&found(9), &store).await.unwrap();
            assert_eq!(unknown, Age::Unknown);
        })
        .await;
    }
}

//! What is stored of work that went on, and what follows once it is.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::catalog::{ItemKey, Kind};
use crate::delivery::{Step, Token, WorkState};
use crate::store::{Store, StoreError, StoredWork, Write};

/// Before the store is tried again.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// An object and the token that it is to get.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) key: ItemKey,
    pub(super) work: StoredWork,
    pub(super) token: Token,
}

/// Work that is over.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) work: StoredWork,
    pub(super) accepted_at: Option<Timestamp>,
}

/// Work that comes back to its object, to go on then.
#[derive(Debug)]
pub(super) struct Later {
    pub(super) key: ItemKey,
    pub(super) work: Vec<StoredWork>,
    pub(super) due: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) writes: Vec<Write>,
    /// To be sent.
    pub(super) chosen: Vec<Chosen>,
    pub(super) ended: Vec<Ended>,
    /// Objects that are out no longer.
    pub(super) back: Vec<ItemKey>,
    pub(super) later: Vec<Later>,
    /// Deliveries that wait for the list of a kind.
    pub(super) held: Vec<(StoredWork, Kind)>,
    /// How many objects had their turn for this.
    pub(super) turns: usize,
}

/// What was stored; `None` where the program ends before the store could be written.
pub(super) type Recorded = Option<Record>;

impl Record {
    /// The newest work gets the token; what is older is woken by it as well.
    pub(super) fn choose(
        &mut self,
        key: ItemKey,
        mut work: Vec<StoredWork>,
        token: Token,
        now: Timestamp,
    ) {
        let Some(mut newest) = work.pop() else {
            self.back.push(key);
            return;
        };
        if !step(&mut newest, Step::Choose(token.clone()), now) {
            self.back.push(key);
            return;
        }
        let by = newest.key.clone();
        for older in work {
            self.end_one(older, Step::Overtaken(by.clone()), now);
        }
        self.writes.push(write(&newest));
        self.chosen.push(Chosen {
            key,
            work: newest,
            token,
        });
    }

    /// All that was out for an object is over.
    pub(super) fn end(&mut self, key: ItemKey, work: Vec<StoredWork>, with: &Step, now: Timestamp) {
        for work in work {
            self.end_one(work, with.clone(), now);
        }
        self.back.push(key);
    }

    /// Work that is not out, or whose object stays out for other work.
    pub(super) fn end_one(&mut self, mut work: StoredWork, with: Step, now: Timestamp) {
        let accepted_at = work.state.accepted_at();
        if step(&mut work, with, now) {
            self.writes.push(write(&work));
            self.ended.push(Ended { work, accepted_at });
        }
    }

    /// A patch that is to be tried again after `wait`, or is given up.
    pub(super) fn retry(
        &mut self,
        chosen: Chosen,
        retry: Step,
        wait: Duration,
        (now, at): (Timestamp, Instant),
    ) {
        let Chosen { key, mut work, .. } = chosen;
        let accepted_at = work.state.accepted_at();
        if !step(&mut work, retry, now) {
            self.back.push(key);
        } else if work.state.is_over() {
            self.writes.push(write(&work));
            self.ended.push(Ended { work, accepted_at });
            self.back.push(key);
        } else {
            if work.state.is_milestone() {
                self.writes.push(write(&work));
            }
            let due = at + wait;
            let work = vec![work];
            self.later.push(Later { key, work, due });
        }
    }

    /// Objects that were annotated.
    pub(super) fn annotated(&self) -> HashSet<ItemKey> {
        let works = self.ended.iter().map(|ended| &ended.work);
        works
            .filter(|work| matches!(work.state, WorkState::Annotated { .. }))
            .filter_map(|work| work.object.clone())
            .collect()
    }

    /// Objects that could not be woken.
    pub(super) fn failed(&self) -> Vec<&ItemKey> {
        let works = self.ended.iter().map(|ended| &ended.work);
        works
            .filter(|work| matches!(work.state, WorkState::Failed { .. }))
            .filter_map(|work| work.object.as_ref())
            .collect()
    }

    /// The work by which they were.
    pub(super) fn to_follow(&self) -> Vec<StoredWork> {
        let works = self.ended.iter().map(|ended| &ended.work);
        works
            .filter(|work| matches!(work.state, WorkState::Annotated { .. }))
            .cloned()
            .collect()
    }

    /// Writes it until that is done.
    pub(super) async fn stored(self, store: &Store, stop: &CancellationToken) -> Recorded {
        write_all(store, &self.writes, stop).await?;
        Some(self)
    }
}

/// A step that the state does not allow is a fault of ours: it is told, and the work stays open
/// until the next start.
fn step(work: &mut StoredWork, step: Step, now: Timestamp) -> bool {
    match work.state.after(step, now) {
        Ok(state) => {
            work.state = state;
            true
        }
        Err(fault) => {
            let (delivery, webhook) = (&work.key.guid, &work.key.webhook);
            error!(%delivery, %webhook, cluster = %work.cluster, "{fault}");
            false
        }
    }
}

fn write(work: &StoredWork) -> Write {
    Write::Work {
        id: work.id,
        state: work.state.clone(),
    }
}

/// Writes until that is done. What is about a row that cannot be read is left out, so that it harms no other.
/// `None`: the program ends before it is done, or another replica does it.
pub(super) async fn write_all(
    store: &Store,
    writes: &[Write],
    stop: &CancellationToken,
) -> Option<()> {
    let write = |some: Vec<Write>| {
        until_stored(stop, move || {
            let some = some.clone();
            async move {
                match store.write(some).await {
                    Err(fault @ StoreError::Unreadable { .. }) => Ok(Err(fault)),
                    answered => answered.map(Ok),
                }
            }
        })
    };
    if write(writes.to_vec()).await?.is_ok() {
        return Some(());
    }
    for one in writes {
        if let Err(fault) = write(vec![one.clone()]).await? {
            error!(error = %fault, "left out what became of it");
        }
    }
    Some(())
}

/// Asks the store until it answers. `None`: the program ends before it does, or another replica holds the lease.
pub(super) async fn until_stored<T, F>(
    stop: &CancellationToken,
    mut ask: impl FnMut() -> F,
) -> Option<T>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut was_told = false;
    loop {
        match ask().await {
            Ok(answer) => return Some(answer),
            Err(StoreError::NotHeld { .. }) => return None,
            Err(fault) if !was_told => {
                was_told = true;
                warn!(error = %fault, "the store cannot be used; it is tried again until it can");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(STORE_AGAIN) => {}
        }
    }
}

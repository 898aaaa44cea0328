//! What goes into the store and comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::ItemKey;
use crate::delivery::{Delivery, DeliveryKey, DeliveryState, Proof, WorkState};

/// The number of a delivery in the store; later ones have higher numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

/// The number of a piece of work in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkId(pub i64);

/// What became of a delivery at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// On disk.
    New(DeliveryId),
    /// It had failed and is worked again.
    Again(DeliveryId),
    /// It was there before, and this became of it.
    Seen(DeliveryId, DeliveryState),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    pub id: DeliveryId,
    pub delivery: Delivery,
    pub state: DeliveryState,
}

/// One object, or a cluster that is not seen now, that a delivery is to wake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWork {
    pub cluster: Arc<str>,
    /// `None`: the cluster is not seen now, listed before or not, so that nobody knows which, or which else.
    pub object: Option<ItemKey>,
    pub state: WorkState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWork {
    pub id: WorkId,
    pub delivery: DeliveryId,
    /// The delivery's key, by which others name it.
    pub key: DeliveryKey,
    pub cluster: Arc<str>,
    pub object: Option<ItemKey>,
    pub state: WorkState,
    /// What became of it after it was annotated; `None` where nothing was seen of that.
    pub proof: Option<Box<Proof>>,
}

/// One change of what is kept. Those of one call are made together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// It is known what a delivery wakes: its new state, and the work where there is some.
    Matched {
        delivery: DeliveryId,
        state: DeliveryState,
        work: Vec<NewWork>,
    },
    /// A cluster was listed at last: the work that waited for it becomes this work, perhaps none. An object that the
    /// delivery has work for already has no more of it, unless it was left alone and is not any longer.
    Listed { waited: WorkId, work: Vec<NewWork> },
    /// A piece of work went on. With the last of its work over a delivery is done.
    Work { id: WorkId, state: WorkState },
    /// What was seen of an object that was annotated and is still followed.
    Proof { id: WorkId, proof: Box<Proof> },
}

/// Which deliveries are asked for; the newest come first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `owner/name`, in any case.
    pub repository: Option<String>,
    /// As [`DeliveryState::name`] gives it.
    pub state: Option<String>,
    /// Only those with lower numbers.
    pub before: Option<DeliveryId>,
    pub limit: u32,
}

/// How much is kept. What is still to be done is never dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unfinished deliveries; one more is refused.
    pub backlog: u64,
    /// Finished deliveries are kept so long…
    pub keep_for: Duration,
    /// … and at most so many.
    pub keep: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            backlog: 100_000,
            keep_for: Duration::from_secs(7 * 86_400),
            keep: 100_000,
        }
    }
}

/// How much there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By the name of their state; each state is there.
    pub deliveries: BTreeMap<String, u64>,
    /// Work that is not over, by cluster; clusters without any may be left out.
    pub open_work: BTreeMap<String, u64>,
    /// What the store takes of the disk, without the log of what was written last.
    pub size_bytes: u64,
}

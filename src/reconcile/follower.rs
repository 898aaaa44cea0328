//! Follows the annotated objects of one cluster until each is proven, has failed, or its time is over.
//!
//! ```text
//! annotated -> follow; the cluster changed -> look -> stages kept, counted, told
//!                                              `----> which commit is newer? asked once more
//! ```
//!
//! What was not kept when the process dies is seen again at the next start, in the cluster as it is then.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::catalog::News;
use crate::delivery::ProofState;
use crate::store::{DeliveryId, StoreError, StoredWork, WorkId, Write};

use super::carried;
use super::environments::{Environments, UnappliedGauge};
use super::follows::{Ended, Follows, Seen, Todo};
use super::means::Means;
use super::metrics::{ClusterLabels, EndLabels, StageLabels};
use super::proof::Age;
use super::record::{until_stored, write_all};
use super::steps::Mode;
use super::told::Told;

/// Batches of annotated objects that may wait; what finds no place is read from the store.
const BATCHES: usize = 64;
/// Work that is read from the store at once.
const PAGE: u32 = 1_000;
/// Stages that are kept by one call; others need the store as well.
const WRITES: usize = 250;
/// How often it is looked whose time has come.
const TICK: Duration = Duration::from_secs(1);
/// Ticks after which other reasons to wait are kept too.
const SMALL_NEWS: u32 = 5;
/// For what is seen and not kept when the program is told to stop.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The way to a follower.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    sender: mpsc::Sender<Vec<StoredWork>>,
    missed: Arc<AtomicBool>,
}

impl Followed {
    /// Objects that were annotated, and are kept as such.
    pub(super) fn add(&self, annotated: Vec<StoredWork>) {
        if self.sender.try_send(annotated).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }
}

pub(super) struct Follower {
    means: Means,
    follows: Follows,
    incoming: mpsc::Receiver<Vec<StoredWork>>,
    missed: Arc<AtomicBool>,
    jobs: JoinSet<Job>,
    is_writing: bool,
    environments: Environments,
    unapplied: UnappliedGauge,
    /// What an earlier run noted is taken in.
    is_restored: bool,
    ticks: u32,
}

/// What came of what was asked.
enum Job {
    Written,
    Age {
        id: WorkId,
        /// `None` where the program ends.
        age: Option<(String, Age)>,
    },
    Asked {
        id: WorkId,
        /// Else its API server did not take it.
        was_taken: bool,
    },
}

impl Follower {
    pub(super) fn new(means: Means, within: Duration) -> (Self, Followed) {
        let (sender, incoming) = mpsc::channel(BATCHES);
        let missed = Arc::new(AtomicBool::new(true));
        let followed = Followed {
            sender,
            missed: Arc::clone(&missed),
        };
        let name = Arc::clone(means.live.name());
        let unapplied = UnappliedGauge::new(means.metrics.clone(), name);
        let follower = Self {
            means,
            follows: Follows::new(within),
            incoming,
            missed,
            jobs: JoinSet::new(),
            is_writing: false,
            environments: Environments::default(),
            unapplied,
            is_restored: false,
            ticks: 0,
        };
        (follower, followed)
    }

    /// Follows until it is told to stop, or nobody is left who annotates. What an earlier run followed goes on.
    ///
    /// # Errors
    /// A task of it panicked.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), JoinError> {
        let mut news = self.means.live.listen();
        let mut tick = tokio::time::interval(TICK);
        loop {
            self.write(&stop);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(done) = self.jobs.join_next(), if !self.jobs.is_empty() => self.done(done?, &stop),
                annotated = self.incoming.recv() => match annotated {
                    Some(annotated) => if self.begin(annotated, true, &stop).await.is_none() { break },
                    None => break,
                },
                told = news.recv() => self.hear(told, &mut news, &stop),
                _ = tick.tick() => if self.tick(&stop).await.is_none() { break },
            }
        }
        let carried = self.follows.take_carried();
        let writes = self.follows.take_news(usize::MAX);
        let (store, cluster) = (&self.means.store, self.means.live.name());
        let last_words = async {
            carried::keep(store, cluster, &carried, &stop).await?;
            write_all(store, &writes, &stop).await
        };
        let _ = tokio::time::timeout(LAST_WORDS, last_words).await;
        Ok(())
    }

    /// `None`: the program ends.
    async fn begin(
        &mut self,
        annotated: Vec<StoredWork>,
        is_new: bool,
        stop: &CancellationToken,
    ) -> Option<()> {
        let mut told: HashMap<DeliveryId, Option<Arc<Told>>> = HashMap::new();
        for id in annotated.iter().map(|work| work.delivery) {
            if told.contains_key(&id) {
                continue;
            }
            let store = &self.means.store;
            let ask = || async {
                match store.stored(id).await {
                    // It harms no other, and is followed by a program that can read it.
                    Err(StoreError::Unreadable { .. }) => Ok(None),
                    answered => answered,
                }
            };
            let stored = until_stored(stop, ask).await?;
            told.insert(id, stored.map(Told::by));
        }
        let ids: BTreeSet<WorkId> = annotated.iter().map(|work| work.id).collect();
        let live = Arc::clone(&self.means.live);
        for work in annotated {
            if let Some(Some(told)) = told.get(&work.delivery) {
                let now = Timestamp::now();
                let told = Arc::clone(told);
                let seen = self.follows.add(work, told, is_new, &live.read(), now);
                self.tell(seen, stop);
            }
        }
        self.look(&ids, stop);
        Some(())
    }

    /// What the store has and nobody told.
    async fn go_on(&mut self, stop: &CancellationToken) -> Option<()> {
        let mut after = None;
        let mut left = 0;
        loop {
            let (store, cluster) = (self.means.store.clone(), self.means.live.name());
            let page = until_stored(stop, || store.followed_work(cluster, after, PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            left += page.len();
            self.begin(page, false, stop).await?;
        }
        if left > 0 {
            let cluster = self.means.live.name();
            info!(%cluster, objects = left, "goes on following objects that were annotated");
        }
        if !self.is_restored {
            self.restore(stop).await?;
            self.is_restored = true;
        }
        Some(())
    }

    /// What objects lack though it is over.
    async fn restore(&mut self, stop: &CancellationToken) -> Option<()> {
        let (store, cluster) = (self.means.store.clone(), self.means.live.name());
        let noted = until_stored(stop, || carried::noted(&store, cluster)).await?;
        for (object, carried) in noted {
            if let Some(late) = carried.late.filter(|late| !self.follows.knows(*late)) {
                let work = until_stored(stop, || store.work(late)).await?;
                let work = work.filter(|work| work.object.as_ref() == Some(&object));
                self.begin(work.into_iter().collect(), false, stop).await?;
            }
            self.follows.restore(object, carried);
        }
        Some(())
    }

    async fn tick(&mut self, stop: &CancellationToken) -> Option<()> {
        if self.missed.swap(false, Ordering::AcqRel) {
            self.go_on(stop).await?;
        }
        let due = self.follows.due(Timestamp::now());
        self.look(&due, stop);
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(SMALL_NEWS) {
            self.follows.keep_small_news();
        }
        self.count();
        Some(())
    }

    fn hear(
        &mut self,
        told: Result<News, RecvError>,
        news: &mut Receiver<News>,
        stop: &CancellationToken,
    ) {
        let live = Arc::clone(&self.means.live);
        let mut concerned = BTreeSet::new();
        let mut told = told.map_err(|fault| matches!(fault, RecvError::Lagged(_)));
        loop {
            match told {
                Ok(News::Item(item)) if !self.follows.is_empty() => {
                    concerned.extend(self.follows.concerned(&item, &live.read()));
                }
                Ok(News::Item(_)) => {}
                Ok(News::Scopes) | Err(true) => concerned = self.follows.all(),
                Err(false) => break,
            }
            told = news
                .try_recv()
                .map_err(|fault| matches!(fault, TryRecvError::Lagged(_)));
        }
        self.look(&concerned, stop);
    }

    fn look(&mut self, ids: &BTreeSet<WorkId>, stop: &CancellationToken) {
        let may_ask = self.means.mode == Mode::Annotate;
        let live = Arc::clone(&self.means.live);
        let seen = self
            .follows
            .look(ids, &live.read(), may_ask, Timestamp::now());
        self.tell(seen, stop);
    }

    /// Counts and logs what was seen, and does what has to be done.
    fn tell(&mut self, seen: Seen, stop: &CancellationToken) {
        for reached in seen.reached {
            let labels = StageLabels {
                stage: reached.stage.name(),
                environment: self.environments.label(reached.environment.as_ref()),
            };
            let seconds = self.means.metrics.stage_seconds.get_or_create(&labels);
            seconds.observe(reached.after.as_secs_f64().max(0.0));
        }
        for ended in seen.ended {
            self.log(&ended);
            let labels = EndLabels {
                cluster: Arc::clone(self.means.live.name()),
                state: ended.proof.state.name(),
            };
            self.means.metrics.proofs.get_or_create(&labels).inc();
        }
        for todo in seen.todo {
            self.start(todo, stop.clone());
        }
    }

    fn log(&self, ended: &Ended) {
        let Ended {
            object,
            told,
            proof,
        } = ended;
        let (delivery, webhook) = (&told.key.guid, &told.key.webhook);
        let (cluster, state) = (self.means.live.name(), proof.state.name());
        let object = object.to_string();
        match &proof.state {
            ProofState::Failed { failure, .. } => {
                warn!(%delivery, %webhook, %cluster, object, state, "{object} of cluster {cluster}: {}: {}", failure.reason, failure.message);
            }
            ProofState::Unproven { reason, .. } => {
                warn!(%delivery, %webhook, %cluster, object, state, "{object} of cluster {cluster}: {reason}");
            }
            _ => {
                info!(%delivery, %webhook, %cluster, object, state, "{object} of cluster {cluster}: {state}")
            }
        }
    }

    fn start(&mut self, todo: Todo, stop: CancellationToken) {
        let means = self.means.clone();
        match todo {
            Todo::AgeOf { id, told, commit } => {
                self.jobs.spawn(async move {
                    let age = until_stored(&stop, || told.age_of(&commit, &means.store)).await;
                    let age = age.map(|age| (commit, age));
                    Job::Age { id, age }
                });
            }
            Todo::Again {
                id,
                object,
                proof,
                token,
            } => {
                self.jobs.spawn(async move {
                    let writes = [Write::Proof { id, proof }];
                    let is_kept = write_all(&means.store, &writes, &stop).await.is_some();
                    let mut was_taken = true;
                    // Who stood still may have lost the cluster meanwhile.
                    if is_kept && means.store.is_held() {
                        let cluster = means.live.name();
                        info!(%cluster, "{object} of cluster {cluster} has fetched an older commit; it is asked again");
                        if let Err(fault) = means.cluster.annotate(&object, &token.0).await {
                            was_taken = false;
                            warn!(%cluster, "cannot ask {object} of cluster {cluster} again: {fault}");
                        }
                    }
                    Job::Asked { id, was_taken }
                });
            }
        }
    }

    fn done(&mut self, job: Job, stop: &CancellationToken) {
        let id = match job {
            Job::Written => {
                self.is_writing = false;
                return;
            }
            Job::Age { id, age } => {
                self.follows.told_age(id, age);
                id
            }
            Job::Asked { id, was_taken } => {
                self.follows.asked_again(id, was_taken);
                id
            }
        };
        self.look(&BTreeSet::from([id]), stop);
    }

    /// One call after the other: what is seen meanwhile shares the next one.
    fn write(&mut self, stop: &CancellationToken) {
        if self.is_writing {
            return;
        }
        let carried = self.follows.take_carried();
        let writes = self.follows.take_news(WRITES);
        if carried.is_empty() && writes.is_empty() {
            return;
        }
        self.is_writing = true;
        let (means, stop) = (self.means.clone(), stop.clone());
        self.jobs.spawn(async move {
            let (store, cluster) = (&means.store, means.live.name());
            // First, for what is over is not read again.
            if carried::keep(store, cluster, &carried, &stop)
                .await
                .is_some()
            {
                write_all(store, &writes, &stop).await;
            }
            Job::Written
        });
    }

    fn count(&mut self) {
        let live = Arc::clone(&self.means.live);
        let since = self.follows.unapplied_since(&live.read());
        self.unapplied
            .show(since, &mut self.environments, Timestamp::now());
        let followed = i64::try_from(self.follows.len()).unwrap_or(i64::MAX);
        let cluster = Arc::clone(live.name());
        let labels = ClusterLabels { cluster };
        self.means
            .metrics
            .followed
            .get_or_create(&labels)
            .set(followed);
    }
}

impl Drop for Follower {
    /// Another replica may know it from now on.
    fn drop(&mut self) {
        let cluster = Arc::clone(self.means.live.name());
        self.means
            .metrics
            .followed
            .remove(&ClusterLabels { cluster });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_finds_no_place_is_to_be_read_from_the_store() {
        let (sender, mut incoming) = mpsc::channel(BATCHES);
        let missed = Arc::new(AtomicBool::new(false));
        let followed = Followed {
            sender,
            missed: Arc::clone(&missed),
        };
        for _ in 0..BATCHES {
            followed.add(Vec::new());
        }
        assert!(!missed.load(Ordering::Acquire));
        followed.add(Vec::new());
        assert!(missed.swap(false, Ordering::AcqRel));
        incoming.recv().await.expect("there are many");
        followed.add(Vec::new());
        assert!(!missed.load(Ordering::Acquire));
    }
}

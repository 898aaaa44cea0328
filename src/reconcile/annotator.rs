//! Annotates the objects of one cluster: one at a time each, many at once together.
//!
//! ```text
//! work -> queue -> turn: suspended, gone? -> token stored -> patch -> what became of it stored
//!           ^                                                  |
//!           `---- later, with backoff: the server is away -----'
//! ```
//!
//! Whatever is not stored yet when the process dies is done again at the next start: the same token
//! patched twice changes nothing.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::catalog::{ItemKey, LiveCluster};
use crate::cluster::{Cluster, PatchFault};
use crate::delivery::{Step, Token, WorkState};
use crate::store::{Store, StoreError, StoredWork, Write};

use super::matcher::Matcher;
use super::metrics::{ClusterLabels, EndLabels, Metrics};
use super::pace::{Answer, Pace};
use super::queue::{Queue, Turn};

/// The first wait after a patch that failed; it doubles with each more.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MOST: Duration = Duration::from_secs(30);
/// A server may ask to wait longer, up to this.
const RETRY_AFTER_MOST: Duration = Duration::from_secs(300);
/// Before the store is tried again.
const STORE_AGAIN: Duration = Duration::from_secs(1);
/// Objects whose tokens are chosen and stored at once.
const TURNS: usize = 1_000;
/// Deliveries that are matched at once when the cluster was listed at last.
const LISTED: usize = 200;
/// How often work that waits for a list in vain is looked for.
const HOPELESS_EVERY: Duration = Duration::from_secs(60);
/// For what is on its way when the program is told to stop.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What an annotator works with.
#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) cluster: Arc<Cluster>,
    pub(super) live: Arc<LiveCluster>,
    pub(super) store: Store,
    pub(super) matcher: Arc<Matcher>,
    pub(super) give_up_after: Duration,
    pub(super) mode: Mode,
    pub(super) metrics: Metrics,
}

/// How work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Objects are annotated.
    Annotate,
    /// All is matched and kept, and nothing in a cluster is touched.
    Shadow,
}

pub(super) struct Annotator {
    means: Means,
    queue: Queue,
    /// Deliveries that wait for the cluster's first list.
    unlisted: VecDeque<StoredWork>,
    pace: Pace,
    /// Their tokens are stored, and they wait for the pace.
    ready: VecDeque<Chosen>,
    sends: JoinSet<Sent>,
    records: JoinSet<Recorded>,
}

/// An object and the token that it is to get.
struct Chosen {
    key: ItemKey,
    work: StoredWork,
    token: Token,
}

struct Sent {
    chosen: Chosen,
    outcome: Result<(), PatchFault>,
    within: Duration,
}

/// What is to be stored, and what follows once it is.
#[derive(Default)]
struct Record {
    writes: Vec<Write>,
    chosen: Vec<Chosen>,
    ended: Vec<(ItemKey, Vec<StoredWork>)>,
    again: Vec<(Chosen, Instant)>,
}

/// What was stored; `None` where the program ends before the store could be written.
type Recorded = Option<(Record, Vec<StoredWork>)>;

impl Annotator {
    /// With the work that an earlier run of the program left.
    pub(super) fn new(means: Means, left: Vec<StoredWork>) -> Self {
        let mut annotator = Self {
            means,
            queue: Queue::default(),
            unlisted: VecDeque::new(),
            pace: Pace::default(),
            ready: VecDeque::new(),
            sends: JoinSet::new(),
            records: JoinSet::new(),
        };
        annotator.add(left);
        annotator
    }

    /// Works until it is told to stop, or nobody is left to give it work.
    pub(super) async fn run(
        mut self,
        mut incoming: mpsc::Receiver<Vec<StoredWork>>,
        stop: CancellationToken,
    ) {
        let mut progress = self.means.live.watch_progress();
        let mut hopeless = tokio::time::interval(HOPELESS_EVERY);
        loop {
            self.go_on(&stop);
            let next = self.next_turn();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(sent) = self.sends.join_next(), if !self.sends.is_empty() => self.take_in(sent, &stop),
                Some(recorded) = self.records.join_next(), if !self.records.is_empty() => self.follow(recorded),
                work = incoming.recv() => match work {
                    Some(work) => self.add(work),
                    None => break,
                },
                Ok(()) = progress.changed() => {
                    if self.means.live.is_listed() {
                        self.queue.hurry(Instant::now());
                    }
                }
                _ = hopeless.tick() => self.give_up(&stop),
                () = tokio::time::sleep_until(next.into()) => {}
            }
        }
        self.finish(&stop).await;
    }

    fn name(&self) -> &Arc<str> {
        self.means.live.name()
    }

    fn add(&mut self, work: Vec<StoredWork>) {
        let (now, at) = (Timestamp::now(), Instant::now());
        for work in work {
            if work.object.is_none() {
                self.unlisted.push_back(work);
            } else {
                self.queue.add(work, now, at);
            }
        }
    }

    /// When something is to be done though nothing happens.
    fn next_turn(&self) -> Instant {
        let far = Instant::now() + HOPELESS_EVERY;
        if !self.means.live.is_listed() || self.ready.len() >= TURNS {
            return far;
        }
        self.queue.next().unwrap_or(far)
    }

    /// Starts all that can be started now.
    fn go_on(&mut self, stop: &CancellationToken) {
        if self.means.live.is_listed() {
            self.match_unlisted(stop);
            self.take_turns(stop);
        }
        while self.pace.free() > 0
            && let Some(chosen) = self.ready.pop_front()
        {
            self.pace.sent();
            let cluster = Arc::clone(&self.means.cluster);
            self.sends.spawn(async move {
                let started = Instant::now();
                let outcome = cluster.annotate(&chosen.key, &chosen.token.0).await;
                let within = started.elapsed();
                Sent {
                    chosen,
                    outcome,
                    within,
                }
            });
        }
        let labels = ClusterLabels {
            cluster: Arc::clone(self.name()),
        };
        let open = self.queue.len() + self.unlisted.len();
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        self.means.metrics.open.get_or_create(&labels).set(open);
    }

    /// The cluster was listed at last: which objects do the deliveries wake that waited for it?
    fn match_unlisted(&mut self, stop: &CancellationToken) {
        while !self.unlisted.is_empty() {
            let most = self.unlisted.len().min(LISTED);
            let waited: Vec<StoredWork> = self.unlisted.drain(..most).collect();
            let (means, stop) = (self.means.clone(), stop.clone());
            self.records.spawn(async move {
                let writes = match_waited(&means, &waited, &stop).await?;
                let record = Record {
                    writes,
                    ..Record::default()
                };
                stored(&means.store, record, &stop).await
            });
        }
    }

    fn take_turns(&mut self, stop: &CancellationToken) {
        let most = TURNS.saturating_sub(self.ready.len());
        let turns = self.queue.take(most, Instant::now());
        if turns.is_empty() {
            return;
        }
        let mut record = Record::default();
        for turn in turns {
            self.decide(turn, &mut record);
        }
        self.store(record, stop);
    }

    /// Whether an object is annotated, as the cluster has it now.
    fn decide(&mut self, turn: Turn, record: &mut Record) {
        let now = Timestamp::now();
        let key = match &turn {
            Turn::Choose(key, _) | Turn::Send(key, _, _) => key,
        };
        let item = self.means.live.read().item(key).cloned();
        let end = match &item {
            None => Some(Step::Gone),
            Some(item) if item.suspended => Some(Step::Suspended),
            Some(item) if item.opted_out => Some(Step::OptedOut),
            Some(_) if self.means.mode == Mode::Shadow => Some(Step::Shadow),
            Some(_) => None,
        };
        let requested = item.as_ref().and_then(|item| item.requested_at.as_deref());
        match (turn, end) {
            (Turn::Choose(key, work), Some(step)) => self.end(key, work, &step, now, record),
            (Turn::Send(key, work, _), Some(step)) => {
                self.end(key, vec![*work], &step, now, record);
            }
            // It was sent before the program was stopped, and only the answer was not kept.
            (Turn::Send(key, work, token), None) if requested == Some(token.0.as_str()) => {
                self.end(key, vec![*work], &Step::Annotated, now, record);
            }
            (Turn::Send(key, work, token), None) => {
                let work = *work;
                self.ready.push_back(Chosen { key, work, token });
            }
            (Turn::Choose(key, work), None) => {
                let token = Token::choose(now, requested);
                self.choose(key, work, token, now, record);
            }
        }
    }

    /// The newest work gets the token; what is older is woken by it as well.
    fn choose(
        &self,
        key: ItemKey,
        mut work: Vec<StoredWork>,
        token: Token,
        now: Timestamp,
        record: &mut Record,
    ) {
        let Some(mut newest) = work.pop() else { return };
        let by = newest.key.clone();
        if self.step(&mut newest, Step::Choose(token.clone()), now) {
            record.writes.push(write(&newest));
            record.chosen.push(Chosen {
                key: key.clone(),
                work: newest,
                token,
            });
        }
        for older in &mut work {
            if self.step(older, Step::Overtaken(by.clone()), now) {
                self.count_end(older, None, now);
                record.writes.push(write(older));
            }
        }
        if !work.is_empty() {
            record.ended.push((key, work));
        }
    }

    fn end(
        &self,
        key: ItemKey,
        mut work: Vec<StoredWork>,
        step: &Step,
        now: Timestamp,
        record: &mut Record,
    ) {
        for work in &mut work {
            let accepted_at = work.state.accepted_at();
            if self.step(work, step.clone(), now) {
                self.count_end(work, accepted_at, now);
                self.tell_end(work);
                record.writes.push(write(work));
            }
        }
        record.ended.push((key, work));
    }

    /// A step that the state does not allow is a fault of ours: it is told, and the work stays.
    fn step(&self, work: &mut StoredWork, step: Step, now: Timestamp) -> bool {
        match work.state.after(step, now) {
            Ok(state) => {
                work.state = state;
                true
            }
            Err(fault) => {
                error!(delivery = %work.key, cluster = %self.name(), "{fault}");
                false
            }
        }
    }

    /// Takes in the answer to a patch, and all others that are there.
    fn take_in(&mut self, first: Result<Sent, tokio::task::JoinError>, stop: &CancellationToken) {
        let mut record = Record::default();
        let mut next = Some(first);
        while let Some(sent) = next {
            match sent {
                Ok(sent) => self.answered(sent, &mut record),
                Err(fault) => {
                    error!(cluster = %self.name(), "a patch ended without an answer: {fault}")
                }
            }
            next = self.sends.try_join_next();
        }
        self.store(record, stop);
    }

    fn answered(&mut self, sent: Sent, record: &mut Record) {
        let (now, at) = (Timestamp::now(), Instant::now());
        let Sent {
            chosen,
            outcome,
            within,
        } = sent;
        let answer = match &outcome {
            Err(PatchFault::Later { busy, .. }) if *busy => Answer::Busy,
            _ => Answer::Taken { within },
        };
        self.pace.answered(answer, at);
        let labels = ClusterLabels {
            cluster: Arc::clone(self.name()),
        };
        let metrics = self.means.metrics.clone();
        let seconds = within.as_secs_f64();
        metrics
            .patch_seconds
            .get_or_create(&labels)
            .observe(seconds);
        let Chosen { key, work, token } = chosen;
        let step = match outcome {
            Ok(()) => Step::Annotated,
            Err(PatchFault::Gone) => Step::Gone,
            Err(fault @ PatchFault::Refused(_)) => Step::Fail(fault.to_string()),
            Err(PatchFault::Later {
                reason,
                retry_after,
                ..
            }) => {
                metrics.retries.get_or_create(&labels).inc();
                return self.later(Chosen { key, work, token }, reason, retry_after, record);
            }
        };
        self.end(key, vec![work], &step, now, record);
    }

    fn later(
        &mut self,
        mut chosen: Chosen,
        reason: String,
        retry_after: Option<Duration>,
        record: &mut Record,
    ) {
        let (now, at) = (Timestamp::now(), Instant::now());
        let failures = match &chosen.work.state {
            WorkState::Annotating { failures, .. } => *failures,
            _ => 0,
        };
        let wait = backoff(failures).max(retry_after.unwrap_or_default().min(RETRY_AFTER_MOST));
        let retry = Step::Retry {
            reason,
            at: now.checked_add(wait).unwrap_or(now),
            give_up_after: self.means.give_up_after,
        };
        if !self.step(&mut chosen.work, retry, now) {
            return;
        }
        if chosen.work.state.is_over() {
            self.count_end(&chosen.work, None, now);
            self.tell_end(&chosen.work);
            record.writes.push(write(&chosen.work));
            record.ended.push((chosen.key, vec![chosen.work]));
        } else if failures == 0 {
            // The first failure is kept, so that people see it; those that follow say the same.
            record.writes.push(write(&chosen.work));
            record.again.push((chosen, at + wait));
        } else {
            self.queue.again(chosen.key, vec![chosen.work], at + wait);
        }
    }

    fn store(&mut self, record: Record, stop: &CancellationToken) {
        if record.writes.is_empty() {
            self.follow(Ok(Some((record, Vec::new()))));
            return;
        }
        let (store, stop) = (self.means.store.clone(), stop.clone());
        self.records
            .spawn(async move { stored(&store, record, &stop).await });
    }

    /// What follows once something was stored.
    fn follow(&mut self, recorded: Result<Recorded, tokio::task::JoinError>) {
        let (record, work) = match recorded {
            Ok(Some(recorded)) => recorded,
            Ok(None) => return,
            Err(fault) => {
                error!(cluster = %self.name(), "a write ended without an answer: {fault}");
                return;
            }
        };
        let at = Instant::now();
        let chosen: HashSet<&ItemKey> = record.chosen.iter().map(|chosen| &chosen.key).collect();
        for (key, over) in &record.ended {
            let ids = over.iter().map(|work| work.id);
            if chosen.contains(key) {
                // The object itself is still out, with the work that overtook these.
                self.queue.forget(ids);
                continue;
            }
            let is_annotated =
                |work: &StoredWork| matches!(work.state, WorkState::Annotated { .. });
            let rests = over.iter().any(is_annotated);
            self.queue.ended(key, ids, rests, at);
        }
        self.ready.extend(record.chosen);
        for (chosen, due) in record.again {
            self.queue.again(chosen.key, vec![chosen.work], due);
        }
        self.add(work);
    }

    /// Ends what has waited too long for a cluster that was never listed since the start.
    fn give_up(&mut self, stop: &CancellationToken) {
        if self.means.live.is_listed() {
            return;
        }
        let now = Timestamp::now();
        let give_up_after = self.means.give_up_after;
        let is_hopeless = |state: &WorkState| state.is_hopeless(give_up_after, now);
        let (mut hopeless, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.unlisted)
            .into_iter()
            .partition(|work| is_hopeless(&work.state));
        self.unlisted = waiting.into();
        hopeless.extend(self.queue.take_hopeless(is_hopeless, Instant::now()));
        let mut record = Record::default();
        for mut work in hopeless {
            let reason = format!("cluster `{}` could not be listed in time", self.name());
            if self.step(&mut work, Step::Fail(reason), now) {
                self.count_end(&work, None, now);
                self.tell_end(&work);
                record.writes.push(write(&work));
            }
        }
        self.store(record, stop);
    }

    /// Waits a moment for what is on its way: what is not stored then is done again at the next start.
    async fn finish(mut self, stop: &CancellationToken) {
        let all = async {
            while !self.sends.is_empty() || !self.records.is_empty() {
                tokio::select! {
                    Some(sent) = self.sends.join_next() => self.take_in(sent, stop),
                    Some(_) = self.records.join_next() => {}
                    else => break,
                }
            }
        };
        if tokio::time::timeout(LAST_WORDS, all).await.is_err() {
            warn!("annotations that were on their way are sent again at the next start");
        }
    }

    fn count_end(&self, work: &StoredWork, accepted_at: Option<Timestamp>, now: Timestamp) {
        let metrics = &self.means.metrics;
        if let (WorkState::Annotated { .. }, Some(accepted_at)) = (&work.state, accepted_at) {
            let labels = ClusterLabels {
                cluster: Arc::clone(self.name()),
            };
            let seconds = metrics.annotated_seconds.get_or_create(&labels);
            seconds.observe(now.duration_since(accepted_at).as_secs_f64().max(0.0));
        }
        let labels = EndLabels {
            cluster: Arc::clone(self.name()),
            state: work.state.name(),
        };
        metrics.ended.get_or_create(&labels).inc();
    }

    fn tell_end(&self, work: &StoredWork) {
        let object = work.object.as_ref().map(ToString::to_string);
        let (cluster, object) = (self.name(), object.unwrap_or_default());
        match &work.state {
            WorkState::Failed { reason, .. } => {
                warn!(delivery = %work.key, %cluster, object, "gave up: {reason}");
            }
            state => info!(delivery = %work.key, %cluster, object, "{}", state.name()),
        }
    }
}

/// Finds the work of deliveries that waited for a cluster. `None` where the program ends.
async fn match_waited(
    means: &Means,
    waited: &[StoredWork],
    stop: &CancellationToken,
) -> Option<Vec<Write>> {
    let mut writes = Vec::new();
    for waited in waited {
        let stored = until_stored(stop, || means.store.stored(waited.delivery)).await?;
        let work = stored.map(|stored| {
            let now = Timestamp::now();
            means.matcher.work_in(&means.live, &stored.delivery, now)
        });
        writes.push(Write::Listed {
            waited: waited.id,
            work: work.unwrap_or_default(),
        });
    }
    Some(writes)
}

async fn stored(store: &Store, record: Record, stop: &CancellationToken) -> Recorded {
    let work = until_stored(stop, || store.write(record.writes.clone())).await?;
    Some((record, work))
}

/// Asks the store until it answers. `None`: the program ends before it does.
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

fn write(work: &StoredWork) -> Write {
    Write::Work {
        id: work.id,
        state: work.state.clone(),
    }
}

/// How long to wait after so many failures, give or take a quarter, so that objects do not come all
/// at once.
fn backoff(failures: u32) -> Duration {
    let doubled =
        BACKOFF_FIRST.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX));
    doubled
        .min(BACKOFF_MOST)
        .mul_f64(0.75 + fastrand::f64() / 2.0)
}

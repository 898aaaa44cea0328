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

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::catalog::{ItemKey, Progress, ResourceVersion};
use crate::cluster::PatchFault;
use crate::delivery::{Step, Token, WorkState};
use crate::store::StoredWork;

use super::follower::Followed;
use super::means::Means;
use super::metrics::{ClusterLabels, EndLabels};
use super::pace::{Answer, Pace};
use super::queue::{Queue, Turn};
use super::record::{Chosen, Ended, Later, Record, Recorded};
use super::steps::{AtTurn, after_answer, at_turn};
use super::unlisted::{self, Unlisted};

/// Objects whose turn is being stored, or that wait for the pace after it, at most: what comes for
/// the others meanwhile is one annotation with what they wait for.
const TURNS: usize = 1_000;
/// Batches of deliveries that are matched at once after a first list: others need the store as well.
const MATCHING: usize = 2;
/// How often it is looked whether work waits for a list in vain, or its kind can be seen by now.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// For what is on its way when the program is told to stop.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) struct Annotator {
    means: Means,
    followed: Followed,
    queue: Queue,
    /// Deliveries that wait for the cluster's first list.
    unlisted: Unlisted,
    /// Batches of them that are being matched.
    matching: JoinSet<Recorded>,
    pace: Pace,
    /// Their tokens are stored, and they wait for the pace.
    ready: VecDeque<Chosen>,
    sends: JoinSet<Sent>,
    records: JoinSet<Recorded>,
    /// Objects whose turn is being stored.
    turns: usize,
}

struct Sent {
    chosen: Chosen,
    outcome: Result<Option<ResourceVersion>, PatchFault>,
    within: Duration,
}

impl Annotator {
    pub(super) fn new(means: Means, followed: Followed) -> Self {
        Self {
            means,
            followed,
            queue: Queue::default(),
            unlisted: Unlisted::default(),
            matching: JoinSet::new(),
            pace: Pace::default(),
            ready: VecDeque::new(),
            sends: JoinSet::new(),
            records: JoinSet::new(),
            turns: 0,
        }
    }

    /// Works until it is told to stop, or nobody is left to give it work.
    ///
    /// # Errors
    /// A task of it panicked: what it had is done at the next start, and not before.
    pub(super) async fn run(
        mut self,
        mut incoming: mpsc::Receiver<Vec<StoredWork>>,
        stop: CancellationToken,
    ) -> Result<(), JoinError> {
        let mut progress = self.means.live.watch_progress();
        // Not at once: a first list takes a while, however long nobody worked before.
        let first = tokio::time::Instant::now() + LOOK_AGAIN;
        let mut hopeless = tokio::time::interval_at(first, LOOK_AGAIN);
        loop {
            self.go_on(&stop);
            let next = self.next_turn();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(sent) = self.sends.join_next(), if !self.sends.is_empty() => self.take_in(sent?, &stop)?,
                Some(recorded) = self.records.join_next(), if !self.records.is_empty() => self.follow(recorded?),
                Some(matched) = self.matching.join_next(), if !self.matching.is_empty() => self.follow(matched?),
                work = incoming.recv() => match work {
                    Some(work) => self.add(work),
                    None => break,
                },
                Ok(()) = progress.changed() => {
                    if self.means.live.progress() == Progress::Listed {
                        self.queue.hurry(Instant::now());
                    }
                }
                () = self.means.live.until_one_came() => {}
                _ = hopeless.tick() => self.give_up(&stop),
                () = tokio::time::sleep_until(next.into()) => {}
            }
        }
        self.finish(&stop).await;
        Ok(())
    }

    fn name(&self) -> &Arc<str> {
        self.means.live.name()
    }

    fn labels(&self) -> ClusterLabels {
        let cluster = Arc::clone(self.name());
        ClusterLabels { cluster }
    }

    fn add(&mut self, work: Vec<StoredWork>) {
        let (now, at) = (Timestamp::now(), Instant::now());
        for work in work {
            if work.object.is_none() {
                self.unlisted.add(work);
            } else {
                self.queue.add(work, now, at);
            }
        }
    }

    /// For how many objects there is room.
    fn room(&self) -> usize {
        TURNS.saturating_sub(self.turns + self.ready.len())
    }

    /// When something is to be done though nothing happens.
    fn next_turn(&self) -> Instant {
        let far = Instant::now() + LOOK_AGAIN;
        if !self.means.live.is_listed() || self.room() == 0 {
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
            let (cluster, store) = (Arc::clone(&self.means.cluster), self.means.store.clone());
            self.sends.spawn(async move {
                let started = Instant::now();
                // Who stood still may have lost the cluster meanwhile: the token is another's to send.
                let outcome = match store.is_held() {
                    true => cluster.annotate(&chosen.key, &chosen.token.0).await,
                    false => Err(not_ours()),
                };
                let within = started.elapsed();
                Sent {
                    chosen,
                    outcome,
                    within,
                }
            });
        }
        let open = self.queue.len() + self.unlisted.len();
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        let labels = self.labels();
        self.means.metrics.open.get_or_create(&labels).set(open);
    }

    /// The cluster was listed at last: which objects do the deliveries wake that waited for it?
    fn match_unlisted(&mut self, stop: &CancellationToken) {
        let live = &self.means.live;
        self.unlisted.release(|kind| live.is_awaited(kind));
        while self.matching.len() < MATCHING
            && let Some(waited) = self.unlisted.take()
        {
            let (means, stop) = (self.means.clone(), stop.clone());
            self.matching.spawn(async move {
                let Means {
                    live,
                    matcher,
                    store,
                    bell,
                    ..
                } = &means;
                let matched = unlisted::matched(waited, live, matcher, store, &stop).await;
                bell.notify_one();
                matched
            });
        }
    }

    fn take_turns(&mut self, stop: &CancellationToken) {
        let turns = self.queue.take(self.room(), Instant::now());
        if turns.is_empty() {
            return;
        }
        let mut record = Record {
            turns: turns.len(),
            ..Record::default()
        };
        for turn in turns {
            self.decide(turn, &mut record);
        }
        self.turns += record.turns;
        self.store(record, stop);
    }

    /// Whether an object is annotated, as the cluster has it now.
    fn decide(&mut self, turn: Turn, record: &mut Record) {
        let now = Timestamp::now();
        let (key, work, token) = match turn {
            Turn::Choose(key, work) => (key, work, None),
            Turn::Send(key, work, token) => (key, vec![*work], Some(token)),
        };
        let cluster = self.means.live.read();
        let at_turn = at_turn(&cluster, &key, token.as_ref(), self.means.mode);
        drop(cluster);
        match (at_turn, token) {
            (AtTurn::End(step), _) => record.end(key, work, &step, now),
            (AtTurn::Unseen, _) => self.wait_to_see(key, work, now, record),
            (AtTurn::Annotate { requested }, None) => {
                let token = Token::choose(now, requested.as_deref());
                record.choose(key, work, token, now);
            }
            (AtTurn::Annotate { .. }, Some(token)) => {
                let sends = work.into_iter().map(|work| Chosen {
                    key: key.clone(),
                    work,
                    token: token.clone(),
                });
                record.chosen.extend(sends);
            }
        }
    }

    /// The cluster does not let us see the object's kind, or has not shown it since it was lost: it waits, as long as
    /// others do.
    fn wait_to_see(
        &self,
        key: ItemKey,
        work: Vec<StoredWork>,
        now: Timestamp,
        record: &mut Record,
    ) {
        let give_up_after = self.means.give_up_after;
        let (hopeless, work): (Vec<_>, Vec<_>) = work
            .into_iter()
            .partition(|work| work.state.is_hopeless(give_up_after, now));
        let reason = format!(
            "cluster `{}` did not show us its {} in time",
            self.name(),
            key.kind.plural()
        );
        for hopeless in hopeless {
            record.end_one(hopeless, Step::Fail(reason.clone()), now);
        }
        let due = Instant::now() + LOOK_AGAIN;
        record.later.push(Later { key, work, due });
    }

    /// Takes in the answer to a patch, and all others that are there.
    fn take_in(&mut self, first: Sent, stop: &CancellationToken) -> Result<(), JoinError> {
        let mut record = Record::default();
        self.answered(first, &mut record);
        while let Some(sent) = self.sends.try_join_next() {
            self.answered(sent?, &mut record);
        }
        self.store(record, stop);
        Ok(())
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
        let (labels, metrics) = (self.labels(), &self.means.metrics);
        let seconds = within.as_secs_f64();
        metrics
            .patch_seconds
            .get_or_create(&labels)
            .observe(seconds);
        let failures = match &chosen.work.state {
            WorkState::Annotating { failures, .. } => *failures,
            _ => 0,
        };
        match after_answer(outcome, failures, self.means.give_up_after, now) {
            (retry @ Step::Retry { .. }, wait) => {
                metrics.retries.get_or_create(&labels).inc();
                record.retry(chosen, retry, wait, (now, at));
            }
            (end, _) => record.end(chosen.key, vec![chosen.work], &end, now),
        }
    }

    fn store(&mut self, record: Record, stop: &CancellationToken) {
        let failed = record.failed();
        if !failed.is_empty() {
            let now = Timestamp::now();
            for key in failed {
                self.means.matcher.take_back(self.name(), key, now);
            }
        }
        if record.writes.is_empty() {
            self.follow(Some(record));
            return;
        }
        let (store, stop) = (self.means.store.clone(), stop.clone());
        self.records
            .spawn(async move { record.stored(&store, &stop).await });
    }

    /// What follows once something was stored.
    fn follow(&mut self, recorded: Recorded) {
        let Some(record) = recorded else {
            return;
        };
        self.tell(&record);
        let at = Instant::now();
        self.turns = self.turns.saturating_sub(record.turns);
        self.queue
            .forget(record.ended.iter().map(|ended| ended.work.id));
        let annotated = record.annotated();
        if !annotated.is_empty() {
            self.followed.add(record.to_follow());
        }
        for key in record.back {
            self.queue.back(&key, annotated.contains(&key), at);
        }
        self.ready.extend(record.chosen);
        for Later { key, work, due } in record.later {
            self.queue.again(key, work, due);
        }
        for (work, kind) in record.held {
            self.unlisted.hold(work, kind);
        }
    }

    /// Ends what has waited too long for a cluster to be listed.
    fn give_up(&mut self, stop: &CancellationToken) {
        let (reason, was_listed) = match self.means.live.progress() {
            Progress::Failed { reason } => (reason, false),
            Progress::Lost { reason } => (reason, true),
            Progress::Starting | Progress::Listed | Progress::Elsewhere => return,
        };
        let now = Timestamp::now();
        let give_up_after = self.means.give_up_after;
        let is_hopeless = |state: &WorkState| state.is_hopeless(give_up_after, now);
        let mut hopeless = self.unlisted.take_hopeless(|work| is_hopeless(&work.state));
        if !was_listed {
            hopeless.extend(self.queue.take_hopeless(is_hopeless, Instant::now()));
        }
        let reason = format!(
            "cluster `{}` could not be listed in time: {reason}",
            self.name()
        );
        let mut record = Record::default();
        for work in hopeless {
            record.end_one(work, Step::Fail(reason.clone()), now);
        }
        self.store(record, stop);
    }

    /// Waits a moment for what is on its way: what is not stored then is done again at the next start.
    async fn finish(mut self, stop: &CancellationToken) {
        let all = async {
            loop {
                tokio::select! {
                    Some(Ok(sent)) = self.sends.join_next() => {
                        // One that panicked is told by its own message.
                        let _ = self.take_in(sent, stop);
                    }
                    Some(recorded) = self.records.join_next() => {
                        if let Ok(Some(record)) = recorded {
                            self.tell(&record);
                        }
                    }
                    else => break,
                }
            }
        };
        if tokio::time::timeout(LAST_WORDS, all).await.is_err() {
            warn!("annotations that were on their way are sent again at the next start");
        }
    }

    /// Counts and logs what is over, once that is kept.
    fn tell(&self, record: &Record) {
        let metrics = &self.means.metrics;
        for Ended { work, accepted_at } in &record.ended {
            let object = work.object.as_ref().map(ToString::to_string);
            let (cluster, object) = (self.name(), object.unwrap_or_default());
            let (delivery, webhook, state) = (&work.key.guid, &work.key.webhook, work.state.name());
            match &work.state {
                WorkState::Failed { reason, .. } => {
                    warn!(%delivery, %webhook, %cluster, object, state, "gave up {object} of cluster {cluster}: {reason}");
                }
                // The one that overtook it is told.
                WorkState::Overtaken { .. } => {}
                _ => {
                    info!(%delivery, %webhook, %cluster, object, state, "{object} of cluster {cluster}: {state}")
                }
            }
            if let (WorkState::Annotated { at, .. }, Some(accepted_at)) = (&work.state, accepted_at)
            {
                let seconds = metrics.annotated_seconds.get_or_create(&self.labels());
                seconds.observe(at.duration_since(*accepted_at).as_secs_f64().max(0.0));
            }
            let labels = EndLabels {
                cluster: Arc::clone(cluster),
                state: work.state.name(),
            };
            metrics.ended.get_or_create(&labels).inc();
        }
    }
}

impl Drop for Annotator {
    /// Another replica may know how much is open from now on.
    fn drop(&mut self) {
        self.means.metrics.open.remove(&self.labels());
    }
}

fn not_ours() -> PatchFault {
    PatchFault::Later {
        reason: "another replica works for this cluster by now".to_owned(),
        retry_after: None,
        busy: false,
    }
}

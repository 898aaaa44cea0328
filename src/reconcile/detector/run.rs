//! Asks GitHub where refs point, and puts what is news into the inbox.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::catalog::{LiveCluster, Progress};
use crate::config::EnvironmentKind;
use crate::delivery::{DeliveryState, Event, HeadNews, HeadSeen, NothingToDo, PushedRef};
use crate::flux::RepositoryIdentity;
use crate::github::heads::{ask, ask_recency};
use crate::github::{ANONYMOUS, CallFault, Client, CredentialMark, Github};
use crate::reconcile::decision::Decision;
use crate::reconcile::matcher::{Explanation, Matcher};
use crate::reconcile::record::until_stored;
use crate::store::{Accepted, Filter, Store, StoredDelivery};

use super::cursors::Cursor;
use super::known::{self, HeadKey, Known, SUBJECT};
use super::lanes::Budget;
use super::news::News;
use super::pause::Failure;
use super::report::DetectorBoard;
use super::speaker::{Kept, Next, Speaker, Speaking};
use super::wanted::{WantRules, Wanted, wanted};

/// Under which it is noted when was asked last.
const CURSORS: &str = "cursor";
/// What queries are counted under.
const RESOURCE: &str = "graphql";
/// Notes that are written at once.
const NOTES: usize = 1_000;
/// So long it is waited at the start that the clusters are listed, so that all is asked for together.
const FIRST_LISTS: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Deliveries of a repository among which it is looked for one that told of a head already.
const TOLD: u32 = 100;

/// What is asked of one host.
#[derive(Debug, Clone)]
pub struct HeadsOf {
    pub github: Github,
    pub every: Duration,
    pub sweep: Duration,
    /// Organisations and users that may be asked which of their repositories were pushed to.
    pub owners: Vec<String>,
}

/// Whether a webhook tells of pushes to a repository, and is known to do so now.
pub type IsTold = dyn Fn(&RepositoryIdentity) -> bool + Send + Sync;

/// What finds pushes that nobody told of.
pub struct Detector {
    pub store: Store,
    pub matcher: Arc<Matcher>,
    /// Told after each head that was accepted.
    pub arrived: Arc<Notify>,
    pub hosts: Vec<HeadsOf>,
    /// Of the environments, by name.
    pub kinds: HashMap<Arc<str>, EnvironmentKind>,
    pub is_told: Arc<IsTold>,
    pub board: DetectorBoard,
}

/// One identity at work.
struct Work {
    detector: Arc<Detector>,
    host: HeadsOf,
    client: Client,
    /// What the identity proved itself by when GitHub refused it last, and nothing was answered since.
    refused: Option<CredentialMark>,
    speaker: Speaker,
    /// As they were written last.
    cursors: HashMap<String, Timestamp>,
    store_fails: bool,
}

impl Detector {
    /// Works until it is told to stop, or one of its tasks dies.
    pub async fn run(self, stop: CancellationToken) {
        let detector = Arc::new(self);
        let Some(works) = detector.works(&stop).await else {
            return;
        };
        let mut working = JoinSet::new();
        for work in works {
            working.spawn(work.run(stop.clone()));
        }
        if working.is_empty() {
            stop.cancelled().await;
        }
        while let Some(ended) = working.join_next().await {
            if let Err(fault) = ended {
                // What dies must not look alive: all of the program ends then.
                error!("asking for heads ended by a fault of ours: {fault}");
                return;
            }
        }
    }

    /// One for each identity, with what earlier runs have kept.
    async fn works(self: &Arc<Self>, stop: &CancellationToken) -> Option<Vec<Work>> {
        let notes = until_stored(stop, || self.store.notes(SUBJECT)).await?;
        let cursors = until_stored(stop, || self.store.notes(CURSORS)).await?;
        let (mut heads, mut strange) = known::read_notes(notes);
        let mut works = Vec::new();
        for host in &self.hosts {
            let mut identities = host.github.identities();
            if !identities.any(|identity| identity != ANONYMOUS) {
                info!(
                    "nobody can be asked for heads without an identity; list one under `github[].identities`"
                );
            }
            let identities = host.github.identities();
            for identity in identities.filter(|identity| *identity != ANONYMOUS) {
                let Some(client) = host.github.client(identity) else {
                    continue;
                };
                let speaking = Speaking {
                    host: client.host().into(),
                    identity: identity.into(),
                    every: host.every,
                    sweep: host.sweep,
                };
                let ours = |key: &HeadKey| is_ours(&host.github, &client, &key.repository);
                let kept = kept(&speaking, heads.extract_if(|key, _| ours(key)), &cursors);
                works.push(Work {
                    detector: Arc::clone(self),
                    host: host.clone(),
                    speaker: Speaker::new(speaking, kept, Instant::now()),
                    client,
                    refused: None,
                    cursors: HashMap::new(),
                    store_fails: false,
                });
            }
        }
        // Of a host or an identity that is not configured any more.
        strange.extend(heads.keys().map(HeadKey::name));
        for some in strange.chunks(NOTES) {
            until_stored(stop, || self.store.forget(SUBJECT, some.to_vec())).await?;
        }
        Some(works)
    }

    /// Whether a head is to be delivered: somebody is to be woken, and nobody told of it. `None`: nobody
    /// knows yet, and it is asked for again.
    async fn is_wanted(&self, news: &News, head: &HeadSeen) -> Option<bool> {
        let explanation = self.matcher.explain(&news.delivery);
        if !concerns(head, &explanation)? {
            return Some(false);
        }
        let repository = news.delivery.repository.as_ref()?;
        let filter = Filter {
            repository: Some(repository.full_name.clone()),
            limit: TOLD,
            ..Filter::default()
        };
        match self.store.deliveries(&filter).await {
            Ok(deliveries) => {
                let deliveries = deliveries.iter().filter(|it| {
                    let told = it.delivery.repository.as_ref();
                    told.is_some_and(|told| told.host.eq_ignore_ascii_case(&repository.host))
                });
                Some(!is_told(head, deliveries))
            }
            Err(fault) => {
                warn!(error = %fault, "a head was seen and is asked for again, for the store cannot be read");
                None
            }
        }
    }

    /// Puts a head into the inbox where that is wanted; returns whether it is known from now on.
    async fn tell(&self, news: &News) -> bool {
        let Event::Head(head) = &news.delivery.event else {
            return false;
        };
        match self.is_wanted(news, head).await {
            None => return false,
            Some(false) => return true,
            Some(true) => {}
        }
        let key = &news.delivery.key;
        match self.store.accept(&news.delivery).await {
            Ok(Accepted::Seen(_, state)) => {
                let state = state.name();
                warn!(delivery = %key, reference = %head.reference, commit = %head.commit, state,
                    "a head was seen, and the same news was taken before, so that it wakes nobody: {}", head.reference);
                true
            }
            Ok(Accepted::New(_) | Accepted::Again(_)) => {
                self.arrived.notify_one();
                let repository = news.delivery.repository.as_ref();
                let repository = repository.map_or("", |it| it.full_name.as_str());
                info!(delivery = %key, repository, reference = %head.reference, commit = %head.commit,
                    "head seen of which nobody told: {} of {repository}", head.reference);
                true
            }
            Err(fault) => {
                warn!(delivery = %key, error = %fault, "a head was seen and cannot be kept; it is asked for again");
                false
            }
        }
    }
}

impl Work {
    async fn run(mut self, stop: CancellationToken) {
        let listed = first_lists(self.detector.matcher.clusters());
        if stop.run_until_cancelled(listed).await.is_none() {
            return;
        }
        while !stop.is_cancelled() {
            let now = Instant::now();
            match self.speaker.next(now) {
                Next::Tick => self.tick(now).await,
                Next::Ask(batch) => {
                    let mark = self.client.credential();
                    let asked = ask(&self.client, &batch.questions);
                    let Some(answer) = stop.run_until_cancelled(asked).await else {
                        return;
                    };
                    let now = (Instant::now(), Timestamp::now());
                    match answer {
                        Ok(answered) => {
                            self.refused = None;
                            let news = self.speaker.answered(&batch, answered, now);
                            self.tell(news).await;
                        }
                        Err(fault) => {
                            let reason = fault.to_string();
                            debug!(error = %fault, refs = batch.questions.len(), "cannot ask for heads");
                            let failure = failure(&fault);
                            self.refused = (failure == Failure::Refused).then_some(mark);
                            self.speaker.failed(&batch, failure, &reason, now);
                        }
                    }
                    self.keep().await;
                    self.detector.board.show(self.speaker.report());
                }
                Next::Recency { owner, after } => {
                    let asked = ask_recency(&self.client, &owner, after.as_deref());
                    let Some(answer) = stop.run_until_cancelled(asked).await else {
                        return;
                    };
                    let now = (Instant::now(), Timestamp::now());
                    match answer {
                        Ok(answered) => self.speaker.recency(&owner, answered, now),
                        Err(fault) => {
                            let reason = fault.to_string();
                            self.speaker
                                .recency_failed(&owner, failure(&fault), &reason, now);
                        }
                    }
                    self.keep().await;
                }
                Next::WaitUntil(until) => {
                    let Some(is_mended) = stop.run_until_cancelled(self.wait(until)).await else {
                        return;
                    };
                    if is_mended {
                        self.refused = None;
                        self.speaker.ask_again();
                    }
                }
            }
        }
    }

    /// Whether what was refused is worth to be asked again before that.
    async fn wait(&self, until: Instant) -> bool {
        let Some(mark) = &self.refused else {
            tokio::time::sleep_until(until.into()).await;
            return false;
        };
        let mended = self.client.mended(mark);
        tokio::time::timeout_at(until.into(), mended).await.is_ok()
    }

    async fn tick(&mut self, now: Instant) {
        let clusters = self.detector.matcher.clusters();
        let is_all = clusters.iter().all(|cluster| cluster.is_listed());
        let wanted = self.wanted(now);
        let at = (now, Timestamp::now());
        let budget = self.budget();
        self.speaker.tick(wanted, &budget, fastrand::f64(), at);
        let unwanted = self.speaker.take_unwanted(is_all);
        for some in unwanted.chunks(NOTES) {
            let names = some.iter().map(HeadKey::name).collect();
            if let Err(fault) = self.detector.store.forget(SUBJECT, names).await {
                debug!(error = %fault, "heads that nobody follows are forgotten at the next start");
            }
        }
        self.detector.board.show(self.speaker.report());
    }

    /// What the identity's ledger knows now.
    fn budget(&self) -> Budget {
        let now = self.client.now();
        self.client.ledger(|ledger| Budget {
            supply: ledger.supply(RESOURCE, now),
            is_slowed: ledger.is_slowed(now),
        })
    }

    fn wanted(&self, now: Instant) -> Wanted {
        let detector = &self.detector;
        let (github, client) = (&self.host.github, &self.client);
        let owners = self
            .host
            .owners
            .iter()
            .map(|owner| owner.to_ascii_lowercase());
        let owners: Vec<String> = owners
            .filter(|owner| asks_for(github, client, owner))
            .filter(|owner| self.speaker.may_ask_owner(owner, now))
            .collect();
        let clusters = detector.matcher.clusters();
        let caches: Vec<_> = clusters.iter().map(|cluster| cluster.read()).collect();
        wanted(
            caches.iter().map(|cache| &**cache),
            &WantRules {
                policies: detector.matcher.policies(),
                kinds: &detector.kinds,
                is_ours: &|repository| is_ours(github, client, repository),
                is_told: &*detector.is_told,
                owners: &owners,
            },
        )
    }

    async fn tell(&mut self, news: Vec<News>) {
        for news in news {
            if self.detector.tell(&news).await {
                self.speaker.learn(news.noted);
            }
        }
    }

    /// Notes what is known now. What cannot be noted is kept for the next time.
    async fn keep(&mut self) {
        let mut notes = self.speaker.take_notes();
        while !notes.is_empty() {
            let rest = notes.split_off(notes.len().min(NOTES));
            let texts = notes.iter().map(|(key, known)| known::note(key, known));
            let noted = self.detector.store.note(SUBJECT, texts.collect()).await;
            if let Err(fault) = noted {
                if !self.store_fails {
                    warn!(error = %fault, "heads cannot be noted; they are noted once the store can be written");
                }
                self.store_fails = true;
                notes.extend(rest);
                self.speaker.keep_notes(notes);
                return;
            }
            notes = rest;
        }
        self.store_fails = false;
        let cursors = self.speaker.cursors();
        let new: Vec<_> = cursors
            .into_iter()
            .filter(|(name, at)| self.cursors.get(name) != Some(at))
            .collect();
        let texts = new.iter().map(|(name, at)| (name.clone(), at.to_string()));
        // Without them the next start asks once more.
        if self
            .detector
            .store
            .note(CURSORS, texts.collect())
            .await
            .is_ok()
        {
            self.cursors.extend(new);
        }
    }
}

/// Whether this identity asks for a repository.
fn is_ours(github: &Github, client: &Client, repository: &RepositoryIdentity) -> bool {
    let owner = repository.path().split('/').next().unwrap_or_default();
    repository.host().eq_ignore_ascii_case(client.host()) && asks_for(github, client, owner)
}

fn asks_for(github: &Github, client: &Client, owner: &str) -> bool {
    let who = github.for_owner(owner);
    who.is_some_and(|who| who.identity() == client.identity())
}

fn kept(
    speaking: &Speaking,
    heads: impl Iterator<Item = (HeadKey, Known)>,
    cursors: &[(String, String)],
) -> Kept {
    let mut kept = Kept {
        known: heads.collect(),
        ..Kept::default()
    };
    for (name, at) in cursors {
        let cursor = Cursor::read(&speaking.host, &speaking.identity, name);
        let (Some(cursor), Ok(at)) = (cursor, at.parse()) else {
            continue;
        };
        match cursor {
            Cursor::Began(cadence) => {
                kept.began.insert(cadence, at);
            }
            Cursor::Newest(owner) => {
                kept.owners.insert(owner.to_owned(), at);
            }
        }
    }
    kept
}

/// Whether a head is to be told to somebody, or to a cluster once it is listed. `None`: what was first seen
/// wakes nobody in the clusters that are listed, and nobody knows about the others.
fn concerns(head: &HeadSeen, explanation: &Explanation) -> Option<bool> {
    let is_woken = match &explanation.decision {
        Decision::Concerns(candidates) => candidates.iter().any(|it| it.verdict.is_wake()),
        Decision::Nothing(_) | Decision::Failed(_) => false,
    };
    match (is_woken, explanation.unlisted.is_empty()) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => (head.news != HeadNews::First).then_some(true),
    }
}

/// Whether the newest delivery that told of a ref told of this very commit, after all that was pushed, and
/// nothing failed of it. Those whose webhook may not speak of it told nobody.
fn is_told<'d>(head: &HeadSeen, deliveries: impl Iterator<Item = &'d StoredDelivery>) -> bool {
    let may_tell = |state: &DeliveryState| match state {
        DeliveryState::Nothing { reason, .. } => !matches!(reason, NothingToDo::OutOfScope(_)),
        _ => true,
    };
    let same = |reference: &PushedRef| *reference == head.reference;
    let mut told = deliveries.filter(|stored| may_tell(&stored.state));
    let newest = told.find_map(|stored| match &stored.delivery.event {
        Event::Push(change) if same(&change.reference) => {
            Some((&stored.state, change.commit(), change.pushed_at))
        }
        Event::Head(seen) if same(&seen.reference) => {
            Some((&stored.state, Some(&seen.commit), seen.pushed_at))
        }
        _ => None,
    });
    let Some((state, commit, pushed_at)) = newest else {
        return false;
    };
    let has_failed = match state {
        DeliveryState::Failed { .. } => true,
        DeliveryState::Working { failed, .. } => *failed > 0,
        _ => false,
    };
    let is_after = pushed_at
        .zip(head.pushed_at)
        .is_some_and(|(told, seen)| told >= seen);
    commit == Some(&head.commit) && is_after && !has_failed
}

fn failure(fault: &CallFault) -> Failure {
    match fault {
        CallFault::Held(_) => Failure::Held,
        // A query that takes too long is answered by GitHub itself, with 502.
        CallFault::Unreachable { .. } | CallFault::TimedOut { .. } => Failure::Unreachable,
        CallFault::Failed { .. } | CallFault::TooLarge { .. } | CallFault::BadAnswer { .. } => {
            Failure::Failed
        }
        _ => Failure::Refused,
    }
}

/// Waits until each cluster was listed, or was tried and failed.
async fn first_lists(clusters: &[Arc<LiveCluster>]) {
    let all = async {
        while clusters
            .iter()
            .any(|cluster| cluster.progress() == Progress::Starting)
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // What comes later is asked for then.
    let _ = tokio::time::timeout(FIRST_LISTS, all).await;
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;

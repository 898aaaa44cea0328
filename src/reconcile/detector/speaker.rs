//! What is asked as one identity, and when; it neither asks nor waits itself.
//!
//! ```text
//! tick (every `every`, or longer) -> lanes that are due, heads that nobody saw yet -> pending
//! next -> a query of up to a hundred refs | an owner | a tick | wait
//! answered -> news, notes, faults; failed -> asked again later, among fewer
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::delivery::HeadNews;
use crate::flux::RepositoryIdentity;
use crate::github::heads::{Answered, Asked, Recency, RefAnswer, RepositoryFault, RepositoryHeads};

use super::batch::Batch;
use super::cursors::Cursor;
use super::faults::{Faults, Subject};
use super::follow::{Cadence, Follow, Found};
use super::known::{HeadKey, Known, Step};
use super::lanes::{Bases, Budget, LaneKey, Lanes};
use super::memory::Memory;
use super::news::{self, News};
use super::pause::{Failure, Pause};
use super::questions::Questions;
use super::recency::OwnerWatch;
use super::report::IdentityReport;
use super::wanted::Wanted;

/// So often a repository is asked for after its owner told that it was pushed to: refs may be told later.
const CALLS: u8 = 2;

/// Who asks, and how often it is to be asked.
#[derive(Debug, Clone)]
pub struct Speaking {
    pub host: Arc<str>,
    pub identity: Arc<str>,
    pub every: Duration,
    pub sweep: Duration,
}

#[derive(Debug)]
pub struct Speaker {
    speaking: Speaking,
    memory: Memory,
    wanted: Wanted,
    lanes: Lanes,
    /// When the last round of each cadence began, in this run or an earlier one.
    began: BTreeMap<Cadence, Timestamp>,
    owners: BTreeMap<String, OwnerWatch>,
    /// What its owner says was pushed to.
    called: BTreeMap<Arc<RepositoryIdentity>, Called>,
    questions: Questions,
    faults: Faults,
    tick_at: Instant,
    pause: Pause,
    points: u64,
    last_round: Option<Timestamp>,
    /// Rounds that are not over: when each began, and whether the next is overdue.
    rounds: BTreeMap<Cadence, (Timestamp, bool)>,
}

#[derive(Debug)]
struct Called {
    /// How often it is still asked for.
    times: u8,
    /// What was the newest push of its owner before.
    since: Option<Timestamp>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// What is wanted is to be looked up again.
    Tick,
    Ask(Batch),
    Recency {
        owner: String,
        after: Option<String>,
    },
    WaitUntil(Instant),
}

/// What was kept by an earlier run.
#[derive(Debug, Default)]
pub struct Kept {
    pub known: HashMap<HeadKey, Known>,
    pub began: BTreeMap<Cadence, Timestamp>,
    pub owners: BTreeMap<String, Timestamp>,
}

impl Speaker {
    pub fn new(speaking: Speaking, kept: Kept, now: Instant) -> Self {
        let owners = kept.owners.into_iter();
        Self {
            memory: Memory::new(kept.known),
            wanted: Wanted::default(),
            lanes: Lanes::new(Bases {
                every: speaking.every,
                sweep: speaking.sweep,
            }),
            began: kept.began,
            owners: owners
                .map(|(owner, seen)| (owner, OwnerWatch::new(Some(seen))))
                .collect(),
            called: BTreeMap::new(),
            questions: Questions::new(),
            faults: Faults::default(),
            tick_at: now,
            pause: Pause::new(speaking.every),
            points: 0,
            last_round: None,
            rounds: BTreeMap::new(),
            speaking,
        }
    }

    /// Decides what is done next. What a tick finds is asked for at once, the most urgent first.
    pub fn next(&mut self, now: Instant) -> Next {
        if let Some(until) = self.pause.until(now) {
            return Next::WaitUntil(until);
        }
        if self.tick_at <= now {
            return Next::Tick;
        }
        if self.questions.is_over(Cadence::Every)
            && let Some((owner, after)) = self.owner_to_ask()
        {
            return Next::Recency { owner, after };
        }
        match self.questions.take() {
            Some(batch) => Next::Ask(batch),
            None => Next::WaitUntil(self.tick_at),
        }
    }

    fn owner_to_ask(&self) -> Option<(String, Option<String>)> {
        self.owners.iter().find_map(|(owner, watch)| {
            let after = watch.wants()?;
            Some((owner.clone(), after.map(str::to_owned)))
        })
    }

    /// Whether an owner can be asked for what was pushed to; else all of its repositories are asked for.
    pub fn may_ask_owner(&self, owner: &str, now: Instant) -> bool {
        !self
            .faults
            .is_resting(&Subject::Owner(owner.to_owned()), now)
    }

    /// Takes in what is wanted now, and finds what of it is due. `chance` is in 0..1.
    pub fn tick(
        &mut self,
        wanted: Wanted,
        budget: &Budget,
        chance: f64,
        (now, at): (Instant, Timestamp),
    ) {
        self.wanted = wanted;
        self.lanes
            .pace(&self.wanted, budget, &self.began, (now, at));
        self.end_rounds((now, at));
        for (cadence, (_, is_late)) in &mut self.rounds {
            let waits = self.lanes.is_overdue(*cadence, now);
            *is_late |= waits;
        }
        let rounds = &self.rounds;
        let due = self.lanes.take_due(now, |it| rounds.contains_key(&it));
        for (cadence, _) in &due {
            self.rounds.entry(*cadence).or_insert((at, false));
        }
        self.collect(&due, now);
        for repository in self.called.keys() {
            let wants = self.wanted.repositories.get(repository);
            let asked = wants.into_iter().flat_map(|wants| wants.keys());
            self.questions
                .add(repository, true, asked.map(Follow::asked));
        }
        let asks_owners = self.lanes.owners_are_due(&due);
        let owners = &self.wanted.owners;
        self.owners.retain(|owner, _| owners.contains(owner));
        for owner in owners.iter().filter(|_| asks_owners) {
            self.owners.entry(owner.clone()).or_default().begin();
        }
        self.tick_at = self.lanes.next_tick(now, chance);
        self.tidy();
    }

    /// Puts into pending what of the lanes is due, and what was never seen.
    fn collect(&mut self, due: &BTreeSet<LaneKey>, now: Instant) {
        for (repository, wants) in &self.wanted.repositories {
            let subject = Subject::Repository(Arc::clone(repository));
            if self.faults.is_resting(&subject, now) {
                continue;
            }
            for (follow, want) in wants {
                let is_due = due.contains(&(want.cadence, want.weight));
                let key = || HeadKey {
                    repository: Arc::clone(repository),
                    follow: follow.clone(),
                };
                let is_urgent = is_due && want.cadence == Cadence::Every;
                if is_due || self.memory.is_new(&key()) {
                    self.questions.add(repository, is_urgent, [follow.asked()]);
                }
            }
        }
        self.questions.ask_each_once();
    }

    /// Forgets what is kept of repositories that nobody wants any more.
    fn tidy(&mut self) {
        let repositories = &self.wanted.repositories;
        let is_wanted = |key: &HeadKey| self.wanted.has(key);
        self.memory.retain_looked(is_wanted);
        self.questions.retain(repositories);
        self.called.retain(|it, _| repositories.contains_key(it));
        let owners = &self.wanted.owners;
        self.faults.retain(|subject| match subject {
            Subject::Repository(repository) => repositories.contains_key(repository),
            Subject::Follow(repository, follow) => is_wanted(&HeadKey {
                repository: Arc::clone(repository),
                follow: follow.clone(),
            }),
            Subject::Owner(owner) => {
                owners.contains(owner) || repositories.keys().any(|it| is_of(it, owner))
            }
        });
    }

    /// Takes in what was answered; what is news is learnt once it is stored ([`Self::learn`]).
    pub fn answered(
        &mut self,
        batch: &Batch,
        answered: Answered<Vec<Result<RepositoryHeads, RepositoryFault>>>,
        (now, at): (Instant, Timestamp),
    ) -> Vec<News> {
        self.points += u64::from(answered.cost.unwrap_or(1));
        let mut found = Vec::new();
        let mut unanswered = 0;
        for (place, answer) in answered.answer.into_iter().enumerate() {
            let repository = &batch.repositories[place];
            let subject = Subject::Repository(Arc::clone(repository));
            let fault = match answer {
                Ok(heads) => match lost(&heads) {
                    None => {
                        self.questions.trust(repository);
                        self.faults.seen(repository, &heads, at);
                        let asked = &batch.questions[place].asked;
                        found.extend(self.found(repository, asked, &heads, at));
                        continue;
                    }
                    Some(reason) => RepositoryFault::Unanswered(reason),
                },
                Err(fault) => fault,
            };
            if matches!(fault, RepositoryFault::Unanswered(_)) {
                unanswered += 1;
                if batch.questions.len() > 1 {
                    self.questions.ask_among_fewer(batch, place);
                    continue;
                }
            }
            self.questions.trust(repository);
            self.called.remove(repository);
            let identity = &self.speaking.identity;
            self.faults.failed(subject, &fault, identity, (now, at));
        }
        self.questions.answered(answered.latency, unanswered > 0);
        if unanswered == 0 || unanswered < batch.questions.len() {
            self.pause.mended();
        } else {
            self.pause.failed(
                Failure::Failed,
                "GitHub answers nothing of a query",
                (now, at),
            );
        }
        self.end_rounds((now, at));
        found
    }

    /// What was found of one repository.
    fn found(
        &mut self,
        repository: &Arc<RepositoryIdentity>,
        asked: &[Asked],
        heads: &RepositoryHeads,
        at: Timestamp,
    ) -> Vec<News> {
        let Some(wants) = self.wanted.repositories.get(repository) else {
            return Vec::new();
        };
        let mut steps = Vec::new();
        for follow in wants.keys() {
            let one = follow.asked();
            let Some(place) = asked.iter().position(|asked| *asked == one) else {
                continue;
            };
            let key = HeadKey {
                repository: Arc::clone(repository),
                follow: follow.clone(),
            };
            let found = follow.found(&heads.refs[place]);
            let subject = Subject::Follow(Arc::clone(repository), follow.clone());
            match &found {
                Found::At { .. } => self.faults.mended(&subject),
                Found::Absent => {
                    let reason = absent(&heads.refs[place], &key);
                    self.faults.told(subject, "absent", reason, at);
                }
                Found::Unanswered(_) => continue,
            }
            if let Step::News(known, news) = self.memory.found(&key, &found, heads.pushed_at) {
                steps.push((key, known, news));
            }
        }
        match self.called.get_mut(repository) {
            // The time of a push may be told before its commit.
            Some(called)
                if called.times > 1
                    && steps.iter().all(|(_, _, news)| *news == HeadNews::First) =>
            {
                called.times -= 1;
            }
            Some(_) => {
                self.called.remove(repository);
            }
            None => {}
        }
        news::news(repository, heads, steps, at)
    }

    /// A query brought nothing: it is asked again, and where it may be its own fault, among fewer.
    pub fn failed(
        &mut self,
        batch: &Batch,
        failure: Failure,
        reason: &str,
        (now, at): (Instant, Timestamp),
    ) {
        // After a call that failed too it is rather GitHub that is unwell than this query.
        let is_suspect = failure == Failure::Failed && self.pause.trouble().is_none();
        let is_alone = batch.questions.len() == 1;
        self.questions.failed(batch, is_suspect);
        for place in 0..batch.questions.len() {
            match is_suspect {
                true if is_alone => {
                    let subject = Subject::Repository(Arc::clone(&batch.repositories[place]));
                    let fault = RepositoryFault::Unanswered(reason.to_owned());
                    let identity = &self.speaking.identity;
                    self.faults.failed(subject, &fault, identity, (now, at));
                }
                true => self.questions.ask_among_fewer(batch, place),
                false => self.questions.put_back(batch, place),
            }
        }
        self.pause.failed(failure, reason, (now, at));
    }

    /// Takes a page of an owner in: what was pushed to is asked for at once.
    pub fn recency(
        &mut self,
        owner: &str,
        answered: Answered<Result<Recency, RepositoryFault>>,
        (now, at): (Instant, Timestamp),
    ) {
        self.points += u64::from(answered.cost.unwrap_or(1));
        self.pause.mended();
        let Some(watch) = self.owners.get_mut(owner) else {
            return;
        };
        let subject = Subject::Owner(owner.to_owned());
        let page = match answered.answer {
            Ok(page) => page,
            Err(fault) => {
                watch.give_up();
                let identity = &self.speaking.identity;
                self.faults.failed(subject, &fault, identity, (now, at));
                return;
            }
        };
        self.faults.mended(&subject);
        let since = watch.seen();
        for name in watch.page(&page) {
            let repositories = self.wanted.repositories.iter();
            // Few are pushed to at once.
            let found = repositories
                .filter(|(repository, _)| repository.path() == name)
                .map(|(repository, wants)| (Arc::clone(repository), wants));
            for (repository, wants) in found {
                let asked = wants.keys().map(Follow::asked);
                self.questions.add(&repository, true, asked);
                let times = CALLS;
                self.called.insert(repository, Called { times, since });
            }
        }
    }

    /// A query for an owner brought nothing.
    pub fn recency_failed(
        &mut self,
        owner: &str,
        failure: Failure,
        reason: &str,
        (now, at): (Instant, Timestamp),
    ) {
        if let Some(watch) = self.owners.get_mut(owner) {
            watch.give_up();
        }
        self.pause.failed(failure, reason, (now, at));
    }

    /// What was refused may be taken by now.
    pub fn ask_again(&mut self) {
        self.pause.cut_short();
    }

    /// What was news is known from now on.
    pub fn learn(&mut self, noted: Vec<(HeadKey, Known)>) {
        self.memory.learn(noted);
    }

    pub fn take_notes(&mut self) -> Vec<(HeadKey, Known)> {
        self.memory.take_notes()
    }

    pub fn keep_notes(&mut self, notes: Vec<(HeadKey, Known)>) {
        self.memory.keep_notes(notes);
    }

    fn end_rounds(&mut self, (now, at): (Instant, Timestamp)) {
        for cadence in [Cadence::Every, Cadence::Sweep] {
            if self.questions.is_over(cadence)
                && let Some((began, is_late)) = self.rounds.remove(&cadence)
            {
                if is_late {
                    self.lanes.ended_late(cadence, now);
                }
                self.began.insert(cadence, began);
                self.last_round = Some(at);
            }
        }
    }

    /// When the last round of each cadence began that is over, and the newest push of each owner before which
    /// nothing is left to be asked for.
    pub fn cursors(&self) -> Vec<(String, Timestamp)> {
        let Speaking { host, identity, .. } = &self.speaking;
        let began = self.began.iter().map(|(cadence, began)| {
            let cursor = Cursor::Began(*cadence);
            (cursor.name(host, identity), *began)
        });
        let owners = self.owners.iter().filter_map(|(owner, watch)| {
            let cursor = Cursor::Newest(owner);
            let called = self.called.iter().filter(|(it, _)| is_of(it, owner));
            let since = called.filter_map(|(_, called)| called.since);
            let seen = since.chain(watch.seen()).min()?;
            Some((cursor.name(host, identity), seen))
        });
        began.chain(owners).collect()
    }

    /// As [`Memory::take_unwanted`].
    pub fn take_unwanted(&mut self, is_all: bool) -> Vec<HeadKey> {
        let wanted = &self.wanted;
        self.memory.take_unwanted(is_all, |key| wanted.has(key))
    }

    pub fn report(&self) -> IdentityReport {
        IdentityReport {
            host: self.speaking.host.to_string(),
            identity: self.speaking.identity.to_string(),
            repositories: self.wanted.repositories.len(),
            refs: self.wanted.refs,
            left_off: self.wanted.left_off,
            lanes: self.lanes.report(),
            owners: self.wanted.owners.clone(),
            points_per_hour: self.lanes.points_per_hour(&self.wanted),
            points: self.points,
            batch: self.questions.size(),
            last_round: self.last_round,
            trouble: self.pause.trouble().cloned(),
            faults: self.faults.report(),
        }
    }
}

fn is_of(repository: &RepositoryIdentity, owner: &str) -> bool {
    let path = repository.path().strip_prefix(owner);
    path.is_some_and(|rest| rest.starts_with('/'))
}

/// Why an answer is not all there.
fn lost(heads: &RepositoryHeads) -> Option<String> {
    heads.refs.iter().find_map(|answer| match answer {
        RefAnswer::Unanswered(reason) => Some(reason.clone()),
        _ => None,
    })
}

fn absent(answer: &RefAnswer, key: &HeadKey) -> String {
    let follow = &key.follow;
    match answer {
        RefAnswer::Tags { tags, total } => {
            let constraint = follow.to_string();
            let constraint = constraint.trim_start_matches("semver:");
            format!(
                "none of its newest {} tags of {total} satisfies `{constraint}`",
                tags.len()
            )
        }
        _ => format!("there is no `{follow}`; create it, or correct `spec.ref`"),
    }
}

#[cfg(test)]
#[path = "speaker_tests.rs"]
mod tests;

//! How far each object has come that was asked by hand, and what is to be sent next.
//!
//! ```text
//! not asked yet ── its source has fetched ──> asked ──> acknowledged ──> fetched | applied, healthy ──> done
//!        `──────── its source has failed ───> failed <── what it says of itself, or its time is over
//! ```

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::{Cache, ItemKey, Kind, ResourceVersion};
use crate::cluster::PatchFault;
use crate::delivery::{Proof, UserState};

use super::end::{End, end_of_user, is_proven};
use super::line::{Asking, Gate, Line};
use super::round::{Round, Why};
use super::terms::{Order, Terms};

/// What became of the objects of one cluster so far.
#[derive(Debug)]
pub struct Course {
    terms: Terms,
    lines: Vec<Line>,
}

impl Course {
    /// What is left alone is over at once; of what follows only those that apply something are told.
    pub fn begin(round: Round, terms: Terms) -> Self {
        let mut lines: Vec<Line> = Vec::new();
        for wake in round.wakes {
            lines.push(Line::new(wake.item, Some(wake.why), wake.after));
        }
        for left in round.left {
            let mut line = Line::new(left.item, Some(Why::Named), Vec::new());
            line.end = Some(End::Failed(left.why.to_string()));
            lines.push(line);
        }
        if terms.wait {
            let follow = round.follow.into_iter();
            let follow = follow.filter(|item| item.key.kind != Kind::HelmChart);
            lines.extend(follow.map(|item| Line::new(item, None, Vec::new())));
        }
        Self { terms, lines }
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub fn is_over(&self) -> bool {
        self.lines.iter().all(|line| line.end.is_some())
    }

    /// Whether all is as it was asked for.
    pub fn is_reached(&self) -> bool {
        let is_done = |line: &Line| matches!(line.end, Some(End::Done(_)));
        self.lines.iter().all(is_done)
    }

    /// Sees what the cluster has now, and says what is to be sent.
    pub fn look(&mut self, cluster: &Cache, now: Timestamp) -> Vec<Order> {
        let mut orders = Vec::new();
        for place in 0..self.lines.len() {
            let gate = self.gate(&self.lines[place]);
            let line = &mut self.lines[place];
            if line.why.is_none() {
                continue;
            }
            match &line.end {
                None => orders.extend(line.step(&self.terms, gate, cluster, now)),
                // What is made from it is not over yet.
                Some(End::Done(_)) if self.terms.wait => line.look_below(&self.terms, cluster, now),
                Some(_) => {}
            }
        }
        if self.terms.wait {
            self.look_at_users(cluster);
        }
        orders
    }

    /// Takes in what an API server answered.
    pub fn answered(
        &mut self,
        key: &ItemKey,
        outcome: Result<Option<ResourceVersion>, PatchFault>,
        now: Timestamp,
    ) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.item.key == *key) {
            line.answered(outcome, self.terms.within, now);
        }
    }

    /// Ends what is not over, as its time is.
    pub fn give_up(&mut self, why: &str) {
        self.end_all(|line| End::Failed(format!("{why}; last it waited {}", line.waits())));
    }

    /// Ends what is not over, as nobody waits for it any longer: what was asked goes on, the rest is never asked.
    pub fn stop(&mut self) {
        self.end_all(|line| match line.is_never_asked() {
            true => End::Failed(format!("it was not asked: it waited {}", line.waits())),
            false => End::NotWaitedFor(line.waits()),
        });
    }

    fn end_all(&mut self, end: impl Fn(&Line) -> End) {
        for line in self.lines.iter_mut().filter(|line| line.end.is_none()) {
            line.end = Some(end(line));
        }
    }

    /// Whether what comes before an object lets it be asked.
    fn gate(&self, line: &Line) -> Gate {
        let before = line.after.iter();
        let before = before.filter_map(|key| self.lines.iter().find(|it| it.item.key == *key));
        let mut gate = Gate::Open;
        for above in before {
            match &above.end {
                Some(End::Failed(_)) => return Gate::Shut(above.item.key.clone()),
                Some(End::Done(_) | End::NotWaitedFor(_)) => {}
                None if !self.terms.wait && above.asking == Asking::Done => {}
                None if matches!(gate, Gate::Open) => gate = Gate::Waits(above.item.key.clone()),
                None => {}
            }
        }
        gate
    }

    /// What became of those that apply what a source has fetched.
    fn look_at_users(&mut self, cluster: &Cache) {
        let mut seen: BTreeMap<(String, String, String), UserState> = BTreeMap::new();
        let mut failed = BTreeSet::new();
        let mut asked = BTreeMap::new();
        for line in &self.lines {
            let users = line.proof.iter().flat_map(|proof| &proof.users);
            for user in users {
                let name = (user.kind.clone(), user.namespace.clone(), user.name.clone());
                seen.entry(name).or_insert_with(|| user.state.clone());
            }
            if let Some(End::Failed(_)) = line.end {
                failed.insert(line.item.key.clone());
            }
            if line.why.is_some() {
                let is_over = line.proof.as_ref().is_some_and(Proof::is_over);
                asked.insert(line.item.key.clone(), is_over);
            }
        }
        let has_commit = self.terms.commit.is_some();
        for line in &mut self.lines {
            let key = &line.item.key;
            if line.end.is_some() || key.kind.is_source() {
                continue;
            }
            if let Some(item) = cluster.item(key) {
                line.item = Arc::clone(item);
            }
            let key = &line.item.key;
            let name = (
                key.kind.name().to_owned(),
                key.namespace.to_string(),
                key.name.to_string(),
            );
            line.user = seen.remove(&name);
            // One that was asked itself is judged by its own answer first.
            let is_asked = line.why.is_some();
            let is_proven = line.proof.as_ref().is_some_and(is_proven);
            line.end = match &line.user {
                _ if is_asked && !is_proven => None,
                None if is_asked => Some(End::Done(None)),
                None => above_that_failed(line, cluster, &failed)
                    .map(|key| End::Failed(format!("it has nothing to apply, as {key} failed")))
                    .or_else(|| left(line, cluster, &asked)),
                Some(user) => end_of_user(user, has_commit),
            };
        }
    }
}

/// How it ends for an object of which its source says nothing: `asked` are those that were, each with whether nobody looks
/// at what is made from it any more.
fn left(line: &Line, cluster: &Cache, asked: &BTreeMap<ItemKey, bool>) -> Option<End> {
    let done = |words: &str| Some(End::Done(Some(words.to_owned())));
    let key = &line.item.key;
    let Some(item) = cluster.item(key) else {
        return match cluster.scope(key.kind).is_known() {
            true => done("it is gone"),
            false => None,
        };
    };
    let mut source = item.source_key();
    if let Some(chart) = source.as_ref().filter(|it| it.kind == Kind::HelmChart) {
        source = cluster.item(chart)?.source_key();
    }
    match source.map(|source| asked.get(&source)) {
        Some(Some(false)) => None,
        Some(Some(true)) => done("it fetches by itself"),
        None | Some(None) => done("it is made from something else by now"),
    }
}

/// The first of the things that an object is made from that has failed.
fn above_that_failed(line: &Line, cluster: &Cache, failed: &BTreeSet<ItemKey>) -> Option<ItemKey> {
    let mut source = line.item.source_key();
    for _ in 0..=failed.len() {
        let key = source?;
        if failed.contains(&key) {
            return Some(key);
        }
        let item = cluster.item(&key)?;
        source = item.source_key();
    }
    None
}

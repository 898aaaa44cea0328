//! What is still to be asked: what comes first, and among how many each repository is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::budget::live::BatchSize;
use crate::flux::RepositoryIdentity;
use crate::github::heads::Asked;

use super::batch::{self, Batch, Caps, Pending};
use super::follow::Cadence;

#[derive(Debug)]
pub struct Questions {
    urgent: Pending,
    rest: Pending,
    caps: Caps,
    size: BatchSize,
    /// The end of the last query that failed: the others come first then.
    resume_after: Option<Arc<RepositoryIdentity>>,
}

impl Questions {
    pub fn new() -> Self {
        Self {
            urgent: Pending::new(),
            rest: Pending::new(),
            caps: Caps::new(),
            size: full(),
            resume_after: None,
        }
    }

    /// Takes out the next query; `None` where nothing is left.
    pub fn take(&mut self) -> Option<Batch> {
        let size = self.size();
        let after = self.resume_after.take();
        batch::take(
            &mut self.urgent,
            &mut self.rest,
            &self.caps,
            size,
            after.as_ref(),
        )
    }

    /// Refs that a query has at most.
    pub fn size(&self) -> usize {
        self.size.refs() as usize
    }

    /// Whether all that is to be asked so often was asked.
    pub fn is_over(&self, cadence: Cadence) -> bool {
        match cadence {
            Cadence::Every => self.urgent.is_empty(),
            Cadence::Sweep => self.rest.is_empty(),
        }
    }

    pub fn add(
        &mut self,
        repository: &Arc<RepositoryIdentity>,
        is_urgent: bool,
        asked: impl IntoIterator<Item = Asked>,
    ) {
        let pending = match is_urgent {
            true => &mut self.urgent,
            false => &mut self.rest,
        };
        let mut asked = asked.into_iter().peekable();
        if asked.peek().is_some() {
            let pending = pending.entry(Arc::clone(repository)).or_default();
            pending.extend(asked);
        }
    }

    /// What is asked for urgently is not asked for twice.
    pub fn ask_each_once(&mut self) {
        for (repository, asked) in &self.urgent {
            if let Some(rest) = self.rest.get_mut(repository) {
                rest.retain(|one| !asked.contains(one));
            }
        }
        self.rest.retain(|_, asked| !asked.is_empty());
    }

    /// Forgets what nobody wants any more.
    pub fn retain<W>(&mut self, wanted: &BTreeMap<Arc<RepositoryIdentity>, W>) {
        self.caps.retain(|it, _| wanted.contains_key(it));
        self.rest.retain(|it, _| wanted.contains_key(it));
        self.urgent.retain(|it, _| wanted.contains_key(it));
    }

    /// A repository may be asked for among many again.
    pub fn trust(&mut self, repository: &Arc<RepositoryIdentity>) {
        self.caps.remove(repository);
    }

    /// What was asked of a repository is asked again, among half as many.
    pub fn ask_among_fewer(&mut self, batch: &Batch, place: usize) {
        let repository = Arc::clone(&batch.repositories[place]);
        self.caps
            .insert(repository, (batch.questions.len() / 2).max(1));
        self.put_back(batch, place);
    }

    /// What was asked of a repository is asked again.
    pub fn put_back(&mut self, batch: &Batch, place: usize) {
        let pending = match batch.is_urgent {
            true => &mut self.urgent,
            false => &mut self.rest,
        };
        batch.put_back(place, pending);
    }

    /// A query was answered, in so long and in full or not.
    pub fn answered(&mut self, latency: Duration, is_partial: bool) {
        self.size = self.size.after(latency, is_partial);
    }

    /// A query failed; `is_suspect`: it may be its own fault.
    pub fn failed(&mut self, batch: &Batch, is_suspect: bool) {
        self.resume_after = batch.repositories.last().cloned();
        if is_suspect {
            self.size = self.size.after(Duration::ZERO, true);
        }
    }
}

/// As large as a point allows: a fleet of up to a hundred refs then never costs two.
fn full() -> BatchSize {
    let first = BatchSize::default().after(Duration::ZERO, false);
    first.after(Duration::ZERO, false)
}

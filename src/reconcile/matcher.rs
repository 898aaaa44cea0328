//! Deliveries held against the clusters as they are at that moment.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::catalog::LiveCluster;
use crate::delivery::{Delivery, DeliveryState};
use crate::flux::RepositoryIdentity;
use crate::store::NewWork;

use super::decision::{Decision, Rules, names_told, work_of};
use super::former_names::FormerNames;

/// The rules, and the clusters they are applied to.
pub struct Matcher {
    rules: Rules,
    clusters: Vec<Arc<LiveCluster>>,
    former: Mutex<FormerNames>,
}

/// Whom a delivery concerns now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub decision: Decision,
    /// Clusters of which nobody knows yet what they have.
    pub unlisted: Vec<Arc<str>>,
}

impl Matcher {
    pub fn new(rules: Rules, clusters: Vec<Arc<LiveCluster>>) -> Self {
        Self {
            rules,
            clusters,
            former: Mutex::default(),
        }
    }

    pub fn clusters(&self) -> &[Arc<LiveCluster>] {
        &self.clusters
    }

    /// Every candidate in every cluster that was listed, and why it is woken or left.
    pub fn explain(&self, delivery: &Delivery) -> Explanation {
        // Asked before the caches are read: a list that comes in between is then seen twice, never not at all.
        let (listed, unlisted): (Vec<_>, Vec<_>) = self
            .clusters
            .iter()
            .partition(|cluster| cluster.is_listed());
        let caches: Vec<_> = listed.iter().map(|cluster| cluster.read()).collect();
        let decision = self.rules.decide(delivery, &caches, &self.former());
        Explanation {
            decision,
            unlisted: unlisted
                .into_iter()
                .map(|cluster| Arc::clone(cluster.name()))
                .collect(),
        }
    }

    /// What is to be kept of a delivery that nobody matched yet.
    pub(super) fn work(
        &self,
        delivery: &Delivery,
        now: Timestamp,
    ) -> (DeliveryState, Vec<NewWork>) {
        self.learn_names(names_told(delivery, &self.rules.hosts));
        let explanation = self.explain(delivery);
        explanation
            .decision
            .work(&delivery.event, &explanation.unlisted, now)
    }

    /// What a delivery that waited for this cluster alone wakes there.
    pub(super) fn work_in(
        &self,
        cluster: &LiveCluster,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Vec<NewWork> {
        let decision = self
            .rules
            .decide(delivery, &[cluster.read()], &self.former());
        match decision {
            Decision::Concerns(candidates) => work_of(&candidates, &delivery.event, now),
            Decision::Nothing(_) | Decision::Failed(_) => Vec::new(),
        }
    }

    /// What a delivery tells of the names of its repository, from the oldest on.
    pub(super) fn names_told(
        &self,
        delivery: &Delivery,
    ) -> impl Iterator<Item = (u64, RepositoryIdentity)> {
        names_told(delivery, &self.rules.hosts)
    }

    pub(super) fn learn_names(&self, names: impl IntoIterator<Item = (u64, RepositoryIdentity)>) {
        let mut former = self.former();
        for (id, name) in names {
            former.learn(id, &name);
        }
    }

    fn former(&self) -> MutexGuard<'_, FormerNames> {
        self.former.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher")
            .field("clusters", &self.clusters)
            .finish_non_exhaustive()
    }
}

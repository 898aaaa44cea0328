//! Deliveries held against the clusters as they are at that moment.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::catalog::{Cache, ItemKey, LiveCluster};
use crate::delivery::{Delivery, DeliveryState, WebhookName};
use crate::flux::RepositoryIdentity;
use crate::store::{DeliveryId, NewWork};

use super::decision::{Decision, Rules, names_told};
use super::former_names::{FormerNames, Named};
use super::matching::Candidate;
use super::new_work::work_of;
use super::overtaken::Told;
use super::policy::Policies;
use super::roster::{Roster, cluster_lease};

/// The rules, and the clusters they are applied to.
pub struct Matcher {
    rules: Rules,
    clusters: Vec<Arc<LiveCluster>>,
    /// Clusters of the configuration that are other replicas' alone.
    elsewhere: Vec<Arc<str>>,
    /// Who holds which cluster.
    roster: Roster,
    former: Mutex<FormerNames>,
    told: Mutex<Told>,
    /// The last delivery that names were learnt from.
    learnt_until: Mutex<Option<DeliveryId>>,
    /// The same, as it is noted in the store.
    noted_until: Mutex<Option<DeliveryId>>,
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
            elsewhere: Vec::new(),
            roster: Roster::default(),
            former: Mutex::default(),
            told: Mutex::default(),
            learnt_until: Mutex::default(),
            noted_until: Mutex::default(),
        }
    }

    /// What came for these clusters too is handed to the replicas that serve them.
    #[must_use]
    pub fn with_others(mut self, clusters: Vec<Arc<str>>, roster: Roster) -> Self {
        self.elsewhere = clusters;
        self.roster = roster;
        self
    }

    /// Clusters that other replicas alone serve, or did so of late: they may have a configuration that is newer than
    /// ours.
    pub(super) fn others(&self) -> Vec<Arc<str>> {
        let is_served = |cluster: &&Arc<str>| self.roster.is_known(&cluster_lease(cluster));
        let mut others: Vec<_> = self.elsewhere.iter().filter(is_served).cloned().collect();
        let is_ours = |name: &str| {
            self.clusters
                .iter()
                .any(|cluster| **cluster.name() == *name)
        };
        for (name, _) in self.roster.clusters() {
            if !is_ours(&name) && !others.iter().any(|other| **other == *name) {
                others.push(name.into());
            }
        }
        others
    }

    pub fn clusters(&self) -> &[Arc<LiveCluster>] {
        &self.clusters
    }

    /// The webhooks that are configured, by name.
    pub fn webhooks(&self) -> Vec<&WebhookName> {
        let mut webhooks: Vec<_> = self.rules.scopes.keys().collect();
        webhooks.sort();
        webhooks
    }

    pub(super) fn policies(&self) -> &Policies {
        &self.rules.policies
    }

    /// Every candidate in every cluster that was listed, and why it is woken or left.
    pub fn explain(&self, delivery: &Delivery) -> Explanation {
        // Asked before the caches are read: a list that comes in between is then seen twice, never not at all.
        let (listed, unlisted): (Vec<_>, Vec<_>) = self
            .clusters
            .iter()
            .partition(|cluster| cluster.is_listed());
        let caches: Vec<_> = listed.iter().map(|cluster| cluster.read()).collect();
        let decision = self.decide(delivery, &caches, Timestamp::now());
        let unlisted = unlisted
            .into_iter()
            .map(|cluster| Arc::clone(cluster.name()));
        Explanation {
            decision,
            unlisted: unlisted.chain(self.others()).collect(),
        }
    }

    /// What is to be kept of a delivery that nobody matched yet.
    pub(super) fn work(
        &self,
        delivery: &Delivery,
        now: Timestamp,
    ) -> (DeliveryState, Vec<NewWork>) {
        self.learn_names(self.names_told(delivery));
        let Explanation { decision, unlisted } = self.explain(delivery);
        self.learn_woken(delivery, &decision, now);
        decision.work(&delivery.event, &unlisted, now)
    }

    /// What a delivery that waited for this cluster alone wakes there.
    pub(super) fn work_in(
        &self,
        cluster: &LiveCluster,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Vec<NewWork> {
        let decision = self.decide(delivery, &[cluster.read()], now);
        self.learn_woken(delivery, &decision, now);
        match decision {
            Decision::Concerns(candidates) => work_of(&candidates, &delivery.event, now),
            Decision::Nothing(_) | Decision::Failed(_) => Vec::new(),
        }
    }

    fn decide<C: Deref<Target = Cache>>(
        &self,
        delivery: &Delivery,
        caches: &[C],
        now: Timestamp,
    ) -> Decision {
        let mut decision = self.rules.decide(delivery, caches, &self.former());
        if let Decision::Concerns(candidates) = &mut decision {
            let would_know =
                |candidate: &Candidate| self.roster.holds(&cluster_lease(&candidate.item.cluster));
            self.told()
                .leave_overtaken(delivery, candidates, now, would_know);
        }
        decision
    }

    fn learn_woken(&self, delivery: &Delivery, decision: &Decision, now: Timestamp) {
        if let Decision::Concerns(candidates) = decision {
            self.told().learn(delivery, candidates, now);
        }
    }

    /// An object could not be woken: it is not left for having been.
    pub(super) fn take_back(&self, cluster: &Arc<str>, key: &ItemKey, now: Timestamp) {
        self.told().take_back(cluster, key, now);
    }

    /// What a delivery tells of the names of its repository, from the oldest on. Of what its webhook may not
    /// speak of it tells nothing: it could take the names of others away.
    pub(super) fn names_told(
        &self,
        delivery: &Delivery,
    ) -> impl Iterator<Item = (u64, RepositoryIdentity)> {
        let may_tell = self.rules.may_tell(delivery);
        names_told(delivery, &self.rules.hosts).filter(move |_| may_tell)
    }

    pub(super) fn learn_names(&self, names: impl IntoIterator<Item = (u64, RepositoryIdentity)>) {
        let mut former = self.former();
        for (id, name) in names {
            former.learn(id, &name);
        }
    }

    /// What was learnt since this was asked last.
    pub(super) fn news_of_names(&self) -> Vec<Named> {
        self.former().news()
    }

    pub(super) fn restore_names(&self, named: impl IntoIterator<Item = Named>) {
        let mut former = self.former();
        named.into_iter().for_each(|named| former.restore(named));
    }

    pub(super) fn names_learnt_until(&self) -> Option<DeliveryId> {
        *lock(&self.learnt_until)
    }

    pub(super) fn names_are_learnt_until(&self, last: DeliveryId) {
        let mut until = lock(&self.learnt_until);
        *until = until.max(Some(last));
    }

    pub(super) fn names_noted_until(&self) -> Option<DeliveryId> {
        *lock(&self.noted_until)
    }

    pub(super) fn names_are_noted_until(&self, last: DeliveryId) {
        *lock(&self.noted_until) = Some(last);
    }

    pub(super) fn former(&self) -> MutexGuard<'_, FormerNames> {
        lock(&self.former)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        lock(&self.told)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher")
            .field("clusters", &self.clusters)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::HostNames;
    use crate::delivery::{DeliveryKey, Event, Guid, HookScope, PushedRef, Repository, SpeaksFor};
    use crate::flux::RepositoryUrl;

    use super::*;

    fn named(path: &str) -> RepositoryIdentity {
        let url = RepositoryUrl::read(&format!("https://github.com/{path}")).unwrap();
        url.identity(|_| None)
    }

    /// What the webhook of `webhook` says of a repository.
    fn told(webhook: &str, id: u64, full_name: &str) -> Delivery {
        Delivery {
            key: DeliveryKey {
                webhook: WebhookName(webhook.into()),
                guid: Guid::read("a-1").unwrap(),
            },
            received_at: Timestamp::UNIX_EPOCH,
            repository: Some(Repository {
                id,
                full_name: full_name.into(),
                host: "github.com".into(),
                html_url: None,
                clone_url: None,
                ssh_url: None,
                default_branch: None,
            }),
            organization: None,
            installation: None,
            event: Event::Create {
                reference: PushedRef::Branch("main".into()),
            },
        }
    }

    #[test]
    fn a_webhook_takes_no_name_away_from_repositories_that_are_not_its_own() {
        let scope = |owner: &str| {
            let scope = HookScope {
                host: "github.com".into(),
                aliases: Vec::new(),
                speaks_for: SpeaksFor::Organization(owner.into()),
            };
            (WebhookName(owner.into()), scope)
        };
        let rules = Rules {
            scopes: [scope("acme"), scope("other")].into(),
            hosts: Arc::new(HostNames::of([])),
            policies: Policies::default(),
            planned: Vec::new(),
        };
        let matcher = Matcher::new(rules, Vec::new());
        let now = Timestamp::UNIX_EPOCH;
        matcher.work(&told("other", 1, "other/web"), now);
        matcher.work(&told("other", 1, "other/site"), now);
        let former = || matcher.former().of(1, &named("other/site"));
        assert_eq!(former(), [named("other/web")]);
        matcher.work(&told("acme", 2, "other/web"), now);
        assert_eq!(former(), [named("other/web")]);
        // Its own organisation's webhook may say that another has it now.
        matcher.work(&told("other", 2, "other/web"), now);
        assert_eq!(former(), []);
    }
}

//! Deliveries held against the clusters as they are at that moment.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::catalog::{Cache, ItemKey, Kind, LiveCluster};
use crate::delivery::{Delivery, DeliveryState, Event, WebhookName};
use crate::flux::RepositoryIdentity;
use crate::store::{DeliveryId, NewWork};

use super::decision::{Decision, Rules, may_wake, names_told};
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
    /// Clusters of which nobody knows now what they have: they were not listed yet, or what may be woken there is
    /// not watched now, so that only what they had is considered.
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
        self.explained(delivery, |_, _| {})
    }

    /// `on_old` is told of each kind that the delivery may wake and that may be another by now.
    fn explained(&self, delivery: &Delivery, on_old: impl Fn(&LiveCluster, Kind)) -> Explanation {
        // Asked before the caches are read: a list that comes in between is then seen twice, never not at all.
        let (listed, unlisted): (Vec<_>, Vec<_>) = self
            .clusters
            .iter()
            .partition(|cluster| cluster.is_listed());
        let caches: Vec<_> = listed.iter().map(|cluster| cluster.read()).collect();
        let decision = self.decide(delivery, &caches, Timestamp::now());
        let old = listed.into_iter().zip(&caches).filter(|(live, cache)| {
            let old = old_kinds(cache, &delivery.event);
            old.inspect(|kind| on_old(live, *kind)).count() > 0
        });
        let unlisted = unlisted
            .into_iter()
            .chain(old.map(|(live, _)| live))
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
        let Explanation { decision, unlisted } = self.explained(delivery, LiveCluster::await_list);
        self.learn_woken(delivery, &decision, now);
        decision.work(&delivery.event, &unlisted, now)
    }

    /// What a delivery that waited for this cluster alone wakes there. As long as a kind that it may wake may be
    /// another by now that kind is answered, and its list awaited.
    pub(super) fn work_in(
        &self,
        cluster: &LiveCluster,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<Vec<NewWork>, Kind> {
        let cache = cluster.read();
        if let Some(old) = old_kinds(&cache, &delivery.event).next() {
            cluster.await_list(old);
            return Err(old);
        }
        let decision = self.decide(delivery, &[cache], now);
        self.learn_woken(delivery, &decision, now);
        Ok(match decision {
            Decision::Concerns(candidates) => work_of(&candidates, &delivery.event, now),
            Decision::Nothing(_) | Decision::Failed(_) => Vec::new(),
        })
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

/// The kinds that an event may wake and of which the cluster may have others by now.
fn old_kinds(cluster: &Cache, event: &Event) -> impl Iterator<Item = Kind> {
    let is_old = |kind: &Kind| may_wake(event, *kind) && cluster.scope(*kind).may_be_old();
    Kind::ALL.into_iter().filter(is_old)
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
    use std::time::SystemTime;

    use crate::catalog::{HostNames, Listing};
    use crate::delivery::{Event, HookScope, PushedRef, SpeaksFor};
    use crate::flux::RepositoryUrl;
    use crate::reconcile::played::delivery;

    use super::*;

    fn named(path: &str) -> RepositoryIdentity {
        let url = RepositoryUrl::read(&format!("https://github.com/{path}")).unwrap();
        url.identity(|_| None)
    }

    /// What the webhook of `webhook` says of a repository.
    fn told(webhook: &str, id: u64, full_name: &str) -> Delivery {
        let reference = PushedRef::Branch("main".into());
        delivery(webhook, 1, (id, full_name), Event::Create { reference })
    }

    fn rules(owners: &[&str]) -> Rules {
        let scope = |owner: &&str| {
            let scope = HookScope {
                host: "github.com".into(),
                aliases: Vec::new(),
                speaks_for: SpeaksFor::Organization((*owner).into()),
            };
            (WebhookName((*owner).into()), scope)
        };
        Rules {
            scopes: owners.iter().map(scope).collect(),
            hosts: Arc::new(HostNames::of([])),
            policies: Policies::default(),
            planned: Vec::new(),
        }
    }

    #[test]
    fn a_delivery_waits_for_a_cluster_that_does_not_show_now_what_it_may_wake() {
        let live = Arc::new(LiveCluster::new("prod".into()));
        let list = || {
            for kind in Kind::ALL {
                let listing = Listing {
                    kind,
                    items: Vec::new(),
                    broken: Vec::new(),
                };
                live.update(|cache| cache.replace(listing, SystemTime::UNIX_EPOCH));
            }
        };
        let matcher = Matcher::new(rules(&["acme"]), vec![Arc::clone(&live)]);
        let said = |event: Event| Delivery {
            event,
            ..told("acme", 1, "acme/web")
        };
        let reference = || PushedRef::Branch("main".into());
        let created = Event::Create {
            reference: reference(),
        };
        let deleted = Event::Delete {
            reference: reference(),
        };
        let package = Event::Package(crate::delivery::Package {
            action: "published".into(),
            name: "web".into(),
            owner: None,
            kind: None,
            image: Some("ghcr.io/acme/web".into()),
            tag: None,
            digest: None,
        });
        let gap = Event::Gap {
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
        };
        let sources = Kind::ALL.into_iter().filter(|kind| kind.is_source());
        for (event, kinds) in [
            (created, vec![Kind::GitRepository]),
            (deleted, Vec::new()),
            (package, vec![Kind::OciRepository]),
            (gap, sources.collect()),
        ] {
            let delivery = said(event);
            for kind in Kind::ALL {
                list();
                live.unwatched(kind, SystemTime::UNIX_EPOCH);
                let waits = !matcher.explain(&delivery).unlisted.is_empty();
                assert_eq!(waits, kinds.contains(&kind), "{:?} {kind}", delivery.event);
                assert!(!live.is_awaited(kind), "who only asks awaits nothing");
                let (_, work) = matcher.work(&delivery, Timestamp::UNIX_EPOCH);
                let waiting = work.iter().filter(|work| work.object.is_none());
                assert_eq!(
                    waiting.count(),
                    usize::from(waits),
                    "{:?} {kind}",
                    delivery.event
                );
                assert_eq!(live.is_awaited(kind), waits, "{:?} {kind}", delivery.event);
                let later = matcher.work_in(&live, &delivery, Timestamp::UNIX_EPOCH);
                assert_eq!(later.err(), waits.then_some(kind));
            }
        }
    }

    #[test]
    fn a_webhook_takes_no_name_away_from_repositories_that_are_not_its_own() {
        let matcher = Matcher::new(rules(&["acme", "other"]), Vec::new());
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

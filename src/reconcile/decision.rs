//! What a delivery asks for: whom it concerns in the clusters as they are now, and why.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::catalog::{Cache, HostNames, Item, Kind};
use crate::delivery::{
    ChangedPaths, Delivery, Event, HookScope, NothingToDo, PushedRef, RefChange, Release,
    RepositoryChange, WebhookName,
};
use crate::flux::{RepositoryIdentity, RepositoryUrl};

use super::former_names::FormerNames;
use super::gap;
use super::head;
use super::matching::{self, Candidate};
use super::policy::Policies;
use super::push::{Changed, Package, Push};
use super::verdict::{LeaveReason, Verdict};
use super::workflow;

/// What is asked beside the clusters: who may say what, and which environments want to hear it.
#[derive(Debug)]
pub struct Rules {
    /// By the name of their webhook.
    pub scopes: HashMap<WebhookName, HookScope>,
    pub hosts: Arc<HostNames>,
    pub policies: Policies,
    /// Repositories that the configuration names.
    pub planned: Vec<RepositoryIdentity>,
}

/// A delivery held against the clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Nothing(NothingToDo),
    /// It cannot be said what it wakes.
    Failed(String),
    /// All objects that fetch from what changed, whether they are woken or not.
    Concerns(Vec<Candidate>),
}

impl Rules {
    /// Decides whom a delivery concerns among the objects of these clusters.
    pub fn decide<C: Deref<Target = Cache>>(
        &self,
        delivery: &Delivery,
        clusters: &[C],
        former: &FormerNames,
    ) -> Decision {
        let covered = || {
            let clusters = clusters.iter();
            clusters.flat_map(|cluster| gap::covered(cluster, &self.scopes, &self.policies))
        };
        match &delivery.event {
            Event::Gap { .. } => return Decision::Concerns(covered().collect()),
            Event::Restored { cluster, kind } => {
                let is_lost = |candidate: &Candidate| {
                    *candidate.item.cluster == **cluster && candidate.item.key.kind.name() == kind
                };
                return Decision::Concerns(covered().filter(is_lost).collect());
            }
            Event::Ping => return Decision::Nothing(NothingToDo::Ping),
            Event::Other { .. } => return Decision::Nothing(NothingToDo::Event),
            _ => {}
        }
        if let Event::Head(_) = delivery.event {
            let candidates = self.concerned(delivery, clusters, former);
            return Decision::Concerns(candidates.unwrap_or_default());
        }
        let Some(scope) = self.scopes.get(&delivery.key.webhook) else {
            return Decision::Failed(format!(
                "the webhook `{}` is not configured any more",
                delivery.key.webhook
            ));
        };
        let is_named = |identity: &RepositoryIdentity| {
            let follows = |cluster: &C| cluster.of_repository(identity).next().is_some();
            self.planned.contains(identity) || clusters.iter().any(follows)
        };
        let is_known = |identity: &RepositoryIdentity, id| {
            is_named(identity)
                || !self.followers(delivery, clusters).is_empty()
                || former.of(id, identity).iter().any(is_named)
        };
        if let Err(reason) = scope.check(delivery, is_known) {
            return Decision::Nothing(NothingToDo::OutOfScope(reason));
        }
        self.concerned(delivery, clusters, former)
            .map_or(Decision::Nothing(NothingToDo::Event), Decision::Concerns)
    }

    /// Whether its webhook may speak of the repository that a delivery names, known or not.
    pub(super) fn may_tell(&self, delivery: &Delivery) -> bool {
        let scope = self.scopes.get(&delivery.key.webhook);
        // One that was configured when it was kept told the truth.
        scope.is_none_or(|scope| scope.check(delivery, |_, _| true).is_ok())
    }

    /// `None`: nothing follows an event of this kind.
    fn concerned<C: Deref<Target = Cache>>(
        &self,
        delivery: &Delivery,
        clusters: &[C],
        former: &FormerNames,
    ) -> Option<Vec<Candidate>> {
        let caches = || clusters.iter().map(Deref::deref);
        let push = |reference: &PushedRef, deleted, changed| {
            let repository = delivery.repository.as_ref()?;
            let identity = repository.identity(|host| self.hosts.canonical(host))?;
            // Whoever names the repository otherwise is asked for under that name.
            let former = match delivery.event {
                Event::Head(_) => Vec::new(),
                _ => former.of(repository.id, &identity),
            };
            let push = Push {
                former,
                repositories: vec![identity],
                reference: &reference.full(),
                default_branch: repository.default_branch.as_deref(),
                deleted,
                changed,
            };
            Some(matching::push(&push, caches(), &self.policies))
        };
        match &delivery.event {
            Event::Push(change) => push(&change.reference, change.deleted, changed(change)),
            Event::Create { reference } => {
                push(reference, false, Changed::Incomplete("the ref is new"))
            }
            Event::Delete { reference } => {
                push(reference, true, Changed::Incomplete("the ref was deleted"))
            }
            Event::Head(seen) => {
                let changed = Changed::Incomplete("its head was seen, and no push tells the paths");
                let mut candidates = push(&seen.reference, false, changed)?;
                head::leave_what_has_it(&mut candidates, seen);
                Some(candidates)
            }
            Event::Release(release) if is_out(release) => push(
                &release.tag,
                false,
                Changed::Incomplete("a release lists no paths"),
            ),
            Event::Package(package) => {
                let image = package.image.as_deref()?;
                let package = Package {
                    repository: self.identity(&format!("oci://{image}"))?,
                    tags: package.tag.as_deref().into_iter().collect(),
                };
                Some(matching::package(&package, caches(), &self.policies))
            }
            Event::Repository(change) => self.renamed(delivery, change, clusters),
            Event::WorkflowRun(_) => {
                let followers = self.followers(delivery, clusters);
                (!followers.is_empty()).then_some(followers)
            }
            _ => None,
        }
    }

    /// The objects that name the workflow that has succeeded.
    fn followers<C: Deref<Target = Cache>>(
        &self,
        delivery: &Delivery,
        clusters: &[C],
    ) -> Vec<Candidate> {
        match (&delivery.event, &delivery.repository) {
            (Event::WorkflowRun(run), Some(repository)) => {
                let clusters = clusters.iter().map(Deref::deref);
                workflow::followers(run, &repository.full_name, clusters, &self.policies)
            }
            _ => Vec::new(),
        }
    }

    /// The objects that name a repository as it was called until now.
    fn renamed<C: Deref<Target = Cache>>(
        &self,
        delivery: &Delivery,
        change: &RepositoryChange,
        clusters: &[C],
    ) -> Option<Vec<Candidate>> {
        let old = change.old_full_name()?;
        let repository = delivery.repository.as_ref()?;
        let identity = repository.former_identity(old, |host| self.hosts.canonical(host))?;
        let items = clusters
            .iter()
            .flat_map(|cluster| cluster.of_repository(&identity));
        let candidate = |item: &Arc<Item>| Candidate {
            item: Arc::clone(item),
            verdict: Verdict::Leave(LeaveReason::FormerName {
                now: repository.full_name.as_str().into(),
            }),
        };
        Some(items.map(candidate).collect())
    }

    fn identity(&self, url: &str) -> Option<RepositoryIdentity> {
        let url = RepositoryUrl::read(url).ok()?;
        Some(url.identity(|host| self.hosts.canonical(host)))
    }
}

/// Whether an event can wake objects of a kind.
pub(super) fn may_wake(event: &Event, kind: Kind) -> bool {
    match event {
        Event::Push(change) => !change.deleted && kind == Kind::GitRepository,
        Event::Create { .. } | Event::Head(_) => kind == Kind::GitRepository,
        Event::Release(release) => is_out(release) && kind == Kind::GitRepository,
        Event::Package(_) => kind == Kind::OciRepository,
        Event::WorkflowRun(run) => workflow::has_succeeded(run) && kind.is_source(),
        Event::Gap { .. } => kind.is_source(),
        Event::Restored { kind: one, .. } => kind.name() == one,
        Event::Ping | Event::Delete { .. } | Event::Repository(_) | Event::Other { .. } => false,
    }
}

/// The number of the repository that a delivery speaks of, and its names from the oldest on.
pub(super) fn names_told(
    delivery: &Delivery,
    hosts: &HostNames,
) -> impl Iterator<Item = (u64, RepositoryIdentity)> {
    // A head is asked for by the name that its objects have, be it old.
    let is_head = matches!(delivery.event, Event::Head(_));
    let repository = delivery.repository.as_ref().filter(|_| !is_head);
    let told = repository.map(|repository| {
        let canonical = |host: &str| hosts.canonical(host);
        let old = match &delivery.event {
            Event::Repository(change) => change.old_full_name(),
            _ => None,
        };
        let old = old.and_then(|old| repository.former_identity(old, canonical));
        let names = [old, repository.identity(canonical)];
        names.map(|name| name.map(|name| (repository.id, name)))
    });
    told.into_iter().flatten().flatten()
}

/// The paths that a push changed, where all of them are known.
fn changed(change: &RefChange) -> Changed<'_> {
    match &change.paths {
        ChangedPaths::All(paths) => Changed::All(paths.iter().map(String::as_str).collect()),
        ChangedPaths::CutOff(why) => Changed::Incomplete(why.text()),
    }
}

/// Whether its tag is there for everybody to see.
fn is_out(release: &Release) -> bool {
    !release.draft && matches!(release.action.as_str(), "published" | "released")
}

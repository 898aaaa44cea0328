//! What may have been missed while nobody listened: which sources are woken then, and when.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Cache, Item};
use crate::delivery::{Delivery, DeliveryKey, Event, Guid, HookScope, SpeaksFor, WebhookName};
use crate::flux::RepositoryIdentity;

use super::matching::{self, Candidate};
use super::policy::Policies;

/// From so long without a heartbeat on, pushes may have been missed.
pub const GAP: Duration = Duration::from_secs(30);

/// All that is woken after a gap is spread over so long, so that a start is no storm.
pub const SPREAD: Duration = Duration::from_secs(60);

/// The time in which nobody listened, if it was long enough to miss something.
///
/// `last` is the last heartbeat, `None` at a first start, which misses nothing. Where the clock was
/// set back to before it, nobody can say how long it was, so something may have been missed.
pub fn between(last: Option<Timestamp>, now: Timestamp) -> Option<Delivery> {
    let last = last?;
    let is_short = now >= last && now.duration_since(last).unsigned_abs() <= GAP;
    if is_short {
        return None;
    }
    let gap = Event::Gap {
        since: last,
        until: now,
    };
    Some(ours("gap", now, gap))
}

/// A delivery that GitHub never made, told from others by what it is and when it was made.
pub(super) fn ours(what: &str, now: Timestamp, event: Event) -> Delivery {
    let guid = format!("{what}-{}", now.as_microsecond());
    Delivery {
        key: DeliveryKey {
            webhook: WebhookName::ourselves(),
            guid: Guid::read(&guid).expect("letters, digits and `-` make a GUID"),
        },
        received_at: now,
        repository: None,
        organization: None,
        installation: None,
        event,
    }
}

/// The sources of a cluster whose pushes, or workflows, a webhook would have told.
pub(super) fn covered(
    cluster: &Cache,
    scopes: &HashMap<WebhookName, HookScope>,
    policies: &Policies,
) -> Vec<Candidate> {
    let is_covered = |item: &Item| {
        if item.workflows.is_some() && !scopes.is_empty() {
            return true;
        }
        let repository = item.repository.as_deref();
        repository.is_some_and(|repository| scopes.values().any(|scope| covers(scope, repository)))
    };
    let sources = cluster
        .items()
        .filter(|item| item.key.kind.is_source() && is_covered(item));
    let mut covered: Vec<_> = sources
        .map(|item| Candidate {
            item: Arc::clone(item),
            verdict: matching::after_gap(item, policies),
        })
        .collect();
    covered.sort_by(|one, other| one.item.key.cmp(&other.item.key));
    covered
}

/// Whether a webhook is told of pushes to a repository. What an installation was given is not known
/// here, so all of its host is.
pub(super) fn covers(scope: &HookScope, repository: &RepositoryIdentity) -> bool {
    let is_host = |host: &str| scope.canonical(host).is_some();
    // Packages of github.com lie at a host of their own.
    let is_registry = repository.host() == "ghcr.io" && is_host("github.com");
    if !is_host(repository.host()) && !is_registry {
        return false;
    }
    match &scope.speaks_for {
        SpeaksFor::Organization(owner) => repository
            .path()
            .split('/')
            .next()
            .is_some_and(|first| first.eq_ignore_ascii_case(owner)),
        SpeaksFor::Installation(_) | SpeaksFor::KnownRepositories => true,
    }
}

/// When the object of this place among so many is woken, from the end of the gap on.
pub(super) fn spread(place: usize, of: usize) -> Duration {
    let share = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    SPREAD * share(place) / share(of).max(1)
}

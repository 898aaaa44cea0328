//! The Kustomizations and HelmReleases that are made from a source, and what each says of one revision.

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::{Cache, Item, ItemKey, Kind, Ready, ScopeState};
use crate::delivery::{Failure, UserProof, UserState, Wanted};
use crate::flux::revision;

/// The reason of a condition that is no fault: what it depends on is not ready yet.
const WAITS_FOR_OTHERS: &str = "DependencyNotReady";
/// Reasons for which kustomize-controller and helm-controller fail before they note which revision they attempt: the
/// folder of a Kustomization is not in the artifact, values of a release cannot be read (read in their sources).
const BEFORE_AN_ATTEMPT: [&str; 5] = [
    "AccessDenied",
    "ArtifactFailed",
    "ChartMutateError",
    "RESTClientError",
    "ValuesError",
];

/// An object that applies what a source has fetched.
#[derive(Debug, Clone)]
pub struct User {
    pub item: Arc<Item>,
    /// The HelmChart between the source and a HelmRelease, where there is one.
    pub chart: Option<Arc<Item>>,
}

/// All that applies what an object has fetched, in the order of their keys.
pub fn users(cluster: &Cache, source: &ItemKey) -> Vec<User> {
    let mut users = Vec::new();
    for item in cluster.users_of(source) {
        if item.key.kind != Kind::HelmChart {
            let item = Arc::clone(item);
            users.push(User { item, chart: None });
            continue;
        }
        let releases = cluster.users_of(&item.key);
        users.extend(releases.map(|release| User {
            item: Arc::clone(release),
            chart: Some(Arc::clone(item)),
        }));
    }
    users.sort_by(|a, b| a.item.key.cmp(&b.item.key));
    users
}

/// A kind of user of which nobody knows yet what the cluster has.
pub(super) fn unseen(cluster: &Cache) -> Option<Kind> {
    let kinds = [Kind::HelmChart, Kind::Kustomization, Kind::HelmRelease];
    let mut kinds = kinds.into_iter();
    kinds.find(|kind| cluster.scope(*kind) == ScopeState::NeverListed)
}

/// Whether two revisions are the same, though controllers write them in different ways.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let commits = (revision::commit(one), revision::commit(other));
    one == other || matches!(commits, (Some(one), Some(other)) if one == other)
}

fn holds(said: Option<&Arc<str>>, revision: &str) -> bool {
    said.is_some_and(|said| is_same(said, revision))
}

/// What a condition that is no fault waits for: others, which its controller looks at again by itself.
pub(super) fn waits_for_others(ready: &Ready) -> Option<String> {
    let waits = *ready.reason == *WAITS_FOR_OTHERS;
    waits.then(|| format!("for what it depends on: {}", ready.message))
}

/// What a condition says of the object that has it.
pub(super) fn failure(item: &Item, ready: &Ready) -> Failure {
    Failure {
        object: item.key.to_string(),
        condition: if item.stalled { "Stalled" } else { "Ready" }.to_owned(),
        reason: ready.reason.to_string(),
        message: ready.message.to_string(),
    }
}

impl User {
    /// As it stands where nothing was seen of it before.
    pub(super) fn unseen(&self) -> UserProof {
        UserProof {
            kind: self.item.key.kind.name().to_owned(),
            namespace: self.item.key.namespace.to_string(),
            name: self.item.key.name.to_string(),
            version_before: None,
            state: UserState::Waiting { why: None },
        }
    }

    /// As it stands while its chart was not built yet from what is wanted; its source may have that by now. Of a release
    /// that has not installed its chart, or is not well, it is to be seen what becomes of it.
    pub(super) fn at_first(&self, wanted: &Wanted) -> Option<UserProof> {
        let chart = self.chart.as_ref()?;
        if let Some(built_from) = &chart.attempted
            && wanted.is_in(built_from)
        {
            return None;
        }
        let version = chart.artifact.as_ref()?;
        if !holds(self.item.applied.as_ref(), version) || !self.item.is_ready() {
            return None;
        }
        Some(UserProof {
            version_before: Some(version.to_string()),
            ..self.unseen()
        })
    }

    pub(super) fn is(&self, known: &UserProof) -> bool {
        let key = &self.item.key;
        key.kind.name() == known.kind
            && *key.namespace == *known.namespace
            && *key.name == *known.name
    }

    /// What became of it since; `moved_on` is another revision that its source has by now.
    pub(super) fn next(
        &self,
        known: &UserProof,
        revision: &str,
        moved_on: Option<&str>,
        now: Timestamp,
    ) -> UserState {
        // A person may resume it while others are still waited for.
        let is_asleep = matches!(known.state, UserState::Suspended { .. });
        let is_awake = is_asleep && !self.item.suspended;
        if known.state.is_settled() && !is_awake {
            return known.state.clone();
        }
        let to_apply = match &self.chart {
            None => Ok(revision.to_owned()),
            Some(chart) => chart_version(chart, revision, now),
        };
        let state = match to_apply {
            Ok(version) if self.has_no_new(known, &version) => {
                return UserState::NoNewVersion { at: now, version };
            }
            Ok(to_apply) => self.applies(known, to_apply, now),
            Err(waits) => *waits,
        };
        match (&state, moved_on) {
            (UserState::Healthy { .. }, _) => state,
            (_, Some(later)) => UserState::Overtaken {
                at: now,
                revision: later.to_owned(),
            },
            _ if self.item.suspended => match known.state {
                UserState::Suspended { at } => UserState::Suspended { at },
                _ => UserState::Suspended { at: now },
            },
            // Since when it fails, or has waited, stays as it was.
            (UserState::Failing { failure, .. }, _) => match &known.state {
                UserState::Failing { failure: same, .. } if same == failure => known.state.clone(),
                _ => state,
            },
            _ => state,
        }
    }

    fn has_no_new(&self, known: &UserProof, version: &str) -> bool {
        self.chart.is_some() && known.version_before.as_deref() == Some(version)
    }

    fn applies(&self, known: &UserProof, revision: String, now: Timestamp) -> UserState {
        let item = &self.item;
        let attempted = item.attempted.as_ref();
        // Put back to what it had before another was attempted, it has not applied that again yet.
        let is_put_back = item.key.kind == Kind::Kustomization
            && attempted.is_some_and(|attempted| !is_same(attempted, &revision));
        let has_applied = holds(item.applied.as_ref(), &revision) && !is_put_back;
        let applied_at = known.state.applied_at().or(has_applied.then_some(now));
        if has_applied && item.is_ready() {
            return UserState::Healthy {
                applied_at: applied_at.unwrap_or(now),
                at: now,
                revision,
            };
        }
        let is_before_an_attempt = |ready: &Ready| BEFORE_AN_ATTEMPT.contains(&&*ready.reason);
        let is_of_it = has_applied
            || holds(attempted, &revision)
            || item.failure().is_some_and(is_before_an_attempt);
        let others = item.failure().and_then(waits_for_others);
        match (item.failure(), applied_at) {
            _ if others.is_some() => UserState::Waiting { why: others },
            // What it says of another revision is no longer, or not yet, of any use.
            (Some(ready), applied_at) if is_of_it => UserState::Failing {
                since: now,
                applied_at,
                failure: failure(item, ready),
            },
            (_, Some(at)) => UserState::Applied { at, revision },
            _ => UserState::Waiting { why: None },
        }
    }
}

/// The version of a chart that was built from a revision; else what it waits for, or why it fails.
fn chart_version(chart: &Item, revision: &str, now: Timestamp) -> Result<String, Box<UserState>> {
    let waits = |why: &str| {
        let why = Some(format!("for {}{why}", chart.key));
        Err(Box::new(UserState::Waiting { why }))
    };
    if chart.suspended {
        return waits(", which is suspended");
    }
    if !holds(chart.attempted.as_ref(), revision) {
        return waits("");
    }
    if let Some(ready) = chart.failure() {
        return Err(Box::new(UserState::Failing {
            since: now,
            applied_at: None,
            failure: failure(chart, ready),
        }));
    }
    match &chart.artifact {
        Some(version) if chart.is_ready() => Ok(version.to_string()),
        _ => waits(""),
    }
}

//! An object of a cluster, cut down to what a push and its story need.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::flux::{ObjectKey, RepositoryIdentity};

use super::kind::Kind;
use super::uid::Uid;
use super::version::ResourceVersion;
use super::watch_paths::WatchPaths;
use super::workflows::Workflows;

/// What tells an object apart within its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    pub kind: Kind,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

/// An object as a cluster has it. Texts that objects share are kept once; see [`super::Projector`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub cluster: Arc<str>,
    pub key: ItemKey,
    pub uid: Uid,
    pub version: ResourceVersion,
    pub generation: i64,
    /// What a source fetches, as its URL names it, without credentials.
    pub url: Option<Arc<str>>,
    /// `None` where there is no URL, or it names no repository.
    pub repository: Option<Arc<RepositoryIdentity>>,
    pub reference: Reference,
    /// `None` where there is none or it is no duration.
    pub interval: Option<Duration>,
    pub suspended: bool,
    /// It carries `flux-setup.dev/webhook: disabled`.
    pub opted_out: bool,
    pub watch_paths: Option<Arc<WatchPaths>>,
    /// Of a source: the workflows that wake it.
    pub workflows: Option<Arc<Workflows>>,
    /// From our labels.
    pub project: Option<Arc<str>>,
    pub environment: Option<Arc<str>>,
    /// The token that was asked for last, and the one that its controller answered last.
    pub requested_at: Option<Arc<str>>,
    pub handled_at: Option<Arc<str>>,
    /// What a source has fetched: `main@sha1:…`, a version of a chart.
    pub artifact: Option<Arc<str>>,
    /// What a Kustomization or HelmRelease has applied; of a chart from a registry `1.2.3@sha256:…`.
    pub applied: Option<Arc<str>>,
    /// Since when a source has its artifact and a HelmRelease what it has applied; a Kustomization does not say.
    pub revision_at: Option<Timestamp>,
    /// What it has worked on last, whatever came of it; of a HelmChart the revision of its source.
    pub attempted: Option<Arc<str>>,
    /// What it is made from; of a HelmRelease the HelmChart that Flux makes for it, where it has one.
    pub source: Option<SourceRef>,
    /// What has to be ready before it is applied, of the same kind.
    pub depends_on: Box<[ItemKey]>,
    pub observed_generation: Option<i64>,
    /// Its controller is at work on it.
    pub reconciling: bool,
    /// Its controller does not try again until somebody changes something.
    pub stalled: bool,
    pub ready: Option<Ready>,
}

/// What of a repository a source follows, as Flux resolves `spec.ref`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// Flux takes it as branch `master`, of an OCIRepository as tag `latest`.
    Unset,
    Branch(Arc<str>),
    Tag(Arc<str>),
    Semver(Arc<str>),
    /// A full name: `refs/heads/main`.
    Name(Arc<str>),
    Commit(Arc<str>),
    Digest(Arc<str>),
}

/// Another object from which one is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceRef {
    /// Also kinds that are not watched: `ExternalArtifact`.
    pub kind: Arc<str>,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

/// The condition `Ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub status: Status,
    /// It speaks of the object as it is, not of an earlier generation.
    pub is_current: bool,
    pub reason: Arc<str>,
    /// On one line, of at most [`MESSAGE_LIMIT_BYTES`], without credentials. Empty where the status is true: then it
    /// repeats the revision.
    pub message: Box<str>,
}

/// More of a message is cut out of its middle.
pub const MESSAGE_LIMIT_BYTES: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    True,
    False,
    Unknown,
}

impl ItemKey {
    /// The same object as the rest of the program names it.
    pub fn object(&self) -> ObjectKey {
        ObjectKey {
            group: self.kind.group().into(),
            kind: self.kind.name().into(),
            namespace: Some(Arc::clone(&self.namespace)),
            name: Arc::clone(&self.name),
        }
    }
}

impl ItemKey {
    /// As a person names it on a command line.
    pub fn typed(&self) -> String {
        format!("{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl SourceRef {
    /// The object, where its kind is watched.
    pub fn key(&self) -> Option<ItemKey> {
        Some(ItemKey {
            kind: Kind::read(&self.kind)?,
            namespace: Arc::clone(&self.namespace),
            name: Arc::clone(&self.name),
        })
    }
}

impl Item {
    /// What it is made from, where the kind of that is watched.
    pub fn source_key(&self) -> Option<ItemKey> {
        self.source.as_ref()?.key()
    }

    /// Whether its controller is done with the object as it is, and well.
    pub fn is_ready(&self) -> bool {
        let seen = self.observed_generation.unwrap_or_default() >= self.generation;
        seen && self.current(Status::True).is_some()
    }

    /// Why its controller could not do it, where that is said of the object as it is.
    pub fn failure(&self) -> Option<&Ready> {
        self.current(Status::False)
    }

    fn current(&self, status: Status) -> Option<&Ready> {
        let ready = self.ready.as_ref()?;
        (ready.is_current && ready.status == status).then_some(ready)
    }

    /// The fields in which another state of the same object differs, in camel case; the
    /// version is none of them.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("generation", self.generation != other.generation),
            ("url", self.url != other.url),
            ("repository", self.repository != other.repository),
            ("reference", self.reference != other.reference),
            ("interval", self.interval != other.interval),
            ("suspended", self.suspended != other.suspended),
            ("optedOut", self.opted_out != other.opted_out),
            ("watchPaths", self.watch_paths != other.watch_paths),
            ("workflows", self.workflows != other.workflows),
            ("project", self.project != other.project),
            ("environment", self.environment != other.environment),
            ("requestedAt", self.requested_at != other.requested_at),
            ("handledAt", self.handled_at != other.handled_at),
            ("artifact", self.artifact != other.artifact),
            ("applied", self.applied != other.applied),
            ("revisionAt", self.revision_at != other.revision_at),
            ("attempted", self.attempted != other.attempted),
            ("source", self.source != other.source),
            ("dependsOn", self.depends_on != other.depends_on),
            (
                "observedGeneration",
                self.observed_generation != other.observed_generation,
            ),
            ("reconciling", self.reconciling != other.reconciling),
            ("stalled", self.stalled != other.stalled),
            ("ready", self.ready != other.ready),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }
}

//! What is configured of one host of GitHub, as this room needs it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::config::{Credential, GithubHost, SecretRef};

/// The name of the identity that has no credential.
pub const ANONYMOUS: &str = "anonymous";

/// One host of GitHub.
#[derive(Debug, Clone)]
pub struct GithubSettings {
    /// As it is configured, `github.com`.
    pub host: Arc<str>,
    /// `None`: of that host.
    pub api_url: Option<String>,
    /// Who alone vouches for the host's certificate, as PEM; `None`: those whom this machine trusts.
    pub ca: Option<SecretRef>,
    pub identities: Vec<IdentitySettings>,
    /// Who asks where no identity is for an owner; `None`: the first one.
    pub main: Option<String>,
    /// The configuration folder, to which paths of secrets are relative.
    pub folder: PathBuf,
    /// The share of each limit that is left to the user's own tools, from 0 to 1.
    pub reserve: f64,
    pub timeouts: Timeouts,
    pub clock: Clock,
}

/// Somebody whom GitHub knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentitySettings {
    pub name: Arc<str>,
    /// `None`: nobody.
    pub credential: Option<Credential>,
    /// The organisations and users that it is for; empty: all for which no other identity is named.
    pub owners: Vec<String>,
}

/// How long GitHub is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub read: Duration,
    /// From sending to the end of the answer.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(20),
            whole: Duration::from_secs(60),
        }
    }
}

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    moved: Arc<Notify>,
}

impl Clock {
    /// The time of this machine at the start, and what has passed since: it is not set back or forward.
    pub fn system() -> Self {
        let (start, begun) = (Timestamp::now(), Instant::now());
        Self::of(move || {
            let passed = SignedDuration::try_from(begun.elapsed()).unwrap_or_default();
            start.saturating_add(passed).unwrap_or(start)
        })
    }

    pub fn of(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            now: Arc::new(now),
            moved: Arc::default(),
        }
    }

    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Tells those who wait that the clock was set, so that they look at it now.
    pub fn was_set(&self) {
        self.moved.notify_waiters();
    }

    /// Waits until the clock was set.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

impl GithubSettings {
    /// A host without identities.
    pub fn new(host: &str, folder: &Path) -> Self {
        Self {
            host: host.into(),
            api_url: None,
            ca: None,
            identities: Vec::new(),
            main: None,
            folder: folder.to_owned(),
            reserve: 0.0,
            timeouts: Timeouts::default(),
            clock: Clock::system(),
        }
    }

    /// As it is configured; `folder` is the configuration folder, `reserve` a share from 0 to 1.
    pub fn of(host: &GithubHost, folder: &Path, reserve: f64) -> Self {
        let identities = host.identities.iter().filter_map(|identity| {
            Some(IdentitySettings {
                name: identity.name.value.as_str().into(),
                credential: Some(identity.credential.clone()?),
                owners: identity
                    .owners
                    .iter()
                    .map(|owner| owner.value.clone())
                    .collect(),
            })
        });
        Self {
            api_url: host.api_url.as_ref().map(|url| url.value.clone()),
            ca: host.ca.clone(),
            identities: identities.collect(),
            main: host.budget_identity.as_ref().map(|name| name.value.clone()),
            reserve,
            ..Self::new(&host.host.value, folder)
        }
    }
}

impl IdentitySettings {
    pub fn token(name: &str, token: SecretRef) -> Self {
        Self {
            name: name.into(),
            credential: Some(Credential::Token(token)),
            owners: Vec::new(),
        }
    }

    /// Nobody: 60 calls an hour for all of an address, and no queries.
    pub fn anonymous() -> Self {
        Self {
            name: ANONYMOUS.into(),
            credential: None,
            owners: Vec::new(),
        }
    }
}

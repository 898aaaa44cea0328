//! Finds what GitHub never delivered, and whether our webhooks are as they should be.
//!
//! Each webhook that an identity may ask about has its list of deliveries read every so often, from the
//! newest down to where the last reading began. What is not in the store is fetched with its payload and
//! accepted like what comes to the door, under the same key, so that nothing is done twice. A first start
//! looks back to itself and no further, so that it wakes nothing for what happened before.

mod asking;
mod cursor;
mod hook;
mod metrics;
mod missed;
mod report;
mod repositories;
mod single;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::catalog::LiveCluster;
use crate::delivery::WebhookName;
use crate::flux::{GITHUB, RepositoryIdentity};
use crate::github::hooks::WantedHook;
use crate::github::{Client, Github};
use crate::store::Store;

pub use metrics::WebhookMetrics;
pub use report::{Repositories, WebhookBoard, WebhookReport};

use super::record::until_stored;
use hook::CURSORS;
use missed::Inbox;

/// How long GitHub remembers what it delivered, in days; an Enterprise Server remembers longer.
///
/// Source: "Redelivering webhooks" in GitHub's documentation.
const DAYS: u32 = 3;
const DAYS_OF_A_SERVER: u32 = 7;
/// A call that may not be made within this time is left for later, so that reports stay true.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the lists of deliveries of all webhooks that GitHub can be asked about.
#[derive(Debug)]
pub struct Audit {
    pub store: Store,
    /// Told of each delivery that is taken in.
    pub arrived: Arc<Notify>,
    pub board: WebhookBoard,
    pub metrics: WebhookMetrics,
    /// Their sources name the repositories that have hooks of their own.
    pub clusters: Vec<Arc<LiveCluster>>,
    pub webhooks: Vec<AuditedWebhook>,
}

/// A webhook that GitHub is asked about.
#[derive(Debug)]
pub struct AuditedWebhook {
    pub name: WebhookName,
    pub subject: AuditSubject,
    /// Of its host.
    pub github: Github,
    /// The name of the host as it is configured.
    pub host: String,
    /// Who asks; `None`: the identity for the owner.
    pub identity: Option<String>,
    pub every: Duration,
    /// The public address of the receiver: `server.hooks.url`.
    pub address: Option<String>,
}

/// Whose hooks they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditSubject {
    Organization(String),
    /// The App's name among the identities.
    App(String),
    /// Those that the configuration names; those that sources in clusters name are added.
    Repositories(Vec<RepositoryIdentity>),
}

impl Audit {
    /// Audits until it is told to stop. Webhooks that no identity can ask about are left as they are.
    pub async fn run(self, stop: CancellationToken) {
        let Some(began) = self.began(&stop).await else {
            return;
        };
        let Some(noted) = until_stored(&stop, || self.store.notes(CURSORS)).await else {
            return;
        };
        let mut noted: HashMap<String, String> = noted.into_iter().collect();
        let mut audits = JoinSet::new();
        for webhook in self.webhooks {
            let inbox = Inbox {
                webhook: webhook.name.clone(),
                store: self.store.clone(),
                arrived: Arc::clone(&self.arrived),
            };
            let Some(&began) = began.get(&webhook.name.0) else {
                continue;
            };
            // Whose name begins so is a cursor of this webhook.
            let prefix = format!("{}/", webhook.name);
            let own = noted.extract_if(|name, _| name.starts_with(&prefix));
            let means = Means {
                inbox,
                began,
                noted: own.collect(),
                board: self.board.clone(),
                metrics: self.metrics.clone(),
                clusters: self.clusters.clone(),
                webhook,
            };
            let stop = stop.clone();
            audits.spawn(async move {
                stop.run_until_cancelled(means.audit()).await;
            });
        }
        // Without any it still runs: whoever waits for it to end waits for a fault.
        tokio::select! {
            () = stop.cancelled() => {}
            Some(Err(fault)) = audits.join_next() => {
                error!("the audit of webhooks ended by a fault of ours: {fault}");
            }
        }
    }

    /// Since when each webhook is audited: its first start is noted and stays.
    async fn began(&self, stop: &CancellationToken) -> Option<HashMap<String, Timestamp>> {
        let noted = until_stored(stop, || self.store.notes(BEGINNINGS)).await?;
        let read = |(name, text): (String, String)| Some((name, text.parse().ok()?));
        let mut began: HashMap<String, Timestamp> = noted.into_iter().filter_map(read).collect();
        let now = Timestamp::now();
        let names = self.webhooks.iter().map(|webhook| webhook.name.0.clone());
        let new: Vec<String> = names.filter(|name| !began.contains_key(name)).collect();
        let notes: Vec<_> = new
            .iter()
            .map(|name| (name.clone(), now.to_string()))
            .collect();
        for some in notes.chunks(NOTES_AT_ONCE) {
            until_stored(stop, || self.store.note(BEGINNINGS, some.to_vec())).await?;
        }
        began.extend(new.into_iter().map(|name| (name, now)));
        Some(began)
    }
}

/// The subject under which it is noted since when a webhook is audited.
const BEGINNINGS: &str = "webhook";
/// Notes of one call.
const NOTES_AT_ONCE: usize = 1_000;

/// What the audit of one webhook is done with.
#[derive(Debug)]
struct Means {
    webhook: AuditedWebhook,
    inbox: Inbox,
    began: Timestamp,
    /// Cursors of an earlier run, by name.
    noted: HashMap<String, String>,
    board: WebhookBoard,
    metrics: WebhookMetrics,
    clusters: Vec<Arc<LiveCluster>>,
}

impl Means {
    async fn audit(self) {
        let webhook = &self.webhook;
        let place = match &webhook.subject {
            AuditSubject::Organization(name) => single::organization(webhook, name),
            AuditSubject::App(identity) => single::app(webhook, identity),
            AuditSubject::Repositories(_) => return repositories::audit(self).await,
        };
        match place {
            Some(api) => single::audit(self, api).await,
            None => self.nobody_asks().await,
        }
    }

    /// Waits for ever.
    async fn nobody_asks(&self) {
        let name = &self.webhook.name;
        warn!(webhook = %name, "no identity can ask GitHub about webhook {name}; list one for its owner under `github[].identities`");
        std::future::pending().await
    }

    fn wanted(&self) -> WantedHook {
        let mut clusters = self.clusters.iter();
        let workflows = clusters.any(|cluster| cluster.read().with_workflows().next().is_some());
        let address = self.webhook.address.as_deref();
        WantedHook::new(&self.webhook.name.0, address, workflows)
    }

    fn days(&self) -> u32 {
        let host = &self.webhook.host;
        match host == GITHUB || host.ends_with(".ghe.com") {
            true => DAYS,
            false => DAYS_OF_A_SERVER,
        }
    }
}

impl AuditedWebhook {
    /// Who asks about an owner's hooks.
    fn client(&self, owner: &str) -> Option<Client> {
        let client = match &self.identity {
            Some(identity) => self.github.client(identity),
            None => self.github.for_owner(owner),
        };
        Some(client?.patient_for(PATIENCE))
    }
}

//! Starts the audit of each webhook that GitHub can be asked about.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::catalog::LiveCluster;
use crate::reconcile::record::until_stored;
use crate::reconcile::steps::Mode;
use crate::store::Store;

use super::hook::CURSORS;
use super::means::{AuditSubject, AuditedWebhook, Means, NOTES_AT_ONCE};
use super::metrics::WebhookMetrics;
use super::missed::Inbox;
use super::report::WebhookBoard;
use super::{repositories, single};

/// The subject under which it is noted since when a webhook is audited.
const BEGINNINGS: &str = "webhook";

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
    /// In shadow GitHub is asked for lists and payloads, and never to deliver again.
    pub mode: Mode,
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
        let large = Arc::new(Mutex::new(()));
        for webhook in self.webhooks {
            let inbox = Inbox {
                webhook: webhook.name.clone(),
                store: self.store.clone(),
                arrived: Arc::clone(&self.arrived),
                mode: self.mode,
                large: Arc::clone(&large),
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
                stop.run_until_cancelled(audit(means)).await;
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

async fn audit(means: Means) {
    let webhook = &means.webhook;
    let api = match &webhook.subject {
        AuditSubject::Organization(name) => single::organization(webhook, name),
        AuditSubject::App(identity) => single::app(webhook, identity),
        AuditSubject::Repositories(_) => return repositories::audit(means).await,
    };
    if let Some(api) = api {
        return single::audit(means, api).await;
    }
    let name = &webhook.name;
    warn!(webhook = %name, "no identity can ask GitHub about webhook {name}; list one for its owner under `github[].identities`");
    // What ends is taken for a fault.
    std::future::pending().await
}

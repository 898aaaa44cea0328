//! What the audit of a webhook is done with: whose hooks they are, who asks about them, and where it leads.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::LiveCluster;
use crate::delivery::WebhookName;
use crate::flux::RepositoryIdentity;
use crate::github::hooks::{WantedHook, days_remembered};
use crate::github::{Client, Github};

use super::metrics::WebhookMetrics;
use super::missed::Inbox;
use super::report::WebhookBoard;

/// A call that may not be made within this time is left for later, so that reports stay true.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Notes of one call.
pub(super) const NOTES_AT_ONCE: usize = 1_000;

/// A webhook that GitHub is asked about.
#[derive(Debug, Clone)]
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

/// What the audit of one webhook is done with.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) webhook: AuditedWebhook,
    pub(super) inbox: Inbox,
    pub(super) began: Timestamp,
    /// Cursors of an earlier run, by name.
    pub(super) noted: HashMap<String, String>,
    pub(super) board: WebhookBoard,
    pub(super) metrics: WebhookMetrics,
    pub(super) clusters: Vec<Arc<LiveCluster>>,
}

impl Means {
    pub(super) fn wanted(&self) -> WantedHook {
        let mut clusters = self.clusters.iter();
        let workflows = clusters.any(|cluster| cluster.read().with_workflows().next().is_some());
        let address = self.webhook.address.as_deref();
        WantedHook::new(&self.webhook.name.0, address, workflows)
    }

    pub(super) fn days(&self) -> u32 {
        days_remembered(&self.webhook.host)
    }
}

impl AuditedWebhook {
    /// Who asks about an owner's hooks.
    pub(super) fn client(&self, owner: &str) -> Option<Client> {
        let client = match &self.identity {
            Some(identity) => self.github.client(identity),
            None => self.github.for_owner(owner),
        };
        Some(client?.patient_for(PATIENCE))
    }
}

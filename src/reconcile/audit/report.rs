//! How each webhook is: for the API, and for whoever asks GitHub in other ways where one is not sound.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use crate::delivery::{HookScope, SpeaksFor, WebhookName};
use crate::flux::RepositoryIdentity;
use crate::github::hooks::Finding;
use crate::reconcile::gap::covers;

/// A webhook as it was found last.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookReport {
    pub name: WebhookName,
    /// What it speaks of: `organisation acme`, `the App app`, `repositories`.
    pub subject: String,
    /// Who asks GitHub about it; `None`: nobody does.
    pub identity: Option<String>,
    /// `None` where there is none or there are several.
    pub hook_id: Option<u64>,
    /// Where GitHub posts to.
    pub url: Option<String>,
    /// Of hooks on repositories: how many repositories there are, and how many of them are sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repositories: Option<Repositories>,
    pub last_delivery: Option<Timestamp>,
    pub last_audit: Option<Timestamp>,
    /// Whether nothing is wrong by which pushes may go unheard; `None`: nobody has asked GitHub.
    pub healthy: Option<bool>,
    /// What is wrong or odd; of many repositories the first hundred.
    pub findings: Vec<Finding>,
    /// Deliveries that never came in, since the program started.
    pub missed: u64,
    /// … of which so many were fetched and taken in …
    pub back_filled: u64,
    /// … and of which GitHub was asked for another delivery.
    pub redelivered: u64,
    /// … and which nobody can read.
    pub unreadable: u64,
    /// Whether older deliveries are still being looked through.
    pub catching_up: bool,
    /// GitHub may not be asked before.
    pub held_until: Option<Timestamp>,
    /// What the audit costs at most, in requests an hour; those that find nothing new are free.
    pub calls_an_hour: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repositories {
    pub all: u32,
    pub healthy: u32,
    /// Not asked about yet.
    pub pending: u32,
}

impl WebhookReport {
    pub(super) fn new(name: WebhookName, subject: String) -> Self {
        Self {
            name,
            subject,
            identity: None,
            hook_id: None,
            url: None,
            repositories: None,
            last_delivery: None,
            last_audit: None,
            healthy: None,
            findings: Vec::new(),
            missed: 0,
            back_filled: 0,
            redelivered: 0,
            unreadable: 0,
            catching_up: false,
            held_until: None,
            calls_an_hour: 0.0,
        }
    }
}

/// All webhooks. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct WebhookBoard(Arc<RwLock<BTreeMap<WebhookName, Entry>>>);

#[derive(Debug)]
struct Entry {
    scope: HookScope,
    report: Arc<WebhookReport>,
    trust: Trust,
}

/// Whether a webhook can be relied on.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// Nobody asks GitHub about it: what is configured is believed.
    Unasked,
    /// Asked about and not sound, or not asked about yet.
    No,
    /// It was found sound, which holds until then.
    Until(Instant),
    /// Of hooks on repositories, by `owner/name`; each holds until then.
    Of(Arc<HashMap<String, Instant>>),
}

impl WebhookBoard {
    /// All webhooks that are configured; `subject` as [`WebhookReport::subject`].
    pub fn new(webhooks: impl IntoIterator<Item = (WebhookName, HookScope)>) -> Self {
        let entry = |(name, scope): (WebhookName, HookScope)| {
            let report = Arc::new(WebhookReport::new(name.clone(), subject(&scope)));
            let trust = Trust::Unasked;
            (
                name,
                Entry {
                    scope,
                    report,
                    trust,
                },
            )
        };
        let webhooks = webhooks.into_iter().map(entry);
        Self(Arc::new(RwLock::new(webhooks.collect())))
    }

    /// By name.
    pub fn reports(&self) -> Vec<Arc<WebhookReport>> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let entries = entries.values();
        entries.map(|entry| Arc::clone(&entry.report)).collect()
    }

    /// Whether some webhook covers a repository and can be relied on to tell of its pushes. One that nobody
    /// asks GitHub about is believed to; one that was not asked about yet, or not for long, is not.
    pub fn is_healthy(&self, repository: &RepositoryIdentity) -> bool {
        let now = Instant::now();
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries
            .values()
            .filter(|entry| covers(&entry.scope, repository))
            .any(|entry| match &entry.trust {
                Trust::Unasked => true,
                Trust::No => false,
                Trust::Until(until) => now < *until,
                Trust::Of(repositories) => repositories
                    .get(repository.path())
                    .is_some_and(|until| now < *until),
            })
    }

    /// `trust` is `None` where it stays as it was.
    pub(super) fn put(&self, report: WebhookReport, trust: Option<Trust>) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(&report.name) {
            entry.report = Arc::new(report);
            if let Some(trust) = trust {
                entry.trust = trust;
            }
        }
    }

    pub(super) fn report(&self, name: &WebhookName) -> Option<WebhookReport> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(WebhookReport::clone(&entries.get(name)?.report))
    }
}

fn subject(scope: &HookScope) -> String {
    match &scope.speaks_for {
        SpeaksFor::Organization(name) => format!("organisation {name}"),
        SpeaksFor::Installation(number) => format!("installation {number}"),
        SpeaksFor::KnownRepositories => "repositories".to_owned(),
    }
}

/// How long a good answer is believed that is asked for so often.
pub(super) fn believed_for(every: Duration) -> Duration {
    every * 2 + Duration::from_secs(60)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::flux::RepositoryUrl;
    use crate::github::hooks::FindingKind;

    use super::*;

    fn board(speaks_for: SpeaksFor) -> WebhookBoard {
        let scope = HookScope {
            host: "github.com".into(),
            aliases: Vec::new(),
            speaks_for,
        };
        WebhookBoard::new([(WebhookName("acme".into()), scope)])
    }

    fn repository(path: &str) -> RepositoryIdentity {
        let url = RepositoryUrl::read(&format!("https://github.com/{path}")).unwrap();
        url.identity(|_| None)
    }

    fn put(board: &WebhookBoard, trust: Trust) {
        let report = board.report(&WebhookName("acme".into())).unwrap();
        board.put(report, Some(trust));
    }

    #[test]
    fn only_what_a_sound_webhook_covers_is_healthy() {
        let board = board(SpeaksFor::Organization("Acme".into()));
        assert!(board.is_healthy(&repository("acme/web")));
        assert!(!board.is_healthy(&repository("other/web")));
        put(&board, Trust::No);
        assert!(!board.is_healthy(&repository("acme/web")));
        let soon = Instant::now() + Duration::from_secs(60);
        put(&board, Trust::Until(soon));
        assert!(board.is_healthy(&repository("acme/web")));
        put(&board, Trust::Until(Instant::now()));
        assert!(!board.is_healthy(&repository("acme/web")));
    }

    #[test]
    fn each_repository_has_a_hook_of_its_own() {
        let board = board(SpeaksFor::KnownRepositories);
        let soon = Instant::now() + Duration::from_secs(60);
        let sound = HashMap::from([
            ("acme/web".to_owned(), soon),
            ("acme/old".to_owned(), Instant::now()),
        ]);
        put(&board, Trust::Of(Arc::new(sound)));
        assert!(board.is_healthy(&repository("Acme/Web.git")));
        assert!(!board.is_healthy(&repository("acme/old")));
        assert!(!board.is_healthy(&repository("acme/new")));
    }

    #[test]
    fn a_report_is_written_as_the_api_shows_it() {
        let board = board(SpeaksFor::Organization("acme".into()));
        let mut report = board.report(&WebhookName("acme".into())).unwrap();
        report.hook_id = Some(7);
        report.last_audit = Some(Timestamp::UNIX_EPOCH);
        report.healthy = Some(false);
        report.findings = vec![Finding::new(FindingKind::Silent, "nothing came", "push")];
        report.missed = 3;
        board.put(report, Some(Trust::No));
        assert_eq!(
            serde_json::to_value(&*board.reports()[0]).unwrap(),
            json!({
                "name": "acme", "subject": "organisation acme", "identity": null, "hookId": 7, "url": null,
                "lastDelivery": null, "lastAudit": "1970-01-01T00:00:00Z", "healthy": false,
                "findings": [{"kind": "silent", "what": "nothing came", "mend": "push"}],
                "missed": 3, "backFilled": 0, "redelivered": 0, "unreadable": 0, "catchingUp": false,
                "heldUntil": null, "callsAnHour": 0.0
            })
        );
    }
}

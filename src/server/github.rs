//! What is known of GitHub, for the report and the metrics.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::budget::CostTable;
use crate::budget::live::{
    BucketReport, GitPoll, GitPollKind, GitRate, PlanCost, RateLimitReport, Step, git_rate,
};
use crate::catalog::{Item, Kind, LiveCluster, Reference};
use crate::github::{Client, Github, clock_words};
use crate::reconcile::{DetectorBoard, WebhookBoard};

/// Whom we ask, and what the plan says that it costs.
#[derive(Debug, Default)]
pub struct GithubSide {
    pub hosts: Vec<Github>,
    /// Of the configuration's projects; `None` where it has none.
    pub plan: Option<PlanCost>,
    pub costs: CostTable,
    /// What is not done, and why.
    pub notes: Vec<String>,
    /// What is known of the webhooks at GitHub.
    pub webhooks: WebhookBoard,
    /// What is known of asking where refs point.
    pub heads: DetectorBoard,
}

/// `GET /api/v1/rate-limit`
#[derive(Debug, Serialize)]
pub struct RateLimit {
    #[serde(flatten)]
    report: RateLimitReport,
    notes: Vec<String>,
}

/// A bucket in the last day.
#[derive(Debug, Serialize)]
pub(super) struct BucketHistory {
    host: String,
    identity: String,
    resource: String,
    steps: Vec<Step>,
}

impl GithubSide {
    /// What is known now, beside what the sources of these clusters ask of git.
    pub fn rate_limit(&self, clusters: &[Arc<LiveCluster>]) -> RateLimit {
        let buckets = self.buckets().collect();
        let git = self.git_rate(clusters);
        RateLimit {
            report: RateLimitReport::new(self.github_time(), buckets, self.plan.clone(), git),
            notes: self.all_notes(),
        }
    }

    /// Beside what is configured, what keeps the figures from being known, or puts them beside the clock:
    /// without it they would only be missing or odd.
    fn all_notes(&self) -> Vec<String> {
        let troubles = self.clients().filter_map(|client| {
            let trouble = client.trouble()?;
            let (host, identity) = (client.host(), client.identity());
            Some(format!("{host} cannot be asked as `{identity}`: {trouble}"))
        });
        let clocks = self
            .clocks()
            .filter_map(|(host, ahead)| clock_words(host, ahead));
        let notes = self.notes.iter().cloned();
        notes.chain(troubles).chain(clocks).collect()
    }

    fn clients(&self) -> impl Iterator<Item = &Client> {
        self.hosts.iter().flat_map(Github::clients)
    }

    /// Where GitHub cannot be asked: host, identity and why, in one word.
    pub(super) fn troubles(&self) -> impl Iterator<Item = (&str, &str, &'static str)> {
        self.clients().filter_map(|client| {
            let trouble = client.trouble()?;
            Some((client.host(), client.identity(), trouble.name()))
        })
    }

    /// By how much the clock of each host that answered is ahead of this machine's.
    pub(super) fn clocks(&self) -> impl Iterator<Item = (&str, SignedDuration)> {
        self.hosts.iter().filter_map(|host| {
            let mut clients = host.clients().iter();
            let ahead = clients.find_map(|client| client.clock_ahead(Timestamp::now()))?;
            Some((&**host.host(), ahead))
        })
    }

    pub(super) fn buckets(&self) -> impl Iterator<Item = BucketReport> {
        self.clients()
            .flat_map(|client| client.ledger(|ledger| ledger.report(client.now())))
    }

    /// As all times of buckets: by the clock of this machine, how long it is until a reset would be wrong
    /// by as much as that clock is.
    fn github_time(&self) -> Timestamp {
        self.clients().next().map_or_else(Timestamp::now, |client| {
            client.ledger(|ledger| ledger.github_time(client.now()))
        })
    }

    /// Steps that began at or after `since`, at most those of a day.
    pub(super) fn history(&self, since: Option<Timestamp>) -> Vec<BucketHistory> {
        let history = self.clients().flat_map(|client| {
            let buckets = client.ledger(|ledger| ledger.history(since, client.now()));
            buckets.into_iter().map(|(resource, steps)| BucketHistory {
                host: client.host().to_owned(),
                identity: client.identity().to_owned(),
                resource: resource.to_string(),
                steps,
            })
        });
        history.collect()
    }

    /// What the clusters that were listed ask of the repositories of these hosts.
    fn git_rate(&self, clusters: &[Arc<LiveCluster>]) -> Option<GitRate> {
        let listed = clusters.iter().filter(|cluster| cluster.is_listed());
        let items: Vec<Arc<Item>> = listed
            .flat_map(|cluster| {
                let cache = cluster.read();
                let polling = cache.items().filter(|item| self.is_polled(item));
                polling.cloned().collect::<Vec<_>>()
            })
            .collect();
        let is_known = clusters.iter().any(|cluster| cluster.is_listed());
        let repositories: Vec<_> = items
            .iter()
            .map(|item| item.repository.as_deref().map(ToString::to_string))
            .collect();
        let polls = items.iter().zip(&repositories).filter_map(|(item, name)| {
            Some(GitPoll {
                repository: name.as_deref()?,
                kind: kind(item),
                interval: item.interval?,
            })
        });
        is_known.then(|| git_rate(polls, &self.costs))
    }

    fn is_polled(&self, item: &Item) -> bool {
        let repository = item.repository.as_deref();
        item.key.kind == Kind::GitRepository
            && !item.suspended
            && repository.is_some_and(|repository| {
                let mut hosts = self.hosts.iter();
                hosts.any(|host| **host.host() == *repository.host())
            })
    }
}

fn kind(item: &Item) -> GitPollKind {
    let is_ssh = |url: &str| url.starts_with("ssh://");
    match item.reference {
        Reference::Semver(_) | Reference::Commit(_) => GitPollKind::FullClone,
        _ if item.url.as_deref().is_some_and(is_ssh) => GitPollKind::Ssh,
        _ => GitPollKind::Ref,
    }
}

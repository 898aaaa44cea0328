//! What of `serve` has to do with GitHub's API: whom it asks, at what price, and why not.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::budget::live::PlanCost;
use crate::budget::{CostTable, price};
use crate::catalog::HostNames;
use crate::config::{self, Configuration, EnvironmentKind, ProjectSource, WebhookSubject};
use crate::delivery::WebhookName;
use crate::flux::{RepositoryIdentity, RepositoryUrl};
use crate::github::{Github, GithubSettings};
use crate::plan;
use crate::reconcile::{AuditSubject, AuditedWebhook, HeadsOf};
use crate::server::GithubSide;

/// What is left to others of each limit where the configuration does not say it.
const RESERVE: f64 = 0.2;

/// The kinds of environments by name.
pub(super) type Kinds = HashMap<Arc<str>, EnvironmentKind>;

/// What `serve` asks of GitHub, ready to be started.
#[derive(Debug, Default)]
pub(super) struct Asking {
    pub(super) side: GithubSide,
    pub(super) audited: Vec<AuditedWebhook>,
    pub(super) heads: Vec<HeadsOf>,
}

/// Opens every host that has an identity; nothing is asked yet.
pub(super) fn open(folder: &Path, configuration: &Configuration) -> anyhow::Result<Asking> {
    let reserve = configuration.budget.reserve.as_ref();
    let reserve = reserve.map_or(RESERVE, |share| share.value);
    let mut asking = Asking::default();
    let side = &mut asking.side;
    side.costs = CostTable::new(&configuration.budget).unwrap_or_default();
    for host in &configuration.github {
        if host.identities.is_empty() {
            side.notes.push(nobody_asks(host));
            continue;
        }
        let settings = GithubSettings::of(host, folder, reserve);
        let name = &host.host.value;
        let opened = Github::open(settings).with_context(|| format!("cannot ask {name}"))?;
        asking.audited.extend(audited(configuration, host, &opened));
        asking.heads.extend(heads(host, &opened));
        side.hosts.push(opened);
    }
    side.plan = cost(configuration, &side.costs);
    Ok(asking)
}

fn audited<'c>(
    configuration: &'c Configuration,
    host: &'c config::GithubHost,
    github: &'c Github,
) -> impl Iterator<Item = AuditedWebhook> + 'c {
    let webhooks = host
        .audit
        .into_iter()
        .flat_map(|every| host.webhooks.iter().map(move |webhook| (every, webhook)));
    webhooks.map(|(every, webhook)| AuditedWebhook {
        name: WebhookName(webhook.name.value.to_string()),
        subject: match &webhook.subject {
            WebhookSubject::Organization(name) => AuditSubject::Organization(name.clone()),
            WebhookSubject::App { identity, .. } => AuditSubject::App(identity.clone()),
            WebhookSubject::Repositories => {
                let hosts = HostNames::new(&configuration.github);
                AuditSubject::Repositories(planned_repositories(configuration, &hosts))
            }
        },
        github: github.clone(),
        host: host.host.value.clone(),
        identity: webhook.identity.clone(),
        every,
        address: configuration.server.hooks.url.clone(),
    })
}

fn heads(host: &config::GithubHost, github: &Github) -> Option<HeadsOf> {
    let heads = host.heads.as_ref()?;
    Some(HeadsOf {
        github: github.clone(),
        every: heads.every,
        sweep: heads.sweep,
        owners: heads.owners.iter().map(|it| it.value.clone()).collect(),
    })
}

pub(super) fn kinds(configuration: &Configuration) -> Kinds {
    let environments = configuration.environments.iter();
    environments
        .map(|environment| (Arc::clone(&environment.name.value), environment.kind))
        .collect()
}

/// The repositories that projects name, of which webhooks may speak. An image is none: which repository it comes
/// from its name does not say, and GitHub tells of it in the name of that.
pub(super) fn planned_repositories(
    configuration: &Configuration,
    hosts: &HostNames,
) -> Vec<RepositoryIdentity> {
    let sources = configuration.projects.iter().map(|project| &project.source);
    let urls = sources.filter_map(|source| match source {
        ProjectSource::Git { url } => RepositoryUrl::read(&url.value).ok(),
        _ => None,
    });
    urls.map(|url| url.identity(|host| hosts.canonical(host)))
        .collect()
}

fn nobody_asks(host: &config::GithubHost) -> String {
    format!(
        "{} has no identity, so that it is not asked what its webhooks did not deliver, nor where refs point; \
         list one under `github[].identities`",
        host.host.value
    )
}

/// What the projects of the configuration cost; `None` where it has none.
fn cost(configuration: &Configuration, costs: &CostTable) -> Option<PlanCost> {
    if configuration.projects.is_empty() {
        return None;
    }
    let (plan, _) = plan::plan(configuration);
    let report = price(&plan, &configuration.github, &configuration.budget, costs);
    Some(PlanCost::of(&report))
}

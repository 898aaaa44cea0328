//! What the configuration and the arguments say of serving, as the rooms below take it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use secrecy::ExposeSecret;

use crate::cluster::ClusterAccess;
use crate::config::{
    self, Configuration, GithubWebhook, ServerSettings, StoreAddress, WebhookSubject,
};
use crate::delivery::{HookScope, SpeaksFor, WebhookName};
use crate::flux::{GITHUB, OTHER_NAMES_OF_GITHUB};
use crate::server::{Addresses, HookSettings, TokenSettings};
use crate::store::StoreUrl;

use super::clusters;
use super::serve_args::InsteadArguments;

/// What the arguments say in the place of what the configuration says.
pub(super) fn instead(
    configuration: &Configuration,
    arguments: &InsteadArguments,
) -> ServerSettings {
    let mut server = configuration.server.clone();
    let InsteadArguments {
        hooks,
        health,
        store,
    } = arguments;
    server.hooks.listen = hooks.unwrap_or(server.hooks.listen);
    server.health = health.or(server.health);
    if let Some(store) = store {
        server.store = StoreAddress::Plain(store.clone());
    }
    server
}

/// Whether there is anything to be served.
pub(super) fn check_purpose(configuration: &Configuration) -> anyhow::Result<()> {
    let mut hosts = configuration.github.iter();
    let has_heads = hosts.any(|host| host.heads.is_some() && !host.identities.is_empty());
    if scopes(configuration).is_empty() && !has_heads {
        bail!("no webhook is configured; list one under `github[].webhooks`");
    }
    Ok(())
}

/// Refuses names of clusters that the configuration does not have.
pub(super) fn check_clusters(
    configuration: &Configuration,
    named: &[String],
) -> anyhow::Result<()> {
    let clusters = configuration.clusters.iter();
    let mut known: Vec<&str> = clusters.map(|cluster| &*cluster.name.value).collect();
    if known.is_empty() {
        known.push(clusters::ONLY_CLUSTER);
    }
    for name in named {
        if !known.contains(&name.as_str()) {
            bail!("unknown cluster `{name}`; configured: {}", known.join(", "));
        }
    }
    Ok(())
}

pub(super) fn addresses(settings: &ServerSettings) -> Addresses {
    Addresses {
        hooks: settings.hooks.listen,
        api: settings.api.listen,
        health: settings.health,
    }
}

pub(super) fn store_url(folder: &Path, settings: &ServerSettings) -> anyhow::Result<StoreUrl> {
    let text = match &settings.store {
        StoreAddress::Plain(text) => text.clone(),
        StoreAddress::Referred(reference) => {
            let read = reference.read(folder);
            let secret = read.context("cannot read the address of the store")?;
            String::from_utf8(secret.expose_secret().to_vec())
                .map_err(|_| anyhow!("the address of the store in {reference} is no UTF-8 text"))?
        }
    };
    Ok(StoreUrl::read(&text, folder)?)
}

fn webhooks(
    configuration: &Configuration,
) -> impl Iterator<Item = (&config::GithubHost, &GithubWebhook)> {
    let hosts = configuration.github.iter();
    hosts.flat_map(|host| host.webhooks.iter().map(move |webhook| (host, webhook)))
}

/// What each webhook may speak of.
pub(super) fn scopes(configuration: &Configuration) -> HashMap<WebhookName, HookScope> {
    let scope = |(host, webhook)| (name(webhook), scope(host, webhook));
    webhooks(configuration).map(scope).collect()
}

fn scope(host: &config::GithubHost, webhook: &GithubWebhook) -> HookScope {
    let speaks_for = match &webhook.subject {
        WebhookSubject::Organization(name) => SpeaksFor::Organization(name.clone()),
        WebhookSubject::App { installation, .. } => SpeaksFor::Installation(*installation),
        WebhookSubject::Repositories => SpeaksFor::KnownRepositories,
    };
    let aliases = host.aliases.iter();
    let mut aliases: Vec<String> = aliases.map(|alias| alias.value.clone()).collect();
    if host.host.value == GITHUB {
        aliases.extend(OTHER_NAMES_OF_GITHUB.map(str::to_owned));
    }
    HookScope {
        host: host.host.value.clone(),
        aliases,
        speaks_for,
    }
}

pub(super) fn hooks(configuration: &Configuration) -> Vec<HookSettings> {
    let settings = |(host, webhook): (&config::GithubHost, &GithubWebhook)| HookSettings {
        name: name(webhook),
        scope: scope(host, webhook),
        secrets: webhook.secrets.clone(),
    };
    webhooks(configuration).map(settings).collect()
}

fn name(webhook: &GithubWebhook) -> WebhookName {
    WebhookName(webhook.name.value.to_string())
}

pub(super) fn tokens(settings: &ServerSettings) -> Vec<TokenSettings> {
    let tokens = settings.api.tokens.iter();
    let settings = |token: &config::ApiToken| TokenSettings {
        name: token.name.clone(),
        token: token.token.clone(),
    };
    tokens.map(settings).collect()
}

/// Those of the configuration, of which `only` some are wanted; all where that is empty.
pub(super) fn accesses(
    folder: &Path,
    configuration: &Configuration,
    only: &[String],
) -> Vec<ClusterAccess> {
    let is_wanted =
        |access: &ClusterAccess| only.is_empty() || only.iter().any(|name| **name == *access.name);
    let accesses = clusters::accesses(folder, configuration).into_iter();
    accesses.filter(is_wanted).collect()
}

/// Refuses what would be done for some of the clusters that share a database alone, where the store `is_shared` so.
pub(super) fn check_sharing(
    configuration: &Configuration,
    only: &[String],
    is_shared: bool,
) -> anyhow::Result<()> {
    let mut hosts = configuration.github.iter();
    let asks = hosts.any(|host| host.heads.is_some() && !host.identities.is_empty());
    if asks && is_shared && !others(configuration, only).is_empty() {
        bail!(
            "`--cluster` leaves out clusters whose refs nobody would ask GitHub for: of those that share a database one \
             asks, for its own clusters alone; leave out `--cluster` and each replica takes its share, set \
             `github[].heads: false`, or give each a store of its own, as `--store sqlite:flux-setup.db`"
        );
    }
    Ok(())
}

/// The clusters of the configuration that are not wanted here.
pub(super) fn others(configuration: &Configuration, only: &[String]) -> Vec<Arc<str>> {
    let is_other = |name: &Arc<str>| !only.is_empty() && !only.iter().any(|it| **it == **name);
    let names = configuration.clusters.iter();
    let names = names.map(|cluster| Arc::clone(&cluster.name.value));
    names.filter(is_other).collect()
}

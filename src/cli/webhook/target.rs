//! The webhooks that a command is about, each with the places where GitHub has its hooks.

use std::path::Path;

use anyhow::{Context, anyhow, bail};

use crate::catalog::HostNames;
use crate::cli::serve_github::planned_repositories;
use crate::config::{Configuration, GithubHost, GithubWebhook, SecretRef, WebhookSubject};
use crate::github::hooks::{
    Attempt, HookApi, HookPlace, Hooks, Judged, WantedHook, days_remembered, ours,
};
use crate::github::signature::WebhookSecret;
use crate::github::{CallFault, Github, GithubSettings};

use crate::cli::webhook_args::WebhookSelection;

/// Attempts that are read of one hook at most.
const ATTEMPTS: usize = 100_000;

/// One webhook at one place.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) api: HookApi,
    pub(super) wanted: WantedHook,
    pub(super) secrets: Vec<SecretRef>,
    /// How long GitHub remembers what it delivered.
    pub(super) days: u32,
}

impl Target {
    pub(super) fn name(&self) -> &str {
        &self.wanted.name
    }

    /// `webhook acme of organisation acme`
    pub(super) fn shown(&self) -> String {
        format!("webhook `{}` of {}", self.name(), self.api.place())
    }

    pub(super) fn judged<'j>(&'j self, hooks: &'j Hooks) -> Judged<'j> {
        Judged {
            host: self.api.client().host(),
            place: self.api.place(),
            wanted: &self.wanted,
            app_page: hooks.app_page.as_deref(),
        }
    }

    /// The first of the secrets, as GitHub is to be told it.
    pub(super) fn first_secret(&self, folder: &Path) -> anyhow::Result<String> {
        let secrets = self.secrets.first().into_iter();
        let first = secrets.map(|reference| bytes(reference, folder)).next();
        let first = first.ok_or_else(|| anyhow!("webhook `{}` has no secret", self.name()))??;
        String::from_utf8(first).map_err(|_| {
            anyhow!(
                "the first secret of webhook `{}` is no UTF-8 text, which GitHub cannot be given",
                self.name()
            )
        })
    }

    /// All that can be read, each with how it is named.
    pub(super) fn all_secrets(&self, folder: &Path) -> anyhow::Result<Vec<WebhookSecret>> {
        let secrets = self.secrets.iter();
        let read = secrets.map(|reference| {
            let secret = WebhookSecret::new(bytes(reference, folder)?);
            secret.ok_or_else(|| anyhow!("{reference} is empty"))
        });
        read.collect()
    }

    /// The number of our hook.
    pub(super) async fn our_hook(&self) -> anyhow::Result<u64> {
        let hooks = self.hooks().await?;
        let found = ours(&hooks.hooks, &self.wanted);
        match found.first() {
            Some(hook) => Ok(hook.id),
            None => bail!(
                "{} has no hook whose address ends with `/hooks/github/{}`; `flux-setup webhook install --webhook {}` makes it",
                self.api.place(),
                self.name(),
                self.name()
            ),
        }
    }

    pub(super) async fn hooks(&self) -> anyhow::Result<Hooks> {
        let hooks = self.api.hooks().await;
        hooks.map_err(|fault| self.unasked(fault))
    }

    /// A fault with what may be missing.
    pub(super) fn unasked(&self, fault: CallFault) -> anyhow::Error {
        let identity = self.api.client().identity();
        let found = crate::github::hooks::judge_unasked(&fault, self.api.place(), identity);
        let advice = match (&fault, found) {
            (CallFault::Refused { .. }, Some(found)) => format!("; {}", found.mend),
            _ => String::new(),
        };
        anyhow::Error::new(fault).context(format!(
            "cannot ask GitHub about the {}{advice}",
            self.shown()
        ))
    }

    /// Attempts from the newest on, as long as `wanted` wants more of them.
    pub(super) async fn attempts(
        &self,
        hook: u64,
        mut wanted: impl FnMut(&Attempt) -> bool,
    ) -> anyhow::Result<Vec<Attempt>> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = self.api.attempts(hook, next.as_deref(), false).await;
            let page = page.map_err(|fault| self.unasked(fault))?;
            let Some(page) = page else { return Ok(found) };
            for attempt in page.attempts {
                if found.len() >= ATTEMPTS || !wanted(&attempt) {
                    return Ok(found);
                }
                found.push(attempt);
            }
            match page.next {
                Some(older) if Some(&older) != next.as_ref() => next = Some(older),
                _ => return Ok(found),
            }
        }
    }
}

fn bytes(reference: &SecretRef, folder: &Path) -> anyhow::Result<Vec<u8>> {
    use secrecy::ExposeSecret;

    let secret = reference
        .read(folder)
        .with_context(|| format!("cannot use the secret {reference}"))?;
    Ok(secret.expose_secret().to_vec())
}

/// Every webhook that was selected, at each of its places.
pub(super) fn targets(
    configuration: &Configuration,
    folder: &Path,
    selection: &WebhookSelection,
    workflows: bool,
) -> anyhow::Result<Vec<Target>> {
    let hosts = configuration.github.iter();
    let all: Vec<(&GithubHost, &GithubWebhook)> = hosts
        .flat_map(|host| host.webhooks.iter().map(move |webhook| (host, webhook)))
        .collect();
    if all.is_empty() {
        bail!("no webhook is configured; list one under `github[].webhooks`");
    }
    let names: Vec<&str> = all.iter().map(|(_, it)| &*it.name.value).collect();
    for name in &selection.webhook {
        if !names.contains(&name.as_str()) {
            bail!(
                "no webhook is called `{name}`; the configuration has `{}`",
                names.join("`, `")
            );
        }
    }
    let mut targets = Vec::new();
    for host in &configuration.github {
        let is_selected = |webhook: &&GithubWebhook| {
            let selected = &selection.webhook;
            selected.is_empty() || selected.iter().any(|name| **name == *webhook.name.value)
        };
        let webhooks: Vec<_> = host.webhooks.iter().filter(is_selected).collect();
        if webhooks.is_empty() {
            continue;
        }
        let github = Github::open(GithubSettings::of(host, folder, 0.0))?;
        for webhook in webhooks {
            let places = places(configuration, host, webhook, selection)?;
            for place in places {
                let api = api(&github, host, webhook, place)?;
                let address = configuration.server.hooks.url.as_deref();
                targets.push(Target {
                    api,
                    wanted: WantedHook::new(&webhook.name.value, address, workflows),
                    secrets: webhook.secrets.clone(),
                    days: days_remembered(&host.host.value),
                });
            }
        }
    }
    Ok(targets)
}

fn api(
    github: &Github,
    host: &GithubHost,
    webhook: &GithubWebhook,
    place: HookPlace,
) -> anyhow::Result<HookApi> {
    let owner = match &place {
        HookPlace::Repository { owner, .. } => owner.as_str(),
        HookPlace::Organization(name) => name,
        HookPlace::App => "",
    };
    let client = match (&webhook.subject, &webhook.identity) {
        // Only the App itself may ask about its hook.
        (WebhookSubject::App { identity, .. }, _) => github.client(identity),
        (_, Some(identity)) => github.client(identity),
        (_, None) => github.for_owner(owner),
    };
    let client = client.ok_or_else(|| {
        anyhow!(
            "nobody can ask GitHub about webhook `{}`: list an identity of `{}` under `github[].identities`, as `{{name: bot, token: {{env: GITHUB_TOKEN}}}}`",
            webhook.name.value,
            host.host.value
        )
    })?;
    Ok(HookApi::new(client, place))
}

fn places(
    configuration: &Configuration,
    host: &GithubHost,
    webhook: &GithubWebhook,
    selection: &WebhookSelection,
) -> anyhow::Result<Vec<HookPlace>> {
    let name = &webhook.name.value;
    match &webhook.subject {
        WebhookSubject::Organization(organization) => {
            return Ok(vec![HookPlace::Organization(organization.clone())]);
        }
        WebhookSubject::App { .. } => return Ok(vec![HookPlace::App]),
        WebhookSubject::Repositories => {}
    }
    let mut paths = if selection.repository.is_empty() {
        let hosts = HostNames::new(&configuration.github);
        let planned = planned_repositories(configuration, &hosts).into_iter();
        let of_host = planned.filter(|repository| *repository.host() == *host.host.value);
        of_host.map(|it| it.path().to_owned()).collect()
    } else {
        selection.repository.clone()
    };
    paths.sort();
    paths.dedup();
    if paths.is_empty() {
        bail!(
            "webhook `{name}` has a hook on each repository, and the configuration names none of `{}`; name one with --repository OWNER/NAME",
            host.host.value
        );
    }
    let place = |path: &String| {
        let place = HookPlace::repository(path);
        place.ok_or_else(|| anyhow!("`{path}` is no repository; write it as OWNER/NAME"))
    };
    paths.iter().map(place).collect()
}

//! `webhook install`: makes hooks, and sets them right.

use std::io::{self, Write};
use std::path::Path;

use anyhow::bail;
use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::outcome::Outcome;
use crate::cli::output;
use crate::cli::printable::printable;
use crate::github::hooks::{
    Change, DETAIL_LIMIT_BYTES, Finding, Hook, HookPatch, HookPlace, changes, judge_hook, ours,
};

use super::target::Target;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Installed {
    dry_run: bool,
    webhooks: Vec<Done>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    webhook: String,
    place: String,
    /// An App's has none; nor has one that was not made.
    hook_id: Option<u64>,
    outcome: What,
    changes: Vec<Change>,
    /// What people have to do.
    findings: Vec<Finding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum What {
    Created,
    Changed,
    AlreadyRight,
}

pub(super) async fn run(
    format: Format,
    targets: &[Target],
    folder: &Path,
    dry_run: bool,
) -> anyhow::Result<Outcome> {
    if let Some(target) = targets.iter().find(|it| it.wanted.url.is_none()) {
        bail!(
            "where GitHub is to post webhook `{}` to is not known; set `server.hooks.url`, as `https://hooks.acme.io`",
            target.name()
        );
    }
    let mut webhooks = Vec::new();
    let mut faults = Vec::new();
    for target in targets {
        match install(target, folder, dry_run).await {
            Ok(done) => webhooks.push(done),
            Err(fault) if targets.len() == 1 => return Err(fault),
            Err(fault) => faults.push(format!("{fault:#}")),
        }
    }
    let installed = Installed { dry_run, webhooks };
    match format {
        Format::Json => output::json(&installed)?,
        Format::Text => output::text(|out| tell(out, &installed))?,
    }
    for fault in &faults {
        output::note(&format!("error: {}", printable(fault)))?;
    }
    Ok(if faults.is_empty() {
        Outcome::Done
    } else {
        Outcome::BadInput
    })
}

async fn install(target: &Target, folder: &Path, dry_run: bool) -> anyhow::Result<Done> {
    let secret = target.first_secret(folder)?;
    let hooks = target.hooks().await?;
    let is_app = *target.api.place() == HookPlace::App;
    let found = ours(&hooks.hooks, &target.wanted);
    let done = |hook: Option<&Hook>, outcome, changes, findings| Done {
        webhook: target.name().to_owned(),
        place: target.api.place().to_string(),
        hook_id: hook.map(|hook| hook.id).filter(|id| *id != 0),
        outcome,
        changes,
        findings,
    };
    let Some((hook, twins)) = found.split_first() else {
        let patch = HookPatch::new(&target.wanted, None, !is_app, secret);
        if dry_run {
            return Ok(done(None, What::Created, Vec::new(), Vec::new()));
        }
        let made = target.api.create(&patch).await;
        let made = made.map_err(|fault| target.unasked(fault))?;
        let left = left(target, &hooks.app_page, &made, &[]);
        return Ok(done(Some(&made), What::Created, Vec::new(), left));
    };
    let mut changes = changes(&target.wanted, hook, !is_app);
    changes.extend(secret_change(target, hook, folder).await?);
    let mut wanted = Hook::clone(hook);
    wanted.config.url.clone_from(&target.wanted.url);
    wanted.config.content_type = Some("json".to_owned());
    (wanted.config.insecure_ssl, wanted.config.has_secret) = (false, true);
    if !is_app {
        wanted.active = true;
        wanted.events.push("*".to_owned());
    }
    let left = left(target, &hooks.app_page, &wanted, twins);
    if changes.is_empty() {
        return Ok(done(Some(hook), What::AlreadyRight, changes, left));
    }
    if !dry_run {
        let patch = HookPatch::new(&target.wanted, Some(hook), !is_app, secret);
        let changed = target.api.change(hook.id, &patch).await;
        changed.map_err(|fault| target.unasked(fault))?;
    }
    Ok(done(Some(hook), What::Changed, changes, left))
}

/// What stays wrong of a hook that is as we can make it.
fn left(target: &Target, app_page: &Option<String>, hook: &Hook, twins: &[&Hook]) -> Vec<Finding> {
    let hooks = crate::github::hooks::Hooks {
        hooks: Vec::new(),
        app_page: app_page.clone(),
    };
    judge_hook(&target.judged(&hooks), hook, twins)
}

/// Whether GitHub is to be given the first secret, although it does not show which one it has.
///
/// It has it already where its last delivery is shown to be signed with it. That it was taken proves nothing: the
/// receiver may not have read yet what a file holds now.
async fn secret_change(
    target: &Target,
    hook: &Hook,
    folder: &Path,
) -> anyhow::Result<Option<Change>> {
    let first = &target.secrets.first().map(ToString::to_string);
    let to = first.clone().unwrap_or_default();
    let change = |from: &str| {
        Some(Change {
            field: "secret",
            from: from.to_owned(),
            to: to.clone(),
        })
    };
    if !hook.config.has_secret {
        return Ok(change("none"));
    }
    let mut newest = None;
    target
        .attempts(hook.id, |attempt| {
            newest.get_or_insert_with(|| attempt.clone());
            false
        })
        .await?;
    let Some(newest) = newest else {
        return Ok(change("unknown"));
    };
    if newest.status_code == 401 {
        return Ok(change("another one"));
    }
    let secrets = target.all_secrets(folder)?;
    let api = &target.api;
    let detail = api.detail(hook.id, newest.id, DETAIL_LIMIT_BYTES).await;
    let place = detail.ok().and_then(|it| it.signed_with(&secrets));
    Ok(match place.map(|place| target.secrets.get(place)) {
        Some(Some(used)) if Some(used) == target.secrets.first() => None,
        Some(Some(used)) => change(&used.to_string()),
        _ => change("unknown"),
    })
}

fn tell(out: &mut dyn Write, installed: &Installed) -> io::Result<()> {
    let would = if installed.dry_run { "would be " } else { "" };
    for done in &installed.webhooks {
        let hook = match done.hook_id {
            Some(id) => format!("the hook {id} of {}", done.place),
            None if done.place == HookPlace::App.to_string() => "the App's hook".to_owned(),
            None => format!("a hook of {}", done.place),
        };
        let outcome = match done.outcome {
            What::Created => format!("{hook} {would}created"),
            What::Changed => format!("{hook} {would}changed"),
            What::AlreadyRight => format!("{hook} is as it should be"),
        };
        writeln!(out, "{}: {outcome}", done.webhook)?;
        for change in &done.changes {
            writeln!(out, "  {}", printable(&change.to_string()))?;
        }
        for finding in &done.findings {
            writeln!(out, "  {}", printable(&finding.what))?;
            writeln!(out, "    {}", printable(&finding.mend))?;
        }
    }
    Ok(())
}

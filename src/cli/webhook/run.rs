//! Reads the configuration and carries out what is asked of webhooks.

use anyhow::Context;

use crate::cli::args::GlobalArguments;
use crate::cli::outcome::Outcome;
use crate::cli::report;
use crate::cli::webhook_args::{WebhookArguments, WebhookCommand, WebhookSelection};
use crate::config::{self, Severity};

use super::target::targets;
use super::{check, deliveries, install, list, redeliver};

pub(in crate::cli) fn run(
    global: &GlobalArguments,
    arguments: &WebhookArguments,
) -> anyhow::Result<Outcome> {
    let (configuration, findings) = config::load(&global.config);
    report::print_beside(&configuration.sources, &findings)?;
    let mut severities = findings.iter().map(|finding| finding.severity);
    if severities.any(|severity| severity == Severity::Error) {
        return Ok(Outcome::BadInput);
    }
    // Who comes first decides which library encrypts; nobody was before us.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let (format, folder) = (global.format, &global.config);
    runtime.block_on(async {
        let of = |selection: &WebhookSelection, workflows| {
            targets(&configuration, folder, selection, workflows)
        };
        let one = |name: &str, repositories: &[String]| WebhookSelection {
            webhook: vec![name.to_owned()],
            repository: repositories.to_vec(),
        };
        match &arguments.command {
            WebhookCommand::Install(install) => {
                let targets = of(&install.selection, install.workflows)?;
                install::run(format, &targets, folder, install.dry_run).await
            }
            WebhookCommand::Check(check) => {
                let targets = of(&check.selection, check.workflows)?;
                check::run(format, &targets, folder, check.ping).await
            }
            WebhookCommand::List(selection) => list::run(format, &of(selection, false)?).await,
            WebhookCommand::Deliveries(asked) => {
                let targets = of(&one(&asked.webhook, &asked.repository), false)?;
                deliveries::run(format, &targets, asked).await
            }
            WebhookCommand::Redeliver(asked) => {
                let targets = of(&one(&asked.webhook, &asked.repository), false)?;
                redeliver::run(format, &targets, asked).await
            }
        }
    })
}

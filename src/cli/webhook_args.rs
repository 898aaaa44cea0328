//! The arguments of `webhook`, with the help that teaches them.

use std::time::Duration;

use clap::{Args, Subcommand};

/// Looks after the GitHub side of webhooks: makes, checks and repairs hooks, shows what they delivered
///
/// Which webhooks there are and who asks GitHub about them is in the configuration: `github[].webhooks`
/// and `github[].identities`; where GitHub posts to is `server.hooks.url`. A running server is not asked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup webhook install --dry-run           what would be made or changed
  flux-setup webhook install                     makes it so
  flux-setup webhook check --ping                is each sound, does a ping come
  flux-setup webhook list                        the hooks there are
  flux-setup webhook deliveries acme --failed    what was not taken
  flux-setup webhook redeliver acme --failed     has GitHub deliver it again

To change a secret without losing a delivery: put the new one first in `secrets`
and leave the old one, let `serve` read both, run `webhook install`, see with
`webhook check --ping` that the new one is used, then take the old one away.

Exit codes: 0 done, or sound, 1 not sound (check), 2 bad input or it could not
be done.")]
pub(super) struct WebhookArguments {
    #[command(subcommand)]
    pub(super) command: WebhookCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum WebhookCommand {
    /// Makes hooks that are missing, and sets right those that are not as they should be
    Install(InstallArguments),
    /// Says what is wrong with hooks and what mends it
    Check(CheckArguments),
    /// The hooks that there are
    List(WebhookSelection),
    /// What GitHub delivered, the newest first
    Deliveries(DeliveriesArguments),
    /// Has GitHub deliver again what was not taken
    Redeliver(RedeliverArguments),
}

#[derive(Debug, Args)]
pub(super) struct WebhookSelection {
    /// Only this webhook of the configuration; as often as needed
    #[arg(long, value_name = "NAME")]
    pub(super) webhook: Vec<String>,
    /// Of a webhook with `repositories: true` only this repository, also where the configuration does not
    /// name it; as often as needed
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repository: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct InstallArguments {
    #[command(flatten)]
    pub(super) selection: WebhookSelection,
    /// Change nothing, and say what would be changed
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Also have GitHub tell of runs of workflows, for objects with `flux-setup.dev/workflow`
    #[arg(long)]
    pub(super) workflows: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) selection: WebhookSelection,
    /// Have GitHub deliver a ping and see what becomes of it; it cannot ping an App
    #[arg(long)]
    pub(super) ping: bool,
    /// Objects follow runs of workflows, so hooks must be told of them
    #[arg(long)]
    pub(super) workflows: bool,
}

#[derive(Debug, Args)]
pub(super) struct DeliveriesArguments {
    /// The webhook's name in the configuration
    #[arg(value_name = "NAME")]
    pub(super) webhook: String,
    /// Only of this repository's hook, where the webhook has one on each; as often as needed
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repository: Vec<String>,
    /// Only those whose last attempt was not taken
    #[arg(long)]
    pub(super) failed: bool,
    /// Only so far back, as 3d, 12h or 90m; GitHub remembers three days, an Enterprise Server seven
    #[arg(long, value_name = "AGE", default_value = "3d", value_parser = age)]
    pub(super) since: Duration,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) limit: u32,
}

#[derive(Debug, Args)]
pub(super) struct RedeliverArguments {
    /// The webhook's name in the configuration
    #[arg(value_name = "NAME")]
    pub(super) webhook: String,
    /// Which deliveries, as GitHub names them
    #[arg(
        value_name = "GUID",
        required_unless_present = "failed",
        conflicts_with = "failed"
    )]
    pub(super) guids: Vec<String>,
    /// All whose last attempt was not taken
    #[arg(long)]
    pub(super) failed: bool,
    /// Only of this repository's hook, where the webhook has one on each; as often as needed
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repository: Vec<String>,
    /// With --failed only so far back, as 3d, 12h or 90m
    #[arg(long, value_name = "AGE", default_value = "3d", value_parser = age)]
    pub(super) since: Duration,
    /// Ask for nothing, and say what would be asked for
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// A number and a unit: days, hours, minutes or seconds.
fn age(text: &str) -> Result<Duration, String> {
    let fault = || "expected an age as 3d, 12h or 90m".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u32 = digits.parse().map_err(|_| fault())?;
    let seconds = match &text[digits.len()..] {
        "d" => 86_400,
        "h" => 3_600,
        "m" | "min" => 60,
        "s" => 1,
        _ => return Err(fault()),
    };
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_and_a_unit() {
        for (text, seconds) in [("3d", 259_200), ("12h", 43_200), ("90m", 5_400), ("5s", 5)] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "3", "d", "-1d", "3 d", "3w", "1h30m", "9999999999d"] {
            assert_eq!(
                age(text).unwrap_err(),
                "expected an age as 3d, 12h or 90m",
                "{text}"
            );
        }
    }
}

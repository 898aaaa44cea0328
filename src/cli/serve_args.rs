//! The arguments of `flux-setup serve`.

use std::net::SocketAddr;

use clap::Args;

use super::given::Format;

/// Receives webhooks of GitHub and wakes what follows the pushed ref, in every cluster
///
/// Each delivery is on disk before it is answered; what was accepted is worked whatever dies in
/// between. Needs `github[].webhooks` in the configuration, and no projects: what it wakes it finds
/// in the clusters.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup serve                       the current context, or `clusters:`
  flux-setup serve --cluster prod-eu     one process a cluster
  flux-setup serve --shadow              matches and records, touches nothing
  curl 127.0.0.1:9293/health/ready       whether it can work, and what lacks
  flux-setup delivery list               what it got

Exit codes: 0 after SIGTERM or Ctrl-C, 2 where it cannot start or go on.")]
pub(super) struct ServeArguments {
    /// Match and record every delivery, and touch nothing in any cluster
    #[arg(long)]
    pub(super) shadow: bool,
    /// How the log on stderr is written; left out: text on a terminal, else json
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) log: Option<Format>,
    /// Only these clusters of the configuration, each as often as needed: others are another process'
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Vec<String>,
    #[command(flatten)]
    pub(super) instead: InsteadArguments,
}

/// What differs between the machines that one configuration serves.
#[derive(Debug, Args)]
#[command(next_help_heading = "In place of what the configuration says under server")]
pub(super) struct InsteadArguments {
    /// Where deliveries are taken
    #[arg(long, value_name = "ADDRESS")]
    pub(super) hooks: Option<SocketAddr>,
    /// Where health and metrics are, beside those on the API's listener
    #[arg(long, value_name = "ADDRESS")]
    pub(super) health: Option<SocketAddr>,
    /// Where deliveries are kept: sqlite:FILE, or postgres://… which, as it may hold a password, is
    /// better given by the variable
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "FLUX_SETUP_STORE",
        hide_env_values = true
    )]
    pub(super) store: Option<String>,
}

//! The arguments of `flux-setup delivery`.

use clap::{Args, Subcommand};

use super::given::ServerArguments;

/// Shows the deliveries that a running `serve` got, and what became of them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup delivery list
  flux-setup delivery list --repository acme/web --state working
  flux-setup delivery show 72d3162e-cc78-11e3-81ab-4c9367dc0958
  flux-setup delivery explain 72d3162e-cc78-11e3-81ab-4c9367dc0958
  flux-setup delivery explain push.json --webhook acme

Exit codes: 0 done, 2 the server cannot be asked, or knows no such delivery.")]
pub(super) struct DeliveryArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    #[command(subcommand)]
    pub(super) command: DeliveryCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum DeliveryCommand {
    /// The latest deliveries, the newest first
    List(ListArguments),
    /// All that is kept of one delivery, and what became of each object
    Show(ShowArguments),
    /// Every candidate in every cluster, and why it is woken or not
    Explain(ExplainArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only of this repository
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repository: Option<String>,
    /// Only in this state: accepted, working, done, nothing or failed
    #[arg(long, value_name = "STATE")]
    pub(super) state: Option<String>,
    /// Only those before the one of this number
    #[arg(long, value_name = "NUMBER")]
    pub(super) before: Option<i64>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(super) limit: u32,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// As GitHub names it: the header `X-GitHub-Delivery`
    #[arg(value_name = "GUID")]
    pub(super) guid: String,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// A delivery, or a file with a payload as GitHub sends it
    #[arg(value_name = "GUID|FILE")]
    pub(super) what: String,
    /// The event of a payload in a file
    #[arg(long, value_name = "EVENT", default_value = "push")]
    pub(super) event: String,
    /// The webhook that would be told of a payload in a file
    #[arg(long, value_name = "NAME")]
    pub(super) webhook: Option<String>,
}

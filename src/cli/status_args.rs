//! The arguments of `flux-setup status`.

use clap::Args;

use crate::delivery::CommitName;

use super::given::SelectionArguments;

/// Shows what every cluster really runs, straight from the clusters
///
/// Of each source, Kustomization and HelmRelease its revision, since when it is there, how often it
/// is looked for, and whether it is ready; below the table why it is not. HelmCharts are shown where
/// they are named or have failed. With --commit it tells per environment and cluster how far that
/// commit has come.
///
/// The clusters are those of the configuration; in a folder without one it is the current context of
/// the kubeconfig. A cluster that is away is told, and the others are shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Targets: PROJECT/ENVIRONMENT, KIND/NAMESPACE/NAME, OWNER/REPOSITORY@REF, a URL

Examples:
  flux-setup status                          all that is there
  flux-setup status web/production           one project in one environment
  flux-setup status --cluster 'prod-*' --watch
  flux-setup status --commit 4c9367d         where is this commit?
  flux-setup status web/production --commit \"$(git rev-parse HEAD)\" && echo live
  flux-setup status --format json | jq -r '.objects[] | .name, .health'

A token of the server's API is taken from FLUX_SETUP_TOKEN.
Exit codes: 0 shown, and with --commit it runs wherever it is shown, 1 it does
not, or not all could be seen, 2 nothing is named so, or it could not be done.")]
pub(super) struct StatusArguments {
    /// Only these, and what is made from them
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    /// Tell where this commit is; seven digits are enough
    #[arg(long, value_name = "SHA", value_parser = CommitName::read)]
    pub(super) commit: Option<CommitName>,
    /// Show it again and again, until Ctrl-C; with --format json each time is a line
    #[arg(long)]
    pub(super) watch: bool,
    /// The address of a running `serve`, which knows the pushes that are not applied yet; left out: that
    /// of FLUX_SETUP_SERVER
    #[arg(long, value_name = "URL")]
    pub(super) server: Option<String>,
    #[command(flatten)]
    pub(super) selection: SelectionArguments,
}

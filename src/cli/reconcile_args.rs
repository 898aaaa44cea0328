//! The arguments of `flux-setup reconcile`.

use std::time::Duration;

use clap::Args;

use crate::delivery::CommitName;

use super::given::positive_duration;

/// Asks Flux to reconcile now, straight at the clusters
///
/// No `serve` is needed. Sources are asked; what is made from them follows by itself, and what of it
/// has failed is asked too, for at the same revision nothing else wakes it. A Kustomization or
/// HelmRelease that is named is asked alone. `webhook: false` of an environment does not hold here;
/// what is suspended, or has opted out by its annotation, is told and not touched.
///
/// The clusters are those of the configuration; in a folder without one it is the current context of
/// the kubeconfig.
#[derive(Debug, Args)]
#[command(after_help = "\
Targets:
  PROJECT/ENVIRONMENT        its sources, by the labels of flux-setup
  KIND/NAMESPACE/NAME        one object; also ks, hr, gitrepo, oci for kinds
  OWNER/REPOSITORY@REF       what follows the ref; the URL may stand there too

Examples:
  flux-setup reconcile web/production --wait
  flux-setup reconcile web/staging --commit \"$(git rev-parse HEAD)\"
  flux-setup reconcile ks/apps/web              again, after a secret was mended
  flux-setup reconcile hr/apps/shop --force --reset
  flux-setup reconcile git@github.com:acme/web@main --cluster 'prod-*'

Exit codes: 0 asked, or with --wait applied and healthy, 1 not reached, and why,
2 nothing is named so, or it could not be done.")]
pub(super) struct ReconcileArguments {
    /// What is to be reconciled
    #[arg(required = true, value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    /// Only in these clusters, by name or pattern; as often as needed
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Vec<String>,
    /// Follow it until all is applied and healthy, or fails
    #[arg(long)]
    pub(super) wait: bool,
    /// How long that may take
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = positive_duration)]
    pub(super) timeout: Duration,
    /// Wait until this commit is what is applied; a source that has another is asked again. Seven digits
    /// are enough
    #[arg(long, value_name = "SHA", value_parser = CommitName::read)]
    pub(super) commit: Option<CommitName>,
    /// Ask what is made from the sources as well, each after its source and what it depends on
    #[arg(long)]
    pub(super) with_dependants: bool,
    /// Upgrade HelmReleases though nothing is new
    #[arg(long)]
    pub(super) force: bool,
    /// Let HelmReleases forget how often they have failed
    #[arg(long)]
    pub(super) reset: bool,
}

//! The arguments of `validate`.

use std::path::PathBuf;

use clap::Args;

use crate::manifests::GivenFlux;

/// Finds every fault of a configuration, its templates and its manifests
///
/// Without --online and --build no connection is opened, and no secret is read. With --manifests no configuration is read either:
/// each document is judged by the CRDs of Flux, of the version that --flux-version gives, else of the one
/// whose `gotk-components.yaml` lies in its cluster's folder, else of 2.9; and by those
/// that --crds names or that are among the manifests, the last of them first. A document of a kind without CRD is not
/// checked, and a warning says so.
///
/// Of a folder every .yaml, .yml and .json file below it is read but hidden ones; nothing is read
/// where a link leads out of it. Files of other programs, in which no document has apiVersion or kind, are
/// counted by one warning. Objects that refer to one that is in none of its files are told, and so
/// is what kustomize would choke on; files are judged as they lie, patches are passed over and
/// counted, and an overlay is named as unchecked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup validate                           the fleet in this folder
  flux-setup validate --format github           as notes in a pull request
  flux-setup validate --manifests manifests     plain manifests
  kustomize build . | flux-setup validate --manifests - --crds crds
  flux-setup validate --manifests . --flux-version 2.10
                                                would the next Flux take it
  flux-setup validate --manifests . --exclude docs --exclude '**/*.json'
  flux-setup validate --manifests . --baseline known.json --write-baseline
                                                then only what is new is told

Exit codes: 0 sound, also with warnings, 2 faults or it could not be done.")]
pub(super) struct ValidateArguments {
    /// Judge these manifests instead of a configuration: a file, a pipe, a folder, or - for stdin
    #[arg(long, value_name = "FILE|DIR|-")]
    pub(super) manifests: Option<PathBuf>,
    /// CustomResourceDefinitions for --manifests: a file, a pipe or a folder; as often as needed
    #[arg(long, value_name = "FILE|DIR", requires = "manifests")]
    pub(super) crds: Vec<PathBuf>,
    /// The Flux that --manifests are for, 2.6 to 2.10, whatever is installed among them; or that of a
    /// cluster, by its name or folder: --flux-version prod-eu=2.8; as often as needed
    #[arg(long, value_name = "[CLUSTER=]VERSION", requires = "manifests", value_parser = GivenFlux::parse)]
    pub(super) flux_version: Vec<GivenFlux>,
    /// Leave out the files of a folder of --manifests that this pattern names below it, and all in folders
    /// that it names; as often as needed
    #[arg(long, value_name = "GLOB", requires = "manifests")]
    pub(super) exclude: Vec<String>,
    /// Judge overlays as kustomize builds them: `kustomize` or `kubectl` on the PATH is run, and may
    /// fetch what they name. Only for manifests that you trust
    #[arg(long, requires = "manifests")]
    pub(super) build: bool,
    /// Tell Secrets and ConfigMaps too that are referred to and are not among --manifests
    #[arg(long, requires = "manifests")]
    pub(super) secrets: bool,
    /// Ask each Git repository whether the branch, tag, range and paths that --manifests follow are
    /// there: git is run, and asks for no password
    #[arg(long, requires = "manifests")]
    pub(super) online: bool,
    #[command(flatten)]
    pub(super) baseline: BaselineArguments,
}

/// What is known to be wrong.
#[derive(Debug, Args)]
pub(super) struct BaselineArguments {
    /// Tell and count no finding that stands in this file, wherever it has moved since
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
    /// Write all findings to the file of --baseline: only new ones are told from then on
    #[arg(long, requires = "baseline")]
    pub(super) write_baseline: bool,
}

//! Manifests from anywhere, judged together.

mod applied;
mod as_applied;
mod baseline;
mod build;
mod clusters;
mod fluxes;
mod installed;
mod kustomize;
mod objects;
mod online;
mod process;
mod references;
mod relations;
mod substitution;
mod there;
mod touched;
mod ways;
mod whose;

pub use applied::{Effect, effect, holds_variable};
pub use as_applied::{AppliedWay, AsApplied};
pub use baseline::{Baseline, BaselineError, Compared, KnownFinding};
pub use build::{BUILT, BuildError, Kustomize};
pub use clusters::CLUSTERS;
pub use fluxes::{FluxPlace, Fluxes, GivenFlux, JudgedBy};
pub use installed::{Installed, installed, is_crd_of_others};
pub use kustomize::{Kustomizations, ManifestFile, Overlay, PassedOver, is_kustomization_file};
pub use objects::Objects;
pub use online::{Asked, GitError, ask};
pub use process::ProcessError;
pub use relations::{Wanted, relations};
pub use touched::Touched;
pub use whose::{Whose, cluster_name};

//! Kustomize's own configuration among manifests: what it lists, what it leaves out, what it changes.

mod entries;
mod fields;
mod folder;
mod traps;
mod tree;

pub(super) use entries::named_paths;
pub use folder::is_kustomization_file;
pub use traps::ManifestFile;
pub use tree::{Kustomizations, Overlay};

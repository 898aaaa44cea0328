//! Kustomize's own configuration among manifests: what it lists, what it leaves out, what it changes.

mod entries;
mod fields;
mod folder;
mod traps;
mod tree;

pub use folder::is_kustomization_file;
pub use traps::ManifestFile;
pub use tree::{Kustomizations, Overlay};

//! Kustomize's own configuration among manifests: what it lists, what it leaves out, what it changes.

mod entries;
mod fields;
mod folder;
mod forms;
mod traps;
mod tree;
mod unlisted;

pub(super) use entries::named_paths;
pub(super) use fields::touched_by;
pub use folder::is_kustomization_file;
pub use tree::{Kustomizations, Overlay};
pub use unlisted::{ManifestFile, PassedOver};

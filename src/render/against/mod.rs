//! How what is rendered differs from manifests that lie elsewhere, object by object.

mod compare;
mod danger;
mod manifest;
mod others;
mod pairs;
#[cfg(test)]
mod tests;
mod whose;

pub use compare::{Against, Change, ComparedObject, Comparison, VersionChange, compare};
pub use danger::Danger;
pub use manifest::{Manifest, ObjectName};
pub use whose::{Clusters, cluster_of_folder};

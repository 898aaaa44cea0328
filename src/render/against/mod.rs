//! How what is rendered differs from manifests that lie elsewhere, object by object.

mod compare;
mod danger;
mod manifest;
mod matched;
mod others;
mod pairs;
mod part;
mod release;
#[cfg(test)]
mod tests;
mod whose;

pub use compare::{Against, Change, ComparedObject, Comparison, VersionChange, compare};
pub use danger::Danger;
pub use manifest::{Manifest, ObjectName};
pub use part::Part;
pub use whose::{Clusters, cluster_of_folder};

//! Keeps the catalog in step with the clusters.

mod backoff;
mod kind_catalog;
mod kind_watch;
mod look;
mod pace;
mod watch_cluster;

pub use backoff::Backoff;
pub use look::{Look, Looked};
pub use pace::Pace;
pub use watch_cluster::watch_cluster;

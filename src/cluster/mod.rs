//! The only Kubernetes API: connect, list and watch, annotate.

mod access;
mod annotate;
mod connection;
mod failure;
mod fault;
mod items;
mod lines;
mod list;
mod proxy;
mod reach;
mod watch;

pub use access::ClusterAccess;
pub use annotate::Asking;
pub use connection::Connection;
pub use failure::{Cause, Failure};
pub use fault::{ClusterError, PatchFault};
pub use items::Piece;
pub use list::{List, ListEnd};
pub use reach::Cluster;
pub use watch::{Heard, Named, Told, Watch};

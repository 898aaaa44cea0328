//! What does exist: objects of clusters as compact items, kept by an index, and how they change.

mod by_key;
mod cache;
mod change;
mod hosts;
mod item;
mod kind;
mod live;
mod project;
mod scope;
mod texts;
mod uid;
mod version;
mod watch_paths;
mod wire;
mod workflows;

pub use cache::{Cache, Event, Listing};
pub use change::Change;
pub use hosts::HostNames;
pub use item::{Item, ItemKey, MESSAGE_LIMIT_BYTES, Ready, Reference, SourceRef, Status};
pub use kind::Kind;
pub use live::{LiveCluster, News, Progress};
pub use project::{Broken, Projector, REQUESTED_AT};
pub use scope::ScopeState;
pub use uid::Uid;
pub use version::ResourceVersion;
pub use watch_paths::{WatchPaths, Watched};
pub use workflows::Workflows;

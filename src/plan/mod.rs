//! What should exist: one plan of every object for every project, environment and cluster.

mod build;
mod check;
mod depends_on;
mod depends_on_names;
mod gaps;
mod model;
mod problems;
mod relations;
mod rings;
mod selection;
mod source;
mod values;
mod written_kind;

pub use crate::config::Reference;
pub use build::plan;
pub use depends_on::{RING_HINT, ring_message};
pub use model::{Dependency, Plan, PlannedObject, Poll, Role, SourceReference};
pub use rings::rings;
pub use selection::{Names, Selection, SelectionError};
pub use values::{MANAGED_BY, Values};

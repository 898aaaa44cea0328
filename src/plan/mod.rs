//! What should exist: one plan of every object for every project, environment and cluster.

mod model;

pub use model::{ObjectName, Plan, PlannedObject, Poll, Reference, Role, Values};

//! The only Kubernetes API: connect, list and watch, annotate.

mod fault;

pub use fault::PatchFault;

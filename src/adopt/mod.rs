//! Objects that exist in, the shortest configuration out that renders them again.
//!
//! ```text
//! documents -> found (what each asks for, or why it cannot be said)
//!           -> sites (which environment in which cluster) -> projects (which source, which name)
//!           -> leaves (what each object wants of each key) -> gaps (names in it) -> layers (said once where it holds)
//!           -> files
//! ```

mod agreement;
mod commands;
mod environments;
mod files;
mod found;
mod gaps;
mod layers;
mod leaves;
mod maker;
mod names;
mod projects;
mod run;
mod sites;
mod spec;
mod steps;
mod twice;
mod unit;
mod wanted;
mod write;

pub use commands::{Applier, Home, Old, Places};
pub use found::{Deletes, Given, Known, LeftAlone};
pub use run::{Adopted, AdoptedProject, Adoption, adopt};
pub use steps::{Move, Step, steps};

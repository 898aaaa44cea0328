//! The folder that manifests are written to: which files, what differs, what is left over.

mod above;
mod files;
mod held;
mod layout;
mod left_over;
mod marker;
mod renames;
mod report;
mod request;
mod run;
#[cfg(test)]
mod tests;
mod unfinished;
mod unlisted;

pub use files::Folder;
pub use layout::{Place, planned_folders};
pub(super) use marker::marker_of;
pub(super) use renames::{is_pruning, steps_to_rename};
pub use report::{
    Difference, DroppedObject, FolderReport, Misplaced, Renamed, StaleFile, TakenOver, Unlisted,
    Unreached, WrittenFile, WrittenObject,
};
pub use request::{FolderRequest, compare_folder, write_folder};

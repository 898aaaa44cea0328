//! The folder that manifests are written to: which files, what differs, what is left over.

mod files;
mod layout;
mod marker;
mod renames;
mod report;
mod request;
mod run;
#[cfg(test)]
mod tests;
mod unlisted;

pub use files::Folder;
pub use layout::Place;
pub use report::{
    Difference, DroppedObject, FolderReport, Renamed, StaleFile, Unlisted, WrittenFile,
    WrittenObject,
};
pub use request::{FolderRequest, compare_folder, judge_layout, write_folder};

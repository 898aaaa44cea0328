//! A plan in, manifests out: templates, proof of the text, the folder they are written to.

mod against;
mod blame;
mod bounded_filters;
mod bounds;
mod canary;
mod canary_values;
mod configured;
mod context;
mod engine;
mod error;
mod explained;
mod folder;
mod handed;
mod handed_path;
mod identity;
mod includes;
mod likeness;
mod manifests;
mod mend;
mod named_place;
mod own_names;
mod proof;
mod read_all;
mod reading;
mod references;
mod relations;
mod source_map;
mod template;
mod template_fault;
mod template_text;
mod templates;
#[cfg(test)]
mod tests;
mod text_fault;
mod trial;
mod twin;
mod uses;
mod work;
mod woven;
mod written;
mod yaml_filter;

pub use against::{
    Against, Change, Clusters, ComparedObject, Comparison, Danger, Manifest, ObjectName, Part,
    VersionChange, cluster_of_folder, compare,
};
pub use bounds::{
    DEPTH_LIMIT, DOCUMENT_LIMIT_BYTES, INCLUDE_LIMIT, KEPT_LIMIT, LOOP_LIMIT_TURNS,
    TEMPLATE_LIMIT_BYTES, WORK_LIMIT,
};
pub use error::RenderError;
pub use explained::{Explained, Origin, explain};
pub use folder::{
    Difference, DroppedObject, Folder, FolderReport, FolderRequest, Misplaced, Place, Renamed,
    StaleFile, TakenOver, Unlisted, Unreached, WrittenFile, WrittenObject, compare_folder,
    planned_folders, write_folder,
};
pub use includes::TEMPLATE_SUFFIX;
pub use manifests::{each_manifest, write_manifests};
pub use proof::{Judge, ProofBy, document_of, prove};
pub use relations::relations;
pub use template::UserTemplate;
pub use template_fault::TemplateFault;
pub use templates::{EMBEDDED, Templates};

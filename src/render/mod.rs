//! A plan in, manifests out: templates, proof of the text, the folder they are written to.

mod bounds;
mod context;
mod handed;
mod reading;
mod scalar_text;
mod template_text;
mod templates;
mod yaml_filter;

pub use bounds::{DOCUMENT_LIMIT_BYTES, KEPT_LIMIT, LOOP_LIMIT_TURNS};
pub use templates::{EMBEDDED, TEMPLATE_SUFFIX, TemplateFault, Templates, UserTemplate};

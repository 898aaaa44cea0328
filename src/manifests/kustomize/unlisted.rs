//! Files that no kustomization lists, and that Flux therefore passes over.

use crate::config::{Class, Finding};
use crate::flux::yaml::Span;

use super::folder::{folder_of, is_kustomization_file, name_of};
use super::tree::Kustomizations;

/// A file with objects.
#[derive(Debug)]
pub struct ManifestFile<'a> {
    /// Below the folder that is judged.
    pub path: &'a str,
    /// The number of its text.
    pub source: u32,
}

/// A file that a kustomization beside it or above does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The number of its text.
    pub source: u32,
    /// That kustomization, below the folder that is judged.
    pub by: String,
}

impl PassedOver {
    /// `named` calls a file below the folder that is judged as people do.
    pub fn finding(&self, named: &dyn Fn(&str) -> String) -> Finding {
        let whole = Span {
            source: self.source,
            ..Span::default()
        };
        let message = "no kustomization lists it, and so Flux passes over it".to_owned();
        let by = named(&self.by);
        let hint = format!("list it in `{by}`, or keep it out of the folder");
        let finding = Finding::warning(whole, "", message).class(Class::Flux);
        finding.hint(hint)
    }
}

impl Kustomizations<'_> {
    /// Files that Flux passes over, as a kustomization stands beside them or above and lists them not. `paths` are
    /// those that Kustomizations of Flux name, from the top of their repository, which the folder that is
    /// judged may lie in.
    pub fn passed_over(&self, files: &[ManifestFile<'_>], paths: &[&str]) -> Vec<PassedOver> {
        let unlisted = files.iter().filter_map(|file| {
            let listed = self.files.contains_key(file.path);
            if listed || is_kustomization_file(name_of(file.path)) {
                return None;
            }
            let mut at = folder_of(file.path);
            let governing = loop {
                if let Some(governing) = self.folders.get(at) {
                    break governing;
                }
                // a folder that is listed was meant to be taken in, and why it is not is told there
                let is_meant = self.files.contains_key(at);
                if at.is_empty() || is_meant || paths.iter().any(|path| is_path_of(path, at)) {
                    return None;
                }
                at = folder_of(at);
            };
            Some(PassedOver {
                source: file.source,
                by: governing.file.clone(),
            })
        });
        unlisted.collect()
    }
}

/// Whether a `spec.path` of Flux means this folder, which may be named from further below.
fn is_path_of(path: &str, folder: &str) -> bool {
    let path = path.trim_start_matches("./").trim_matches('/');
    path == folder
        || path
            .strip_suffix(folder)
            .is_some_and(|rest| rest.ends_with('/'))
}

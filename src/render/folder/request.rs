//! What a plan wants in a folder: which files, and the text of each.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use crate::config::Sources;
use crate::flux::yaml::{Node, Value};
use crate::plan::Plan;
use crate::render::manifests::SEPARATOR;
use crate::render::{RenderError, Templates};

use super::files::Folder;
use super::held::Held;
use super::layout::{Place, PlannedFile, layout};
use super::marker;
use super::report::FolderReport;
use super::run::{self, Wanted};

/// What a folder should hold. The plan has no errors: each place has a file of its own.
pub struct FolderRequest<'a> {
    pub plan: &'a Plan<'a>,
    pub templates: &'a Templates,
    /// Where the plan's spans lie: each file says what it was made from.
    pub sources: &'a Sources,
    /// The folder of the configuration: its files are named relative to it.
    pub configuration: &'a Path,
    /// Only the files of these places are written, compared and pruned.
    pub selected: &'a (dyn Fn(&Place) -> bool + Sync),
}

impl std::fmt::Debug for FolderRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FolderRequest").finish_non_exhaustive()
    }
}

/// Compares only, and says how each file differs. Without a folder every file is new.
///
/// # Errors
/// As [`write_folder`], but nothing is written.
pub fn compare_folder(
    folder: Option<&Folder>,
    request: &FolderRequest<'_>,
) -> Result<FolderReport, RenderError> {
    with_wanted(request, |wanted| run::compare(folder, wanted))
}

/// Writes what differs, each file whole, and with `prune` removes the stale files.
///
/// # Errors
/// The first fault in the order of the paths. Before anything is written: a
/// document that its template cannot write, a link, a file of somebody else where one of ours
/// belongs. After that only what the file system refuses; what was written until then stays.
pub fn write_folder(
    folder: &Folder,
    request: &FolderRequest<'_>,
    prune: bool,
) -> Result<FolderReport, RenderError> {
    with_wanted(request, |wanted| run::write(folder, wanted, prune))
}

fn with_wanted(
    request: &FolderRequest<'_>,
    then: impl FnOnce(&Wanted<'_>) -> Result<FolderReport, RenderError>,
) -> Result<FolderReport, RenderError> {
    let held = Held {
        plan: request.plan,
        templates: request.templates,
        selected: request.selected,
        keys: OnceLock::new(),
    };
    then(&Wanted {
        files: layout(request.plan),
        text: &|file| text(file, request),
        path_of: &|place| place.path(&request.plan.output),
        selected: request.selected,
        holds: &|place, object| held.has(place, object),
    })
}

/// The whole text of a file.
fn text(file: &PlannedFile, request: &FolderRequest<'_>) -> Result<Vec<u8>, RenderError> {
    let mut made_from = BTreeSet::new();
    let mut documents = Vec::with_capacity(file.objects.len() * 1024);
    for (position, index) in file.objects.iter().enumerate() {
        let object = &request.plan.objects[*index];
        if position > 0 {
            documents.extend_from_slice(SEPARATOR);
        }
        request
            .templates
            .render(object, &mut documents)
            .map_err(|finding| RenderError::Document(Box::new(finding)))?;
        made_from.insert(request.sources.name(object.span.source));
        if request.templates.is_users(&object.template) {
            let texts = request.templates.texts_of(&object.template).into_iter();
            made_from.extend(texts.map(|text| request.sources.name(text)));
        }
        for (_, node) in object.values() {
            add_sources(&node, request.sources, &mut made_from);
        }
    }
    let made_from: BTreeSet<_> = made_from
        .into_iter()
        .map(|name| relative(name, request.configuration))
        .filter(|name| !name.is_empty())
        .collect();
    let made_from: Vec<&str> = made_from.iter().map(String::as_str).collect();
    let mut out = Vec::with_capacity(documents.len() + 256);
    marker::write(&file.place, &made_from, &mut out);
    out.append(&mut documents);
    Ok(out)
}

fn add_sources<'a>(node: &Node, sources: &'a Sources, names: &mut BTreeSet<&'a str>) {
    names.insert(sources.name(node.span.source));
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items
            .iter()
            .for_each(|item| add_sources(item, sources, names)),
        Value::Mapping(entries) => entries
            .iter()
            .for_each(|entry| add_sources(&entry.node, sources, names)),
    }
}

/// The same on any machine: without the folder in which the configuration lies there.
fn relative(name: &str, configuration: &Path) -> String {
    let path = Path::new(name);
    // names of texts are UTF-8, whatever the folder's is
    let configuration = configuration.to_string_lossy();
    let below = path.strip_prefix(&*configuration).unwrap_or(path);
    let below = below.strip_prefix(".").unwrap_or(below);
    below.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::relative;

    #[cfg(unix)]
    #[test]
    fn a_folder_whose_name_is_no_text_is_left_out_as_any_other() {
        use std::os::unix::ffi::OsStrExt;
        let folder = Path::new(std::ffi::OsStr::from_bytes(b"fl\xffeet"));
        let path = folder.join("flux-setup.yaml");
        assert_eq!(relative(&path.to_string_lossy(), folder), "flux-setup.yaml");
    }

    #[test]
    fn a_file_of_the_configuration_is_named_the_same_everywhere() {
        let name = "environments/staging.yaml";
        for folder in ["/home/me/fleet", "fleet", ".", ""] {
            let path = Path::new(folder).join(name);
            assert_eq!(relative(&path.to_string_lossy(), Path::new(folder)), name);
        }
    }
}

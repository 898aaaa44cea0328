//! Compares a folder with what a plan wants in it, and writes what differs.
//!
//! ```text
//! plan -> files -> render, compare with what is there -> report
//!                  any foreign file or link ends it     `-> write what differs -> prune
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use similar::TextDiff;

use crate::config::{Finding, Sources};
use crate::flux::yaml::{Node, Value};
use crate::plan::Plan;
use crate::render::manifests::SEPARATOR;
use crate::render::{RenderError, Templates};

use super::files::Folder;
use super::layout::{Place, PlannedFile, layout};
use super::report::{
    Difference, DroppedObject, FolderReport, Renamed, StaleFile, WrittenFile, WrittenObject,
};
use super::unlisted::unlisted;
use super::{marker, renames};

/// How many files are held in memory while they are written.
const CHUNK: usize = 256;

/// What a folder should hold.
pub struct FolderRequest<'a> {
    pub plan: &'a Plan,
    pub templates: &'a Templates,
    /// Where the plan's spans lie: each file says what it was made from.
    pub sources: &'a Sources,
    /// Only the files of these places are written, compared and pruned.
    pub selected: &'a (dyn Fn(&Place) -> bool + Sync),
}

impl std::fmt::Debug for FolderRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FolderRequest").finish_non_exhaustive()
    }
}

/// What is wrong with the paths that `output` gives: shared, outside the folder, or kustomize's own.
pub fn judge_layout(plan: &Plan) -> Vec<Finding> {
    layout(plan).1
}

/// Compares only, and says how each file differs. Without a folder every file is new.
///
/// # Errors
/// As [`write_folder`], but nothing is written.
pub fn compare_folder(
    folder: Option<&Folder>,
    request: &FolderRequest<'_>,
) -> Result<FolderReport, RenderError> {
    Ok(survey(folder, request, true)?.report)
}

/// Writes what differs, each file whole, and with `prune` removes the stale files.
///
/// # Errors
/// The first fault in the order of the paths. Before anything is written: a document that its
/// template cannot write, a link, a file of somebody else where one of ours belongs. After that
/// only what the file system refuses; what was written until then stays.
pub fn write_folder(
    folder: &Folder,
    request: &FolderRequest<'_>,
    prune: bool,
) -> Result<FolderReport, RenderError> {
    let Survey {
        mut report,
        differing,
        unfinished,
    } = survey(Some(folder), request, false)?;
    for path in &unfinished {
        folder.remove(path)?;
        report.cleaned += 1;
    }
    for chunk in differing.chunks(CHUNK) {
        let results: Vec<_> = chunk
            .par_iter()
            .map(|file| folder.replace(&file.path, &text(file, request)?))
            .collect();
        results.into_iter().collect::<Result<(), _>>()?;
    }
    if prune {
        for file in &report.stale {
            folder.remove(&file.path)?;
        }
        report.pruned = true;
    }
    Ok(report)
}

struct Survey {
    report: FolderReport,
    differing: Vec<PlannedFile>,
    unfinished: Vec<PathBuf>,
}

fn survey(
    folder: Option<&Folder>,
    request: &FolderRequest<'_>,
    with_differences: bool,
) -> Result<Survey, RenderError> {
    let (mut planned, findings) = layout(request.plan);
    if let Some(finding) = findings.into_iter().next() {
        return Err(RenderError::Document(Box::new(finding)));
    }
    planned.retain(|file| (request.selected)(&file.place));
    let states: Vec<_> = planned
        .par_iter()
        .map(|file| state(folder, file, request, with_differences))
        .collect();
    let mut report = FolderReport::default();
    let mut unfinished = Vec::new();
    if let Some(folder) = folder {
        report.unlisted = unlisted(folder, &planned)?;
        let wanted: BTreeSet<&Path> = planned.iter().map(|file| file.path.as_path()).collect();
        (report.stale, unfinished) = left_over(folder, &wanted, request)?;
    }
    let mut differing = Vec::new();
    for (file, state) in planned.into_iter().zip(states) {
        let Some(change) = state? else {
            report.unchanged += 1;
            continue;
        };
        report.written.push(WrittenFile {
            path: file.path.clone(),
            new: change.new,
        });
        report.differences.extend(change.difference);
        report.renamed.extend(change.renamed);
        report
            .dropped
            .extend(change.dropped.into_iter().map(|object| DroppedObject {
                path: file.path.clone(),
                object,
            }));
        differing.push(file);
    }
    Ok(Survey {
        report,
        differing,
        unfinished,
    })
}

/// How a file differs from what is there.
struct Change {
    new: bool,
    difference: Option<Difference>,
    renamed: Vec<Renamed>,
    dropped: Vec<WrittenObject>,
}

fn state(
    folder: Option<&Folder>,
    file: &PlannedFile,
    request: &FolderRequest<'_>,
    with_difference: bool,
) -> Result<Option<Change>, RenderError> {
    let wanted = text(file, request)?;
    let found = match folder {
        Some(folder) => folder.read(&file.path)?,
        None => None,
    };
    if found.as_ref() == Some(&wanted) {
        return Ok(None);
    }
    if let Some(found) = &found
        && marker::read(found).as_ref() != Some(&file.place)
    {
        return Err(RenderError::Foreign {
            path: file.path.clone(),
            place: file.place.to_string(),
        });
    }
    let wanted = String::from_utf8_lossy(&wanted);
    let before = found.as_deref().map(String::from_utf8_lossy);
    let (renamed, dropped) = match &before {
        Some(before) => renames::compare(
            &file.place,
            renames::objects(before),
            &renames::objects(&wanted),
        ),
        None => (Vec::new(), Vec::new()),
    };
    Ok(Some(Change {
        new: before.is_none(),
        difference: with_difference
            .then(|| difference(&file.path, before.as_deref().unwrap_or_default(), &wanted)),
        renamed,
        dropped,
    }))
}

fn difference(path: &Path, before: &str, wanted: &str) -> Difference {
    let path_text = path.display();
    let old_name = if before.is_empty() {
        "/dev/null".to_owned()
    } else {
        format!("a/{path_text}")
    };
    Difference {
        path: path.to_owned(),
        diff: TextDiff::from_lines(before, wanted)
            .unified_diff()
            .header(&old_name, &format!("b/{path_text}"))
            .to_string(),
    }
}

/// Files of ours that nothing asks for, and what killed runs left.
///
/// A file is ours where its marker names a place whose path is the file's own.
fn left_over(
    folder: &Folder,
    wanted: &BTreeSet<&Path>,
    request: &FolderRequest<'_>,
) -> Result<(Vec<StaleFile>, Vec<PathBuf>), RenderError> {
    let any = Place {
        environment: "e".into(),
        cluster: Some("c".into()),
        project: "p".into(),
    };
    let output = &request.plan.output;
    let depth = any.path(output).components().count().saturating_sub(1);
    let listing = folder.list(depth)?;
    let mut stale = Vec::new();
    for (path, start) in listing.files {
        let Some(place) = marker::read(&start) else {
            continue;
        };
        let ours = place.path(output).components().eq(path.components());
        if !ours || wanted.contains(path.as_path()) || !(request.selected)(&place) {
            continue;
        }
        let bytes = folder.read(&path)?.unwrap_or_default();
        stale.push(StaleFile {
            objects: renames::objects(&String::from_utf8_lossy(&bytes)),
            path,
            place,
        });
    }
    Ok((stale, listing.unfinished))
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
        for (_, node) in object.values() {
            add_sources(&node, request.sources, &mut made_from);
        }
    }
    made_from.remove("");
    let made_from: Vec<&str> = made_from.into_iter().collect();
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

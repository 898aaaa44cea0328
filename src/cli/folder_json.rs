//! What became of a folder of manifests, as machines read it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::flux::mask;
use crate::render::{FolderReport, WrittenObject};

use super::report::JsonFinding;

/// The report with what was found before.
pub(super) fn as_json(report: &FolderReport, findings: &[JsonFinding<'_>]) -> Value {
    let object = |object: &WrittenObject| {
        json!({
            "kind": object.kind,
            "namespace": object.namespace,
            "name": object.name,
            "prunes": object.prunes,
        })
    };
    let objects = |objects: &[WrittenObject]| objects.iter().map(object).collect::<Vec<_>>();
    // a name that is no UTF-8 has no other form in JSON
    let path = |path: &Path| Value::from(path.to_string_lossy());
    let paths = |paths: &[PathBuf]| paths.iter().map(|it| path(it)).collect::<Vec<_>>();
    let list = |values: &mut dyn Iterator<Item = Value>| Value::Array(values.collect());
    json!({
        "findings": findings,
        "written": list(&mut report.written.iter().map(|file| json!({
            "path": path(&file.path),
            "new": file.new,
        }))),
        "unchanged": report.unchanged,
        "differences": list(&mut report.differences.iter().map(|difference| json!({
            "path": path(&difference.path),
            "diff": mask(&difference.diff),
        }))),
        "stale": list(&mut report.stale.iter().map(|file| json!({
            "path": path(&file.path),
            "place": file.place.to_string(),
            "movesTo": file.moves_to.as_deref().map(path),
            "objects": objects(&file.objects),
        }))),
        "pruned": report.pruned,
        "kept": paths(&report.kept),
        "takenOver": list(&mut report.taken_over.iter().map(|taken| json!({
            "path": path(&taken.path),
            "before": taken.before.to_string(),
            "now": taken.now.to_string(),
        }))),
        "dropped": list(&mut report.dropped.iter().map(|dropped| json!({
            "path": path(&dropped.path),
            "object": object(&dropped.object),
        }))),
        "renamed": list(&mut report.renamed.iter().map(|renamed| json!({
            "place": renamed.place.to_string(),
            "object": object(&renamed.object),
            "newName": renamed.new_name,
            "steps": renamed.steps,
        }))),
        "unlisted": list(&mut report.unlisted.iter().map(|unlisted| json!({
            "kustomization": path(&unlisted.kustomization),
            "files": paths(&unlisted.files),
        }))),
        "unreached": list(&mut report.unreached.iter().map(|unreached| json!({
            "kustomization": path(&unreached.kustomization),
            "endsIn": unreached.ends_in.as_deref().map(path),
            "files": paths(&unreached.files),
        }))),
        "misplaced": list(&mut report.misplaced.iter().map(|file| json!({
            "path": path(&file.path),
            "place": file.place.to_string(),
        }))),
    })
}

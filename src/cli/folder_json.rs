//! What became of a folder of manifests, as machines read it.

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
    let list = |values: &mut dyn Iterator<Item = Value>| Value::Array(values.collect());
    json!({
        "findings": findings,
        "written": list(&mut report.written.iter().map(|file| json!({
            "path": file.path,
            "new": file.new,
        }))),
        "unchanged": report.unchanged,
        "differences": list(&mut report.differences.iter().map(|difference| json!({
            "path": difference.path,
            "diff": mask(&difference.diff),
        }))),
        "stale": list(&mut report.stale.iter().map(|file| json!({
            "path": file.path,
            "place": file.place.to_string(),
            "movesTo": file.moves_to,
            "objects": objects(&file.objects),
        }))),
        "pruned": report.pruned,
        "kept": report.kept,
        "takenOver": list(&mut report.taken_over.iter().map(|taken| json!({
            "path": taken.path,
            "before": taken.before.to_string(),
            "now": taken.now.to_string(),
        }))),
        "dropped": list(&mut report.dropped.iter().map(|dropped| json!({
            "path": dropped.path,
            "object": object(&dropped.object),
        }))),
        "renamed": list(&mut report.renamed.iter().map(|renamed| json!({
            "place": renamed.place.to_string(),
            "object": object(&renamed.object),
            "newName": renamed.new_name,
            "steps": renamed.steps,
        }))),
        "unlisted": list(&mut report.unlisted.iter().map(|unlisted| json!({
            "kustomization": unlisted.kustomization,
            "files": unlisted.files,
        }))),
        "unreached": list(&mut report.unreached.iter().map(|unreached| json!({
            "kustomization": unreached.kustomization,
            "endsIn": unreached.ends_in,
            "files": unreached.files,
        }))),
        "misplaced": list(&mut report.misplaced.iter().map(|file| json!({
            "path": file.path,
            "place": file.place.to_string(),
        }))),
    })
}

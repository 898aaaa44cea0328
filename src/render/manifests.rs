//! The text of every object of a plan, in the plan's order, with no more than a few in memory.

use std::io::Write;
use std::sync::Arc;

use rayon::prelude::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::config::Finding;
use crate::plan::{Plan, PlannedObject};

use super::engine::into_text;
use super::{RenderError, Templates};

/// How many objects are rendered before their texts are handed on: it bounds memory.
const CHUNK: usize = 4096;
/// How many of them one thread renders in one go.
const BATCH: usize = 64;

/// What separates documents.
pub(super) const SEPARATOR: &[u8] = b"---\n";

/// Renders every object on all threads and hands it on with its text in the plan's order, each one
/// document without a separator that ends in a line break.
///
/// # Errors
/// The first object, in the plan's order, that its template cannot write, or what `sink` says.
pub fn each_manifest<E>(
    plan: &Plan,
    templates: &Templates,
    mut sink: impl FnMut(&PlannedObject, &str) -> Result<(), E>,
) -> Result<(), E>
where
    E: From<RenderError>,
{
    for chunk in plan.objects.chunks(CHUNK) {
        let batches: Vec<_> = chunk
            .par_iter()
            .chunks(BATCH)
            .map(|objects| texts(&objects, templates))
            .collect();
        let mut objects = chunk.iter();
        for batch in batches {
            let (text, ends) = batch.map_err(|finding| RenderError::Document(Box::new(finding)))?;
            let mut start = 0;
            for (end, object) in ends.into_iter().zip(objects.by_ref()) {
                sink(object, &text[start..end])?;
                start = end;
            }
        }
    }
    Ok(())
}

/// Writes all manifests as one stream of documents, each after `---`. Where they are those of several
/// clusters, a comment at the top of each document with another cluster than the one before names it.
///
/// # Errors
/// The first object, in the plan's order, that its template cannot write, or where `out` takes no
/// more.
pub fn write_manifests(
    plan: &Plan,
    templates: &Templates,
    out: &mut impl Write,
) -> Result<(), RenderError> {
    let first = plan.objects.first().map(|object| &object.cluster);
    let mut clusters = plan.objects.iter().map(|object| &object.cluster);
    let has_several = clusters.any(|cluster| Some(cluster) != first);
    let mut before: Option<Option<Arc<str>>> = None;
    each_manifest(plan, templates, |object, text| {
        let mut mark = String::new();
        if has_several && before.as_ref() != Some(&object.cluster) {
            mark = format!("# cluster: {}\n", object.cluster.as_deref().unwrap_or("-"));
            before = Some(object.cluster.clone());
        }
        out.write_all(SEPARATOR)
            .and_then(|()| out.write_all(mark.as_bytes()))
            .and_then(|()| out.write_all(text.as_bytes()))
            .map_err(|source| RenderError::Stream { source })
    })
}

/// The texts of some objects, one behind the other, and where each ends.
fn texts(
    objects: &[&PlannedObject],
    templates: &Templates,
) -> Result<(String, Vec<usize>), Finding> {
    let mut out = Vec::with_capacity(objects.len() * 1024);
    let mut ends = Vec::with_capacity(objects.len());
    for object in objects {
        templates.render(object, &mut out)?;
        ends.push(out.len());
    }
    Ok((into_text(out), ends))
}

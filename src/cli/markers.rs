//! Comments by which other tools find what they write in manifests: they are no part of an object, and a
//! configuration that is made of objects has none of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::adopt::{Adoption, Step};
use crate::budget::counted;
use crate::config::Sources;
use crate::flux::mask;
use crate::flux::yaml::{Node, Span};

use super::existing::Existing;
use super::printable::printable;

/// What image automation and Renovate look for behind a `#`.
const LOOKED_FOR: [&str; 2] = ["\"$imagepolicy\"", "renovate:"];

/// Those that people are shown; JSON has them all.
const LONGEST_LIST: usize = 20;

/// A comment with a marker.
#[derive(Debug)]
pub(super) struct Marker {
    span: Span,
    text: String,
}

/// All markers within objects that are rendered again.
pub(super) fn markers(adoption: &Adoption, existing: &Existing) -> Vec<Marker> {
    let spans = adoption
        .projects
        .iter()
        .flat_map(|one| one.applied.iter().flatten());
    let spans: BTreeSet<(u32, u32)> = spans.map(|span| (span.source, span.start)).collect();
    let sources = &existing.read.sources;
    let mut documents: Vec<&Node> = existing.documents.iter().collect();
    documents.sort_by_key(|document| (document.span.source, document.span.start));
    let mut markers = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let span = document.span;
        let before = index.checked_sub(1).map(|before| documents[before].span);
        let before = before.filter(|before| before.source == span.source);
        let next = documents.get(index + 1).map(|next| next.span);
        let next = next.filter(|next| next.source == span.source);
        if spans.contains(&(span.source, span.start)) {
            let text = sources.text(span.source);
            let around = around(text, before.map(|it| it.end), span, next.map(|it| it.start));
            markers.extend(of(document, around, sources));
        }
    }
    markers
}

/// Where the comments of a document stand: also above its first key and behind its last value.
fn around(text: &str, before: Option<u32>, span: Span, next: Option<u32>) -> (usize, usize) {
    const END: &str = "\n---";
    let (start, end) = (span.start as usize, (span.end as usize).min(text.len()));
    let floor = before.map_or(0, |end| (end as usize).min(start));
    let above = text.get(floor..start).unwrap_or_default();
    let from = match (above.rfind(END), before) {
        (Some(at), _) => floor + at + END.len(),
        (None, None) => 0,
        (None, Some(_)) => start,
    };
    let ceiling = next.map_or(text.len(), |start| (start as usize).max(end));
    let below = text.get(end..ceiling).unwrap_or_default();
    (from, end + below.find(END).unwrap_or(below.len()))
}

fn of(document: &Node, (from, to): (usize, usize), sources: &Sources) -> Vec<Marker> {
    let span = document.span;
    let text = sources.text(span.source);
    let Some(within) = text.get(from..to) else {
        return Vec::new();
    };
    let mut markers = Vec::new();
    let mut at = from;
    for line in within.split_inclusive('\n') {
        let found = line.match_indices('#').find(|(index, _)| {
            let is_comment = !holds(document, at + index);
            is_comment
                && LOOKED_FOR
                    .iter()
                    .any(|marker| line[*index..].contains(marker))
        });
        if let Some((index, _)) = found {
            let start = (at + index) as u32;
            let end = start + line[index..].trim_end().len() as u32;
            markers.push(Marker {
                span: Span { start, end, ..span },
                text: line[index..].trim_end().to_owned(),
            });
        }
        at += line.len();
    }
    markers
}

/// Whether a place is within a text of the document: what stands there is carried over.
fn holds(node: &Node, at: usize) -> bool {
    if !(node.span.start as usize..node.span.end as usize).contains(&at) {
        return false;
    }
    match (node.as_mapping(), node.as_sequence()) {
        (Some(entries), _) => entries.iter().any(|entry| holds(&entry.node, at)),
        (_, Some(items)) => items.iter().any(|item| holds(item, at)),
        _ => true,
    }
}

fn place(marker: &Marker, sources: &Sources) -> String {
    let name = sources.name(marker.span.source);
    let line = sources.position(marker.span).line;
    format!("{name}:{line}: {}", mask(&marker.text))
}

/// What people are told of them.
pub(super) fn told(markers: &[Marker], sources: &Sources) -> String {
    if markers.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "{} in comments, by which other tools find what they write, not carried over:\n",
        counted(markers.len(), "marker")
    );
    for marker in markers.iter().take(LONGEST_LIST) {
        text += &format!("  {}\n", printable(&place(marker, sources)));
    }
    let more = markers.len().saturating_sub(LONGEST_LIST);
    if more > 0 {
        text += &format!("  … and {more} more; `--format json` gives all of them\n");
    }
    text
}

/// What has to be done about them before anything else.
pub(super) fn step(markers: &[Marker], sources: &Sources) -> Option<Step> {
    let places = markers.iter().map(|marker| place(marker, sources));
    (!markers.is_empty()).then(|| Step {
        what: "Write the markers of image automation and Renovate into the configuration, each behind its value \
               on a line of its own; what writes to these values has to reach the configuration from then on, \
               as by `spec.update.path`"
            .to_owned(),
        commands: places.map(|place| format!("# {place}")).collect(),
    })
}

pub(super) fn json(markers: &[Marker], sources: &Sources) -> Value {
    let all = markers.iter().map(|marker| {
        json!({
            "file": sources.name(marker.span.source),
            "line": sources.position(marker.span).line,
            "text": mask(&marker.text),
        })
    });
    all.collect()
}

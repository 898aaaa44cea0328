//! `flux-setup render --check --against`: what is rendered, compared with manifests from anywhere.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Finding, Sources};
use crate::flux::yaml::{self, Span};
use crate::plan::{Plan, Selection};
use crate::render::{
    Against, Change, ComparedObject, Comparison, Manifest, ObjectName, Part, Templates, compare,
    each_manifest,
};

use super::args::{Allowed, AskedFormat, GlobalArguments};
use super::existing::{Existing, Reading};
use super::fleet::Fleet;
use super::judging::Judges;
use super::left_alone::Patterns;
use super::manifest_files::shown;
use super::outcome::Outcome;
use super::{
    against_document, against_markdown, against_part, against_text, output, report, whose,
};

/// With what is compared, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) path: &'a Path,
    pub(super) reading: Reading<'a>,
    pub(super) allow: &'a [Allowed],
    /// Patterns of objects that need not be rendered.
    pub(super) ignore: &'a [String],
}

pub(super) fn run(
    global: &GlobalArguments,
    fleet: &Fleet<'_>,
    templates: &Templates,
    selection: &Selection,
    asked: Asked<'_>,
) -> anyhow::Result<Outcome> {
    let mut existing = Existing::read(asked.path, asked.reading)?;
    if existing.is_of_no_use() {
        faults(global, &existing.read.sources, &existing.read.findings)?;
        return Ok(Outcome::BadInput);
    }
    let alone = Patterns::read(&global.config, asked.ignore)?;
    let is_left_alone = |object: &ObjectName, _| alone.has(object);
    let comparison = compared(fleet, templates, &existing, selection, &is_left_alone)?;
    let twice = there_twice(&comparison, &existing.read.sources);
    existing.read.findings.extend(twice);
    let passed_over = existing.all_passed_over();
    existing.read.findings.extend(passed_over);
    let read = &existing.read;
    if global.asked_format != AskedFormat::Json {
        report::print_beside(&read.sources, &read.findings)?;
    }
    let answer = against_document::answer(&comparison, &existing);
    match global.asked_format {
        AskedFormat::Json => output::json(&against_document::json(&comparison, &answer, read))?,
        AskedFormat::Markdown => {
            let text = against_markdown::text(&comparison, &answer, read);
            output::data(|stdout| stdout.write_all(text.as_bytes()))?;
        }
        AskedFormat::Text | AskedFormat::Github | AskedFormat::Sarif => {
            output::text(|stdout| against_text::write(stdout, &answer))?;
            output::note(&against_text::summary(&comparison, &shown(asked.path)))?;
        }
    }
    let mut differences = comparison.differences.iter();
    let is_same = !existing.is_broken()
        && answer.not_compared.is_empty()
        && differences.all(|one| is_allowed(one, asked.allow));
    Ok(if is_same { Outcome::Done } else { Outcome::No })
}

/// What is there twice is applied as one of the two says, and nobody knows which.
fn there_twice(comparison: &Comparison, sources: &Sources) -> Vec<Finding> {
    let twice = comparison.twice.iter().map(|(object, first, other)| {
        let place = sources.position(*first);
        let file = sources.name(first.source);
        let start = Span {
            end: other.start,
            ..*other
        };
        let message = format!("{object} is there twice");
        Finding::error(start, "metadata.name", message).hint(format!(
            "the other stands at {file}:{}; remove the one that counts no more",
            place.line
        ))
    });
    twice.collect()
}

/// Prints why nothing can be compared.
pub(super) fn faults(
    global: &GlobalArguments,
    sources: &Sources,
    findings: &[Finding],
) -> anyhow::Result<()> {
    report::print(sources, findings, global.format)?;
    if global.asked_format == AskedFormat::Markdown {
        let text = against_markdown::faults(&report::json(sources, findings));
        output::data(|stdout| stdout.write_all(text.as_bytes()))?;
    }
    Ok(())
}

/// Compares what is rendered with documents that were read: all of it, of which is told what is selected.
pub(super) fn compared(
    fleet: &Fleet<'_>,
    templates: &Templates,
    existing: &Existing,
    selection: &Selection,
    is_left_alone: &dyn Fn(&ObjectName, Span) -> bool,
) -> anyhow::Result<Comparison> {
    let mut part = against_part::Asked::of(&fleet.plan, selection);
    let known = fleet.configuration.clusters.iter();
    let known: Vec<Arc<str>> = known.map(|cluster| cluster.name.value.clone()).collect();
    let mut clusters = whose::among(existing, &known);
    let given = match part.cluster() {
        Some(cluster) => whose::give(existing, &mut clusters, cluster),
        None => HashSet::new(),
    };
    let documents = existing.documents.iter();
    let documents = documents.filter(|one| existing.passed_over(one.span).is_none());
    let old = documents.flat_map(|document| {
        let clusters = clusters.get(&document.span).into_iter().flatten();
        clusters.filter_map(|cluster| Manifest::new(cluster.clone(), document))
    });
    let old: Vec<_> = old.collect();
    let new = rendered(&fleet.plan, templates, selection, &mut part)?;
    let (judges, _) = Judges::read(fleet.configuration);
    let mut comparison = compare(&Against {
        old: &old,
        new: &new,
        crds: &|cluster| judges.crds_of(cluster),
        part: Part {
            has: &|object| part.objects.contains(object),
            may_have: &|old| part.may_have(old),
            reaches: &|cluster| part.reaches(cluster),
        },
        is_left_alone: &|one| {
            let of_none = || ObjectName {
                cluster: None,
                ..one.object.clone()
            };
            is_left_alone(&one.object, one.span)
                || given.contains(&one.span) && is_left_alone(&of_none(), one.span)
        },
        is_unknown: &|one| existing.changed(one.span).is_some(),
    });
    if !given.is_empty() && part.has_several_clusters() {
        comparison.assumed = part.cluster().cloned();
    }
    Ok(comparison)
}

/// All that is rendered; the part learns what of it is its own.
fn rendered(
    plan: &Plan<'_>,
    templates: &Templates,
    selection: &Selection,
    part: &mut against_part::Asked<'_>,
) -> anyhow::Result<Vec<Manifest>> {
    let mut manifests = Vec::with_capacity(plan.objects.len());
    each_manifest::<anyhow::Error>(plan, templates, |object, text| {
        let (documents, _) = yaml::read(text, u32::MAX);
        let before = manifests.len();
        let read = documents.iter();
        manifests.extend(read.filter_map(|one| Manifest::new(object.cluster.clone(), one)));
        if selection.has(object) {
            let names = manifests[before..].iter().map(|one| one.object.clone());
            part.objects.extend(names);
        }
        Ok(())
    })?;
    Ok(manifests)
}

fn is_allowed(one: &ComparedObject, allow: &[Allowed]) -> bool {
    let kind = match one.change {
        Change::Added => Allowed::Added,
        Change::Removed => Allowed::Removed,
        Change::Renamed { .. } => Allowed::Renamed,
        Change::Changed { .. } => Allowed::Changed,
    };
    allow.contains(&kind) && (one.dangers.is_empty() || allow.contains(&Allowed::Danger))
}

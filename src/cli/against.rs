//! `flux-setup render --check --against`: what is rendered, compared with manifests from anywhere.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Finding, Sources};
use crate::flux::yaml::{self, Span};
use crate::plan::Plan;
use crate::render::{
    Against, Change, ComparedObject, Comparison, Manifest, ObjectName, Templates, compare,
    each_manifest,
};

use super::args::{Allowed, AskedFormat, GlobalArguments};
use super::existing::{Existing, Reading};
use super::fleet::Fleet;
use super::judging::Judges;
use super::left_alone::Patterns;
use super::manifest_files::shown;
use super::outcome::Outcome;
use super::{against_document, against_markdown, against_text, output, report, whose};

/// How much of the fleet is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    All,
    /// All of some clusters.
    Clusters,
    /// So little that nothing can be taken for removed.
    Some,
}

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
    part: Part,
    asked: Asked<'_>,
) -> anyhow::Result<Outcome> {
    let mut existing = Existing::read(asked.path, asked.reading)?;
    if existing.is_of_no_use() {
        faults(global, &existing.read.sources, &existing.read.findings)?;
        return Ok(Outcome::BadInput);
    }
    let alone = Patterns::read(&global.config, asked.ignore)?;
    let is_left_alone = |one: &Manifest| alone.has(&one.object);
    let comparison = compared(fleet, templates, &existing, part, &is_left_alone)?;
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
        && comparison.not_compared.is_empty()
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

/// Compares all that is rendered with documents that were read.
pub(super) fn compared(
    fleet: &Fleet<'_>,
    templates: &Templates,
    existing: &Existing,
    part: Part,
    is_left_alone: &dyn Fn(&Manifest) -> bool,
) -> anyhow::Result<Comparison> {
    let known = fleet.configuration.clusters.iter();
    let known: Vec<Arc<str>> = known.map(|cluster| cluster.name.value.clone()).collect();
    let clusters = whose::among(existing, &known);
    let documents = existing.documents.iter();
    let documents = documents.filter(|one| existing.passed_over(one.span).is_none());
    let old = documents.flat_map(|document| {
        let clusters = clusters.get(&document.span).into_iter().flatten();
        clusters.filter_map(|cluster| Manifest::new(cluster.clone(), document))
    });
    let mut old: Vec<_> = old.collect();
    let new = rendered(&fleet.plan, templates)?;
    if part == Part::Clusters {
        let clusters: HashSet<_> = new.iter().map(|one| &one.object.cluster).collect();
        let names: HashSet<_> = new.iter().map(|one| nameless(&one.object)).collect();
        old.retain(|one| match &one.object.cluster {
            Some(_) => clusters.contains(&one.object.cluster),
            // of which cluster it is nobody knows, so it is not taken for removed
            None => names.contains(&nameless(&one.object)),
        });
    }
    let (judges, _) = Judges::read(fleet.configuration);
    Ok(compare(&Against {
        old: &old,
        new: &new,
        crds: &|cluster| judges.crds_of(cluster),
        is_whole: part != Part::Some,
        is_left_alone,
        is_unknown: &|one| existing.changed(one.span).is_some(),
    }))
}

fn rendered(plan: &Plan<'_>, templates: &Templates) -> anyhow::Result<Vec<Manifest>> {
    let mut manifests = Vec::with_capacity(plan.objects.len());
    each_manifest::<anyhow::Error>(plan, templates, |object, text| {
        let (documents, _) = yaml::read(text, u32::MAX);
        let read = documents.iter();
        manifests.extend(read.filter_map(|one| Manifest::new(object.cluster.clone(), one)));
        Ok(())
    })?;
    Ok(manifests)
}

/// What tells an object apart within its cluster.
fn nameless(object: &ObjectName) -> (&str, &str, &str, &str) {
    (&object.group, &object.kind, &object.namespace, &object.name)
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

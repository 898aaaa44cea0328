//! `flux-setup render --check --against`: what is rendered, compared with manifests from anywhere.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;

use crate::config::{Severity, Sources};
use crate::flux::yaml::{self, Node};
use crate::plan::Plan;
use crate::render::{
    Against, Change, ComparedObject, Comparison, Manifest, ObjectName, Templates, cluster_of,
    compare, each_manifest,
};

use super::args::{Allowed, AskedFormat, GlobalArguments};
use super::fleet::Fleet;
use super::judging::Judges;
use super::manifest_files::{Documents, shown};
use super::manifests::{is_of_kustomize, without_lists};
use super::outcome::Outcome;
use super::{against_document, against_markdown, against_text, output, report};

/// How much of the fleet is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    All,
    /// All of some clusters.
    Clusters,
    /// So little that nothing can be taken for removed.
    Some,
}

pub(super) fn run(
    global: &GlobalArguments,
    fleet: &Fleet<'_>,
    templates: &Templates,
    path: &Path,
    part: Part,
    allow: &[Allowed],
) -> anyhow::Result<Outcome> {
    let mut read = Documents::default();
    let documents = given(&mut read, path)?;
    let is_faulty = read
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    if is_faulty {
        report::print(&read.sources, &read.findings, global.format)?;
        return Ok(Outcome::BadInput);
    }
    report::print_beside(&read.sources, &read.findings)?;
    let comparison = compared(fleet, templates, &documents, &read.sources, part)?;
    let told = against_document::told(&comparison, &read.sources);
    match global.asked_format {
        AskedFormat::Json => {
            output::json(&against_document::json(&comparison, &told, &read.sources))?
        }
        AskedFormat::Markdown => {
            let text = against_markdown::text(&comparison, &told);
            output::data(|stdout| stdout.write_all(text.as_bytes()))?;
        }
        AskedFormat::Text | AskedFormat::Github | AskedFormat::Sarif => {
            output::text(|stdout| against_text::write(stdout, &told))?;
            output::note(&against_text::summary(&comparison, &shown(path)))?;
        }
    }
    let differs = comparison
        .differences
        .iter()
        .any(|one| !is_allowed(one, allow));
    Ok(if differs { Outcome::No } else { Outcome::Done })
}

/// The documents of a file, a folder or stdin but kustomize's own, with the items of each list.
pub(super) fn given(read: &mut Documents, path: &Path) -> anyhow::Result<Vec<Node>> {
    let mut documents = read.read(path)?;
    documents.retain(|document| !is_of_kustomize(document, &read.sources));
    if documents.is_empty() && read.findings.is_empty() {
        bail!("{} holds no manifest", shown(path));
    }
    Ok(without_lists(documents))
}

/// Compares all that is rendered with documents that were read.
pub(super) fn compared(
    fleet: &Fleet<'_>,
    templates: &Templates,
    documents: &[Node],
    sources: &Sources,
    part: Part,
) -> anyhow::Result<Comparison> {
    let known = fleet.configuration.clusters.iter();
    let known: Vec<Arc<str>> = known.map(|cluster| cluster.name.value.clone()).collect();
    let old = documents
        .iter()
        .filter_map(|document| Manifest::new(cluster_of(sources, document.span, &known), document));
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

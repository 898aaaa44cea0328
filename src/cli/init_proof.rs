//! The configuration that is made of objects that exist, rendered and compared before it is written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::adopt::{Adoption, Given, Known, adopt};
use crate::budget::counted;
use crate::config::{Finding, Severity, Sources};
use crate::flux::is_of_flux;
use crate::flux::schema::FluxVersion;
use crate::flux::yaml::{Node, Span};
use crate::manifests::{Installed, cluster_name, installed};
use crate::plan::Selection;
use crate::render::{Change, Comparison, Manifest, ObjectName};

use super::existing::Existing;
use super::fleet::{Fleet, Loaded};
use super::folder_report::shortened;
use super::init_culprits::{Fault, culprits};
use super::init_report::Proved;
use super::log::Log;
use super::whose::OfDocuments;
use super::{against, whose};

/// Why it is left alone what lies outside of all clusters' folders, and none of these leads to it.
const OF_NO_CLUSTER: &str = "no folder of a cluster lists or applies it, so nobody knows for which of them \
     it is";

/// How often what renders otherwise is left alone and the rest is made anew.
const MOST_ROUNDS: usize = 8;

/// Makes a configuration, renders it, and compares: what renders otherwise is left alone, until the rest
/// is the same. Inside, findings where objects are there twice.
pub(super) fn proved(
    existing: &Existing,
    root: &Path,
    context: Option<&str>,
    log: &mut Log,
) -> anyhow::Result<Result<Proved, Vec<Finding>>> {
    let (documents, sources) = (&existing.documents[..], &existing.read.sources);
    let root = root.display().to_string();
    let clusters = match context.map(cluster_name) {
        Some(name) => whose::all_of(existing, &name),
        None => whose::as_called(existing),
    };
    let fluxes = fluxes(existing, &clusters);
    let known = Known {
        context,
        fluxes: &fluxes,
    };
    let none = [None];
    let given: Vec<Given<'_>> = documents
        .iter()
        .map(|document| Given {
            document,
            file: below(sources.name(document.span.source), &root),
            clusters: clusters
                .get(&document.span)
                .map_or(&none[..], Vec::as_slice),
        })
        .collect();
    let ours = documents.iter().filter(|document| is_adopted(document));
    let changed = ours.filter_map(|document| {
        if let Some(reason) = existing.passed_over(document.span) {
            return Some((document.span, reason));
        }
        let reason = match existing.applied_otherwise(document.span) {
            None if !clusters.contains_key(&document.span) => OF_NO_CLUSTER,
            reason => reason?,
        };
        Some((document.span, reason.to_owned()))
    });
    let mut left: HashMap<Span, String> = changed.collect();
    let mut last = HashSet::new();
    for _ in 0..MOST_ROUNDS {
        let adoption = match adopt(&given, &left, known) {
            Ok(adoption) => adoption,
            Err(twice) => {
                let findings = twice
                    .into_iter()
                    .map(|(first, other)| there_twice(first, other, documents, sources));
                return Ok(Err(findings.collect()));
            }
        };
        log.step("made a configuration", || {
            counted(adoption.objects, "object")
        });
        let alone: HashSet<Span> = adoption.left_alone.iter().map(|one| one.span).collect();
        let before: HashSet<Span> = left.keys().copied().collect();
        let comparison = match compared(&adoption, existing, &alone)? {
            Trial::Compared(comparison) => *comparison,
            Trial::Faulty(faults) => {
                let culprits = culprits(&adoption, &faults, &mut |spans| {
                    let some = given
                        .iter()
                        .filter(|one| spans.contains(&one.document.span));
                    fault_of(&some.copied().collect::<Vec<_>>(), known)
                })?;
                left.extend(culprits);
                if left.len() == before.len() {
                    break;
                }
                last = left.keys().copied().collect();
                last.retain(|span| !before.contains(span));
                continue;
            }
        };
        for one in &comparison.differences {
            let reason = match &one.change {
                Change::Changed { fields } | Change::Renamed { fields, .. } => {
                    let paths = fields
                        .iter()
                        .take(3)
                        .map(|field| format!("`{}`", field.path));
                    let paths: Vec<_> = paths.collect();
                    format!("it would be rendered with another {}", paths.join(", "))
                }
                Change::Removed => "it would not be rendered as it is called".to_owned(),
                Change::Added => continue,
            };
            if let Some(span) = one.span {
                left.insert(span, reason);
            }
        }
        if left.len() == before.len() {
            let lines = lines(&adoption, documents, sources);
            return Ok(Ok(Proved {
                adoption,
                comparison,
                lines,
                clusters,
            }));
        }
        last = left.keys().copied().collect();
        last.retain(|span| !before.contains(span));
    }
    let last = documents.iter().filter(|one| last.contains(&one.span));
    let last = last.filter_map(|one| Some(Manifest::new(None, one)?.object.to_string()));
    bail!(
        "no configuration was found that renders the same, so nothing was written; without these it was looked \
         for last: {}",
        shortened(last.collect())
    )
}

/// The Flux of clusters in whose folders it is installed, but for the usual one.
fn fluxes(existing: &Existing, clusters: &OfDocuments) -> BTreeMap<Option<Arc<str>>, FluxVersion> {
    let sources = &existing.read.sources;
    let (installed, _) = installed(&existing.documents, sources);
    let mut fluxes = BTreeMap::new();
    let sorted: BTreeMap<_, _> = clusters.iter().collect();
    for (span, clusters) in sorted {
        let file = Path::new(sources.name(span.source));
        let around = Installed::around(&installed, file);
        let version = around.and_then(|one| installed[one].version.as_deref());
        let version = version.and_then(|version| FluxVersion::parse(version).ok());
        if let ([cluster], Some(version)) = (&clusters[..], version)
            && version != FluxVersion::default()
        {
            fluxes.entry(cluster.clone()).or_insert(version);
        }
    }
    fluxes
}

/// The path below the folder that was named.
fn below<'n>(name: &'n str, root: &str) -> &'n str {
    let root = root.trim_end_matches('/');
    let rest = name
        .strip_prefix(root)
        .and_then(|rest| rest.strip_prefix('/'));
    rest.unwrap_or(name)
}

fn there_twice(first: Span, other: Span, documents: &[Node], sources: &Sources) -> Finding {
    let document = documents.iter().find(|document| document.span == other);
    let text = |keys: &[&str]| {
        let found = document.and_then(|one| keys.iter().try_fold(one, |node, key| node.get(key)));
        found.and_then(Node::as_str).unwrap_or_default()
    };
    let position = sources.position(first);
    let message = format!(
        "{} `{}/{}` is there twice",
        text(&["kind"]),
        text(&["metadata", "namespace"]),
        text(&["metadata", "name"])
    );
    let start = Span {
        end: other.start,
        ..other
    };
    Finding::error(start, "metadata.name", message).hint(format!(
        "the other stands at {}:{}; keep one, or put each cluster's into a folder of its own, as `clusters/NAME`",
        sources.name(first.source),
        position.line
    ))
}

/// Whether it is of a kind that the configuration writes.
pub(super) fn is_adopted(document: &Node) -> bool {
    let kind = document.get("kind").and_then(Node::as_str);
    is_of_flux(document)
        && kind
            .is_some_and(|kind| ["GitRepository", "OCIRepository", "Kustomization"].contains(&kind))
}

/// Lines of the documents that are rendered again, and of the configuration.
fn lines(adoption: &Adoption, documents: &[Node], sources: &Sources) -> (usize, usize) {
    let alone: HashSet<Span> = adoption.left_alone.iter().map(|one| one.span).collect();
    let is_ours = |document: &&Node| is_adopted(document) && !alone.contains(&document.span);
    let of_document = |document: &Node| {
        let text = sources.text(document.span.source);
        let (start, end) = (document.span.start as usize, document.span.end as usize);
        text.get(start..end)
            .map_or(0, |text| text.trim_end().lines().count())
    };
    let before = documents.iter().filter(is_ours).map(of_document).sum();
    let after = adoption
        .files
        .iter()
        .map(|(_, text)| text.lines().count())
        .sum();
    (before, after)
}

/// What became of a configuration.
enum Trial {
    Compared(Box<Comparison>),
    /// It cannot be rendered.
    Faulty(Vec<Fault>),
}

/// Renders files that are not written yet, and compares with what they were made of.
fn compared(
    adoption: &Adoption,
    existing: &Existing,
    alone: &HashSet<Span>,
) -> anyhow::Result<Trial> {
    if adoption.files.is_empty() {
        return Ok(Trial::Compared(Box::default()));
    }
    let folder = folder_of(adoption)?;
    let mut quiet = Log::new(false);
    let loaded = Loaded::read_folder(folder.path(), &mut quiet);
    let mut fleet = loaded.plan(&mut quiet);
    let templates = fleet.prove(&mut quiet);
    if fleet.is_faulty() {
        let place = folder.path().display().to_string();
        return Ok(Trial::Faulty(faults(&fleet, &place)));
    }
    let is_left_alone = |_: &ObjectName, span| alone.contains(&span);
    let all = Selection::default();
    let mut comparison = against::compared(&fleet, &templates, existing, &all, &is_left_alone)?;
    // for which cluster they are is what it was made of
    comparison.of_any_cluster = 0;
    Ok(Trial::Compared(Box::new(comparison)))
}

/// What is wrong with a configuration of these objects alone.
fn fault_of(given: &[Given<'_>], known: Known<'_>) -> anyhow::Result<Option<String>> {
    let Ok(adoption) = adopt(given, &HashMap::new(), known) else {
        return Ok(None);
    };
    if adoption.files.is_empty() {
        return Ok(None);
    }
    let folder = folder_of(&adoption)?;
    let mut quiet = Log::new(false);
    let loaded = Loaded::read_folder(folder.path(), &mut quiet);
    let mut fleet = loaded.plan(&mut quiet);
    fleet.prove(&mut quiet);
    let place = folder.path().display().to_string();
    let first = faults(&fleet, &place).into_iter().next();
    Ok(first.map(|fault| fault.message))
}

/// The files of a configuration in a folder that goes with its name.
fn folder_of(adoption: &Adoption) -> anyhow::Result<TempDir> {
    let folder =
        tempfile::tempdir().context("cannot make a folder to prove the configuration in")?;
    for (name, text) in &adoption.files {
        let path = folder.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).context("cannot prove the configuration")?;
        }
        fs::write(&path, text).context("cannot prove the configuration")?;
    }
    Ok(folder)
}

/// The errors of a fleet that was read from a folder that people never see.
fn faults(fleet: &Fleet<'_>, folder: &str) -> Vec<Fault> {
    let names = fleet.configuration.projects.iter();
    let mut names: Vec<_> = names.map(|project| &project.name).collect();
    names.sort_by_key(|name| (name.span.source, name.span.start));
    let errors = fleet.findings.iter();
    let errors = errors.filter(|finding| finding.severity == Severity::Error);
    let faults = errors.map(|finding| {
        let before = names.partition_point(|name| {
            (name.span.source, name.span.start) <= (finding.span.source, finding.span.start)
        });
        let name = before.checked_sub(1).map(|last| names[last]);
        let name = name.filter(|name| name.span.source == finding.span.source);
        Fault {
            project: name.map(|name| name.value.to_string()),
            message: finding.message.replace(&format!("{folder}/"), ""),
        }
    });
    faults.collect()
}

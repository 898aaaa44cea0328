//! `flux-setup init --from`: a configuration made of objects that exist, proved before it is written.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::adopt::{Adoption, Given, Places, adopt, steps};
use crate::budget::counted;
use crate::config::{Finding, Severity, Sources};
use crate::flux::yaml::{Node, Span};
use crate::manifests::cluster_name;
use crate::render::{Change, Comparison, Manifest};

use super::against::Part;
use super::args::{Format, GlobalArguments, InitArguments};
use super::editor::with_schemas;
use super::existing::{Existing, Reading};
use super::fleet::{Fleet, Loaded};
use super::init_report::{self, Proved};
use super::log::Log;
use super::manifest_files::{Documents, called};
use super::new_files::{quoted, shown_file, write_files};
use super::outcome::Outcome;
use super::{against, init_live, left_alone, old, output, report, whose};

/// Why it is left alone what lies outside of all clusters' folders, and none of these leads to it.
const OF_NO_CLUSTER: &str = "no folder of a cluster lists or applies it, so nobody knows for which of them \
     it is";

/// How often what renders otherwise is left alone and the rest is made anew.
const MOST_ROUNDS: usize = 8;

pub(super) fn run(global: &GlobalArguments, arguments: &InitArguments) -> anyhow::Result<Outcome> {
    let mut log = Log::new(global.verbose);
    let reading = Reading {
        exclude: &arguments.exclude,
        build: arguments.build,
    };
    let (existing, root) = match (&arguments.from, &arguments.context) {
        (Some(path), _) => (Existing::read(path, reading)?, called(path)),
        (None, Some(context)) => {
            let mut read = Documents::default();
            let documents = init_live::objects(context, &mut read)?;
            (Existing::of(read, documents), PathBuf::new())
        }
        (None, None) => {
            bail!("nothing says what the configuration is made of: `--from` or `--context`")
        }
    };
    let read = &existing.read;
    log.step("read", || counted(existing.documents.len(), "document"));
    if existing.is_of_no_use() {
        report::print(&read.sources, &read.findings, global.format)?;
        return Ok(Outcome::BadInput);
    }
    report::print_beside(&read.sources, &read.findings)?;
    let mut proved = match proved(&existing, &root, arguments.context.as_deref(), &mut log)? {
        Ok(proved) => proved,
        Err(findings) => {
            report::print(&read.sources, &findings, global.format)?;
            return Ok(Outcome::BadInput);
        }
    };
    let outcome = match existing.is_broken() {
        true => Outcome::No,
        false => Outcome::Done,
    };
    let folder = arguments.folder.as_ref().unwrap_or(&global.config);
    if proved.adoption.files.is_empty() {
        output::beside(&init_report::left_alone(&proved.adoption, &read.sources))?;
        bail!("there is no object of which a configuration could be made, so nothing was written");
    }
    if arguments.plan {
        let mut from = match (&arguments.from, &arguments.context) {
            (Some(path), _) => quoted(&path.display().to_string()),
            (None, _) => "MANIFESTS".to_owned(),
        };
        for pattern in &arguments.exclude {
            from += &format!(" --exclude {}", quoted(pattern));
        }
        if arguments.build {
            from += " --build";
        }
        let context = arguments.context.as_deref().map(quoted);
        let places = Places {
            config: &quoted(&folder.display().to_string()),
            from: &from,
            context: context.as_deref(),
        };
        let old = old::old(&proved.adoption, &existing, &proved.clusters, &is_adopted);
        let steps = steps(&proved.adoption, &old, places);
        match global.format {
            Format::Json => output::json(&init_report::steps_json(&steps))?,
            Format::Text => output::text(|out| init_report::write_steps(out, &steps))?,
        }
        return Ok(outcome);
    }
    let files = proved.adoption.files.iter();
    let files = files.map(|(name, text)| (name.as_str(), text.as_str()));
    proved.adoption.files = with_schemas(files);
    if let Some(list) = left_alone(&proved.adoption, &existing) {
        let file = (left_alone::FILE.to_owned(), list);
        proved.adoption.files.push(file);
    }
    refuse_others(folder, &proved.adoption.files)?;
    write_files(folder, &proved.adoption.files)?;
    match global.format {
        Format::Json => output::json(&init_report::json(&proved, &existing))?,
        Format::Text => {
            output::text(|out| init_report::write(out, folder, &proved, &existing))?;
        }
    }
    Ok(outcome)
}

/// What lies in the folder already would be read together with what is written, and was not proved.
fn refuse_others(folder: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    const READ: [(&str, &[&str]); 2] =
        [("environments", &["yaml", "yml"]), ("templates", &["tera"])];
    for (below, endings) in READ {
        let entries = match fs::read_dir(folder.join(below)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot look into `{}`", shown_file(folder, below)));
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names
            .filter(|name| {
                let ending = Path::new(name).extension();
                ending.is_some_and(|ending| endings.iter().any(|known| ending == *known))
            })
            .map(|name| format!("{below}/{name}"))
            .filter(|name| files.iter().all(|(file, _)| file != name))
            .collect();
        names.sort_unstable();
        if let Some(name) = names.first() {
            bail!(
                "`{}` would be read together with what was proved without it, so nothing was written; \
                 choose another folder: `flux-setup init DIR --from …`",
                shown_file(folder, name)
            );
        }
    }
    Ok(())
}

/// What a later comparison need not miss.
fn left_alone(adoption: &Adoption, existing: &Existing) -> Option<String> {
    let clusters = adoption.kustomizations.iter();
    let clusters: BTreeSet<&str> = clusters.filter_map(|one| one.cluster.as_deref()).collect();
    let clusters: Vec<Arc<str>> = clusters.into_iter().map(Arc::from).collect();
    let documents = existing.documents.iter();
    let documents: HashMap<Span, &Node> = documents.map(|one| (one.span, one)).collect();
    let clusters = whose::among(existing, &clusters);
    // what nothing applies is missed by no comparison
    let left = adoption.left_alone.iter();
    let left = left.filter(|one| existing.passed_over(one.span).is_none());
    let left = left.flat_map(|one| {
        let document = documents.get(&one.span);
        let clusters = clusters.get(&one.span).into_iter().flatten();
        clusters.map(move |cluster| {
            let manifest = document.and_then(|it| Manifest::new(cluster.clone(), it));
            (one, manifest.map(|manifest| manifest.object))
        })
    });
    left_alone::list(left)
}

/// Makes a configuration, renders it, and compares: what renders otherwise is left alone, until the rest
/// is the same. Inside, findings where objects are there twice.
fn proved(
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
    for _ in 0..MOST_ROUNDS {
        let adoption = match adopt(&given, &left, context) {
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
        let before = left.len();
        let comparison = match compared(&adoption, existing, &alone)? {
            Ok(comparison) => comparison,
            Err(faults) => {
                left.extend(faults);
                if left.len() == before {
                    break;
                }
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
        if left.len() == before {
            let lines = lines(&adoption, documents, sources);
            return Ok(Ok(Proved {
                adoption,
                comparison,
                lines,
                clusters,
            }));
        }
    }
    bail!("no configuration was found that renders the same, so nothing was written")
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

/// Renders files that are not written yet, and compares with what they were made of. Inside, what a fault
/// of the configuration comes from, where that is of one project alone.
///
/// # Errors
/// Where a fault is of none.
fn compared(
    adoption: &Adoption,
    existing: &Existing,
    alone: &HashSet<Span>,
) -> anyhow::Result<Result<Comparison, Vec<(Span, String)>>> {
    if adoption.files.is_empty() {
        return Ok(Ok(Comparison::default()));
    }
    let folder =
        tempfile::tempdir().context("cannot make a folder to prove the configuration in")?;
    for (name, text) in &adoption.files {
        let path = folder.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).context("cannot prove the configuration")?;
        }
        fs::write(&path, text).context("cannot prove the configuration")?;
    }
    let mut quiet = Log::new(false);
    let loaded = Loaded::read_folder(folder.path(), &mut quiet);
    let mut fleet = loaded.plan(&mut quiet);
    let templates = fleet.prove(&mut quiet);
    if fleet.is_faulty() {
        return faults(&fleet, adoption).map(Err);
    }
    let is_left_alone = |one: &Manifest| alone.contains(&one.span);
    against::compared(&fleet, &templates, existing, Part::All, &is_left_alone).map(Ok)
}

/// The places of what cannot be said without a fault, each with the reason.
fn faults(fleet: &Fleet<'_>, adoption: &Adoption) -> anyhow::Result<Vec<(Span, String)>> {
    let names = fleet.configuration.projects.iter();
    let mut names: Vec<_> = names.map(|project| &project.name).collect();
    names.sort_by_key(|name| (name.span.source, name.span.start));
    let errors = fleet.findings.iter();
    let errors = errors.filter(|finding| finding.severity == Severity::Error);
    let mut faults = Vec::new();
    for finding in errors {
        let message = &finding.message;
        let before = names.partition_point(|name| {
            (name.span.source, name.span.start) <= (finding.span.source, finding.span.start)
        });
        let name = before.checked_sub(1).map(|last| names[last]);
        let name = name.filter(|name| name.span.source == finding.span.source);
        let mut projects = adoption.projects.iter();
        let project =
            projects.find(|(project, _)| name.is_some_and(|name| *name.value == **project));
        let Some((_, spans)) = project else {
            bail!(
                "the configuration that was made of it has a fault, so nothing was written: {message}"
            );
        };
        let reason = format!("a configuration that says it has a fault: {message}");
        faults.extend(spans.iter().map(|span| (*span, reason.clone())));
    }
    Ok(faults)
}

/// Whether it is of a kind that the configuration writes.
fn is_adopted(document: &Node) -> bool {
    let text = |key| document.get(key).and_then(Node::as_str).unwrap_or_default();
    let is_of_flux = text("apiVersion").contains(".toolkit.fluxcd.io/");
    is_of_flux && ["GitRepository", "OCIRepository", "Kustomization"].contains(&text("kind"))
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

//! Manifests that exist, as `init --from` and `render --check --against` read them: in place of an overlay
//! stands what kustomize makes of it, or its objects are known to say something else than is written.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::bail;

use crate::config::{Finding, Severity};
use crate::flux::yaml::{Node, Span};
use crate::manifests::{Overlay, is_kustomization_file};

use super::kustomize::{fields, take_built, tree};
use super::manifest_files::{Below, Documents, shown};
use super::manifests::{is_of_kustomize, without_lists};

/// Fields of a kustomization that change what workloads say, and no object of Flux.
const OF_WORKLOADS: [&str; 2] = ["images", "replicas"];

/// How manifests are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Patterns of files below a folder that are left out.
    pub(super) exclude: &'a [String],
    /// Whether kustomize builds overlays.
    pub(super) build: bool,
}

#[derive(Debug)]
pub(super) struct Existing {
    pub(super) read: Documents,
    /// All but kustomize's own, with the items of each list.
    pub(super) documents: Vec<Node>,
    /// Of texts whose objects kustomize may change: why, in words that follow the object.
    changed: HashMap<u32, String>,
    is_folder: bool,
}

impl Existing {
    /// The documents of a file, a folder or stdin.
    ///
    /// # Errors
    /// Where there is none, or nothing to build with.
    pub(super) fn read(path: &Path, reading: Reading<'_>) -> anyhow::Result<Self> {
        let mut read = Documents::default();
        read.exclude(reading.exclude)?;
        let documents = read.read(path)?;
        let (own, mut documents): (Vec<_>, Vec<_>) = documents
            .into_iter()
            .partition(|document| is_of_kustomize(document, &read.sources));
        let below = read.below.take();
        let is_folder = below.is_some();
        if !is_folder && !reading.exclude.is_empty() {
            bail!(
                "`--exclude` leaves out files of a folder, and {} is none",
                shown(path)
            );
        }
        if is_folder {
            pass_over(&mut read);
        }
        let changed = match below {
            Some(below) => overlays(&mut read, &below, &own, &mut documents, reading.build)?,
            None if reading.build => {
                bail!(
                    "`--build` builds what lies in a folder, and {} is none",
                    shown(path)
                )
            }
            None => HashMap::new(),
        };
        if documents.is_empty() && read.findings.is_empty() {
            bail!("{} holds no manifest", shown(path));
        }
        Ok(Self {
            read,
            documents: without_lists(documents),
            changed,
            is_folder,
        })
    }

    /// Of what is known already.
    pub(super) fn of(read: Documents, documents: Vec<Node>) -> Self {
        Self {
            read,
            documents,
            changed: HashMap::new(),
            is_folder: false,
        }
    }

    /// Whether something that may be an object of Flux could not be read: of a folder the rest counts.
    pub(super) fn is_broken(&self) -> bool {
        let mut findings = self.read.findings.iter();
        findings.any(|finding| finding.severity == Severity::Error)
    }

    /// Whether that is all that was asked for, or nothing of it can be read.
    pub(super) fn is_of_no_use(&self) -> bool {
        self.is_broken() && (!self.is_folder || self.documents.is_empty())
    }

    /// Why an object may say something else than is written there.
    pub(super) fn changed(&self, span: Span) -> Option<&str> {
        self.changed.get(&span.source).map(String::as_str)
    }
}

/// What holds no object of Flux may be anything: a template, values, a text. That it is not read is told,
/// and no fault.
fn pass_over(read: &mut Documents) {
    let sources = &read.sources;
    for finding in &mut read.findings {
        let name = sources.name(finding.span.source);
        let is_kustomize = is_kustomization_file(name.rsplit('/').next().unwrap_or_default());
        if finding.severity != Severity::Error {
            continue;
        }
        if !is_kustomize && !may_hold_flux(sources.text(finding.span.source)) {
            finding.severity = Severity::Warning;
            continue;
        }
        let hint = finding.hint.take();
        let hint = hint.map_or_else(String::new, |hint| format!("{hint}; "));
        finding.hint = Some(format!("{hint}`--exclude GLOB` leaves it out"));
    }
}

/// Whether a text of which not all could be read may hold an object of Flux. What could not be read at
/// all is empty.
fn may_hold_flux(text: &str) -> bool {
    const GROUPS: &str = ".toolkit.fluxcd.io/";
    // UTF-16 has a NUL behind each letter
    text.is_empty() || text.contains(GROUPS) || text.replace('\0', "").contains(GROUPS)
}

/// Has overlays built, or says of which texts they change the objects.
fn overlays(
    read: &mut Documents,
    below: &Below,
    own: &[Node],
    documents: &mut Vec<Node>,
    build: bool,
) -> anyhow::Result<HashMap<u32, String>> {
    let tree = tree(below, own);
    documents.retain(|node| match below.files.get(&node.span.source) {
        Some(file) => !tree.is_part(file),
        None => true,
    });
    let mut roots = tree.roots();
    for root in &mut roots {
        root.fields
            .retain(|field| !OF_WORKLOADS.contains(&field.as_str()));
    }
    let changing = roots.iter().filter(|root| !root.fields.is_empty());
    let changed: BTreeSet<String> = changing.flat_map(|root| root.files.clone()).collect();
    if build {
        // a file that one overlay changes is not what another says either
        let is_built = |root: &Overlay| {
            !root.fields.is_empty() || !root.out.is_empty() || !root.files.is_disjoint(&changed)
        };
        roots.retain(is_built);
        if !roots.is_empty() {
            take_built(read, below, &roots, documents)?;
        }
        return Ok(HashMap::new());
    }
    for (written, span) in roots.iter().flat_map(|root| &root.out) {
        let message =
            format!("`{written}` lies above the folder that is read, so what is in it is not seen");
        let hint = "name the folder above, or take what kustomize makes of it: `--build`";
        read.findings
            .push(Finding::warning(*span, "", message).hint(hint));
    }
    let mut reasons: HashMap<&str, String> = HashMap::new();
    for root in roots.iter().filter(|root| !root.fields.is_empty()) {
        let (fields, _) = fields(root);
        let by = read.sources.name(root.span.source);
        let reason =
            format!("{fields} of {by} may change it; `--build` takes what kustomize makes of it");
        for file in &root.files {
            reasons.entry(file).or_insert_with(|| reason.clone());
        }
    }
    let changed = below.files.iter().filter_map(|(source, file)| {
        let reason = reasons.get(file.as_str())?;
        Some((*source, reason.clone()))
    });
    Ok(changed.collect())
}

//! Manifests that exist, as `init --from` and `render --check --against` read them: in place of an overlay
//! stands what kustomize makes of it, or its objects are known to say something else than is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::bail;

use crate::config::{Finding, Severity};
use crate::flux::is_of_flux;
use crate::flux::yaml::{Entry, Node, Span};
use crate::manifests::{Kustomizations, Overlay, PassedOver, Whose, is_kustomization_file};

use super::applied::applied;
use super::kustomize::{fields, take_built, tree};
use super::manifest_files::{Below, Documents, named, shown};
use super::manifests::{is_of_kustomize, without_lists};
use super::no_objects::take_out;

/// Fields of a kustomization that change what workloads say, and no object of Flux.
const OF_WORKLOADS: [&str; 2] = ["images", "replicas"];

/// In the groups of Flux's kinds, all of which live in namespaces.
const FLUX: &str = ".toolkit.fluxcd.io/";

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
    /// Kustomize's own.
    own: Vec<Node>,
    /// Of documents that kustomize may change: why, in words that follow the object.
    changed: HashMap<Span, String>,
    /// The same of those that whatever applies them may change.
    applied_otherwise: HashMap<Span, String>,
    /// Files that Flux passes over, by the numbers of their texts, with the kustomization that does not list
    /// each.
    passed_over: HashMap<u32, (PassedOver, String)>,
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
        if let Some(below) = &below {
            take_out(&mut read, below, &tree(below, &own), &own, &mut documents);
            pass_over(&mut read);
        }
        let mut passed_over = HashMap::new();
        let made = match below {
            Some(below) => {
                let tree = tree(&below, &own);
                for file in super::kustomize::passed_over(&tree, &below, &documents) {
                    let by = named(&below.shown.join(&file.by));
                    passed_over.insert(file.source, (file, by));
                }
                overlays(&mut read, &below, &tree, &mut documents, reading.build)?
            }
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
        read.findings.extend(read.others.notice(&read.sources));
        let mut existing = Self {
            read,
            documents: without_lists(documents),
            own,
            changed: HashMap::new(),
            applied_otherwise: HashMap::new(),
            passed_over,
            is_folder,
        };
        existing.as_made(&made);
        existing.as_applied();
        existing.as_read();
        Ok(existing)
    }

    /// Of what is known already.
    pub(super) fn of(read: Documents, documents: Vec<Node>) -> Self {
        Self {
            read,
            documents,
            own: Vec::new(),
            changed: HashMap::new(),
            applied_otherwise: HashMap::new(),
            passed_over: HashMap::new(),
            is_folder: false,
        }
    }

    /// Takes what kustomize makes of each document, where that is known.
    fn as_made(&mut self, made: &HashMap<u32, Made>) {
        for document in &mut self.documents {
            let Some(made) = made.get(&document.span.source) else {
                continue;
            };
            let namespaces: BTreeSet<&str> = made.namespaces.keys().map(String::as_str).collect();
            let own = document.get("metadata").and_then(|it| it.get("namespace"));
            let own = own.and_then(Node::as_str).map(str::to_owned);
            let is_of_flux = is_of_flux(document);
            let reason = match (made.reason.as_ref(), own.as_deref(), namespaces.first()) {
                (Some(reason), ..) => Some(reason),
                (None, Some(own), _) if namespaces.iter().all(|name| *name == own) => None,
                (None, None, Some(name))
                    if namespaces.len() == 1 && made.roots == 1 && is_of_flux =>
                {
                    put_namespace(document, name);
                    None
                }
                (None, ..) => made.namespaces.values().next(),
            };
            if let Some(reason) = reason {
                self.changed.insert(document.span, reason.clone());
            }
        }
    }

    /// Takes what Kustomizations of Flux make of each document that they apply, where that is known.
    fn as_applied(&mut self) {
        let applied = applied(&self.whose(), &self.documents, &self.read.sources);
        self.applied_otherwise = applied.otherwise;
        for (index, namespace) in applied.namespaces {
            put_namespace(&mut self.documents[index], &namespace);
        }
    }

    /// What could not be read of a document says something else to others who read it.
    fn as_read(&mut self) {
        let findings = self.read.findings.iter();
        for finding in findings.filter(|finding| finding.severity == Severity::Error) {
            let at = finding.span;
            let document = self.documents.iter().find(|document| {
                let span = document.span;
                span.source == at.source && span.start <= at.start && at.start < span.end
            });
            if let Some(document) = document {
                let reason = format!("it cannot be read as Flux does: {}", finding.message);
                self.changed.entry(document.span).or_insert(reason);
            }
        }
    }

    /// Why nothing applies an object, in words that follow it.
    pub(super) fn passed_over(&self, span: Span) -> Option<String> {
        let (_, by) = self.passed_over.get(&span.source)?;
        Some(format!("`{by}` does not list it, so nothing applies it"))
    }

    /// The same of all files with an object of Flux.
    pub(super) fn all_passed_over(&self) -> Vec<Finding> {
        let documents = self.documents.iter().filter(|one| is_of_flux(one));
        let sources: BTreeSet<u32> = documents.map(|document| document.span.source).collect();
        let files = sources.iter().filter_map(|it| self.passed_over.get(it));
        files
            .map(|(file, by)| file.finding(&|_| by.clone()))
            .collect()
    }

    /// Whose each file is.
    pub(super) fn whose(&self) -> Whose<'_> {
        Whose::of(&self.documents, &self.own, &self.read.sources)
    }

    /// Whether each text is a file of a folder that was read, or built of these.
    pub(super) fn is_in_files(&self) -> bool {
        self.is_folder
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
        self.changed.get(&span).map(String::as_str)
    }

    /// The same of an object that would be rendered to elsewhere: what applies it now may change it too.
    pub(super) fn applied_otherwise(&self, span: Span) -> Option<&str> {
        let reason = self.changed(span);
        reason.or_else(|| self.applied_otherwise.get(&span).map(String::as_str))
    }
}

/// What kustomize makes of the objects of a text.
#[derive(Debug, Default)]
struct Made {
    /// Why nobody knows, in words that follow the object.
    reason: Option<String>,
    /// Namespaces that they are put into, with the same of each.
    namespaces: BTreeMap<String, String>,
    /// How many kustomizations take them in that nothing includes: others may leave the namespace out.
    roots: usize,
}

fn put_namespace(document: &mut Node, namespace: &str) {
    let entries = document.as_mapping_mut().into_iter().flatten();
    let metadata = entries.into_iter().find(|entry| entry.key == "metadata");
    if let Some(metadata) = metadata
        && let span = metadata.node.span
        && let Some(entries) = metadata.node.as_mapping_mut()
    {
        let namespace = Node::string(span, namespace.to_owned());
        entries.push(Entry::new("namespace", namespace));
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
    // UTF-16 has a NUL behind each letter
    text.is_empty() || text.contains(FLUX) || text.replace('\0', "").contains(FLUX)
}

/// Has overlays built, or says of which texts they change the objects.
fn overlays(
    read: &mut Documents,
    below: &Below,
    tree: &Kustomizations<'_>,
    documents: &mut Vec<Node>,
    build: bool,
) -> anyhow::Result<HashMap<u32, Made>> {
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
    let mut made: HashMap<String, Made> = HashMap::new();
    for (mut overlay, namespace) in tree.changing() {
        overlay
            .fields
            .retain(|field| !OF_WORKLOADS.contains(&field.as_str()));
        if overlay.fields.is_empty() {
            continue;
        }
        let (fields, _) = fields(&overlay);
        let by = read.sources.name(overlay.span.source);
        let reason =
            format!("{fields} of {by} may change it; `--build` takes what kustomize makes of it");
        let namespace = namespace.filter(|_| overlay.fields == ["namespace"]);
        for file in overlay.files {
            let made = made.entry(file).or_default();
            match namespace {
                Some(namespace) => {
                    drop(made.namespaces.insert(namespace.to_owned(), reason.clone()))
                }
                None => made.reason = made.reason.take().or_else(|| Some(reason.clone())),
            }
        }
    }
    for file in roots.iter().flat_map(|root| &root.files) {
        if let Some(made) = made.get_mut(file) {
            made.roots += 1;
        }
    }
    let made = below.files.iter().filter_map(|(source, file)| {
        let made = made.remove(file)?;
        Some((*source, made))
    });
    Ok(made.collect())
}

//! `flux-setup validate --manifests`: plain manifests, judged without any configuration.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

use anyhow::bail;
use serde::Serialize;
use serde_json::Map;

use crate::budget::{counted, counted_as};
use crate::config::{Class, Finding, Sources};
use crate::flux::schema::Coverage;
use crate::flux::yaml::{Node, Span, Value};
use crate::flux::{Fault, FaultSeverity};
use crate::manifests::{
    AppliedWay, AsApplied, Asked, Objects, Wanted, ask, is_kustomization_file,
    paths_that_are_not_there, relations,
};

use super::args::GlobalArguments;
use super::judgement::Judgement;
use super::kustomize::{Taken, take_in};
use super::log::Log;
use super::manifest_crds::{HeldCrds, named_crds};
use super::manifest_files::{Documents, shown};
use super::no_objects::may_be_ignored;
use super::outcome::Outcome;
use super::same_object::{cluster, same_objects};
use super::sops::{is_encrypted, without_sops};
use super::validate_args::ValidateArguments;

/// How many documents were judged, and how far.
#[derive(Debug, Default, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged {
    /// By the schema of their kind.
    judged: usize,
    /// Of all these: what is passed over in them, as it may be another where they are applied.
    partly: usize,
    /// Kinds of Kubernetes itself, whose schemas we do not have.
    metadata_only: usize,
    /// Kinds for which there is no CRD.
    unchecked: usize,
    /// Kustomize's own configuration and parts of it, which are meant for no cluster.
    kustomize: usize,
    /// Overlays whose objects were judged as kustomize builds them.
    built: usize,
    /// Git repositories that answered.
    asked: usize,
    /// Files without any object.
    #[serde(skip)]
    others: usize,
}

pub(super) fn run(
    global: &GlobalArguments,
    path: &Path,
    arguments: &ValidateArguments,
) -> anyhow::Result<Outcome> {
    let mut log = Log::new(global.verbose);
    let mut read = Documents::default();
    let named = named_crds(&mut read, &arguments.crds)?;
    read.exclude(&arguments.exclude)?;
    read.pass_over(arguments.baseline.baseline.as_deref());
    let documents = read.read(path)?;
    let is_folder = read.below.is_some();
    let all = documents.len();
    let (own, documents): (Vec<_>, Vec<_>) = documents
        .into_iter()
        .partition(|document| is_of_kustomize(document, &read.sources));
    let kept = documents.len();
    let Taken {
        documents,
        built,
        passed_over,
        touched,
    } = take_in(&mut read, documents, &own, arguments.build)?;
    let kustomize = if arguments.build {
        all - kept
    } else {
        all - documents.len() - read.others.documents
    };
    let is_built = arguments.build && kustomize > 0;
    if documents.is_empty() && read.findings.is_empty() && !is_built {
        bail!(match kustomize {
            0 if !read.others.is_empty() => {
                let others = read.others.told(&read.sources);
                format!("{} holds no manifest; {others}", shown(path))
            }
            0 => format!("{} holds no manifest", shown(path)),
            _ => format!(
                "{} holds no manifest, only kustomize's own configuration; \
                 `kustomize build` makes manifests of it",
                shown(path)
            ),
        });
    }
    read.findings.extend(read.others.notice(&read.sources));
    let documents = without_lists(documents);
    let (mut documents, encrypted) = without_sops(documents);
    log.step("read", || counted(documents.len(), "document"));
    let given = &arguments.flux_version;
    let crds = HeldCrds::among(&documents, &own, &named, given, &mut read)?;
    let objects = Objects::of(&documents);
    let applied = AsApplied::of(&documents, &own, &read.sources, &|document| {
        let touched = touched.get(&document.span.source);
        touched.copied().unwrap_or_default()
    });
    read.findings.extend(applied.findings());
    let judged = Judged {
        kustomize,
        built,
        others: read.others.len(),
        ..judge(&documents, &applied, &encrypted, &crds, &mut read)
    };
    applied.put_in(&mut documents);
    let below = read.below.as_ref();
    let is_whole = || below.is_none_or(|below| !may_be_ignored(below, &documents));
    let found = same_objects(&documents, &own, &read.sources, &is_whole);
    read.findings.extend(found);
    let changed = applied.changed(&documents);
    if let Some(below) = &read.below {
        let found = paths_that_are_not_there(
            &documents,
            &own,
            &read.sources,
            &|document| changed.contains(&document.span),
            &|folder| below.has_folder(folder),
        );
        read.findings.extend(found);
    }
    let wanted = Wanted {
        missing: is_folder,
        values: arguments.secrets,
    };
    let found = relations(
        &documents,
        &own,
        &read.sources,
        &|document| cluster(read.sources.text(document.span.source)),
        &passed_over,
        &|document| changed.contains(&document.span),
        wanted,
    );
    read.findings.extend(found);
    let mut judged = judged;
    if arguments.online {
        let asked = ask(&documents, &read.sources, &|document| {
            cluster(read.sources.text(document.span.source))
        });
        let Some(Asked { findings, answered }) = asked else {
            bail!("`--online` needs `git` on the PATH, and there is none");
        };
        read.findings.extend(findings);
        judged.asked = answered;
        log.step("asked", || repositories(answered));
    }
    log.step("judged", || judged.shown(crds.told()));

    let mut more = Map::new();
    more.insert("documents".into(), serde_json::to_value(judged)?);
    more.insert("flux".into(), serde_json::to_value(crds.judged())?);
    let others = read.others.names(&read.sources);
    more.insert("otherFiles".into(), others.into());
    let judgement = Judgement {
        sources: &read.sources,
        findings: read.findings,
        judged: judged.shown(crds.told()),
        is_always_told: true,
        more,
        objects,
        path,
    };
    judgement.print(global, &arguments.baseline)
}

fn repositories(count: usize) -> String {
    counted_as(count, "repository", "repositories")
}

fn judge(
    documents: &[Node],
    applied: &AsApplied,
    encrypted: &HashSet<Span>,
    crds: &HeldCrds,
    read: &mut Documents,
) -> Judged {
    let mut judged = Judged::default();
    let mut unknown: BTreeMap<String, (Span, usize)> = BTreeMap::new();
    for (number, document) in documents.iter().enumerate() {
        let (mut faults, is_whole) = faults(document, applied.ways(number), crds);
        judged.partly += usize::from(!is_whole);
        if is_live(document) {
            let uid = faults
                .iter_mut()
                .filter(|fault| fault.path == "metadata.uid");
            uid.for_each(|fault| fault.severity = FaultSeverity::Warning);
        }
        if encrypted.contains(&document.span) {
            faults.retain(|fault| !is_encrypted(&read.sources, fault.span));
        }
        read.findings.extend(faults.into_iter().map(Finding::from));
        let coverage = crds.coverage(document);
        match coverage {
            Coverage::Whole => judged.judged += 1,
            Coverage::BuiltIn => judged.metadata_only += 1,
            Coverage::NoCrd { .. } => {
                judged.unchecked += 1;
                unknown
                    .entry(coverage.to_string())
                    .or_insert((document.span, 0))
                    .1 += 1;
            }
        }
    }
    for (what, (span, count)) in unknown {
        let start = Span {
            end: span.start,
            ..span
        };
        let documents = counted(count, "document");
        let finding = Finding::warning(start, "", format!("{documents} {what}"));
        let hint = "name its CustomResourceDefinition: `--crds FILE`";
        let finding = finding.class(Class::Api).hint(hint);
        read.findings.push(finding.unjudged());
    }
    judged
}

/// Whether an API server printed it, which takes its own `uid` back.
fn is_live(document: &Node) -> bool {
    let metadata = document.get("metadata");
    let is_said = |key| metadata.is_some_and(|it| it.get(key).is_some());
    is_said("uid") && is_said("creationTimestamp") && is_said("resourceVersion")
}

/// What is wrong with a document in any way in which it is applied, and whether nothing was passed over.
fn faults(document: &Node, ways: &[AppliedWay], crds: &HeldCrds) -> (Vec<Fault>, bool) {
    if ways.is_empty() {
        return (crds.faults(document), true);
    }
    let (mut all, mut is_whole): (Vec<Fault>, bool) = (Vec::new(), true);
    for way in ways {
        let found = crds.faults(way.document(document));
        let count = found.len();
        let left = way.left(document, found);
        is_whole &= left.len() == count && !way.is_open();
        for fault in left {
            if !all.iter().any(|other| other.is_same(&fault)) {
                all.push(fault);
            }
        }
    }
    (all, is_whole)
}

impl Judged {
    /// `3 documents judged by Flux 2.8, 1 by its metadata alone, 2 not checked`.
    fn shown(self, by: Option<String>) -> String {
        let mut shown = format!("{} judged", counted(self.judged, "document"));
        if let Some(by) = by {
            shown += &format!(" {by}");
        }
        if self.metadata_only > 0 {
            shown += &format!(
                ", {} of Kubernetes' own kinds by metadata alone",
                self.metadata_only
            );
        }
        if self.unchecked > 0 {
            shown += &format!(", {} not checked", self.unchecked);
        }
        if self.partly > 0 {
            shown += &format!(", {} not wholly", self.partly);
        }
        if self.kustomize > 0 {
            shown += &format!(", {} of kustomize itself passed over", self.kustomize);
        }
        if self.built > 0 {
            shown += &format!(", {} built", counted(self.built, "overlay"));
        }
        if self.asked > 0 {
            shown += &format!(", {} asked", repositories(self.asked));
        }
        if self.others > 0 {
            shown += &format!(", {} passed over", counted(self.others, "other file"));
        }
        shown
    }
}

/// The documents with the items of each list in its place, as `kubectl get` prints them and as kubectl and
/// kustomize read them, whatever kind they are of. In a list of one kind, as `GitRepositoryList`, the items
/// need not say what they are.
pub(super) fn without_lists(documents: Vec<Node>) -> Vec<Node> {
    let mut single = Vec::with_capacity(documents.len());
    for document in documents {
        let kind = document.get("kind").and_then(Node::as_str);
        let items = document.get("items");
        match items.and_then(Node::as_sequence) {
            Some(items) if kind.is_some_and(|kind| kind.ends_with("List")) => {
                let items = items.iter().map(|item| of_list(item, &document));
                single.extend(without_lists(items.collect()));
            }
            None if kind == Some("List") && items.is_none_or(Node::is_null) => {}
            _ => single.push(document),
        }
    }
    single
}

/// An item with what it is, where the list alone says so.
fn of_list(item: &Node, list: &Node) -> Node {
    let mut item = item.clone();
    let kind = list.get("kind").and_then(Node::as_str).unwrap_or_default();
    let kind = kind.trim_end_matches("List");
    if let (false, Some(entries)) = (kind.is_empty(), item.as_mapping_mut()) {
        for (key, text) in [("kind", Some(kind)), ("apiVersion", None)] {
            let Some(said) = list.entry(key) else {
                continue;
            };
            if entries.iter().all(|entry| entry.key != key) {
                let mut entry = said.clone();
                if let Some(text) = text {
                    entry.node = Node::string(said.node.span, text.to_owned());
                }
                entries.insert(0, entry);
            }
        }
    }
    item
}

/// Whether a document is kustomize's own configuration, which no API server takes. In a file of its
/// name kustomize needs neither `apiVersion` nor `kind`.
pub(super) fn is_of_kustomize(document: &Node, sources: &Sources) -> bool {
    let text = |key: &str| document.get(key).and_then(Node::as_str);
    if let Some(version) = text("apiVersion") {
        return version.starts_with("kustomize.config.k8s.io/");
    }
    let file = Path::new(sources.name(document.span.source)).file_name();
    let name = file.and_then(OsStr::to_str);
    let is_so_called = name.is_some_and(is_kustomization_file);
    let has_its_kind =
        text("kind").is_none_or(|kind| ["Kustomization", "Component"].contains(&kind));
    let is_mapping = matches!(document.value, Value::Mapping(_));
    is_so_called && is_mapping && has_its_kind && document.get("apiVersion").is_none()
}

#[cfg(test)]
mod tests {
    use super::without_lists;

    use crate::flux::yaml::{self, Node};

    #[test]
    fn of_a_list_the_items_are_judged() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- {kind: A}\n- {apiVersion: v1, kind: BList, items: [{kind: B}]}\n- {kind: List, items: null}\n---\nkind: C\n";
        let documents = without_lists(yaml::read(text, 0).0);
        let kinds = documents.iter().map(|document| document.get("kind"));
        let kinds: Vec<_> = kinds.map(|kind| kind.and_then(Node::as_str)).collect();
        assert_eq!(kinds, [Some("A"), Some("B"), Some("C")]);
    }

    #[test]
    fn an_item_of_a_list_of_one_kind_is_of_that_kind() {
        let text = "apiVersion: a.b/v1\nkind: ThingList\nitems: [{metadata: {name: x}}, {kind: Other, apiVersion: c/v2}, 1]\n---\nkind: List\nitems: [{metadata: {name: y}}]\n";
        let documents = without_lists(yaml::read(text, 0).0);
        let said = documents.iter().map(|document| {
            let text = |key| document.get(key).and_then(Node::as_str).unwrap_or("-");
            format!("{} {}", text("apiVersion"), text("kind"))
        });
        let said: Vec<_> = said.collect();
        assert_eq!(said, ["a.b/v1 Thing", "c/v2 Other", "- -", "- -"]);
    }
}

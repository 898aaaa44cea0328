//! From documents to the files of a configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::flux::yaml::{Node, Span};

use super::files::files;
use super::found::{Deletes, Found, Given, Kind, Known, LeftAlone, label};
use super::gaps::{fill_what_is_known, put_gaps};
use super::layers::assign;
use super::leaves::leaves;
use super::projects::{Fleet, put_together};
use super::twice::{Twice, twice};

/// A configuration, and what it does not say.
#[derive(Debug)]
pub struct Adoption {
    /// Path below the folder, and text; none where nothing can be said.
    pub files: Vec<(String, String)>,
    /// Objects of kinds that we write, in the order in which they were read.
    pub left_alone: Vec<LeftAlone>,
    /// How many documents there are of each kind that we do not write.
    pub other_kinds: BTreeMap<String, usize>,
    /// How many objects the configuration renders.
    pub objects: usize,
    /// Of these, the Kustomizations, for the move.
    pub kustomizations: Vec<Adopted>,
    /// With the places of the documents that each says.
    pub projects: Vec<AdoptedProject>,
}

/// A project of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptedProject {
    pub name: String,
    /// Each Kustomization with its source, but for one of others.
    pub applied: Vec<BTreeSet<Span>>,
}

/// A Kustomization that the configuration renders.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Adopted {
    pub cluster: Option<String>,
    pub namespace: String,
    pub name: String,
    /// By what Flux deletes what it applied; `None` where it does not.
    pub deletes: Option<Deletes>,
}

/// Makes the shortest configuration that renders these objects. What is `left` is left alone, for the
/// reasons that are given.
///
/// # Errors
/// Where an object is there twice in one cluster: the first place, and the other, of each.
pub fn adopt(
    given: &[Given<'_>],
    left: &HashMap<Span, String>,
    known: Known<'_>,
) -> Result<Adoption, Vec<(Span, Span)>> {
    let mut reasons: HashMap<Span, String> = left.clone();
    let mut found = Vec::new();
    let mut other_kinds = BTreeMap::new();
    for one in given {
        let span = one.document.span;
        match Found::read(one, known.fluxes) {
            None => {
                // what has none is no object: values, settings of other programs
                if let Some(kind) = one.document.get("kind").and_then(Node::as_str) {
                    *other_kinds.entry(kind.to_owned()).or_default() += 1;
                }
            }
            Some(Ok(objects)) if !left.contains_key(&span) => found.extend(objects),
            Some(Ok(_)) => {}
            Some(Err(reason)) => {
                reasons.entry(span).or_insert(reason);
            }
        }
    }
    let twice = twice(&found);
    if !twice.is_empty() {
        return Err(twice
            .into_iter()
            .map(|Twice(one, other)| (one, other))
            .collect());
    }
    let (files, projects) = loop {
        let (fleet, idle) = put_together(&found);
        let mut go: HashMap<Span, String> = HashMap::new();
        for index in idle {
            go.insert(found[index].span, why_idle(&found[index], given, &reasons));
        }
        if go.is_empty() {
            let mut leaves = leaves(&fleet);
            put_gaps(&fleet, &mut leaves);
            let (mut layers, unsaid) = assign(&fleet, &leaves);
            fill_what_is_known(&fleet, &mut layers);
            for leaf in unsaid {
                let reason = "it waits for other objects than in other clusters of its environment";
                go.insert(found[leaves[leaf].found].span, reason.to_owned());
            }
            if go.is_empty() {
                let files = match &found[..] {
                    [] => Vec::new(),
                    _ => files(&fleet, &layers, known),
                };
                break (files, spans(&fleet));
            }
        }
        drop(fleet);
        // what is for several clusters is one document
        found.retain(|one| !go.contains_key(&one.span));
        reasons.extend(go);
    };
    let kustomizations = found.iter().filter(|one| one.kind == Kind::Kustomization);
    let kustomizations: BTreeSet<Adopted> = kustomizations
        .map(|one| Adopted {
            cluster: one.cluster.as_deref().map(str::to_owned),
            namespace: one.namespace.clone(),
            name: one.name.clone(),
            deletes: one.deletes.clone(),
        })
        .collect();
    let left_alone = given.iter().filter_map(|one| {
        Some(LeftAlone {
            span: one.document.span,
            object: label(one.document),
            reason: reasons.get(&one.document.span)?.clone(),
        })
    });
    Ok(Adoption {
        files,
        left_alone: left_alone.collect(),
        other_kinds,
        objects: found.len(),
        kustomizations: kustomizations.into_iter().collect(),
        projects,
    })
}

fn spans(fleet: &Fleet<'_>) -> Vec<AdoptedProject> {
    let projects = fleet.projects.iter().map(|project| {
        let objects = project.objects.iter().flat_map(|one| one.at.values());
        let applied: BTreeMap<Span, BTreeSet<Span>> = objects
            .map(|index| {
                let object = &fleet.found[*index];
                let sources = project.sources.values().map(|index| &fleet.found[*index]);
                let sources = sources.filter(|source| source.cluster == object.cluster);
                let sources = sources.filter(|source| object.applies_from(source));
                let spans = sources.map(|source| source.span);
                (object.span, spans.chain([object.span]).collect())
            })
            .collect();
        AdoptedProject {
            name: project.name.clone(),
            applied: applied.into_values().collect(),
        }
    });
    projects.collect()
}

/// Why a source is of no project.
fn why_idle(source: &Found, given: &[Given<'_>], reasons: &HashMap<Span, String>) -> String {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
    let applies = |document: &Node| {
        let reference = document.get("spec").and_then(|spec| spec.get("sourceRef"));
        let of_reference = |key| text(reference.and_then(|it| it.get(key)));
        let own = || text(document.get("metadata").and_then(|it| it.get("namespace")));
        of_reference("kind").as_deref() == Some(source.kind.name())
            && of_reference("name").as_deref() == Some(&source.name)
            && of_reference("namespace").or_else(own).as_deref() == Some(&source.namespace)
    };
    let mut left = given.iter().map(|one| one.document);
    let left = left.find(|document| {
        let kind = document.get("kind").and_then(Node::as_str);
        kind == Some(Kind::Kustomization.name())
            && reasons.contains_key(&document.span)
            && applies(document)
    });
    match left {
        Some(document) => format!("{}, which applies from it, is left alone", label(document)),
        None => "no Kustomization applies anything from it; a project has at least one object"
            .to_owned(),
    }
}

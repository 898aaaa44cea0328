//! From documents to the files of a configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::flux::yaml::{Node, Span};

use super::clusters::{self, Twice};
use super::files::files;
use super::found::{Deletes, Found, Given, Kind, LeftAlone, label};
use super::layers::assign;
use super::leaves::leaves;
use super::projects::put_together;

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
    context: Option<&str>,
) -> Result<Adoption, Vec<(Span, Span)>> {
    let mut reasons: HashMap<Span, String> = left.clone();
    let mut found = Vec::new();
    let mut other_kinds = BTreeMap::new();
    for one in given {
        let span = one.document.span;
        match Found::read(one) {
            None => {
                // what has none is no object: values, settings of other programs
                if let Some(kind) = one.document.get("kind").and_then(Node::as_str) {
                    *other_kinds.entry(kind.to_owned()).or_default() += 1;
                }
            }
            Some(Ok(object)) if !left.contains_key(&span) => found.push(object),
            Some(Ok(_)) => {}
            Some(Err(reason)) => {
                reasons.insert(span, reason);
            }
        }
    }
    let twice = clusters::assign(&mut found);
    if !twice.is_empty() {
        return Err(twice
            .into_iter()
            .map(|Twice(one, other)| (one, other))
            .collect());
    }
    let files = loop {
        let (fleet, idle) = put_together(&found);
        let mut go: HashMap<usize, &str> = HashMap::new();
        for index in idle {
            go.insert(
                index,
                "no Kustomization applies anything from it; a project has at least one object",
            );
        }
        if go.is_empty() {
            let leaves = leaves(&fleet);
            let (layers, unsaid) = assign(&fleet, &leaves);
            for leaf in unsaid {
                let reason = "it waits for other objects than in other clusters of its environment";
                go.insert(leaves[leaf].found, reason);
            }
            if go.is_empty() {
                break if found.is_empty() {
                    Vec::new()
                } else {
                    files(&fleet, &layers, context)
                };
            }
        }
        drop(fleet);
        let mut index = 0;
        found.retain(|one| {
            let reason = go.get(&index);
            index += 1;
            if let Some(reason) = reason {
                reasons.insert(one.span, (*reason).to_owned());
            }
            reason.is_none()
        });
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
    })
}

//! What the Kustomizations that apply objects make of them, so that elsewhere they would say something else.

use std::collections::HashMap;
use std::path::Path;

use crate::config::Sources;
use crate::flux::yaml::{Node, Span};
use crate::manifests::{Effect, Whose, effect, holds_variable, is_suspended};

/// How many Kustomizations above each other are looked at.
const DEEPEST: usize = 16;

/// Keys by which one changes what another applies, and not only what that is called.
const REACHING: [&str; 4] = ["patches", "postBuild", "components", "kubeConfig"];

/// What is applied otherwise than it is written.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Why, in words that follow the object.
    pub(super) otherwise: HashMap<Span, String>,
    /// The namespaces of documents that name none, by their numbers.
    pub(super) namespaces: Vec<(usize, String)>,
}

/// Looks at all that is written in files. `${` is written there for whatever applies it; what a live cluster
/// was asked for says what came of it.
pub(super) fn applied(whose: &Whose<'_>, documents: &[Node], sources: &Sources) -> Applied {
    let mut applied = Applied::default();
    for (number, document) in documents.iter().enumerate() {
        if is_live(document) {
            continue;
        }
        let appliers = whose.appliers(file(document, sources));
        let reason = match &appliers[..] {
            [] if holds_variable(document) => Some(
                "it holds `${`, which whatever applies it may put a value in place of".to_owned(),
            ),
            _ => changed(whose, document, sources, 0).map(|(reason, _)| reason),
        };
        if let Some(reason) = reason {
            applied.otherwise.insert(document.span, reason);
            continue;
        }
        let effects: Vec<Effect> = appliers.iter().map(|one| effect(one, document)).collect();
        if let Some((Effect::Namespace(name), others)) = effects.split_first()
            && others.iter().all(|other| *other == effects[0])
        {
            applied.namespaces.push((number, name.clone()));
        }
    }
    applied
}

/// Why a document is not applied as it is written, and whether that reaches what it applies itself.
fn changed(
    whose: &Whose<'_>,
    document: &Node,
    sources: &Sources,
    depth: usize,
) -> Option<(String, bool)> {
    let appliers = whose.appliers(file(document, sources)).into_iter();
    // what `flux bootstrap` makes applies itself
    let mut appliers = appliers.filter(|applier| applier.span != document.span && depth < DEEPEST);
    appliers.find_map(|applier| {
        let by = label(applier);
        if is_suspended(applier) {
            let reason = format!("{by}, which applies it, is suspended");
            return Some((reason, true));
        }
        if let Effect::Changed(keys) = effect(applier, document) {
            let reaches = keys.iter().any(|key| REACHING.contains(key));
            let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
            let reason = format!(
                "{} of {by}, which applies it, may change it",
                keys.join(", ")
            );
            return Some((reason, reaches));
        }
        let (reason, _) =
            changed(whose, applier, sources, depth + 1).filter(|(_, reaches)| *reaches)?;
        let reason =
            format!("{by}, which applies it, may say something else than is written: {reason}");
        Some((reason, true))
    })
}

fn file<'s>(document: &Node, sources: &'s Sources) -> &'s Path {
    Path::new(sources.name(document.span.source))
}

/// Whether the API server wrote it.
fn is_live(document: &Node) -> bool {
    let uid = document.get("metadata").and_then(|it| it.get("uid"));
    uid.is_some()
}

fn label(applier: &Node) -> String {
    let text = |key| {
        let node = applier.get("metadata").and_then(|it| it.get(key));
        node.and_then(Node::as_str).unwrap_or_default()
    };
    match text("namespace") {
        "" => format!("Kustomization {}", text("name")),
        namespace => format!("Kustomization {namespace}/{}", text("name")),
    }
}

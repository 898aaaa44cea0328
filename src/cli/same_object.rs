//! Finds objects that stand in plain manifests more than once.

use std::collections::HashMap;
use std::path::Path;

use crate::config::{Class, Finding, Severity, Sources};
use crate::flux::yaml::{Node, Span};

/// How the first line of a file starts that `render` wrote; environment, cluster and project follow.
const MARKER: &str = "# flux-setup: ";

/// What makes an object one and the same: group, kind, namespace and name.
type Identity<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Says of each object that stands there again what becomes of it: twice in one file is an error,
/// for they are applied together; in two files of one folder, or of a folder in the other, it is a
/// warning, for one may be a patch. Elsewhere it may be of another cluster, and so may what
/// `render` wrote for another environment.
pub(super) fn same_objects(documents: &[Node], sources: &Sources) -> Vec<Finding> {
    let mut known: HashMap<Identity<'_>, Vec<Span>> = HashMap::new();
    let mut findings = Vec::new();
    for document in documents {
        let Some((identity, span)) = identity(document) else {
            continue;
        };
        let places = known.entry(identity).or_default();
        let same_file = places.iter().find(|place| place.source == span.source);
        let near = || {
            let mut places = places.iter();
            places.find(|place| is_applied_together(sources, place.source, span.source))
        };
        if let Some(place) = same_file {
            findings.push(finding(identity, span, *place, sources, Severity::Error));
        } else if let Some(place) = near() {
            findings.push(finding(identity, span, *place, sources, Severity::Warning));
        }
        places.push(span);
    }
    findings
}

fn identity(document: &Node) -> Option<(Identity<'_>, Span)> {
    let version = document.get("apiVersion").and_then(Node::as_str)?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let kind = document.get("kind").and_then(Node::as_str)?;
    let metadata = document.get("metadata")?;
    let namespace = metadata.get("namespace").and_then(Node::as_str);
    let name = metadata.get("name")?;
    let identity = (group, kind, namespace.unwrap_or_default(), name.as_str()?);
    Some((identity, name.span))
}

fn is_applied_together(sources: &Sources, one: u32, other: u32) -> bool {
    let folder = |source| Path::new(sources.name(source)).parent();
    let (Some(first), Some(second)) = (folder(one), folder(other)) else {
        return false;
    };
    let place = |source| sources.text(source).lines().next()?.strip_prefix(MARKER);
    let are_of_one_fleet = match (place(one), place(other)) {
        // environment and cluster; the project is what differs within one
        (Some(one), Some(other)) => {
            one.rsplit_once('/').map(|(place, _)| place)
                == other.rsplit_once('/').map(|(place, _)| place)
        }
        _ => true,
    };
    are_of_one_fleet && (first.starts_with(second) || second.starts_with(first))
}

fn finding(
    (_, kind, namespace, name): Identity<'_>,
    span: Span,
    first: Span,
    sources: &Sources,
    severity: Severity,
) -> Finding {
    let slash = if namespace.is_empty() { "" } else { "/" };
    let message = format!("{kind} `{namespace}{slash}{name}` is there twice");
    let position = sources.position(first);
    let hint = format!(
        "the other stands at {}:{}:{}; {}",
        sources.name(first.source),
        position.line,
        position.column,
        match severity {
            Severity::Error => "the last one applied wins, so keep one of them",
            Severity::Warning =>
                "keep one of them; where one is a patch, judge what `kustomize build` makes of both",
        }
    );
    Finding {
        severity,
        ..Finding::error(span, "metadata.name", message)
            .class(Class::Flux)
            .hint(hint)
    }
}

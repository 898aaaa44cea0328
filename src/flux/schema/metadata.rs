//! The rules of `metadata`, which no CRD holds.
//!
//! Source: `k8s.io/apimachinery`, `pkg/api/validation/objectmeta.go`, and what an API server of
//! 1.35 answers: it sets generation and creation time itself and minds neither.

use super::found::Found;
use super::names::{generated, path_segment};
use super::scope::Scope;
use super::value::{Plain, entry, read};
use crate::flux::fault::Path;
use crate::flux::names;
use crate::flux::yaml::{Entry, Node, Span};

/// What a name must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameForm {
    /// Of custom resources and most others.
    Subdomain,
    /// Of namespaces.
    Label,
    /// Of whatever has rules of its own that we do not know.
    PathSegment,
}

/// All bytes of keys and values of an object's annotations.
const ANNOTATION_BYTES: usize = 256 * 1024;

/// Checks the metadata of a whole object. `span` is the object's.
pub(super) fn root(
    found: &mut Found,
    metadata: Option<&Node>,
    name: NameForm,
    scope: Scope,
    span: Span,
) {
    let path = Path::ROOT.key("metadata");
    let entries = match metadata.map(read) {
        Some(Plain::Map(entries)) => entries,
        None | Some(Plain::Null) => &[],
        // Its type is wrong, and that was said.
        Some(_) => return,
    };
    let span = metadata.map_or(span, |metadata| metadata.span);
    name_and_namespace(found, entries, name, scope, span, &path);
    common(found, entries, &path);
    if let Some((node, uid)) = text(entries, "uid").filter(|(_, uid)| !uid.is_empty()) {
        let message = format!("the uid `{uid}` is no object's: the API server gives it");
        found.fault(node.span, &path.key("uid"), message).hint = Some("leave the key out".into());
    }
    if let Some((node, version)) = text(entries, "resourceVersion")
        && !version.is_empty()
        && !(version.bytes().all(|byte| byte.is_ascii_digit()) && version.parse::<u64>().is_ok())
    {
        let message = format!("`{version}` is no resource version");
        found
            .fault(node.span, &path.key("resourceVersion"), message)
            .hint = Some("leave the key out".into());
    }
    if let Some(one) = entry(entries, "managedFields")
        && matches!(read(&one.node), Plain::List(_))
    {
        let path = path.key("managedFields");
        found
            .fault(one.key_span, &path, "must not be given in an apply")
            .hint = Some("leave the key out".into());
    }
}

fn name_and_namespace(
    found: &mut Found,
    entries: &[Entry],
    form: NameForm,
    scope: Scope,
    span: Span,
    path: &Path<'_>,
) {
    let name = entry(entries, "name").map(|one| (&one.node, read(&one.node)));
    match name {
        None => {
            found
                .fault(span, &path.key("name"), "`name` is required")
                .hint = Some("add `name:` with a name of small letters, digits and `-`".into());
        }
        Some((node, Plain::Null | Plain::Text(""))) => {
            found.fault(node.span, &path.key("name"), "must not be empty");
        }
        Some((node, Plain::Text(name))) => {
            let verdict = match form {
                NameForm::Subdomain => names::dns_subdomain(name),
                NameForm::Label => names::dns_label(name),
                NameForm::PathSegment => path_segment(name),
            };
            if let Err(fault) = verdict {
                found.fault(
                    node.span,
                    &path.key("name"),
                    format!("the name `{name}`: {fault}"),
                );
            }
        }
        Some(_) => {}
    }
    if let Some((node, prefix)) = text(entries, "generateName")
        && !prefix.is_empty()
        && form == NameForm::Subdomain
        && let Err(fault) = generated(prefix)
    {
        found.fault(
            node.span,
            &path.key("generateName"),
            format!("`{prefix}`: {fault}"),
        );
    }
    // of what has none the API server takes the key away
    if let Some((node, namespace)) = text(entries, "namespace")
        && scope != Scope::Cluster
        && !namespace.is_empty()
        && let Err(fault) = names::dns_label(namespace)
    {
        found.fault(
            node.span,
            &path.key("namespace"),
            format!("the namespace `{namespace}`: {fault}"),
        );
    }
}

/// What holds for embedded objects too.
fn common(found: &mut Found, entries: &[Entry], path: &Path<'_>) {
    labels(found, entries, path);
    annotations(found, entries, path);
    finalizers(found, entries, path);
    owners(found, entries, path);
}

fn labels(found: &mut Found, entries: &[Entry], path: &Path<'_>) {
    let path = path.key("labels");
    for one in map(entries, "labels") {
        let at = path.key(&one.key);
        if let Err(fault) = names::label_key(&one.key) {
            found.fault(
                one.key_span,
                &at,
                format!("the label key `{}`: {fault}", one.key),
            );
        }
        if let Plain::Text(value) = read(&one.node)
            && let Err(fault) = names::label_value(value)
        {
            found.fault(
                one.node.span,
                &at,
                format!("the label value `{value}`: {fault}"),
            );
        }
    }
}

fn annotations(found: &mut Found, entries: &[Entry], path: &Path<'_>) {
    let path = path.key("annotations");
    let mut bytes = 0;
    for one in map(entries, "annotations") {
        // Upper-case prefixes are taken here, unlike in labels.
        if let Err(fault) = names::annotation_key(&one.key) {
            let at = path.key(&one.key);
            found.fault(
                one.key_span,
                &at,
                format!("the annotation key `{}`: {fault}", one.key),
            );
        }
        bytes += one.key.len();
        if let Plain::Text(value) = read(&one.node) {
            bytes += value.len();
        }
    }
    if bytes > ANNOTATION_BYTES
        && let Some(one) = entry(entries, "annotations")
    {
        let message = format!("must be at most {ANNOTATION_BYTES} bytes in all, not {bytes}");
        found.fault(one.key_span, &path, message);
    }
}

fn finalizers(found: &mut Found, entries: &[Entry], path: &Path<'_>) {
    let path = path.key("finalizers");
    let mut orphan = false;
    let mut foreground = false;
    for (index, item) in list(entries, "finalizers").iter().enumerate() {
        let Plain::Text(name) = read(item) else {
            continue;
        };
        orphan |= name == "orphan";
        foreground |= name == "foregroundDeletion";
        if let Err(fault) = names::label_key(name) {
            found.fault(
                item.span,
                &path.index(index),
                format!("the finalizer `{name}`: {fault}"),
            );
        } else if orphan && foreground {
            found.fault(
                item.span,
                &path.index(index),
                "`orphan` and `foregroundDeletion` exclude each other",
            );
        }
    }
}

fn owners(found: &mut Found, entries: &[Entry], path: &Path<'_>) {
    let path = path.key("ownerReferences");
    let mut controlled = false;
    for (index, item) in list(entries, "ownerReferences").iter().enumerate() {
        let Plain::Map(owner) = read(item) else {
            continue;
        };
        let at = path.index(index);
        let given = |key: &str| text(owner, key).map_or("", |(_, value)| value);
        for key in ["kind", "name", "uid"] {
            if given(key).is_empty() {
                found.fault(item.span, &at.key(key), format!("`{key}` is required"));
            }
        }
        let api_version = given("apiVersion");
        let is_versioned = match api_version.split_once('/') {
            None => !api_version.is_empty(),
            Some((_, version)) => !version.is_empty() && !version.contains('/'),
        };
        if !is_versioned {
            found.fault(
                item.span,
                &at.key("apiVersion"),
                "must name a group and version, as `apps/v1`",
            );
        }
        if api_version.trim_start_matches('/') == "v1" && given("kind") == "Event" {
            found.fault(item.span, &at, "an Event cannot own anything");
        }
        if entry(owner, "controller").is_some_and(|one| read(&one.node) == Plain::Bool(true)) {
            if controlled {
                found.fault(
                    item.span,
                    &at.key("controller"),
                    "only one owner can be the controller",
                );
            }
            controlled = true;
        }
    }
}

/// Checks an object of the API inside another: `entries` are its own, `node` the whole of it.
///
/// Source: `k8s.io/apiextensions-apiserver`, `pkg/apiserver/schema/objectmeta/validation.go`.
pub(super) fn embedded(found: &mut Found, node: &Node, entries: &[Entry], path: &Path<'_>) {
    for key in ["apiVersion", "kind"] {
        let at = path.key(key);
        let Some(one) = entry(entries, key) else {
            found.fault(node.span, &at, format!("`{key}` is required"));
            continue;
        };
        match read(&one.node) {
            Plain::Text("") | Plain::Null => {
                found.fault(one.node.span, &at, "must not be empty");
            }
            Plain::Text(text) => {
                let fault = if key == "apiVersion" {
                    let is_versioned = text.matches('/').count() <= 1;
                    (!is_versioned).then_some("must be a group and a version, as `apps/v1`")
                } else {
                    let lower = text.to_lowercase();
                    let is_kind = lower.starts_with(|c: char| c.is_ascii_lowercase())
                        && names::dns_label(&lower).is_ok();
                    (!is_kind).then_some("must be letters, digits and `-`, a letter first")
                };
                if let Some(fault) = fault {
                    found.fault(one.node.span, &at, format!("`{text}` {fault}"));
                }
            }
            _ => {}
        }
    }
    let Some(metadata) = entry(entries, "metadata") else {
        return;
    };
    let path = path.key("metadata");
    let Plain::Map(entries) = read(&metadata.node) else {
        return;
    };
    if let Some((node, name)) = text(entries, "name")
        && let Err(fault) = path_segment(name)
    {
        found.fault(
            node.span,
            &path.key("name"),
            format!("the name `{name}`: {fault}"),
        );
    }
    for key in ["generateName", "namespace"] {
        let Some((node, value)) = text(entries, key).filter(|(_, value)| !value.is_empty()) else {
            continue;
        };
        let verdict = if key == "namespace" {
            names::dns_label(value)
        } else {
            path_segment(value)
        };
        if let Err(fault) = verdict {
            found.fault(node.span, &path.key(key), format!("`{value}`: {fault}"));
        }
    }
    for key in ["creationTimestamp", "deletionTimestamp"] {
        let Some(one) = entry(entries, key) else {
            continue;
        };
        let is_time = match read(&one.node) {
            Plain::Null => true,
            Plain::Text(text) => super::format::Format::DateTime.holds(text),
            _ => false,
        };
        if !is_time {
            found.fault(
                one.node.span,
                &path.key(key),
                "must be a time such as `2006-01-02T15:04:05Z`",
            );
        }
    }
    for key in ["generation", "deletionGracePeriodSeconds"] {
        let Some(one) = entry(entries, key) else {
            continue;
        };
        let at = path.key(key);
        match read(&one.node) {
            Plain::Float(_) => {
                found.fault(one.node.span, &at, "must be an integer, not a number");
            }
            Plain::Int(int) if int < 0 && key == "generation" => {
                found.fault(one.node.span, &at, "must be at least 0");
            }
            _ => {}
        }
    }
    common(found, entries, &path);
}

fn text<'a>(entries: &'a [Entry], key: &str) -> Option<(&'a Node, &'a str)> {
    let one = entry(entries, key)?;
    match read(&one.node) {
        Plain::Text(text) => Some((&one.node, text)),
        _ => None,
    }
}

fn map<'a>(entries: &'a [Entry], key: &str) -> &'a [Entry] {
    match entry(entries, key).map(|one| read(&one.node)) {
        Some(Plain::Map(entries)) => entries,
        _ => &[],
    }
}

fn list<'a>(entries: &'a [Entry], key: &str) -> &'a [Node] {
    match entry(entries, key).map(|one| read(&one.node)) {
        Some(Plain::List(items)) => items,
        _ => &[],
    }
}

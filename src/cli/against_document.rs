//! What differs between manifests, in words: the one form from which all others are printed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::Sources;
use crate::flux::mask;
use crate::flux::schema::FieldDifference;
use crate::flux::yaml::{Node, Span};
use crate::render::{Change, Comparison, Danger, ObjectName};

use super::existing::Existing;
use super::manifest_files::Documents;
use super::report;

/// An object that differs, without credentials.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    /// `added`, `removed`, `renamed` or `changed`.
    pub(super) change: &'static str,
    pub(super) object: ToldObject,
    /// Where it was written; `None` for what is added.
    pub(super) file: Option<String>,
    pub(super) line: Option<usize>,
    /// What it is called now, where it is renamed.
    pub(super) renamed_to: Option<ToldObject>,
    pub(super) fields: Vec<ToldField>,
    pub(super) dangers: Vec<ToldDanger>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToldObject {
    pub(super) cluster: Option<String>,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    /// All of it, as people say it.
    #[serde(skip)]
    pub(super) shown: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ToldField {
    pub(super) path: String,
    /// `None` where it is absent.
    pub(super) old: Option<Value>,
    pub(super) new: Option<Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct ToldDanger {
    pub(super) message: String,
    pub(super) steps: Vec<String>,
}

/// An object that is no difference, with where it was written.
#[derive(Debug, Serialize)]
pub(super) struct ToldPlace {
    #[serde(flatten)]
    pub(super) object: ToldObject,
    pub(super) file: String,
    pub(super) line: usize,
}

/// An object of which nobody knows what it says.
#[derive(Debug, Serialize)]
pub(super) struct NotCompared {
    #[serde(flatten)]
    pub(super) place: ToldPlace,
    /// In words that follow the object.
    pub(super) reason: String,
}

/// Why it is not compared what names no cluster and is rendered for another than is asked for.
const UNPLACED: &str = "nothing says its cluster, and it is rendered for none that is asked for, only for another; \
     compare the manifests of each cluster by themselves, with `--cluster NAME`";

/// All that is told of a comparison, object by object.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) differences: Vec<Told>,
    pub(super) left_alone: Vec<ToldPlace>,
    pub(super) not_compared: Vec<NotCompared>,
}

pub(super) fn answer(comparison: &Comparison, existing: &Existing) -> Answer {
    let sources = &existing.read.sources;
    let not_compared = comparison.not_compared.iter();
    let not_compared = not_compared.map(|(object, span)| NotCompared {
        place: place(object, *span, sources),
        reason: mask(existing.changed(*span).unwrap_or_default()).into_owned(),
    });
    let unplaced = comparison.unplaced.iter();
    let unplaced = unplaced.map(|(object, span)| NotCompared {
        place: place(object, *span, sources),
        reason: UNPLACED.to_owned(),
    });
    let left_alone = comparison.left_alone.iter();
    let left_alone = left_alone.map(|(object, span)| place(object, *span, sources));
    Answer {
        differences: told(comparison, sources),
        left_alone: left_alone.collect(),
        not_compared: not_compared.chain(unplaced).collect(),
    }
}

fn told(comparison: &Comparison, sources: &Sources) -> Vec<Told> {
    let differences = comparison.differences.iter().map(|one| {
        let (change, to, fields) = match &one.change {
            Change::Added => ("added", None, &[][..]),
            Change::Removed => ("removed", None, &[][..]),
            Change::Renamed { to, fields } => ("renamed", Some(to), &fields[..]),
            Change::Changed { fields } => ("changed", None, &fields[..]),
        };
        Told {
            change,
            object: object(&one.object),
            file: one
                .span
                .map(|span| mask(sources.name(span.source)).into_owned()),
            line: one.span.map(|span| sources.position(span).line),
            renamed_to: to.map(object),
            fields: fields.iter().map(field).collect(),
            dangers: one.dangers.iter().map(danger).collect(),
        }
    });
    differences.collect()
}

/// The whole answer for machines.
pub(super) fn json(comparison: &Comparison, answer: &Answer, read: &Documents) -> Value {
    let sources = &read.sources;
    let others = comparison.left_to_others.iter().map(object);
    let versions = comparison.versions.iter().map(|one| {
        let mut told = json!(place(&one.object, one.span, sources));
        told["old"] = Value::from(&*mask(&one.old));
        told["new"] = Value::from(&*mask(&one.new));
        told
    });
    let strange = comparison.of_strange_clusters.iter();
    let strange = strange.map(|(cluster, number)| (mask(cluster), *number));
    json!({
        "findings": report::json(sources, &read.findings),
        "differences": answer.differences,
        "same": comparison.same,
        "relabelled": comparison.relabelled,
        "versionChanged": versions.collect::<Vec<_>>(),
        "ofStrangeClusters": strange.collect::<BTreeMap<_, _>>(),
        "ofAnyCluster": comparison.of_any_cluster,
        "assumedCluster": comparison.assumed.as_deref().map(mask),
        "leftToOthers": others.collect::<Vec<_>>(),
        "leftAlone": answer.left_alone,
        "notCompared": answer.not_compared,
        "otherFiles": read.others.names(sources),
    })
}

fn place(name: &ObjectName, span: Span, sources: &Sources) -> ToldPlace {
    ToldPlace {
        object: object(name),
        file: mask(sources.name(span.source)).into_owned(),
        line: sources.position(span).line,
    }
}

fn object(name: &ObjectName) -> ToldObject {
    let text = |text: &str| mask(text).into_owned();
    ToldObject {
        cluster: name.cluster.as_deref().map(text),
        kind: text(&name.kind),
        namespace: text(&name.namespace),
        name: text(&name.name),
        shown: text(&name.to_string()),
    }
}

fn danger(danger: &Danger) -> ToldDanger {
    let text = |text: &str| mask(text).into_owned();
    ToldDanger {
        message: text(&danger.message),
        steps: danger.steps.iter().map(|step| text(step)).collect(),
    }
}

fn field(field: &FieldDifference) -> ToldField {
    let value = |node: &Option<Node>| node.as_ref().map(|node| value(&field.path, node));
    ToldField {
        path: mask(&field.path).into_owned(),
        old: value(&field.old),
        new: value(&field.new),
    }
}

/// A value, unless it looks like a credential or stands under a key that is called after one.
fn value(path: &str, node: &Node) -> Value {
    let value = node.to_json();
    let key = path.rsplit('.').next().unwrap_or_default();
    let text = match &value {
        Value::String(text) => format!("{key}: {text}"),
        other => format!("{key}: {other}"),
    };
    match mask(&text) {
        masked if *masked == *text => value,
        masked => Value::from(masked.split_once(": ").map_or("***", |(_, value)| value)),
    }
}

/// A value on one line and of a bounded length.
pub(super) fn shown_value(value: Option<&Value>) -> String {
    const LONGEST: usize = 120;
    let text = match value {
        None => return "nothing".to_owned(),
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.replace(['\n', '\r'], "⏎")
}

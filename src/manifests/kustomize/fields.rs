//! The fields of a kustomization: which there are, and which change what its files say.

use crate::config::{Class, Finding};
use crate::flux::nearest;
use crate::flux::yaml::{Entry, Node};
use crate::manifests::touched::Touched;

/// Fields that change objects of other files, and what takes them in.
const CHANGING: [&str; 16] = [
    "commonAnnotations",
    "commonLabels",
    "components",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "images",
    "labels",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "replicas",
];
const ALSO_CHANGING: [&str; 2] = ["transformers", "vars"];

/// The others. Source: `Kustomization` in `api/types` of kustomize.
const OTHERS: [&str; 16] = [
    "apiVersion",
    "bases",
    "buildMetadata",
    "configMapGenerator",
    "configurations",
    "crds",
    "generatorOptions",
    "helmGlobals",
    "inventory",
    "kind",
    "metadata",
    "openapi",
    "resources",
    "secretGenerator",
    "sortOptions",
    "validators",
];

/// How far such a field changes objects. What components and helmCharts change stands in themselves.
pub(super) fn touched(key: &str) -> Touched {
    match key {
        "namePrefix" | "nameSuffix" | "namespace" => Touched::Named,
        "patches"
        | "patchesJson6902"
        | "patchesStrategicMerge"
        | "replacements"
        | "transformers"
        | "vars" => Touched::Completed,
        _ => Touched::Not,
    }
}

/// How far a kustomization changes by itself what it lists.
pub(in crate::manifests) fn touched_by(kustomization: &Node) -> Touched {
    let entries = changing(kustomization).into_iter();
    let touched = entries.map(|entry| touched(&entry.key));
    touched.fold(Touched::Not, Touched::max)
}

fn is_changing(key: &str) -> bool {
    CHANGING.contains(&key) || ALSO_CHANGING.contains(&key)
}

/// The entries that change what other files say; empty for a kustomization that only lists.
pub(super) fn changing(kustomization: &Node) -> Vec<&Entry> {
    let entries = kustomization.as_mapping().unwrap_or_default().iter();
    let is_empty = |node: &Node| {
        node.is_null()
            || node.as_sequence().is_some_and(<[_]>::is_empty)
            || node.as_mapping().is_some_and(<[_]>::is_empty)
            || node.as_str() == Some("")
    };
    entries
        .filter(|entry| is_changing(&entry.key) && !is_empty(&entry.node))
        .collect()
}

/// Keys that kustomize refuses.
pub(super) fn unknown(kustomization: &Node) -> Vec<Finding> {
    let entries = kustomization.as_mapping().unwrap_or_default().iter();
    let unknown =
        entries.filter(|entry| !is_changing(&entry.key) && !OTHERS.contains(&&*entry.key));
    let findings = unknown.map(|entry| {
        let message = format!("kustomize knows no field `{}`", entry.key);
        let finding = Finding::error(entry.key_span, &*entry.key, message).class(Class::Flux);
        let known = OTHERS.iter().chain(&CHANGING).chain(&ALSO_CHANGING);
        match nearest(&entry.key, known.copied()) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None => finding.hint("take it away"),
        }
    });
    findings.collect()
}

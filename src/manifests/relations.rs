//! What the objects of manifests refer to: whether it is among them, and that nothing waits in a ring.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::config::{Class, Finding, Severity, Sources};
use crate::flux::yaml::{Node, Span};
use crate::flux::{ObjectKey, nearest};
use crate::plan::{RING_HINT, rings};

use super::references::{Reference, key_of, references};
use super::there::{All, Elsewhere, From};
use super::ways::BOOTSTRAPPED;

/// References for which a better name is looked for: of more nobody reads it.
const MOST_HINTS: usize = 100;

/// Objects of a ring that are named.
const MOST_NAMES: usize = 10;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Whether objects that are referred to and are not there are told.
    pub missing: bool,
    /// The same of Secrets and ConfigMaps.
    pub values: bool,
}

/// An object and what it refers to.
#[derive(Debug)]
struct Object<'a> {
    key: ObjectKey,
    from: From<'a>,
    /// Its number among all documents.
    document: usize,
    references: Vec<Reference>,
}

/// Says which objects refer to what is not there, and which wait for each other. `cluster` is the one
/// for which a document was rendered, where anything says it; `generators` are kustomize's own
/// configurations. What is in the texts with the numbers `passed_over` is applied by nothing, and is not
/// there; of what `is_changed` somebody may make something else.
pub fn relations<'a>(
    documents: &'a [Node],
    generators: &'a [Node],
    sources: &'a Sources,
    cluster: &dyn Fn(&Node) -> Option<&'a str>,
    passed_over: &HashSet<u32>,
    is_changed: &dyn Fn(&Node) -> bool,
    wanted: Wanted,
) -> Vec<Finding> {
    let place = |document: &'a Node| {
        let from = From {
            cluster: cluster(document),
            file: Path::new(sources.name(document.span.source)),
        };
        (document, from)
    };
    let (passed_over, documents): (Vec<_>, Vec<_>) = documents
        .iter()
        .partition(|document| passed_over.contains(&document.span.source));
    let unlisted = passed_over.into_iter().map(place);
    let unlisted = unlisted.filter_map(|(document, from)| Some((key_of(document)?, from.file)));
    let unlisted: HashMap<ObjectKey, &Path> = unlisted.collect();
    let placed: Vec<_> = documents.into_iter().map(place).collect();
    let generators: Vec<_> = generators.iter().map(place).collect();
    let objects = placed
        .iter()
        .enumerate()
        .filter_map(|(number, (document, from))| {
            let key = key_of(document)?;
            let references = references(document, &key);
            (!references.is_empty()).then_some(Object {
                key,
                from: *from,
                document: number,
                references,
            })
        });
    let objects: Vec<_> = objects.collect();
    if objects.is_empty() {
        return Vec::new();
    }
    let all = All::of(&placed, &generators);
    let mut findings = Vec::new();
    for object in &objects {
        for reference in &object.references {
            let is_wanted = match reference.is_of_values() {
                true => wanted.values,
                false => wanted.missing,
            };
            if !is_wanted || is_bootstrapped(&reference.to) {
                continue;
            }
            // what somebody makes of it for each cluster is not known
            let lacking = match is_changed(placed[object.document].0) {
                true => all
                    .find(&reference.to, object.from)
                    .is_none()
                    .then(Vec::new),
                false => all.lacking(&reference.to, object.from),
            };
            if let Some(lacking) = lacking {
                let with_hint = findings.len() < MOST_HINTS;
                let hint = match unlisted.get(&reference.to) {
                    Some(file) => Some(format!("list `{}`, where it lies", file.display())),
                    None if with_hint => better(&reference.to, &all),
                    None => None,
                };
                findings.push(missing(reference, &lacking, hint));
            }
        }
    }
    in_rings(&objects, &all, &mut findings);
    findings
}

fn is_bootstrapped(key: &ObjectKey) -> bool {
    let namespace = key.namespace.as_deref();
    (namespace.unwrap_or(BOOTSTRAPPED), &*key.name) == (BOOTSTRAPPED, BOOTSTRAPPED)
        && &*key.kind != "HelmRelease"
}

fn missing(reference: &Reference, lacking: &[&Path], hint: Option<String>) -> Finding {
    let Reference { to, key, span, .. } = reference;
    let clusters = lacking
        .iter()
        .take(MOST_NAMES)
        .filter_map(|home| home.file_name());
    let clusters: Vec<_> = clusters
        .map(|name| format!("`{}`", name.to_string_lossy()))
        .collect();
    let of = match clusters.is_empty() {
        true => String::new(),
        false => format!(" for {}", clusters.join(", ")),
    };
    let message = format!("`{key}` refers to {}, which is not there{of}", shown(to));
    let finding = Finding {
        severity: Severity::Warning,
        ..Finding::error(*span, format!("spec.{key}.name"), message).class(Class::Flux)
    };
    finding.hint(
        hint.unwrap_or_else(|| "add it, or leave it to whoever makes it elsewhere".to_owned()),
    )
}

/// What is probably meant.
fn better(to: &ObjectKey, all: &All<'_>) -> Option<String> {
    const WAITED_FOR: [(&str, &str); 2] = [
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
        ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ];
    const SOURCES: [(&str, &str); 5] = [
        ("source.toolkit.fluxcd.io", "GitRepository"),
        ("source.toolkit.fluxcd.io", "OCIRepository"),
        ("source.toolkit.fluxcd.io", "HelmRepository"),
        ("source.toolkit.fluxcd.io", "Bucket"),
        ("source.toolkit.fluxcd.io", "ExternalArtifact"),
    ];
    match all.elsewhere(to) {
        Some(Elsewhere::Namespace(namespace)) => {
            return Some(format!("there is one in the namespace `{namespace}`"));
        }
        Some(Elsewhere::Cluster(file)) => {
            let file = file.display();
            return Some(format!("the one in `{file}` is for another cluster"));
        }
        None => {}
    }
    let is_waited_for = WAITED_FOR.iter().any(|(_, kind)| **kind == *to.kind);
    let kinds: &[_] = if is_waited_for { &WAITED_FOR } else { &SOURCES };
    if !to.group.is_empty()
        && let Some(kind) = all.other_kind(to, kinds)
    {
        let only = if is_waited_for {
            format!(", and a {} waits for its own kind alone", to.kind)
        } else {
            String::new()
        };
        return Some(format!(
            "that is the name of an object of kind {kind}{only}"
        ));
    }
    let mut names: Vec<_> = all.names(&to.group, &to.kind).collect();
    names.sort_unstable();
    nearest(&to.name, names).map(|name| format!("did you mean `{name}`?"))
}

/// Objects that wait for each other.
fn in_rings(objects: &[Object<'_>], all: &All<'_>, findings: &mut Vec<Finding>) {
    let numbers = objects.iter().enumerate();
    let numbers: HashMap<usize, usize> = numbers
        .map(|(index, object)| (object.document, index))
        .collect();
    let next = |index: usize| {
        let object: &Object<'_> = &objects[index];
        let dependencies = object.references.iter().filter(|one| one.is_dependency());
        let found = dependencies.filter_map(|reference| {
            let document = all.find(&reference.to, object.from)?.document?;
            Some((*numbers.get(&document)?, reference.span))
        });
        found.collect::<Vec<(usize, Span)>>().into_iter()
    };
    rings(objects.len(), next, |ring, span| {
        let mut names: Vec<_> = ring
            .iter()
            .map(|index| shown(&objects[*index].key))
            .collect();
        let first = names.first().cloned();
        if names.len() > MOST_NAMES {
            names.truncate(MOST_NAMES);
            names.push("…".to_owned());
        }
        names.extend(first);
        let message = match ring {
            [_] => format!("{} waits for itself", names[0]),
            _ => format!(
                "objects wait for each other in a ring: {}",
                names.join(" → ")
            ),
        };
        findings.push(
            Finding::error(span, "", message)
                .class(Class::Flux)
                .hint(RING_HINT),
        );
    });
}

fn shown(key: &ObjectKey) -> String {
    match &key.namespace {
        Some(namespace) => format!("{} `{namespace}/{}`", key.kind, key.name),
        None => format!("{} `{}`", key.kind, key.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flux::yaml::read;

    const ALL: Wanted = Wanted {
        missing: true,
        values: true,
    };

    fn kustomization(name: &str, more: &str) -> String {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: apps}}\nspec: {{{more}}}\n---\n"
        )
    }

    fn source(kind: &str, name: &str, namespace: &str) -> String {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\n---\n"
        )
    }

    /// What is said of these files.
    fn said(files: &[(&str, &str)], wanted: Wanted) -> Vec<String> {
        let mut sources = Sources::default();
        let mut documents = Vec::new();
        for (name, text) in files {
            let source = sources.add(*name, *text);
            documents.extend(
                read(text, source)
                    .0
                    .into_iter()
                    .filter(|one| !one.is_null()),
            );
        }
        let found = relations(
            &documents,
            &[],
            &sources,
            &|_| None,
            &HashSet::new(),
            &|_| false,
            wanted,
        )
        .into_iter();
        let said = found.map(|one| format!("{} ({})", one.message, one.hint.unwrap_or_default()));
        said.collect()
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is_probably_meant() {
        let refers = kustomization("web", "sourceRef: {kind: GitRepository, name: shop}");
        let says = "`sourceRef` refers to GitRepository `apps/shop`, which is not there";
        for (there, hint) in [
            (
                String::new(),
                "add it, or leave it to whoever makes it elsewhere",
            ),
            (
                source("GitRepository", "shop", "flux"),
                "there is one in the namespace `flux`",
            ),
            (
                source("OCIRepository", "shop", "apps"),
                "that is the name of an object of kind OCIRepository",
            ),
            (
                source("GitRepository", "shops", "apps"),
                "did you mean `shops`?",
            ),
        ] {
            assert_eq!(
                said(&[("a.yaml", &refers), ("b.yaml", &there)], ALL),
                [format!("{says} ({hint})")]
            );
        }
        let there = source("GitRepository", "shop", "apps");
        assert_eq!(said(&[("a.yaml", &(refers + &there))], ALL), [""; 0]);
    }

    #[test]
    fn what_lies_in_the_folder_of_another_cluster_is_not_there() {
        let refers = kustomization("web", "sourceRef: {kind: GitRepository, name: shop}");
        let shop = source("GitRepository", "shop", "apps");
        let more = source("GitRepository", "more", "apps");
        let of_prod = ("clusters/prod/web.yaml", &*refers);
        let said_of = |other: &str| said(&[of_prod, (other, &shop), ("x.yaml", &more)], ALL);
        assert_eq!(said_of("clusters/prod/sources/shop.yaml"), [""; 0]);
        assert_eq!(said_of("sources/shop.yaml"), [""; 0]);
        assert_eq!(
            said_of("clusters/staging/shop.yaml"),
            [
                "`sourceRef` refers to GitRepository `apps/shop`, which is not there (the one in `clusters/staging/shop.yaml` is for another cluster)"
            ]
        );
    }

    #[test]
    fn what_bootstrap_makes_is_not_missed_and_secrets_only_where_they_are_wanted() {
        let flux = "sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}";
        let secret = "decryption: {provider: sops, secretRef: {name: keys}}";
        let text = kustomization("web", &format!("{flux}, {secret}"));
        assert_eq!(said(&[("a", &text)], ALL).len(), 1);
        let wanted = Wanted {
            values: false,
            ..ALL
        };
        assert_eq!(said(&[("a", &text)], wanted), [""; 0]);
        let made = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: keys, namespace: apps}\n";
        assert_eq!(said(&[("a", &text), ("b", made)], ALL), [""; 0]);
    }

    #[test]
    fn a_ring_is_found_and_two_clusters_make_none() {
        let (a, b) = (
            kustomization("a", "dependsOn: [{name: b}]"),
            kustomization("b", "dependsOn: [{name: a}]"),
        );
        assert_eq!(
            said(&[("a.yaml", &a), ("b.yaml", &b)], ALL),
            [format!(
                "objects wait for each other in a ring: Kustomization `apps/a` → Kustomization `apps/b` → Kustomization `apps/a` ({RING_HINT})"
            )]
        );
        let (free_a, free_b) = (kustomization("a", ""), kustomization("b", ""));
        let eu = [("eu/a.yaml", &*a), ("eu/b.yaml", &*free_b)];
        let us = [("us/a.yaml", &*free_a), ("us/b.yaml", &*b)];
        assert_eq!(said(&[eu, us].concat(), ALL), [""; 0]);
        let itself = kustomization("a", "dependsOn: [{name: a}]");
        let said = said(&[("a.yaml", &itself)], ALL);
        assert_eq!(
            said,
            [format!(
                "Kustomization `apps/a` waits for itself ({RING_HINT})"
            )]
        );
    }
}

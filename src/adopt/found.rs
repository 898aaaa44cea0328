//! Reads an object that exists: what it asks for in the words of the configuration, or why these words
//! cannot say it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::OUR_LABELS;
use crate::flux::lint::lint;
use crate::flux::schema::{FluxVersion, judge};
use crate::flux::yaml::{self, Node, Span};
use crate::flux::{FaultSeverity, canonical, names, with_version};

use super::maker::made_by;
use super::unit::{Unit, Wanted};

/// A document that was found.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    pub document: &'a Node,
    /// The path of its file.
    pub file: &'a str,
    /// The clusters that it is for; `None` among them: one that has no name.
    pub clusters: &'a [Option<Arc<str>>],
}

/// What is known beside the objects.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The context of the kubeconfig that they were read from.
    pub context: Option<&'a str>,
    /// The Flux of clusters, where it is not the usual one.
    pub fluxes: &'a BTreeMap<Option<Arc<str>>, FluxVersion>,
}

/// An object that the configuration does not render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    pub span: Span,
    /// Kind, namespace and name, as far as they are known.
    pub object: String,
    /// In words that follow the object.
    pub reason: String,
}

/// By what Flux deletes what a Kustomization applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deletes {
    /// What it applies no more, by `prune: true`.
    pub prunes: bool,
    /// A policy that deletes all once it goes, whatever `prune` says.
    pub policy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Git,
    Oci,
    Kustomization,
}

impl Kind {
    pub(super) fn read(name: &str) -> Option<Self> {
        match name {
            "GitRepository" => Some(Self::Git),
            "OCIRepository" => Some(Self::Oci),
            "Kustomization" => Some(Self::Kustomization),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Git => "GitRepository",
            Self::Oci => "OCIRepository",
            Self::Kustomization => "Kustomization",
        }
    }
}

/// An object that the configuration may say.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) span: Span,
    pub(super) file: String,
    pub(super) cluster: Option<Arc<str>>,
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
    /// Of a source.
    pub(super) url: String,
    /// Of a Kustomization: kind, namespace and name of its source.
    pub(super) source: Option<(String, String, String)>,
    /// Of a Kustomization: namespace and name of what it waits for.
    pub(super) waits_for: Vec<(String, String)>,
    pub(super) wanted: Wanted,
    /// The environment that a label of ours names.
    pub(super) labelled: Option<String>,
    /// By what Flux deletes what it applied; `None` where it does not.
    pub(super) deletes: Option<Deletes>,
}

/// Name and namespace of what `flux bootstrap` writes, and writes again.
pub(super) const BOOTSTRAP: &str = "flux-system";

/// Versions whose objects are rendered as `v1`, which has their fields but for those that Flux gave up.
const BEFORE_V1: [&str; 2] = ["v1beta2", "v1beta1"];

/// Where an object says which changed paths concern it.
const WATCH_PATHS: &str = "flux-setup.dev/watch-paths";

/// Kind, namespace and name, as far as they are known.
pub(super) fn label(document: &Node) -> String {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or("?").to_owned();
    let metadata = |key| document.get("metadata").and_then(|it| it.get(key));
    let slash = metadata("namespace").map_or_else(String::new, |it| text(Some(it)) + "/");
    format!(
        "{} {slash}{}",
        text(document.get("kind")),
        text(metadata("name"))
    )
}

impl Found {
    /// One for each cluster, judged by its Flux; `None` for a kind that we do not write.
    ///
    /// # Errors
    /// Why it cannot be said, in words that follow the object.
    pub(super) fn read(
        given: &Given<'_>,
        fluxes: &BTreeMap<Option<Arc<str>>, FluxVersion>,
    ) -> Option<Result<Vec<Self>, String>> {
        let text = |key| given.document.get(key).and_then(Node::as_str);
        let group = text("apiVersion")?.split_once('/')?.0;
        let kind = match group {
            "source.toolkit.fluxcd.io" | "kustomize.toolkit.fluxcd.io" => {
                Kind::read(text("kind")?)?
            }
            _ => return None,
        };
        let found = match Self::of_kind(given, kind, fluxes) {
            Ok(found) => found,
            Err(reason) => return Some(Err(reason)),
        };
        let clusters = given.clusters.iter().map(|cluster| Self {
            cluster: cluster.clone(),
            ..found.clone()
        });
        Some(Ok(clusters.collect()))
    }

    /// Whether it applies what this source fetches, where both are in one cluster.
    pub(super) fn applies_from(&self, source: &Self) -> bool {
        let named = self.source.as_ref();
        named.is_some_and(|(kind, namespace, name)| {
            (&**kind, namespace, name) == (source.kind.name(), &source.namespace, &source.name)
        })
    }

    fn of_kind(
        given: &Given<'_>,
        kind: Kind,
        fluxes: &BTreeMap<Option<Arc<str>>, FluxVersion>,
    ) -> Result<Self, String> {
        if let Some(maker) = made_by(given.document) {
            return Err(format!("{maker} makes it, and makes it again"));
        }
        // an object of a live cluster carries what only the server may write
        let mut document = canonical(given.document);
        let version = document.get("apiVersion").and_then(Node::as_str);
        let (group, version) = version
            .and_then(|it| it.split_once('/'))
            .unwrap_or_default();
        let older = BEFORE_V1.iter().find(|older| **older == version);
        if older.is_some() {
            document = with_version(&document, group, "v1");
        }
        let of_clusters = given.clusters.iter();
        let of_clusters = of_clusters.map(|it| fluxes.get(it).copied().unwrap_or_default());
        let versions: BTreeSet<FluxVersion> = of_clusters.collect();
        for version in versions {
            let Some(fault) = judge(version.crds(), &document).into_iter().next() else {
                continue;
            };
            let who = match older {
                Some(older) => format!("it is `{older}`, and as `v1` the API server refuses it"),
                None => "the API server refuses it, or it is a patch".to_owned(),
            };
            let flux = match version == FluxVersion::default() {
                true => String::new(),
                false => format!(" in Flux {version}"),
            };
            return Err(format!("{who}: {}{flux}", fault.message));
        }
        // how it is quoted is not how it is rendered
        let (plain, _) = yaml::read(&document.to_json().to_string(), 0);
        let mut faults = plain.iter().flat_map(lint);
        if let Some(fault) = faults.find(|fault| fault.severity == FaultSeverity::Error) {
            return Err(format!("Flux cannot work with it: {}", fault.message));
        }
        let text = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or_default().to_owned();
        let metadata = document.get("metadata");
        let of_metadata = |key| metadata.and_then(|metadata| metadata.get(key));
        let (namespace, name) = (text(of_metadata("namespace")), text(of_metadata("name")));
        if namespace.is_empty() {
            return Err("it names no namespace; `kustomize build` may know it".to_owned());
        }
        if namespace == BOOTSTRAP && name == BOOTSTRAP {
            return Err("`flux bootstrap` wrote it, and writes it again".to_owned());
        }
        for (what, name) in [("name", &name), ("namespace", &namespace)] {
            names::dns_label(name)
                .map_err(|reason| format!("its {what} is none of ours: {reason}"))?;
        }
        let mut found = Self {
            span: given.document.span,
            file: given.file.to_owned(),
            cluster: None,
            kind,
            namespace: namespace.clone(),
            name,
            url: String::new(),
            source: None,
            waits_for: Vec::new(),
            wanted: Wanted::new(),
            labelled: None,
            deletes: None,
        };
        found.want(Unit::key("namespace"), Value::from(namespace));
        found.metadata(metadata)?;
        let spec = document.get("spec");
        match (kind, spec) {
            (Kind::Kustomization, Some(spec)) => found.say_kustomization(spec)?,
            (_, Some(spec)) => found.say_source(spec)?,
            (_, None) => return Err("it has no `spec`".to_owned()),
        }
        Ok(found)
    }

    pub(super) fn want(&mut self, unit: Unit, value: Value) {
        if !value.is_null() {
            self.wanted.insert(unit, value);
        }
    }

    fn metadata(&mut self, metadata: Option<&Node>) -> Result<(), String> {
        let entries = |key| {
            let found = metadata.and_then(|metadata| metadata.get(key));
            found.and_then(Node::as_mapping).unwrap_or_default()
        };
        for label in entries("labels") {
            let value = label.node.as_str().unwrap_or_default();
            if label.key == OUR_LABELS[2] {
                self.labelled = names::dns_label(value).is_ok().then(|| value.to_owned());
            }
            if !OUR_LABELS.contains(&&*label.key) {
                self.want(Unit::of("labels", &label.key), Value::from(value));
            }
        }
        let is_ours = |key: &str| key == OUR_LABELS[0];
        if !entries("labels").iter().any(|one| is_ours(&one.key)) {
            self.labelled = None;
        }
        for annotation in entries("annotations") {
            let value = annotation.node.as_str().unwrap_or_default();
            if annotation.key != WATCH_PATHS {
                self.want(Unit::of("annotations", &annotation.key), Value::from(value));
            } else if self.kind == Kind::Kustomization {
                return Err(format!(
                    "it carries `{WATCH_PATHS}`, which stands at a source"
                ));
            } else {
                let paths = value.split(',').map(str::trim).collect::<Vec<_>>();
                self.want(Unit::key("watchPaths"), json!(paths));
            }
        }
        Ok(())
    }
}

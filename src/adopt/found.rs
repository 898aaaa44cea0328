//! Reads an object that exists: what it asks for in the words of the configuration, or why these words
//! cannot say it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::config::{OUR_LABELS, check_reference};
use crate::flux::lint::lint;
use crate::flux::schema::{Crds, judge};
use crate::flux::yaml::{self, Node, Span};
use crate::flux::{FaultSeverity, RepositoryUrl, canonical, duration, names, with_version};

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
const BOOTSTRAP: &str = "flux-system";

/// Versions whose objects are rendered as `v1`, which has their fields but for those that Flux gave up.
const BEFORE_V1: [&str; 2] = ["v1beta2", "v1beta1"];

/// Where an object says which changed paths concern it.
const WATCH_PATHS: &str = "flux-setup.dev/watch-paths";

/// Fields of a source's spec for which there is a key of ours.
const SOURCE_FIELDS: [&str; 7] = [
    "url",
    "ref",
    "interval",
    "timeout",
    "secretRef",
    "provider",
    "suspend",
];

/// The same of a Kustomization's.
const KUSTOMIZATION_FIELDS: [&str; 11] = [
    "interval",
    "timeout",
    "retryInterval",
    "path",
    "prune",
    "wait",
    "targetNamespace",
    "serviceAccountName",
    "suspend",
    "dependsOn",
    "sourceRef",
];

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
    /// One for each cluster; `None` for a kind that we do not write.
    ///
    /// # Errors
    /// Why it cannot be said, in words that follow the object.
    pub(super) fn read(given: &Given<'_>) -> Option<Result<Vec<Self>, String>> {
        let text = |key| given.document.get(key).and_then(Node::as_str);
        let group = text("apiVersion")?.split_once('/')?.0;
        let kind = match group {
            "source.toolkit.fluxcd.io" | "kustomize.toolkit.fluxcd.io" => {
                Kind::read(text("kind")?)?
            }
            _ => return None,
        };
        let found = match Self::of_kind(given, kind) {
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

    fn of_kind(given: &Given<'_>, kind: Kind) -> Result<Self, String> {
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
        if let Some(fault) = judge(Crds::embedded(), &document).first() {
            let who = match older {
                Some(older) => format!("it is `{older}`, and as `v1` the API server refuses it"),
                None => "the API server refuses it, or it is a patch".to_owned(),
            };
            return Err(format!("{who}: {}", fault.message));
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
            (Kind::Kustomization, Some(spec)) => found.kustomization(spec)?,
            (_, Some(spec)) => found.source_of(spec)?,
            (_, None) => return Err("it has no `spec`".to_owned()),
        }
        Ok(found)
    }

    fn want(&mut self, unit: Unit, value: Value) {
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

    fn source_of(&mut self, spec: &Node) -> Result<(), String> {
        let text = |key: &str| spec.get(key).and_then(Node::as_str).unwrap_or_default();
        self.url = text("url").to_owned();
        match RepositoryUrl::read(&self.url) {
            Ok(url) if url.flux_url() == self.url => {}
            Ok(_) => return Err("its URL would be written in another form".to_owned()),
            Err(fault) => return Err(format!("its URL cannot be said: {fault}")),
        }
        let timeout = match text("timeout") {
            "" => "60s",
            timeout => timeout,
        };
        self.want(
            Unit::of("intervals", "source"),
            length("interval", text("interval"))?,
        );
        self.want(Unit::of("timeouts", "source"), length("timeout", timeout)?);
        let reference = spec.get("ref").map_or(Value::Null, Node::to_json);
        for (key, value) in reference.as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            check_reference(key, value)
                .map_err(|reason| format!("its {key} `{value}` cannot be said: {reason}"))?;
        }
        self.want(Unit::key("ref"), reference);
        if let Some(secret) = spec.get("secretRef") {
            let name = secret
                .get("name")
                .and_then(Node::as_str)
                .unwrap_or_default();
            names::dns_subdomain(name)
                .map_err(|reason| format!("the name of its Secret is none: {reason}"))?;
            self.want(Unit::key("secretRef"), Value::from(name));
        }
        if let Some(provider) = spec.get("provider").and_then(Node::as_str) {
            self.want(Unit::key("provider"), Value::from(provider));
        }
        self.flag(spec, "suspend");
        let key = if self.kind == Kind::Oci {
            "ociRepository"
        } else {
            "gitRepository"
        };
        self.rest(spec, key, &SOURCE_FIELDS);
        Ok(())
    }

    fn kustomization(&mut self, spec: &Node) -> Result<(), String> {
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
        let interval = text(spec, "interval").unwrap_or_default();
        self.want(
            Unit::of("intervals", "kustomization"),
            length("interval", &interval)?,
        );
        let timeout = match text(spec, "timeout") {
            Some(timeout) => length("timeout", &timeout)?,
            None => Value::Null,
        };
        // that nothing is said is said here: there is a timeout built in
        self.wanted
            .insert(Unit::of("timeouts", "kustomization"), timeout);
        if let Some(retry) = text(spec, "retryInterval") {
            self.want(Unit::key("retryInterval"), length("retryInterval", &retry)?);
        }
        if let Some(path) = text(spec, "path") {
            if path.split('/').any(|part| part == "..") {
                return Err("its path has `..`, which may leave the repository".to_owned());
            }
            if path.contains(['{', '}']) {
                return Err("its path has braces, between which we read names".to_owned());
            }
            self.want(Unit::key("path"), Value::from(path));
        }
        if let Some(target) = text(spec, "targetNamespace") {
            names::dns_label(&target)
                .map_err(|reason| format!("its target namespace is none: {reason}"))?;
            self.want(Unit::key("targetNamespace"), Value::from(target));
        }
        if let Some(account) = text(spec, "serviceAccountName") {
            names::dns_subdomain(&account)
                .map_err(|reason| format!("its ServiceAccount's name is none: {reason}"))?;
            self.want(Unit::key("serviceAccountName"), Value::from(account));
        }
        let prune = spec.get("prune").and_then(Node::as_bool) == Some(true);
        self.want(Unit::key("prune"), Value::from(prune));
        self.flag(spec, "wait");
        self.flag(spec, "suspend");
        let keeps = |policy: &String| ["MirrorPrune", "Orphan"].contains(&&**policy);
        let policy = text(spec, "deletionPolicy").filter(|policy| !keeps(policy));
        self.deletes = (prune || policy.is_some()).then_some(Deletes {
            prunes: prune,
            policy,
        });
        self.source_reference(spec)?;
        for (index, item) in sequence(spec.get("dependsOn")).iter().enumerate() {
            if let Some(entry) = item.entry("readyExpr") {
                return Err(format!(
                    "`dependsOn[{index}].{}` has no key of ours",
                    entry.key
                ));
            }
            let name = text(item, "name").unwrap_or_default();
            let namespace = text(item, "namespace").unwrap_or_else(|| self.namespace.clone());
            for name in [&name, &namespace] {
                names::dns_label(name).map_err(|reason| {
                    format!("it waits for `{name}`, which is no name: {reason}")
                })?;
            }
            self.waits_for.push((namespace, name));
        }
        let post_build = spec.get("postBuild");
        let substitute = post_build.and_then(|it| it.get("substitute"));
        for one in substitute.and_then(Node::as_mapping).unwrap_or_default() {
            names::variable(&one.key)
                .map_err(|reason| format!("its variable `{}` is none: {reason}", one.key))?;
            let value = one.node.as_str().unwrap_or_default();
            self.want(Unit::of("substitutions", &one.key), Value::from(value));
        }
        self.rest(spec, "kustomization", &KUSTOMIZATION_FIELDS);
        let unit = Unit::of("kustomization", "postBuild");
        if let Some(Value::Object(rest)) = self.wanted.get_mut(&unit)
            && rest.shift_remove("substitute").is_some()
            && rest.is_empty()
        {
            self.wanted.remove(&unit);
        }
        Ok(())
    }

    fn source_reference(&mut self, spec: &Node) -> Result<(), String> {
        let reference = spec.get("sourceRef");
        let text = |key| {
            let found = reference.and_then(|it| it.get(key)).and_then(Node::as_str);
            found.unwrap_or_default().to_owned()
        };
        let name = text("name");
        let namespace = match text("namespace") {
            empty if empty.is_empty() => self.namespace.clone(),
            namespace => namespace,
        };
        for name in [&name, &namespace] {
            names::dns_label(name)
                .map_err(|reason| format!("its source `{name}` is no name of ours: {reason}"))?;
        }
        self.source = Some((text("kind"), namespace, name));
        Ok(())
    }

    fn flag(&mut self, spec: &Node, key: &'static str) {
        if spec.get(key).and_then(Node::as_bool) == Some(true) {
            self.want(Unit::key(key), Value::from(true));
        }
    }

    /// All fields that have no key of ours.
    fn rest(&mut self, spec: &Node, key: &'static str, taken: &[&str]) {
        for entry in spec.as_mapping().unwrap_or_default() {
            if !taken.contains(&&*entry.key) {
                let value = without_nulls(entry.node.to_json());
                self.want(Unit::of(key, &entry.key), value);
            }
        }
    }
}

fn sequence(node: Option<&Node>) -> &[Node] {
    node.and_then(Node::as_sequence).unwrap_or_default()
}

/// In a map of the configuration a `null` takes away; the API server drops it.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let kept = entries.into_iter().filter(|(_, value)| !value.is_null());
            let kept = kept.map(|(key, value)| (key, without_nulls(value)));
            Value::Object(kept.collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// A duration in its shortest form.
fn length(field: &str, text: &str) -> Result<Value, String> {
    match duration::read(text) {
        Ok(length) if length.is_zero() => Err(format!("its {field} is zero")),
        Ok(length) => Ok(Value::from(duration::write(length))),
        Err(fault) => Err(format!("its {field} cannot be said: {fault}")),
    }
}

//! The judge that says offline what the API server would answer to a strict server-side apply.
//!
//! It stands for a `PATCH` with `application/apply-patch+yaml`, `force=true`, `dryRun=All` and
//! `fieldValidation=Strict` of an object that does not exist yet, in a namespace that does. Such
//! an apply answers with the first faults that it meets; the judge says all of them.

mod bounds;
mod compare;
mod compile;
mod crds;
mod defaults;
mod elements;
mod embedded;
mod format;
mod found;
mod keys;
mod metadata;
mod names;
mod pattern;
mod rules;
mod scope;
mod shape;
mod value;
mod versions;
mod walk;

use std::fmt;
use std::sync::LazyLock;

pub use compare::FieldDifference;
pub use crds::{Crds, is_flux_group};
pub use pattern::is_pattern;
pub use rules::is_expression;
pub use scope::Scope;
pub use versions::{FluxVersion, NoFluxVersion};

pub use crate::flux::fault::{Fault, FaultClass, FaultSeverity};

use crate::flux::fault::Path;
use crate::flux::yaml::Node;
use crds::Lookup;
use found::Found;
use metadata::NameForm;
use shape::Schema;
use value::{Plain, entry, read};

/// How much of a document [`judge`] can judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// All of it.
    Whole,
    /// A kind of Kubernetes itself: only `metadata` is checked.
    BuiltIn,
    /// No CRD is known for the kind: only `metadata` is checked.
    NoCrd { kind: String, api_version: String },
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Coverage::Whole => f.write_str("checked"),
            Coverage::BuiltIn => {
                f.write_str("only metadata was checked: a kind of Kubernetes itself")
            }
            Coverage::NoCrd { kind, api_version } => {
                write!(f, "not checked: no CRD for {kind} {api_version}")
            }
        }
    }
}

/// What a document says it is.
struct Identity<'a> {
    api_version: &'a str,
    group: &'a str,
    version: &'a str,
    kind: &'a str,
}

impl<'a> Identity<'a> {
    fn of(document: &'a Node) -> Self {
        let text = |key: &str| match read(document) {
            Plain::Map(entries) => match entry(entries, key).map(|one| read(&one.node)) {
                Some(Plain::Text(text)) => text,
                _ => "",
            },
            _ => "",
        };
        let api_version = text("apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            api_version,
            group,
            version,
            kind: text("kind"),
        }
    }

    fn is_built_in(&self) -> bool {
        !self.group.contains('.')
            || (self.group.ends_with(".k8s.io") && !self.group.contains(".x-k8s.io"))
    }
}

impl Crds {
    /// How much of a document can be judged with these CRDs. Where the group is known and the kind
    /// or version is not, that is a fault of [`judge`] and the document counts as judged.
    pub fn coverage(&self, document: &Node) -> Coverage {
        let identity = Identity::of(document);
        match self.look_up(identity.group, identity.version, identity.kind) {
            Lookup::Nothing if identity.kind.is_empty() || identity.version.is_empty() => {
                Coverage::Whole
            }
            Lookup::Nothing if identity.is_built_in() => Coverage::BuiltIn,
            Lookup::Nothing => Coverage::NoCrd {
                kind: identity.kind.into(),
                api_version: identity.api_version.into(),
            },
            _ => Coverage::Whole,
        }
    }
}

impl Crds {
    /// Where objects of the document's kind live: as its CRD says, of Kubernetes' own kinds as these
    /// are.
    pub fn scope(&self, document: &Node) -> Scope {
        let identity = Identity::of(document);
        match self.look_up(identity.group, identity.version, identity.kind) {
            Lookup::Found(scope, _) => scope,
            _ => scope::built_in(identity.group, identity.kind).unwrap_or(Scope::Unknown),
        }
    }
}

/// All that the API server has against a document, in the order of the document as far as each
/// rule goes. Empty for one that it takes; see [`Crds::coverage`] for kinds without a schema.
pub fn judge(crds: &Crds, document: &Node) -> Vec<Fault> {
    let mut faults = Found::default();
    let Plain::Map(entries) = read(document) else {
        let message = format!("must be a map, not {}", read(document).noun());
        let hint = "begin it with `apiVersion: …` and `kind: …`";
        return vec![Fault::api(document.span, "", message).hint(hint)];
    };
    let identity = Identity::of(document);
    if entry(entries, "apiVersion").is_none() && entry(entries, "kind").is_none() {
        let message = "no Kubernetes object: neither `apiVersion` nor `kind` is given";
        let hint = "add both, or keep the file out of the folder of manifests";
        return vec![Fault::api(document.span, "", message).hint(hint)];
    }
    for (key, value) in [("apiVersion", identity.version), ("kind", identity.kind)] {
        let path = Path::ROOT.key(key);
        match entry(entries, key).map(|one| (&one.node, read(&one.node))) {
            None => {
                let example = match key {
                    "kind" => "`kind: Kustomization`",
                    _ => "`apiVersion: kustomize.toolkit.fluxcd.io/v1`",
                };
                faults
                    .fault(document.span, &path, format!("`{key}` is required"))
                    .hint = Some(format!("add it, as in {example}"));
            }
            Some((node, Plain::Text(_) | Plain::Null)) if value.is_empty() => {
                faults.fault(node.span, &path, "must not be empty");
            }
            Some((node, plain)) if value.is_empty() => {
                faults.fault(
                    node.span,
                    &path,
                    format!("must be a string, not {}", plain.noun()),
                );
            }
            Some(_) => {}
        }
    }
    let metadata = entry(entries, "metadata").map(|one| &one.node);
    let found = crds.look_up(identity.group, identity.version, identity.kind);
    let (name, scope) = match &found {
        Lookup::Found(scope, schema) => {
            walk::hold(&mut faults, schema, document, &Path::ROOT, false);
            (NameForm::Subdomain, *scope)
        }
        _ => {
            if faults.faults.is_empty() {
                let key = if matches!(found, Lookup::OtherVersions(_)) {
                    "apiVersion"
                } else {
                    "kind"
                };
                let span = entry(entries, key).map_or(document.span, |one| one.node.span);
                found.refuse(&mut faults, span, identity.api_version, identity.kind);
            }
            if let Some(metadata) = metadata {
                walk::hold(
                    &mut faults,
                    any_metadata(),
                    metadata,
                    &Path::ROOT.key("metadata"),
                    true,
                );
            }
            let name = match (identity.group, identity.kind) {
                ("", "Namespace") => NameForm::Label,
                ("", "ConfigMap" | "Secret" | "ServiceAccount") => NameForm::Subdomain,
                _ => NameForm::PathSegment,
            };
            (name, Scope::Unknown)
        }
    };
    metadata::root(&mut faults, metadata, name, scope, document.span);
    faults.faults
}

fn any_metadata() -> &'static Schema {
    static METADATA: LazyLock<Schema> =
        LazyLock::new(|| compile::object_meta().expect("the schema of metadata can be compiled"));
    &METADATA
}

#[cfg(test)]
mod tests;

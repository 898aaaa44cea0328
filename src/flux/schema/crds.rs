//! The kinds whose schemas are known: Flux's own, and those of CRDs that people hand in.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;

use super::compile::{self, Trust};
use super::found::Found;
use super::scope::Scope;
use super::shape::Schema;
use super::value::to_json;
use crate::flux::fault::{Fault, Path};
use crate::flux::yaml::{Node, Span, Value};

/// A set of custom resource definitions, compiled. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Crds {
    kinds: HashMap<Box<str>, Vec<Arc<Definition>>>,
}

/// One CRD.
#[derive(Debug)]
struct Definition {
    group: Box<str>,
    kind: Box<str>,
    /// What an embedded CRD says, which is read when its kind is first met: most fleets use two.
    text: &'static str,
    content: OnceLock<Content>,
}

#[derive(Debug)]
struct Content {
    scope: Scope,
    /// The versions that are served.
    versions: Vec<(Box<str>, Schema)>,
    /// Those of them that will go, with what the API server says of it; empty where that is its own
    /// sentence.
    deprecated: Vec<(Box<str>, Box<str>)>,
}

/// What a set of CRDs says about a kind.
#[derive(Debug)]
pub(super) enum Lookup<'a> {
    Found(Scope, &'a Schema),
    /// The kind is known, the version is not among those served.
    OtherVersions(Vec<&'a str>),
    /// Other kinds of the group are known.
    OtherKinds(Vec<&'a str>),
    Nothing,
}

impl Crds {
    /// The CRDs among these documents; others are passed over. Where there is none at all, that is
    /// a fault, and so is a CRD that cannot be read.
    pub fn from_documents<'a>(documents: impl IntoIterator<Item = &'a Node>) -> (Crds, Vec<Fault>) {
        let mut crds = Crds::default();
        let mut faults = Vec::new();
        let (mut first, mut found) = (None, false);
        for document in documents {
            first.get_or_insert(document.span);
            let json = to_json(document);
            if json["kind"] != "CustomResourceDefinition" {
                continue;
            }
            found = true;
            match Definition::read(&json) {
                Ok(definition) => crds.insert(definition),
                Err((path, message)) => {
                    faults.push(Fault::api(span_of(document, path), path, message))
                }
            }
        }
        if !found {
            let span = first.unwrap_or_default();
            faults.push(
                Fault::api(span, "", "holds no CustomResourceDefinition")
                    .hint("name a file with CRDs, such as `gotk-components.yaml`"),
            );
        }
        (crds, faults)
    }

    /// These CRDs, and those of `base` for kinds that are not among them.
    #[must_use]
    pub fn over(&self, base: &Crds) -> Crds {
        let mut all = base.clone();
        for definition in self.kinds.values().flatten() {
            all.insert_shared(definition.clone());
        }
        all
    }

    /// These CRDs but those of Flux's own kinds.
    pub(super) fn without_flux(&self) -> Crds {
        let mut all = self.clone();
        for same_kind in all.kinds.values_mut() {
            same_kind.retain(|definition| !is_flux_group(&definition.group));
        }
        all
    }

    /// Whether a kind of Flux's own is among them.
    pub fn has_flux(&self) -> bool {
        let mut all = self.kinds.values().flatten();
        all.any(|definition| is_flux_group(&definition.group))
    }

    /// Adds one of ours, by its text.
    pub(super) fn insert_unread(&mut self, kind: &str, group: &str, text: &'static str) {
        self.insert(Definition {
            group: group.into(),
            kind: kind.into(),
            text,
            content: OnceLock::new(),
        });
    }

    fn insert(&mut self, definition: Definition) {
        self.insert_shared(Arc::new(definition));
    }

    fn insert_shared(&mut self, definition: Arc<Definition>) {
        let same_kind = self.kinds.entry(definition.kind.clone()).or_default();
        same_kind.retain(|other| other.group != definition.group);
        same_kind.push(definition);
    }

    /// Whether the version in which a document is written will go: what its CRD says of it, empty
    /// where it says nothing; `None` for a version that stays.
    pub fn deprecation(&self, document: &Node) -> Option<&str> {
        let text = |key: &str| document.get(key).and_then(Node::as_str);
        let (group, version) = text("apiVersion")?.split_once('/')?;
        let same_kind = self.kinds.get(text("kind")?)?;
        let definition = same_kind.iter().find(|one| &*one.group == group)?;
        let deprecated = &definition.content().deprecated;
        let found = deprecated.iter().find(|(name, _)| &**name == version);
        found.map(|(_, says)| &**says)
    }

    pub(super) fn look_up(&self, group: &str, version: &str, kind: &str) -> Lookup<'_> {
        let same_kind = self.kinds.get(kind).map(Vec::as_slice).unwrap_or_default();
        if let Some(definition) = same_kind
            .iter()
            .find(|definition| &*definition.group == group)
        {
            let Content {
                scope, versions, ..
            } = definition.content();
            return match versions.iter().find(|(name, _)| &**name == version) {
                Some((_, schema)) => Lookup::Found(*scope, schema),
                None => Lookup::OtherVersions(versions.iter().map(|(name, _)| &**name).collect()),
            };
        }
        let of_group = self
            .kinds
            .values()
            .flatten()
            .filter(|definition| &*definition.group == group);
        let mut kinds: Vec<&str> = of_group.map(|definition| &*definition.kind).collect();
        kinds.sort_unstable();
        if kinds.is_empty() {
            Lookup::Nothing
        } else {
            Lookup::OtherKinds(kinds)
        }
    }
}

/// Of the groups of what `flux install` installs.
pub fn is_flux_group(group: &str) -> bool {
    group.ends_with(".toolkit.fluxcd.io") || group == "source.extensions.fluxcd.io"
}

impl Definition {
    fn content(&self) -> &Content {
        self.content.get_or_init(|| {
            let json: Json = serde_json::from_str(self.text).expect("an embedded CRD is JSON");
            Content::read(&json["spec"], Trust::Sound).expect("an embedded CRD can be compiled")
        })
    }

    /// # Errors
    /// The path of what is wrong, and what.
    fn read(json: &Json) -> Result<Self, (&'static str, String)> {
        if json["apiVersion"] != "apiextensions.k8s.io/v1" {
            return Err(("apiVersion", "must be `apiextensions.k8s.io/v1`".into()));
        }
        let spec = &json["spec"];
        Ok(Self {
            group: text(&spec["group"], "spec.group")?,
            kind: text(&spec["names"]["kind"], "spec.names.kind")?,
            text: "",
            content: Content::read(spec, Trust::Unknown)?.into(),
        })
    }
}

fn text(json: &Json, path: &'static str) -> Result<Box<str>, (&'static str, String)> {
    match json.as_str() {
        Some(text) if !text.is_empty() => Ok(text.into()),
        _ => Err((path, format!("`{path}` is required"))),
    }
}

impl Content {
    /// # Errors
    /// The path of what is wrong, and what.
    fn read(spec: &Json, trust: Trust) -> Result<Self, (&'static str, String)> {
        let scope = match spec["scope"].as_str() {
            Some("Namespaced") => Scope::Namespaced,
            Some("Cluster") => Scope::Cluster,
            _ => {
                return Err((
                    "spec.scope",
                    "must be one of `Namespaced`, `Cluster`".into(),
                ));
            }
        };
        let mut versions = Vec::new();
        let mut deprecated = Vec::new();
        for version in spec["versions"].as_array().into_iter().flatten() {
            let name = text(&version["name"], "spec.versions")?;
            if version["served"] != true {
                continue;
            }
            let schema = &version["schema"]["openAPIV3Schema"];
            if schema.is_null() {
                let path = "spec.versions";
                return Err((
                    path,
                    format!("the version `{name}` has no `schema.openAPIV3Schema`"),
                ));
            }
            let status_is_dropped = !version["subresources"]["status"].is_null();
            let compiled = compile::object(schema, status_is_dropped, trust)
                .map_err(|fault| ("spec.versions", fault))?;
            if version["deprecated"] == true {
                let warning = version["deprecationWarning"].as_str().unwrap_or_default();
                deprecated.push((name.clone(), warning.into()));
            }
            versions.push((name, compiled));
        }
        if versions.is_empty() {
            return Err(("spec.versions", "has no version that is served".into()));
        }
        Ok(Self {
            scope,
            versions,
            deprecated,
        })
    }
}

/// Where `path`, keys with dots between, was written; the nearest place above where it is absent.
fn span_of(document: &Node, path: &str) -> Span {
    let mut node = document;
    for key in path.split('.') {
        let Value::Mapping(entries) = &node.value else {
            break;
        };
        match super::value::entry(entries, key) {
            Some(one) => node = &one.node,
            None => break,
        }
    }
    node.span
}

impl Lookup<'_> {
    /// Why the API server knows no such kind; `None` where it may know it.
    pub(super) fn refuse(&self, found: &mut Found, span: Span, api_version: &str, kind: &str) {
        match self {
            Lookup::OtherVersions(known) => {
                let path = Path::ROOT.key("apiVersion");
                let message = format!(
                    "`{api_version}` has no kind `{kind}`: it is served as `{}`",
                    known.join("`, `")
                );
                let group = api_version.split('/').next().unwrap_or("");
                found.fault(span, &path, message).hint = known
                    .last()
                    .map(|version| format!("write `apiVersion: {group}/{version}`"));
            }
            Lookup::OtherKinds(known) => {
                let path = Path::ROOT.key("kind");
                let near = crate::flux::nearest(kind, known.iter().copied());
                found
                    .fault(span, &path, format!("`{api_version}` has no kind `{kind}`"))
                    .hint = Some(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its kinds are `{}`", known.join("`, `")),
                });
            }
            Lookup::Found(..) | Lookup::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flux::schema::FluxVersion;

    #[test]
    fn every_crd_of_every_version_is_sound() {
        for version in FluxVersion::all() {
            let all = version.crds().kinds.values().flatten();
            let read = all.map(|definition| definition.content().versions.len());
            let expected = match &*version.to_string() {
                "2.6" => (13, 35),
                "2.7" => (15, 28),
                "2.8" => (15, 21),
                "2.9" => (15, 15),
                _ => (15, 17),
            };
            let (kinds, served) = read.fold((0, 0), |(kinds, all), own| (kinds + 1, all + own));
            assert_eq!((kinds, served), expected, "{version}");
        }
    }

    #[test]
    fn of_another_flux_nothing_is_left_and_kinds_of_ones_own_stay() {
        let own = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {group: example.com, names: {kind: Thing}, scope: Namespaced, versions: [{name: v1, served: true, schema: {openAPIV3Schema: {type: object}}}]}\n";
        let (own, faults) = Crds::from_documents(&crate::flux::yaml::read(own, 0).0);
        assert!(faults.is_empty() && !own.has_flux(), "{faults:?}");
        let all = own.over(Crds::embedded());
        assert!(all.has_flux());
        let old = all.with_flux(FluxVersion::parse("2.6").unwrap());
        let look_up = |kind, group| old.look_up(group, "v1", kind);
        assert!(matches!(look_up("Thing", "example.com"), Lookup::Found(..)));
        let source = "source.toolkit.fluxcd.io";
        assert!(matches!(look_up("Bucket", source), Lookup::Found(..)));
        assert!(matches!(
            look_up("ExternalArtifact", source),
            Lookup::OtherKinds(_)
        ));
        let generators = "source.extensions.fluxcd.io";
        assert!(matches!(
            look_up("ArtifactGenerator", generators),
            Lookup::Nothing
        ));
    }
}

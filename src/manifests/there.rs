//! The objects that are among the manifests, or that something among them makes.

use std::collections::HashMap;
use std::path::Path;

use crate::flux::ObjectKey;
use crate::flux::yaml::Node;

use super::clusters::Clusters;
use super::references::text;
use super::substitution::VARIABLE;
use super::ways::ways;

/// One object, where it lies.
#[derive(Debug)]
pub(super) struct There<'a> {
    /// `None` where nothing says it: kustomize may put it anywhere.
    pub(super) namespace: Option<&'a str>,
    /// The cluster for which it was rendered; `None`: any.
    pub(super) cluster: Option<&'a str>,
    pub(super) file: &'a Path,
    /// The number of its document; `None` for what another object makes.
    pub(super) document: Option<usize>,
}

/// Where an object is that is not meant.
#[derive(Debug)]
pub(super) enum Elsewhere<'a> {
    /// In another namespace.
    Namespace(&'a str),
    /// In this file, which is for another cluster.
    Cluster(&'a Path),
}

/// Objects by group, kind and name.
#[derive(Debug, Default)]
pub(super) struct All<'a> {
    clusters: Clusters<'a>,
    objects: HashMap<(&'a str, &'a str, &'a str), Vec<There<'a>>>,
    /// Those whose names hold variables, by group and kind.
    open: HashMap<(&'a str, &'a str), Vec<(&'a str, There<'a>)>>,
}

/// Where something stands that refers to another object.
#[derive(Debug, Clone, Copy)]
pub(super) struct From<'a> {
    pub(super) cluster: Option<&'a str>,
    pub(super) file: &'a Path,
}

impl<'a> All<'a> {
    /// `placed` are documents with where each lies; `generators` are kustomize's own configurations.
    pub(super) fn of(placed: &[(&'a Node, From<'a>)], generators: &[(&'a Node, From<'a>)]) -> Self {
        let files = |placed: &[(&'a Node, From<'a>)]| {
            let files = placed.iter().map(|(node, from)| (*node, from.file));
            files.collect::<Vec<_>>()
        };
        let (documents, kustomizations) = (files(placed), files(generators));
        let ways = ways(&documents, &kustomizations);
        let mut all = Self {
            clusters: Clusters::of(&documents, &kustomizations, &ways),
            ..Self::default()
        };
        for (number, (document, from)) in placed.iter().enumerate() {
            all.add(document, *from, number);
        }
        for (kustomization, from) in generators {
            for (key, kind) in [
                ("secretGenerator", "Secret"),
                ("configMapGenerator", "ConfigMap"),
            ] {
                let generators = kustomization.get(key).and_then(Node::as_sequence);
                for generator in generators.unwrap_or_default() {
                    if let Some(name) = text(generator, "name") {
                        let namespace = text(generator, "namespace");
                        all.put("", kind, name, namespace, *from, None);
                    }
                }
            }
        }
        all
    }

    fn add(&mut self, document: &'a Node, from: From<'a>, number: usize) {
        let Some((group, kind)) = text(document, "apiVersion").zip(text(document, "kind")) else {
            return;
        };
        let group = group.split_once('/').map_or("", |(group, _)| group);
        let metadata = document.get("metadata");
        let of_metadata = |key| metadata.and_then(|metadata| text(metadata, key));
        let (Some(name), namespace) = (of_metadata("name"), of_metadata("namespace")) else {
            return;
        };
        self.put(group, kind, name, namespace, from, Some(number));
        let at = |keys: &[&str]| {
            let node = keys.iter().try_fold(document, |node, key| node.get(key));
            node.and_then(Node::as_str)
        };
        match (group, kind) {
            ("bitnami.com", "SealedSecret") => {
                let made = at(&["spec", "template", "metadata", "name"]).unwrap_or(name);
                self.put("", "Secret", made, namespace, from, None);
            }
            ("external-secrets.io", "ExternalSecret") => {
                let made = at(&["spec", "target", "name"]).unwrap_or(name);
                self.put("", "Secret", made, namespace, from, None);
            }
            ("cert-manager.io", "Certificate") => {
                if let Some(made) = at(&["spec", "secretName"]) {
                    self.put("", "Secret", made, namespace, from, None);
                }
            }
            ("source.extensions.fluxcd.io", "ArtifactGenerator") => {
                let made = document.get("spec").and_then(|spec| spec.get("artifacts"));
                for made in made.and_then(Node::as_sequence).unwrap_or_default() {
                    if let Some(name) = text(made, "name") {
                        let source = "source.toolkit.fluxcd.io";
                        self.put(source, "ExternalArtifact", name, namespace, from, None);
                    }
                }
            }
            ("fluxcd.controlplane.io", "FluxInstance") => {
                let made = at(&["spec", "sync", "name"]).or(namespace).unwrap_or(name);
                if let Some(kind) = at(&["spec", "sync", "kind"]) {
                    let source = "source.toolkit.fluxcd.io";
                    self.put(source, kind, made, namespace, from, None);
                    let group = "kustomize.toolkit.fluxcd.io";
                    self.put(group, "Kustomization", made, namespace, from, None);
                }
            }
            ("fluxcd.controlplane.io", "ResourceSet") => {
                let made = document.get("spec").and_then(|spec| spec.get("resources"));
                for made in made.and_then(Node::as_sequence).unwrap_or_default() {
                    self.add_made(made, namespace, from);
                }
            }
            _ => {}
        }
    }

    /// What a ResourceSet makes of one of its resources.
    fn add_made(&mut self, made: &'a Node, namespace: Option<&'a str>, from: From<'a>) {
        let metadata = made.get("metadata");
        let of_metadata = |key| metadata.and_then(|metadata| text(metadata, key));
        if let (Some(version), Some(kind), Some(name)) = (
            text(made, "apiVersion"),
            text(made, "kind"),
            of_metadata("name"),
        ) {
            let group = version.split_once('/').map_or("", |(group, _)| group);
            let namespace = of_metadata("namespace").or(namespace);
            self.put(group, kind, name, namespace, from, None);
        }
    }

    fn put(
        &mut self,
        group: &'a str,
        kind: &'a str,
        name: &'a str,
        namespace: Option<&'a str>,
        from: From<'a>,
        document: Option<usize>,
    ) {
        let there = There {
            namespace: namespace.filter(|name| !name.contains(VARIABLE)),
            cluster: from.cluster,
            file: from.file,
            document,
        };
        if name.contains(VARIABLE) {
            let open = self.open.entry((group, kind)).or_default();
            open.push((name, there));
            return;
        }
        self.objects
            .entry((group, kind, name))
            .or_default()
            .push(there);
    }

    /// The object that is meant, the one that lies nearest of several.
    pub(super) fn find<'s>(&'s self, key: &'s ObjectKey, from: From<'_>) -> Option<&'s There<'a>> {
        let named = self.objects.get(&(&*key.group, &*key.kind, &*key.name));
        let open = self.open.get(&(&*key.group, &*key.kind));
        let open = open.map_or(&[][..], Vec::as_slice).iter();
        let open = open.filter(|(name, _)| may_become(name, &key.name));
        let all = named.into_iter().flatten();
        let fits = all.chain(open.map(|(_, there)| there)).filter(|there| {
            let namespaces = there.namespace.zip(key.namespace.as_deref());
            let clusters = there.cluster.zip(from.cluster);
            namespaces.is_none_or(|(one, other)| one == other)
                && clusters.is_none_or(|(one, other)| one == other)
                && !self.clusters.are_apart(there.file, from.file)
        });
        fits.max_by_key(|there| in_common(there.file, from.file))
    }

    /// The clusters of a file in which what is meant is not there; empty: it is in none. `None` where it is
    /// in all of them.
    pub(super) fn lacking(&self, key: &ObjectKey, from: From<'_>) -> Option<Vec<&'a Path>> {
        let homes = match from.cluster {
            Some(_) => Vec::new(),
            None => self.clusters.of_file(from.file),
        };
        if homes.len() < 2 {
            return self.find(key, from).is_none().then(Vec::new);
        }
        let mut lacking = homes.clone();
        lacking.retain(|home| {
            let file = &home.join("any");
            self.find(key, From { file, ..from }).is_none()
        });
        match lacking.len() {
            0 => None,
            all if all == homes.len() => Some(Vec::new()),
            _ => Some(lacking),
        }
    }

    /// Where there is another object of that kind and name.
    pub(super) fn elsewhere(&self, key: &ObjectKey) -> Option<Elsewhere<'a>> {
        let named = self.objects.get(&(&*key.group, &*key.kind, &*key.name))?;
        let same = |there: &&There<'_>| there.namespace == key.namespace.as_deref();
        match named.iter().find(same) {
            Some(there) => Some(Elsewhere::Cluster(there.file)),
            None => named
                .iter()
                .find_map(|there| Some(Elsewhere::Namespace(there.namespace?))),
        }
    }

    /// Another kind that has an object of that name, of these.
    pub(super) fn other_kind(&self, key: &ObjectKey, kinds: &[(&str, &'a str)]) -> Option<&'a str> {
        let mut kinds = kinds.iter().filter(|(_, kind)| **kind != *key.kind);
        kinds
            .find(|(group, kind)| self.objects.contains_key(&(*group, *kind, &*key.name)))
            .map(|(_, kind)| *kind)
    }

    /// The names of all objects of a kind.
    pub(super) fn names(&self, group: &str, kind: &str) -> impl Iterator<Item = &'a str> {
        let of_kind = self.objects.keys();
        let of_kind = of_kind.filter(move |(one, other, _)| *one == group && *other == kind);
        of_kind.map(|(_, _, name)| *name)
    }
}

/// Whether a name with variables may be this one.
fn may_become(open: &str, name: &str) -> bool {
    let mut parts = open.split(VARIABLE);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        // behind what stands in the braces, whatever that is
        let fixed = part.rsplit_once('}').map_or("", |(_, fixed)| fixed);
        match parts.peek() {
            None => return rest.ends_with(fixed),
            Some(_) => match rest.find(fixed) {
                Some(at) => rest = &rest[at + fixed.len()..],
                None => return false,
            },
        }
    }
    rest.is_empty()
}

/// How many folders two files lie in together; the same file is nearest.
fn in_common(one: &Path, other: &Path) -> usize {
    let same = one.iter().zip(other.iter()).take_while(|(a, b)| a == b);
    same.count() + usize::from(one == other)
}

#[cfg(test)]
mod tests {
    use super::may_become;

    #[test]
    fn a_name_with_variables_may_become_what_has_its_other_parts() {
        for (open, name, may) in [
            ("web-${ENV}", "web-prod", true),
            ("web-${ENV}", "shop-prod", false),
            ("${A}-web-${B:=x}-y", "a-web-b-y", true),
            ("${A}-web-${B:=x}-y", "a-web-b", false),
            ("${A:=${B}}", "anything", true),
        ] {
            assert_eq!(may_become(open, name), may, "{open} {name}");
        }
    }
}

//! Finds which of the objects that went are those that came, under another name.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::flux::yaml::Node;

use super::manifest::{Manifest, ObjectName};

/// Of more than so many pairs of names not all are compared: then the names' order pairs them.
const MOST_PAIRS: usize = 10_000;

/// A source's kind, namespace and name.
type SourceKey = (Arc<str>, Arc<str>, Arc<str>);

/// Pairs of an index of `gone` and one of `new`: one object under two names or in two namespaces. What
/// they are made from decides, then what follows them, then the name. `both` are objects that stay, as
/// they were and as they are.
pub(super) fn renamed(
    gone: &[&Manifest],
    new: &[&Manifest],
    both: &[(&Manifest, &Manifest)],
) -> Vec<(usize, usize)> {
    let mut pairing = Pairing {
        gone,
        new,
        pairs: Vec::new(),
        partner_of_gone: vec![None; gone.len()],
        is_taken: vec![false; new.len()],
    };
    let is_source = |one: &Manifest| &*one.object.kind != "Kustomization";
    let (before, after): (Vec<&Manifest>, Vec<&Manifest>) = both.iter().copied().unzip();
    let followed = [
        followed(after.iter().chain(new)),
        followed(before.iter().chain(gone)),
    ];
    // of several that fetch the same, those are one of which the same is applied
    pairing.by(|one, is_old| {
        let paths = followed[usize::from(is_old)].get(&one.object)?;
        is_source(one).then(|| (place(one), essence(one), paths.clone()))
    });
    // a Kustomization is known again by its source, under whatever name that is
    pairing.by(|one, _| is_source(one).then(|| (place(one), essence(one))));
    pairing.by(|one, _| is_source(one).then(|| (place(one), one.object.name.to_string())));
    let moved: HashMap<ObjectName, SourceKey> = pairing
        .pairs
        .iter()
        .map(|(old, new)| (gone[*old].object.clone(), key_of(&pairing.new[*new].object)))
        .collect();
    let from = |one: &Manifest, is_old: bool| {
        let source = source_of(one);
        let renamed = is_old.then(|| moved.get(&source)).flatten();
        renamed.cloned().unwrap_or_else(|| key_of(&source))
    };
    let applied = |one: &Manifest, is_old: bool| {
        let path = one.spec_text(&["path"]).to_owned();
        let target = one.spec_text(&["targetNamespace"]).to_owned();
        (from(one, is_old), path, target)
    };
    pairing.by(|one, is_old| (!is_source(one)).then(|| (place(one), applied(one, is_old))));
    pairing.by(|one, _| (!is_source(one)).then(|| (place(one), one.object.name.to_string())));
    pairing.single(|one, is_old| {
        (!is_source(one)).then(|| (place(one), one.object.namespace.clone(), from(one, is_old)))
    });
    pairing.pairs
}

/// Cluster and kind, which no rename changes.
fn place(one: &Manifest) -> (Option<Arc<str>>, Arc<str>, Arc<str>) {
    let ObjectName {
        cluster,
        group,
        kind,
        ..
    } = &one.object;
    (cluster.clone(), group.clone(), kind.clone())
}

/// What is applied of each source that Kustomizations name: path and target namespace, in order.
fn followed<'m>(
    manifests: impl Iterator<Item = &'m &'m Manifest>,
) -> HashMap<ObjectName, Vec<(&'m str, &'m str)>> {
    let mut followed: HashMap<_, Vec<_>> = HashMap::new();
    for one in manifests.filter(|one| &*one.object.kind == "Kustomization") {
        let applied = (
            one.spec_text(&["path"]),
            one.spec_text(&["targetNamespace"]),
        );
        followed.entry(source_of(one)).or_default().push(applied);
    }
    for applied in followed.values_mut() {
        applied.sort_unstable();
    }
    followed
}

/// What is fetched, for sources; of other kinds all that is asked for.
fn essence(one: &Manifest) -> String {
    let text = |node: Option<&Node>| {
        let mut json = node.map_or(Json::Null, Node::to_json);
        // the order of keys says nothing
        json.sort_all_objects();
        json.to_string()
    };
    match one.spec("url").and_then(Node::as_str) {
        Some(url) => format!("{url} {}", text(one.spec("ref"))),
        None => text(one.document.get("spec")),
    }
}

/// How much two objects are called otherwise.
fn distance(one: &ObjectName, other: &ObjectName) -> usize {
    let names = strsim::levenshtein(&one.name, &other.name);
    names + strsim::levenshtein(&one.namespace, &other.namespace)
}

fn key_of(object: &ObjectName) -> SourceKey {
    (
        object.kind.clone(),
        object.namespace.clone(),
        object.name.clone(),
    )
}

/// The source that a Kustomization names.
pub(super) fn source_of(one: &Manifest) -> ObjectName {
    let text = |key| one.spec_text(&["sourceRef", key]);
    ObjectName {
        cluster: one.object.cluster.clone(),
        group: "source.toolkit.fluxcd.io".into(),
        kind: text("kind").into(),
        namespace: match text("namespace") {
            "" => one.object.namespace.clone(),
            other => other.into(),
        },
        name: text("name").into(),
    }
}

struct Pairing<'a> {
    gone: &'a [&'a Manifest],
    new: &'a [&'a Manifest],
    pairs: Vec<(usize, usize)>,
    partner_of_gone: Vec<Option<usize>>,
    is_taken: Vec<bool>,
}

impl Pairing<'_> {
    /// Those that are still alone and share a key; the flag says whether it is one that went.
    fn groups<K: Hash + Eq>(
        &self,
        key: impl Fn(&Manifest, bool) -> Option<K>,
    ) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut groups: HashMap<K, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (index, one) in self.gone.iter().enumerate() {
            if self.partner_of_gone[index].is_none()
                && let Some(key) = key(one, true)
            {
                groups.entry(key).or_default().0.push(index);
            }
        }
        for (index, one) in self.new.iter().enumerate() {
            if !self.is_taken[index]
                && let Some(key) = key(one, false)
                && let Some(group) = groups.get_mut(&key)
            {
                group.1.push(index);
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.retain(|(_, new)| !new.is_empty());
        groups.sort_unstable();
        groups
    }

    /// Pairs those that share a key; of several, those whose names are most alike.
    fn by<K: Hash + Eq>(&mut self, key: impl Fn(&Manifest, bool) -> Option<K>) {
        for (mut gone, mut new) in self.groups(key) {
            if gone.len() * new.len() > MOST_PAIRS {
                gone.sort_by(|a, b| self.gone[*a].object.cmp(&self.gone[*b].object));
                new.sort_by(|a, b| self.new[*a].object.cmp(&self.new[*b].object));
                for (old, new) in gone.into_iter().zip(new) {
                    self.pair(old, new);
                }
                continue;
            }
            let mut distances = Vec::with_capacity(gone.len() * new.len());
            for old in &gone {
                for new in &new {
                    let names = (&self.gone[*old].object, &self.new[*new].object);
                    distances.push((distance(names.0, names.1), *old, *new));
                }
            }
            distances.sort_unstable();
            for (_, old, new) in distances {
                if self.partner_of_gone[old].is_none() && !self.is_taken[new] {
                    self.pair(old, new);
                }
            }
        }
    }

    /// Pairs those that share a key with nobody else.
    fn single<K: Hash + Eq>(&mut self, key: impl Fn(&Manifest, bool) -> Option<K>) {
        for (gone, new) in self.groups(key) {
            if let ([old], [new]) = (&gone[..], &new[..]) {
                self.pair(*old, *new);
            }
        }
    }

    fn pair(&mut self, old: usize, new: usize) {
        self.partner_of_gone[old] = Some(new);
        self.is_taken[new] = true;
        self.pairs.push((old, new));
    }
}

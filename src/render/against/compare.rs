//! Which objects are in one of two sets of manifests alone, and how those differ that are in both.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::flux::schema::{Crds, FieldDifference};
use crate::flux::with_version;
use crate::flux::yaml::{Node, Span};

use super::danger::{self, Danger};
use super::manifest::{Manifest, ObjectName};
use super::matched::{Matched, clusters};
use super::others::Others;
use super::pairs::{renamed, source_of};
use super::part::Part;

/// How two sets of manifests differ.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What differs, by cluster, kind, namespace and name.
    pub differences: Vec<ComparedObject>,
    /// Objects in which nothing differs, our own labels aside.
    pub same: usize,
    /// Objects whose labels of our own differ.
    pub relabelled: usize,
    /// Objects of which another version of their API is asked for, whatever else differs.
    pub versions: Vec<VersionChange>,
    /// Objects that are not rendered and need not be: what is rendered names them as somebody
    /// else's, or `flux bootstrap` wrote them.
    pub left_to_others: Vec<ObjectName>,
    /// Objects that are not rendered, and somebody said that they need not be, with where they are
    /// written.
    pub left_alone: Vec<(ObjectName, Span)>,
    /// Objects that are there and rendered, of which nobody knows what they say, and where they are
    /// written.
    pub not_compared: Vec<(ObjectName, Span)>,
    /// Objects that name no cluster and are rendered, but in no cluster that is asked for, and where they
    /// are written: in one that is they may be gone.
    pub unplaced: Vec<(ObjectName, Span)>,
    /// How many objects name no cluster where there are several: each stands for any.
    pub of_any_cluster: usize,
    /// Clusters for which nothing is rendered any more, with how many objects there were of each.
    pub of_strange_clusters: BTreeMap<Arc<str>, usize>,
    /// The cluster that was taken for that of old ones of which nothing says it, where there are several.
    pub assumed: Option<Arc<str>>,
    /// Objects that are written twice in one cluster, with both places; the first is compared.
    pub twice: Vec<(ObjectName, Span, Span)>,
}

/// An object that is written in another version of its API: it stays the same object.
#[derive(Debug)]
pub struct VersionChange {
    pub object: ObjectName,
    /// Where it was written.
    pub span: Span,
    /// As `v1beta2`.
    pub old: String,
    pub new: String,
}

/// An object that differs.
#[derive(Debug)]
pub struct ComparedObject {
    /// As it was; of one that is added, as it is.
    pub object: ObjectName,
    /// Where it was written; `None` for one that is added.
    pub span: Option<Span>,
    pub change: Change,
    pub dangers: Vec<Danger>,
}

#[derive(Debug)]
pub enum Change {
    Added,
    Removed,
    Renamed {
        to: ObjectName,
        fields: Vec<FieldDifference>,
    },
    Changed {
        fields: Vec<FieldDifference>,
    },
}

/// What is compared, and how.
pub struct Against<'a> {
    /// As it was.
    pub old: &'a [Manifest],
    /// All that is rendered.
    pub new: &'a [Manifest],
    /// By what the objects of a cluster are judged.
    pub crds: &'a dyn Fn(Option<&str>) -> &'a Crds,
    /// What of it is asked for.
    pub part: Part<'a>,
    /// Whether an old one that is not rendered need not be.
    pub is_left_alone: &'a dyn Fn(&Manifest) -> bool,
    /// Whether something changes an old one, so that it does not say what is written.
    pub is_unknown: &'a dyn Fn(&Manifest) -> bool,
}

impl fmt::Debug for Against<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Against")
            .field("old", &self.old.len())
            .field("new", &self.new.len())
            .finish_non_exhaustive()
    }
}

/// Compares two sets of manifests.
///
/// A document whose cluster nothing says stands for every cluster that has none of its own. Of the old
/// ones those count that we wrote, whose kind is rendered, or is one that we write.
pub fn compare(against: &Against<'_>) -> Comparison {
    let Matched {
        both,
        twice,
        gone,
        added,
        unplaced,
        of_any_cluster,
    } = Matched::of(against.old, against.new, against.part);
    let part = against.part;
    let others = Others::of(against.new);
    let kinds: HashSet<(&str, &str)> = against.new.iter().map(kind).collect();
    let (left, gone): (Vec<_>, Vec<_>) = gone
        .into_iter()
        .filter(|one| one.is_ours() || OURS.contains(&kind(one)) || kinds.contains(&kind(one)))
        .partition(|one| !one.is_ours() && others.has(one));
    let (gone, alone): (Vec<_>, Vec<_>) = gone
        .into_iter()
        .partition(|one| !(against.is_left_alone)(one));
    let names = |all: &[&Manifest]| {
        let all = all.iter().filter(|one| (part.may_have)(one));
        let all = all.map(|one| (one.object.clone(), one.span));
        all.collect::<Vec<_>>()
    };
    let left_to_others = names(&left).into_iter().map(|(object, _)| object);
    let mut comparison = Comparison {
        left_to_others: left_to_others.collect(),
        left_alone: names(&alone),
        unplaced: names(&unplaced),
        twice,
        of_any_cluster,
        of_strange_clusters: strange_clusters(&gone, against.new),
        ..Comparison::default()
    };
    comparison.twice.retain(|(object, ..)| (part.has)(object));
    let pairs = renamed(&gone, &added, &both);
    let names: HashMap<&ObjectName, &ObjectName> = pairs
        .iter()
        .map(|(old, new)| (&gone[*old].object, &added[*new].object))
        .collect();
    let mut followers: HashMap<ObjectName, Vec<&ObjectName>> = HashMap::new();
    let applied = both.iter().map(|(_, new)| *new);
    let unrendered = left.iter().chain(&alone).copied();
    for one in applied.chain(unrendered).filter(|one| danger::prunes(one)) {
        let names = followers.entry(source_of(one)).or_default();
        names.push(&one.object);
    }
    let followers = |source: &Manifest| {
        let found = followers.get(&source.object);
        found.map(Vec::as_slice).unwrap_or_default()
    };
    for (old, new) in both {
        if !(part.has)(&new.object) {
            continue;
        }
        if (against.is_unknown)(old) {
            let place = (new.object.clone(), old.span);
            comparison.not_compared.push(place);
            continue;
        }
        let fields = fields(against, old, new);
        comparison.versions.extend(version_change(old, new));
        comparison.relabelled += usize::from(old.labels != new.labels);
        if fields.is_empty() {
            comparison.same += 1;
            continue;
        }
        comparison.differences.push(ComparedObject {
            object: new.object.clone(),
            span: Some(old.span),
            dangers: dangers(old, new, &fields, &names, followers(new)),
            change: Change::Changed { fields },
        });
    }
    for (old, new) in &pairs {
        let (old, new) = (gone[*old], added[*new]);
        // it may have come from another part, or gone to one
        let is_told = (part.has)(&new.object) || old.is_ours() && (part.may_have)(old);
        if !is_told {
            continue;
        }
        let fields = fields(against, old, new);
        comparison.versions.extend(version_change(old, new));
        let mut found: Vec<_> = danger::of_rename(old, new).into_iter().collect();
        found.extend(dangers(old, new, &fields, &names, followers(new)));
        comparison.differences.push(ComparedObject {
            object: old.object.clone(),
            span: Some(old.span),
            dangers: found,
            change: Change::Renamed {
                to: new.object.clone(),
                fields,
            },
        });
    }
    let (old_ones, new_ones): (HashSet<_>, HashSet<_>) = pairs.iter().copied().unzip();
    for (index, old) in gone.iter().enumerate() {
        if !old_ones.contains(&index) && (part.may_have)(old) {
            comparison.differences.push(ComparedObject {
                object: old.object.clone(),
                span: Some(old.span),
                change: Change::Removed,
                dangers: danger::of_removal(old).into_iter().collect(),
            });
        }
    }
    for (index, new) in added.iter().enumerate() {
        if !new_ones.contains(&index) && (part.has)(&new.object) {
            comparison.differences.push(ComparedObject {
                object: new.object.clone(),
                span: None,
                change: Change::Added,
                dangers: Vec::new(),
            });
        }
    }
    comparison
        .differences
        .sort_by(|one, other| one.object.cmp(&other.object));
    let versions = &mut comparison.versions;
    versions.sort_by(|one, other| one.object.cmp(&other.object));
    comparison.left_to_others.sort_unstable();
    comparison.left_alone.sort_unstable();
    comparison.not_compared.sort_unstable();
    comparison.unplaced.sort_unstable();
    comparison
}

/// The clusters of old ones for which nothing is rendered, with how many there are of each.
fn strange_clusters(gone: &[&Manifest], new: &[Manifest]) -> BTreeMap<Arc<str>, usize> {
    let known = clusters(new);
    let mut strange = BTreeMap::new();
    // what is rendered for no certain cluster may be for any
    if known.contains(&None) {
        return strange;
    }
    let of = gone.iter().map(|one| &one.object.cluster);
    for cluster in of.filter(|one| !known.contains(one)).flatten() {
        *strange.entry(cluster.clone()).or_default() += 1;
    }
    strange
}

/// The kinds that we write ourselves.
const OURS: [(&str, &str); 3] = [
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
];

fn kind(one: &Manifest) -> (&str, &str) {
    (&one.object.group, &one.object.kind)
}

/// How two manifests of one object differ, but for its name, the version of its API and our own labels.
fn fields(against: &Against<'_>, old: &Manifest, new: &Manifest) -> Vec<FieldDifference> {
    let crds = (against.crds)(new.object.cluster.as_deref());
    let mut fields = match version_change(old, new) {
        None => crds.differences(&old.document, &new.document),
        // the defaults of the version that is rendered hold for both
        Some(change) => {
            let old = with_version(&old.document, &old.object.group, &change.new);
            crds.differences(&old, &new.document)
        }
    };
    if old.object != new.object {
        let names = ["metadata.name", "metadata.namespace"];
        fields.retain(|field| !names.contains(&field.path.as_str()));
    }
    fields
}

fn version_change(old: &Manifest, new: &Manifest) -> Option<VersionChange> {
    let version = |one: &Manifest| {
        let text = one.document.get("apiVersion").and_then(Node::as_str)?;
        let version = text.rsplit_once('/').map_or(text, |(_, version)| version);
        Some(version.to_owned())
    };
    let (before, after) = (version(old)?, version(new)?);
    (before != after).then(|| VersionChange {
        object: old.object.clone(),
        span: old.span,
        old: before,
        new: after,
    })
}

/// The dangers of changed fields. That a reference follows a source to its new name is none.
fn dangers(
    old: &Manifest,
    new: &Manifest,
    fields: &[FieldDifference],
    names: &HashMap<&ObjectName, &ObjectName>,
    followers: &[&ObjectName],
) -> Vec<Danger> {
    let (before, after) = (source_of(old), source_of(new));
    let follows = names.get(&before).is_some_and(|to| **to == after)
        // a Kustomization that moves keeps a source that stays where it is
        || before.kind == after.kind && before.namespace == after.namespace && before.name == after.name;
    let paths = fields.iter().map(|field| field.path.as_str());
    let paths = paths.filter(|path| !(follows && path.starts_with("spec.sourceRef")));
    danger::of_change(old, new, paths, followers)
}

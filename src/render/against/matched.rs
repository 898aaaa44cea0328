//! Which of the old manifests are objects that are rendered, by cluster, kind, namespace and name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::flux::yaml::Span;

use super::manifest::{Manifest, ObjectName};
use super::part::Part;

/// Old manifests beside those that are rendered.
#[derive(Default)]
pub(super) struct Matched<'a> {
    /// An old one and what it is now; one that names no cluster may be several.
    pub(super) both: Vec<(&'a Manifest, &'a Manifest)>,
    /// Objects that are written twice in one cluster, with both places.
    pub(super) twice: Vec<(ObjectName, Span, Span)>,
    /// Old ones that are rendered nowhere.
    pub(super) gone: Vec<&'a Manifest>,
    /// New ones that were nowhere.
    pub(super) added: Vec<&'a Manifest>,
    /// Old ones that name no cluster and are rendered, but in no cluster that is asked for: in one that is
    /// they may be gone.
    pub(super) unplaced: Vec<&'a Manifest>,
    /// How many name no cluster where there are several.
    pub(super) of_any_cluster: usize,
}

/// Group, kind, namespace and name.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

fn key(one: &Manifest) -> Key<'_> {
    let object = &one.object;
    (&object.group, &object.kind, &object.namespace, &object.name)
}

/// The clusters for which something is rendered; `None` for no certain one.
pub(super) fn clusters(new: &[Manifest]) -> HashSet<&Option<Arc<str>>> {
    new.iter().map(|one| &one.object.cluster).collect()
}

impl<'a> Matched<'a> {
    pub(super) fn of(old: &'a [Manifest], new: &'a [Manifest], part: Part<'_>) -> Self {
        let mut new_by_key: HashMap<Key<'_>, Vec<usize>> = HashMap::new();
        for (index, one) in new.iter().enumerate() {
            new_by_key.entry(key(one)).or_default().push(index);
        }
        let known: HashSet<(Option<&str>, Key<'_>)> = old
            .iter()
            .map(|one| (one.object.cluster.as_deref(), key(one)))
            .collect();
        let has_one_cluster = clusters(new).len() == 1;
        let mut met: Vec<Option<&Manifest>> = vec![None; new.len()];
        let mut matched = Self::default();
        for old in old {
            let cluster = old.object.cluster.as_deref();
            let same_key = new_by_key.get(&key(old)).map(Vec::as_slice);
            let found = same_key.unwrap_or_default().iter().filter(|index| {
                let other = new[**index].object.cluster.as_deref();
                match (cluster, other) {
                    (Some(one), Some(other)) => one == other,
                    (None, Some(other)) => !known.contains(&(Some(other), key(old))),
                    (_, None) => true,
                }
            });
            // one that says no cluster may be of any of them
            let is_of_one = cluster.is_some() || has_one_cluster;
            let (mut is_found, mut is_reached, mut is_taken) = (false, false, false);
            for index in found {
                let new = &new[*index];
                is_found = true;
                is_reached |= (part.reaches)(new.object.cluster.as_deref());
                is_taken |= new.object.cluster.is_some() && (part.has)(&new.object);
                match met[*index].replace(old) {
                    Some(first) if first.object == old.object && is_of_one => {
                        met[*index] = Some(first);
                        let place = (new.object.clone(), first.span, old.span);
                        matched.twice.push(place);
                    }
                    _ => matched.both.push((old, new)),
                }
            }
            match (is_found, is_reached) {
                (false, _) => matched.gone.push(old),
                (true, false) if cluster.is_none() => matched.unplaced.push(old),
                (true, _) => matched.of_any_cluster += usize::from(!is_of_one && is_taken),
            }
        }
        let unmet = new.iter().zip(&met);
        let unmet = unmet.filter(|(_, met)| met.is_none()).map(|(one, _)| one);
        matched.added = unmet.collect();
        matched
    }
}

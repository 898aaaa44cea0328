//! How far objects agree on what they want.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::leaves::Leaf;
use super::unit::Unit;

/// What most of them want; of two values the one that came first.
pub(super) fn mode<'l>(unit: &Unit, leaves: &[&'l Leaf]) -> Option<&'l Value> {
    let mut counts: HashMap<&Value, (usize, usize)> = HashMap::new();
    for (index, leaf) in leaves.iter().enumerate() {
        counts.entry(wanted(leaf, unit)).or_insert((0, index)).0 += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
    most.map(|(value, _)| value)
}

/// Whether more than half of them want this, and it is taken away from few: what few share is read
/// more easily where it holds.
pub(super) fn is_common(unit: &Unit, leaves: &[&Leaf], value: &Value, taken_away: usize) -> bool {
    let those = leaves.iter().filter(|leaf| wanted(leaf, unit) == value);
    those.count() * 2 > leaves.len() && taken_away * 4 <= leaves.len()
}

/// Whether more than one project wants what most want.
pub(super) fn is_shared(unit: &Unit, leaves: &[&Leaf]) -> bool {
    let most = mode(unit, leaves);
    let those = leaves
        .iter()
        .filter(|leaf| Some(wanted(leaf, unit)) == most);
    let those: BTreeSet<usize> = those.map(|leaf| leaf.project).collect();
    those.len() > 1
}

/// Whether they are in several groups, of which each agrees and wants something else than all others.
pub(super) fn differs_by<K: Ord>(
    unit: &Unit,
    leaves: &[&Leaf],
    key: impl Fn(&Leaf) -> Option<K>,
) -> bool {
    let groups = groups(leaves, key);
    let mut values = HashMap::new();
    groups.len() > 1
        && groups.values().all(|leaves| {
            let first = wanted(leaves[0], unit);
            let agree = leaves.iter().all(|leaf| wanted(leaf, unit) == first);
            agree && values.insert(first, ()).is_none()
        })
}

const NOTHING: &Value = &Value::Null;

pub(super) fn wanted<'l>(leaf: &'l Leaf, unit: &Unit) -> &'l Value {
    leaf.wanted.get(unit).unwrap_or(NOTHING)
}

pub(super) fn groups<'l, K: Ord>(
    leaves: &[&'l Leaf],
    key: impl Fn(&Leaf) -> Option<K>,
) -> BTreeMap<K, Vec<&'l Leaf>> {
    let mut groups: BTreeMap<K, Vec<&Leaf>> = BTreeMap::new();
    for leaf in leaves {
        if let Some(key) = key(leaf) {
            groups.entry(key).or_default().push(leaf);
        }
    }
    groups
}

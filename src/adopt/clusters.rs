//! Which cluster each object is for, where its file lies in a folder that says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use crate::flux::names;
use crate::flux::yaml::Span;

use super::found::{Found, Kind};

/// How deep a folder may lie whose name is that of a cluster.
const DEEPEST: usize = 16;

/// An object that stands in two places of one cluster: the first, and the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Twice(pub(super) Span, pub(super) Span);

/// Says of each object whose cluster it is for: the folder below `clusters`, or that which tells apart
/// objects of one name. Without either all are for one cluster, which has no name.
pub(super) fn assign(found: &mut [Found]) -> Vec<Twice> {
    if found.iter().all(|one| one.cluster.is_none()) {
        let names = below_clusters(found).or_else(|| telling_apart(found));
        for (one, name) in found.iter_mut().zip(names.unwrap_or_default()) {
            one.cluster = Some(name.into());
        }
    }
    twice(
        found
            .iter()
            .map(|one| (key(one), one.cluster.clone(), one.span)),
    )
}

type Key = (Kind, String, String);

fn key(one: &Found) -> Key {
    (one.kind, one.namespace.clone(), one.name.clone())
}

fn twice(objects: impl Iterator<Item = (Key, Option<Arc<str>>, Span)>) -> Vec<Twice> {
    let mut known: HashMap<(Key, Option<Arc<str>>), Span> = HashMap::new();
    let mut twice = Vec::new();
    for (key, cluster, span) in objects {
        match known.get(&(key.clone(), cluster.clone())) {
            Some(first) => twice.push(Twice(*first, span)),
            None => {
                known.insert((key, cluster), span);
            }
        }
    }
    twice
}

/// The name of the folder that lies in one called `clusters`, of each object; `None` unless that tells
/// all of them to two clusters or more.
fn below_clusters(found: &[Found]) -> Option<Vec<String>> {
    let names = found.iter().map(|one| {
        let folders = folders(&one.file);
        let at = folders.iter().position(|folder| folder == "clusters")?;
        as_name(folders.get(at + 1)?)
    });
    let names: Vec<String> = names.collect::<Option<_>>()?;
    (names.iter().collect::<BTreeSet<_>>().len() > 1).then_some(names)
}

/// The names of the outermost folders that tell apart objects of one name; `None` where there are none
/// such, or no folders do.
fn telling_apart(found: &[Found]) -> Option<Vec<String>> {
    let unnamed = found.iter().map(|one| (key(one), None, one.span));
    if twice(unnamed).is_empty() {
        return None;
    }
    (0..DEEPEST).find_map(|depth| {
        let names = found.iter().map(|one| {
            let folders = folders(&one.file);
            as_name(folders.get(depth)?)
        });
        let names: Vec<String> = names.collect::<Option<_>>()?;
        let mut known: BTreeMap<Key, BTreeSet<&str>> = BTreeMap::new();
        let mut named = found.iter().zip(&names);
        let is_apart = named.all(|(one, name)| known.entry(key(one)).or_default().insert(name));
        is_apart.then_some(names)
    })
}

fn folders(file: &str) -> Vec<String> {
    let parent = Path::new(file).parent();
    let folders = parent.into_iter().flat_map(Path::iter);
    let folders = folders.map(|folder| folder.to_string_lossy().into_owned());
    folders.filter(|folder| folder != ".").collect()
}

/// A folder's name as that of a cluster.
fn as_name(folder: &str) -> Option<String> {
    let name = folder.to_lowercase().replace(['_', '.', ' '], "-");
    names::dns_label(&name).is_ok().then_some(name)
}

//! Objects that stand in two places of one cluster.

use std::collections::HashMap;
use std::sync::Arc;

use crate::flux::yaml::Span;

use super::found::{Found, Kind};

/// The first place, and the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Twice(pub(super) Span, pub(super) Span);

/// Cluster, kind, namespace and name.
type Key<'f> = (Option<&'f Arc<str>>, Kind, &'f str, &'f str);

pub(super) fn twice(found: &[Found]) -> Vec<Twice> {
    let mut known: HashMap<Key<'_>, Span> = HashMap::new();
    let mut twice = Vec::new();
    for one in found {
        let key = (one.cluster.as_ref(), one.kind, &*one.namespace, &*one.name);
        match known.get(&key) {
            Some(first) => twice.push(Twice(*first, one.span)),
            None => {
                known.insert(key, one.span);
            }
        }
    }
    twice.dedup();
    twice
}

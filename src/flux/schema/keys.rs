//! The keys of a mapping: those that are unknown, and those that are written twice.

use std::collections::HashSet;

use super::found::Found;
use super::shape::{Property, Schema};
use super::value::entry;
use crate::flux::fault::Path;
use crate::flux::nearest;
use crate::flux::yaml::Entry;

/// The most keys that are named where none is like the unknown one.
const MOST_LISTED: usize = 8;

pub(super) fn unknown(found: &mut Found, schema: &Schema, one: &Entry, path: &Path<'_>) {
    let known = schema.properties.iter().map(|property| &*property.name);
    let hint = match nearest(&one.key, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if (1..=MOST_LISTED).contains(&schema.properties.len()) => {
            let mut known: Vec<&str> = known.collect();
            known.sort_unstable();
            format!("the keys here are `{}`", known.join("`, `"))
        }
        None => "leave it out: the kind has no key that is spelt like it".into(),
    };
    found
        .fault(one.key_span, path, format!("unknown field `{}`", one.key))
        .hint = Some(hint);
}

pub(super) fn twice(found: &mut Found, one: &Entry, path: &Path<'_>) {
    found
        .fault(
            one.key_span,
            path,
            format!("the key `{}` is written twice", one.key),
        )
        .hint = Some("keep one of the two".into());
}

/// Keys that are written twice, among those that count.
pub(super) fn duplicates(
    found: &mut Found,
    entries: &[Entry],
    counts: impl Fn(&str) -> bool,
    path: &Path<'_>,
) {
    if entries.len() <= 8 {
        for (at, one) in entries.iter().enumerate().skip(1) {
            if entries[..at].iter().any(|earlier| earlier.key == one.key) && counts(&one.key) {
                twice(found, one, &path.key(&one.key));
            }
        }
        return;
    }
    let mut keys = HashSet::with_capacity(entries.len());
    for one in entries {
        if !keys.insert(&*one.key) && counts(&one.key) {
            twice(found, one, &path.key(&one.key));
        }
    }
}

/// Which properties of a schema a mapping has; the first 256 are remembered.
#[derive(Debug, Default)]
pub(super) struct Seen([u64; 4]);

impl Seen {
    /// `false` if it was there already.
    pub(super) fn insert(&mut self, index: usize) -> bool {
        let Some(word) = self.0.get_mut(index / 64) else {
            return true;
        };
        let bit = 1 << (index % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    pub(super) fn has(&self, index: usize, entries: &[Entry], property: &Property) -> bool {
        match self.0.get(index / 64) {
            Some(word) => word & (1 << (index % 64)) != 0,
            None => entry(entries, &property.name).is_some(),
        }
    }
}

//! Names that two of a kind have.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::flux::yaml::Span;

use super::{Finding, Sources, Spanned};

/// Sorts by name, keeps the first of each, and tells the others, which it returns.
pub(super) fn keep_first<T>(
    what: &str,
    items: &mut Vec<T>,
    name: impl Fn(&T) -> &Spanned<Arc<str>>,
    sources: &Sources,
) -> (Vec<T>, Vec<Finding>) {
    let mut first: HashMap<&str, Span> = HashMap::new();
    let mut findings = Vec::new();
    for item in &*items {
        let name = name(item);
        let earlier = match first.entry(&name.value) {
            Entry::Vacant(free) => {
                free.insert(name.span);
                continue;
            }
            Entry::Occupied(taken) => *taken.get(),
        };
        let position = sources.position(earlier);
        let hint = format!(
            "the other stands at {}:{}:{}; give each its own name",
            sources.name(earlier.source),
            position.line,
            position.column
        );
        let message = format!("{what} `{}` is there twice", name.value);
        findings.push(Finding::error(name.span, "", message).hint(hint));
    }
    items.sort_by(|one, other| name(one).value.cmp(&name(other).value));
    let mut others = Vec::new();
    if !findings.is_empty() {
        let mut kept: Vec<T> = Vec::with_capacity(items.len());
        for item in items.drain(..) {
            match kept.last() {
                Some(last) if name(last).value == name(&item).value => others.push(item),
                _ => kept.push(item),
            }
        }
        *items = kept;
    }
    (others, findings)
}

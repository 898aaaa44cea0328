//! Items as the index of a cache holds them: found by a part of what they hold, which so is kept once.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use super::item::{Item, ItemKey};

/// An item that is told apart by its key alone.
#[derive(Debug)]
pub struct ByKey(pub Arc<Item>);

/// An item that is made from another, in the order of what it is made from.
#[derive(Debug)]
struct BySource(Arc<Item>);

/// Kind, namespace and name.
type Named<'n> = (&'n str, &'n str, &'n str);
/// Where an item, or a question for items, stands in that order.
type Place<'p> = (Named<'p>, Option<&'p ItemKey>);

trait Placed {
    fn place(&self) -> Place<'_>;
}

/// Before the first that is made from an object.
struct First<'k>(&'k ItemKey);

/// What is made from what.
#[derive(Debug, Default)]
pub struct Users(BTreeSet<BySource>);

impl Users {
    pub fn add(&mut self, item: &Arc<Item>) {
        if item.source.is_some() {
            self.0.insert(BySource(Arc::clone(item)));
        }
    }

    pub fn remove(&mut self, item: &Arc<Item>) {
        self.0.remove(&BySource(Arc::clone(item)));
    }

    /// What is made from one object.
    pub fn of<'s>(&'s self, source: &'s ItemKey) -> impl Iterator<Item = &'s Arc<Item>> {
        let first: &dyn Placed = &First(source);
        let from = (Bound::Included(first), Bound::Unbounded);
        let users = self.0.range::<dyn Placed, _>(from);
        let users = users.take_while(|user| user.place().0 == named(source));
        users.map(|user| &user.0)
    }
}

impl Placed for BySource {
    fn place(&self) -> Place<'_> {
        let source = self.0.source.as_ref();
        let named = source.map(|source| (&*source.kind, &*source.namespace, &*source.name));
        (named.unwrap_or_default(), Some(&self.0.key))
    }
}

impl Placed for First<'_> {
    fn place(&self) -> Place<'_> {
        (named(self.0), None)
    }
}

fn named(key: &ItemKey) -> Named<'_> {
    (key.kind.name(), &key.namespace, &key.name)
}

impl<'p> Borrow<dyn Placed + 'p> for BySource {
    fn borrow(&self) -> &(dyn Placed + 'p) {
        self
    }
}

impl Ord for dyn Placed + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for dyn Placed + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Placed + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for dyn Placed + '_ {}

impl Ord for BySource {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for BySource {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for BySource {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for BySource {}

impl Borrow<ItemKey> for ByKey {
    fn borrow(&self) -> &ItemKey {
        &self.0.key
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

impl Hash for ByKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

//! Which objects the files of a run hold: what moves from one file to another is not deleted.

use std::collections::HashSet;
use std::sync::OnceLock;

use crate::plan::Plan;
use crate::render::Templates;
use crate::render::engine::into_text;

use super::layout::Place;
use super::renames;
use super::report::WrittenObject;

/// Environment, cluster, kind, namespace, name.
type Key = (String, Option<String>, String, String, String);

/// The objects of the selected files; found out when it is first asked, since most runs lose none.
pub(super) struct Held<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) templates: &'a Templates,
    pub(super) selected: &'a (dyn Fn(&Place) -> bool + Sync),
    pub(super) keys: OnceLock<HashSet<Key>>,
}

impl Held<'_> {
    /// Whether a file in the same environment and cluster as this place holds the object.
    pub(super) fn has(&self, place: &Place, object: &WrittenObject) -> bool {
        let keys = self.keys.get_or_init(|| self.all_keys());
        keys.contains(&key(place, &object.kind, &object.namespace, &object.name))
    }

    fn all_keys(&self) -> HashSet<Key> {
        let mut keys = HashSet::new();
        for object in &self.plan.objects {
            let place = Place::of(object);
            if !(self.selected)(&place) {
                continue;
            }
            if let Some(kind) = object.kind {
                keys.insert(key(&place, kind, &object.namespace, &object.name));
                continue;
            }
            // its kind stands in its text alone; where it has none, the run ends before it is asked
            let mut text = Vec::new();
            if self.templates.render(object, &mut text).is_ok() {
                let written = renames::objects(&into_text(text));
                keys.extend(
                    written
                        .iter()
                        .map(|object| key(&place, &object.kind, &object.namespace, &object.name)),
                );
            }
        }
        keys
    }
}

fn key(place: &Place, kind: &str, namespace: &str, name: &str) -> Key {
    (
        place.environment.to_string(),
        place.cluster.as_deref().map(str::to_owned),
        kind.to_owned(),
        namespace.to_owned(),
        name.to_owned(),
    )
}

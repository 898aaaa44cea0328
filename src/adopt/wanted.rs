//! Puts what is said at a layer into the keys of the configuration.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::layers::{Layer, Layers};
use super::sites::Site;
use super::unit::Unit;

/// Keys in the order in which they are written.
const ORDER: [&str; 24] = [
    "names",
    "ref",
    "intervals",
    "timeout",
    "timeouts",
    "retryInterval",
    "namespace",
    "secretRef",
    "provider",
    "path",
    "prune",
    "wait",
    "suspend",
    "targetNamespace",
    "serviceAccountName",
    "watchPaths",
    "dependsOn",
    "substitutions",
    "labels",
    "annotations",
    "gitRepository",
    "ociRepository",
    "kustomization",
    "environments",
];

impl Layers {
    /// The keys of a layer with their values.
    pub(super) fn keys(&self, layer: Layer) -> Map<String, Value> {
        let mut keys: BTreeMap<usize, (&str, Value)> = BTreeMap::new();
        for (unit, value) in self.said.get(&layer).into_iter().flatten() {
            let mut value = value.clone();
            if value.is_object() && unit.inner.is_some() {
                for other in self.below(layer, unit) {
                    take_away(&mut value, other);
                }
            }
            let place = ORDER
                .iter()
                .position(|key| *key == unit.key)
                .unwrap_or(ORDER.len());
            match &unit.inner {
                None => {
                    keys.insert(place, (unit.key, value));
                }
                Some(inner) => {
                    let (_, all) = keys.entry(place).or_insert_with(|| (unit.key, json!({})));
                    all[inner] = value;
                }
            }
        }
        let keys = keys.into_values().map(|(key, value)| match key {
            "timeouts" if value.get("source") == value.get("kustomization") => {
                ("timeout".to_owned(), value["source"].clone())
            }
            "intervals" | "timeouts" => (key.to_owned(), source_first(&value)),
            key => (key.to_owned(), value),
        });
        keys.collect()
    }

    /// Maps that more general layers may say of a unit: what is in them and not here must go.
    fn below<'l>(&'l self, layer: Layer, unit: &'l Unit) -> impl Iterator<Item = &'l Value> {
        let general = self.said.range(..layer.min(Layer::Project(0)));
        let own = project(layer).map(|project| {
            let of = move |from: Layer, to: Layer| self.said.range(from..to.min(layer));
            let next = project + 1;
            let first = Site {
                environment: 0,
                cluster: None,
            };
            [
                (Layer::Project(project), Layer::Project(next)),
                (Layer::Object(project, 0), Layer::Object(next, 0)),
                (Layer::ProjectIn(project, 0), Layer::ProjectIn(next, 0)),
                (
                    Layer::ProjectInCluster(project, first),
                    Layer::ProjectInCluster(next, first),
                ),
                (Layer::ObjectIn(project, 0, 0), Layer::ObjectIn(next, 0, 0)),
            ]
            .into_iter()
            .filter(move |(from, _)| *from < layer)
            .flat_map(move |(from, to)| of(from, to))
        });
        let others = general.chain(own.into_iter().flatten());
        others
            .filter(move |(other, _)| may_be_below(**other, layer))
            .filter_map(|(_, said)| said.get(unit))
    }
}

fn project(layer: Layer) -> Option<usize> {
    match layer {
        Layer::Defaults | Layer::Environment(_) | Layer::Cluster(_) => None,
        Layer::Project(project)
        | Layer::Object(project, _)
        | Layer::ProjectIn(project, _)
        | Layer::ProjectInCluster(project, _)
        | Layer::ObjectIn(project, ..)
        | Layer::ObjectInCluster(project, ..) => Some(project),
    }
}

/// Whether the other holds for something that this layer holds for too; both are of one project, or
/// the other is of none.
fn may_be_below(other: Layer, layer: Layer) -> bool {
    match (other, layer) {
        (Layer::Environment(_), Layer::Environment(_)) => false,
        (Layer::Environment(one), Layer::Cluster(site)) => one == site.environment,
        (Layer::Cluster(_), Layer::Cluster(_)) => false,
        _ => true,
    }
}

/// Adds a `null` for each key that only the other has.
fn take_away(value: &mut Value, other: &Value) {
    let (Some(value), Some(other)) = (value.as_object_mut(), other.as_object()) else {
        return;
    };
    for (key, other) in other {
        match value.get_mut(key) {
            Some(value) => take_away(value, other),
            None => {
                value.insert(key.clone(), Value::Null);
            }
        }
    }
}

fn source_first(value: &Value) -> Value {
    let mut sorted = Map::new();
    for key in ["source", "kustomization"] {
        if let Some(value) = value.get(key) {
            sorted.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(sorted)
}

//! Says each thing once where it holds for many, and the exceptions where they are.
//!
//! Every key is decided by itself, from the most general layer to the most specific. A layer takes a
//! value where that leaves fewer objects wrong; the innermost ones take what is still wrong then, so that
//! every object gets what it wants.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::agreement::{differs_by, groups, is_common, is_shared, mode, wanted};
use super::leaves::Leaf;
use super::projects::Fleet;
use super::sites::Site;
use super::unit::Unit;

/// Where something can be said; numbers as in [`Fleet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Layer {
    Defaults,
    Environment(usize),
    Cluster(Site),
    Project(usize),
    Object(usize, usize),
    ProjectIn(usize, usize),
    ProjectInCluster(usize, Site),
    ObjectIn(usize, usize, usize),
    ObjectInCluster(usize, usize, Site),
}

/// What is said at each layer.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) said: BTreeMap<Layer, BTreeMap<Unit, Value>>,
}

/// Says what all leaves want; the numbers of those come back whose wants cannot all be said.
pub(super) fn assign(fleet: &Fleet<'_>, leaves: &[Leaf]) -> (Layers, Vec<usize>) {
    let mut assigner = Assigner {
        fleet,
        leaves,
        layers: Layers::default(),
    };
    let mut units: BTreeSet<Unit> = leaves
        .iter()
        .flat_map(|leaf| leaf.wanted.keys().cloned())
        .collect();
    // built in, where nothing is said
    units.insert(Unit::of("timeouts", "kustomization"));
    for unit in &units {
        assigner.unit(unit);
    }
    let unsaid = (0..leaves.len()).filter(|index| {
        let leaf = &leaves[*index];
        let mut units = units.iter().filter(|unit| takes(leaf, unit));
        !units.all(|unit| assigner.effective(leaf, unit) == *wanted(leaf, unit))
    });
    let unsaid = unsaid.collect();
    assigner.say_intervals();
    (assigner.layers, unsaid)
}

/// Those whose wants may be said for all: a name without gaps holds for all only where all have it.
fn nameable<'l>(unit: &Unit, leaves: &[&'l Leaf]) -> Vec<&'l Leaf> {
    let has_gaps = |leaf: &&&Leaf| {
        let pattern = wanted(leaf, unit).as_str();
        unit.key != "names" || pattern.is_some_and(|pattern| pattern.contains('{'))
    };
    let with_gaps = leaves.iter().filter(has_gaps).copied();
    match with_gaps.collect::<Vec<_>>() {
        none if none.is_empty() => leaves.to_vec(),
        some => some,
    }
}

fn takes(leaf: &Leaf, unit: &Unit) -> bool {
    match leaf.object {
        None => unit.is_of_source(leaf.is_oci),
        Some(_) => unit.is_of_object(),
    }
}

struct Assigner<'a> {
    fleet: &'a Fleet<'a>,
    leaves: &'a [Leaf],
    layers: Layers,
}

impl Assigner<'_> {
    fn unit(&mut self, unit: &Unit) {
        let leaves: Vec<&Leaf> = self
            .leaves
            .iter()
            .filter(|leaf| takes(leaf, unit))
            .collect();
        if unit.is_general() {
            self.general(unit, &leaves);
        }
        let mut by_project: BTreeMap<usize, Vec<&Leaf>> = BTreeMap::new();
        for leaf in leaves {
            by_project.entry(leaf.project).or_default().push(leaf);
        }
        for (project, leaves) in by_project {
            self.project(unit, project, &leaves);
        }
    }

    /// Defaults, environments and their clusters.
    fn general(&mut self, unit: &Unit, leaves: &[&Leaf]) {
        let by_environment = groups(leaves, |leaf| Some(leaf.site.environment));
        let modes: Vec<&Value> = by_environment
            .values()
            .filter_map(|of| mode(unit, of))
            .collect();
        let mut counts: HashMap<&Value, usize> = HashMap::new();
        for mode in &modes {
            *counts.entry(mode).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or_default();
        // what is another in each environment is that of the environment
        let is_of_several = is_shared(unit, leaves);
        if !unit.is_policy() && is_of_several && (modes.len() == 1 || most > 1) {
            self.try_at(Layer::Defaults, unit, &nameable(unit, leaves), 2);
        }
        for (environment, leaves) in by_environment {
            let leaves = nameable(unit, &leaves);
            let layer = Layer::Environment(environment);
            let least = if unit.is_policy() { 1 } else { 2 };
            let is_of_clusters = differs_by(unit, &leaves, |leaf| leaf.site.cluster);
            if unit.is_policy() || is_shared(unit, &leaves) && !is_of_clusters {
                self.try_at(layer, unit, &leaves, least);
            }
            for (site, leaves) in groups(&leaves, |leaf| leaf.site.cluster.map(|_| leaf.site)) {
                let has_others = self.fleet.environments[environment].clusters.len() > 1;
                if has_others && is_shared(unit, &leaves) {
                    self.try_at(Layer::Cluster(site), unit, &leaves, 2);
                }
            }
        }
    }

    fn project(&mut self, unit: &Unit, project: usize, leaves: &[&Leaf]) {
        let is_simple = self.fleet.projects[project].is_simple;
        let sources: Vec<&Leaf> = leaves
            .iter()
            .copied()
            .filter(|leaf| leaf.object.is_none())
            .collect();
        let of_source = mode(unit, &sources).cloned();
        let is_one = sources
            .iter()
            .all(|leaf| Some(wanted(leaf, unit)) == of_source.as_ref());
        let environment = |leaf: &Leaf| Some(leaf.site.environment);
        if is_simple || of_source.is_none() || !is_one {
            // what is another in each environment is said there
            if !differs_by(unit, leaves, environment) {
                self.try_whole(Layer::Project(project), unit, leaves);
            }
        } else {
            // what the source wants everywhere is the project's: what its environments say would
            // hold for the objects too
            self.try_whole(Layer::Project(project), unit, &sources);
        }
        if !is_simple {
            for (object, leaves) in groups(leaves, |leaf| leaf.object) {
                if !differs_by(unit, &leaves, environment) {
                    self.try_whole(Layer::Object(project, object), unit, &leaves);
                }
            }
        }
        for (environment, leaves) in groups(leaves, |leaf| Some(leaf.site.environment)) {
            let layer = Layer::ProjectIn(project, environment);
            let (sources, objects): (Vec<_>, Vec<_>) = leaves
                .iter()
                .copied()
                .partition(|leaf| leaf.object.is_none());
            if is_simple {
                self.try_whole(layer, unit, &leaves);
            } else {
                if unit.is_general()
                    && sources.is_empty()
                    && differs_by(unit, &leaves, |leaf| leaf.site.cluster)
                {
                    for (site, leaves) in groups(&leaves, |leaf| Some(leaf.site)) {
                        let layer = Layer::ProjectInCluster(project, site);
                        self.try_at(layer, unit, &leaves, 2);
                    }
                } else if sources.is_empty() || unit.is_of_both() && !is_one {
                    self.try_at(layer, unit, &leaves, 2);
                }
                self.try_whole(layer, unit, &sources);
            }
            let mut forced = sources;
            if is_simple {
                forced.extend(&objects);
            }
            for (site, leaves) in groups(&forced, |leaf| Some(leaf.site)) {
                let layer = match site.cluster {
                    Some(_) => Layer::ProjectInCluster(project, site),
                    None => layer,
                };
                self.force(layer, unit, &leaves);
            }
        }
        if is_simple {
            return;
        }
        for (object, leaves) in groups(leaves, |leaf| leaf.object) {
            for (environment, leaves) in groups(&leaves, |leaf| Some(leaf.site.environment)) {
                let layer = Layer::ObjectIn(project, object, environment);
                self.try_whole(layer, unit, &leaves);
                for leaf in leaves {
                    let layer = match leaf.site.cluster {
                        Some(_) => Layer::ObjectInCluster(project, object, leaf.site),
                        None => layer,
                    };
                    self.force(layer, unit, &[leaf]);
                }
            }
        }
    }

    /// Says the value that more than half want, where it puts right at least so many more than it puts
    /// wrong, or all. A policy is said whoever wants it.
    fn try_at(&mut self, layer: Layer, unit: &Unit, leaves: &[&Leaf], least: usize) {
        let wrong = self.wrong(unit, leaves);
        if wrong == 0 {
            return;
        }
        let Some(most) = mode(unit, leaves).cloned() else {
            return;
        };
        let after = leaves
            .iter()
            .filter(|leaf| *wanted(leaf, unit) != most)
            .count();
        let gain = wrong.saturating_sub(after);
        let taken_away = leaves.iter().filter(|leaf| {
            wanted(leaf, unit).is_null() && !most.is_null() && self.effective(leaf, unit).is_null()
        });
        if !unit.is_policy() && !is_common(unit, leaves, &most, taken_away.count()) {
            return;
        }
        if gain >= least || gain > 0 && after == 0 && leaves.len() == 1 {
            self.say(layer, unit, most);
        }
    }

    /// The same, where it puts right all that is wrong, or several.
    fn try_whole(&mut self, layer: Layer, unit: &Unit, leaves: &[&Leaf]) {
        let wrong = self.wrong(unit, leaves);
        let Some(most) = mode(unit, leaves).cloned().filter(|_| wrong > 0) else {
            return;
        };
        let after = leaves
            .iter()
            .filter(|leaf| *wanted(leaf, unit) != most)
            .count();
        let is_of_most = wrong >= after + 2 && after * 2 < leaves.len();
        // an order that holds for some is read badly where it is taken away for others
        if after == 0 || is_of_most && unit.is_general() {
            self.say(layer, unit, most);
        }
    }

    fn force(&mut self, layer: Layer, unit: &Unit, leaves: &[&Leaf]) {
        let is_cluster = matches!(
            layer,
            Layer::ProjectInCluster(..) | Layer::ObjectInCluster(..)
        );
        if is_cluster && !unit.is_general() {
            return;
        }
        let wrong = leaves
            .iter()
            .find(|leaf| self.effective(leaf, unit) != *wanted(leaf, unit));
        if let Some(leaf) = wrong {
            self.say(layer, unit, wanted(leaf, unit).clone());
        }
    }

    fn wrong(&self, unit: &Unit, leaves: &[&Leaf]) -> usize {
        let is_wrong = |leaf: &&&Leaf| self.effective(leaf, unit) != *wanted(leaf, unit);
        leaves.iter().filter(is_wrong).count()
    }

    fn say(&mut self, layer: Layer, unit: &Unit, value: Value) {
        self.layers
            .said
            .entry(layer)
            .or_default()
            .insert(unit.clone(), value);
    }

    /// What holds for a leaf now.
    fn effective(&self, leaf: &Leaf, unit: &Unit) -> Value {
        let (project, site) = (leaf.project, leaf.site);
        let cluster = site.cluster.is_some();
        let of_object = leaf.object.map(|object| {
            [
                cluster.then_some(Layer::ObjectInCluster(project, object, site)),
                Some(Layer::ObjectIn(project, object, site.environment)),
            ]
        });
        let above = [
            cluster.then_some(Layer::ProjectInCluster(project, site)),
            Some(Layer::ProjectIn(project, site.environment)),
            leaf.object.map(|object| Layer::Object(project, object)),
            Some(Layer::Project(project)),
            cluster.then_some(Layer::Cluster(site)),
            Some(Layer::Environment(site.environment)),
            Some(Layer::Defaults),
        ];
        let chain = of_object.into_iter().flatten().chain(above).flatten();
        let said = chain
            .filter_map(|layer| self.layers.said.get(&layer)?.get(unit))
            .next();
        match said {
            Some(Value::Null) if unit.key == "timeouts" => Value::Null,
            None | Some(Value::Null) => built_in(unit),
            Some(value) => value.clone(),
        }
    }

    /// An environment of no known kind says both of its intervals: else a warning asks for them.
    fn say_intervals(&mut self) {
        for (number, environment) in self.fleet.environments.iter().enumerate() {
            if kind_of(&environment.name).is_some() || kind_of_class(&environment.name).is_some() {
                continue;
            }
            let said = self
                .layers
                .said
                .entry(Layer::Environment(number))
                .or_default();
            let unit = |whose| Unit::of("intervals", whose);
            let other = said
                .get(&unit("kustomization"))
                .or(said.get(&unit("source")));
            let other = other.cloned().unwrap_or_else(|| Value::from("5m"));
            for whose in ["source", "kustomization"] {
                said.entry(unit(whose)).or_insert_with(|| other.clone());
            }
        }
    }
}

/// What holds where nothing is said. Of intervals nothing: each environment says its own.
fn built_in(unit: &Unit) -> Value {
    match unit.key {
        "timeouts" => Value::from("2m"),
        "namespace" => Value::from("flux-system"),
        "names" => Value::from("{object}-{environment}"),
        "prune" => Value::from(false),
        _ => Value::Null,
    }
}

/// The kind of environment that a name says by itself, as the configuration reads it.
pub(super) fn kind_of(name: &str) -> Option<&'static str> {
    match name {
        "development" | "dev" => Some("development"),
        "staging" | "stage" => Some("staging"),
        "production" | "prod" => Some("production"),
        _ => None,
    }
}

/// The kind of an environment whose name the configuration does not know.
pub(super) fn kind_of_class(name: &str) -> Option<&'static str> {
    match name {
        "develop" => Some("development"),
        "stg" | "stag" => Some("staging"),
        "prd" => Some("production"),
        _ => None,
    }
}

//! Mutants of good manifests: one to three changes, guided by the schema of the kind.

use serde_json::Value;

use super::generate::{generated, scalar};
use super::random::Random;
use super::seeds::{Schemas, Seed};
use super::tree::{Tree, raw};
use super::words::{FINALIZERS, KEYS, NAMES, SCALARS};

pub(super) struct Mutant {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    /// What the last change was.
    pub(super) change: &'static str,
    tree: Tree,
}

impl Mutant {
    pub(super) fn unchanged(seed: &Seed) -> Self {
        Self {
            api_version: seed.api_version,
            kind: seed.kind,
            change: "nothing",
            tree: Tree::of(&seed.manifest),
        }
    }

    pub(super) fn of(random: &mut Random, seeds: &[Seed], schemas: &Schemas) -> Self {
        let seed = &seeds[random.below(seeds.len())];
        let schema = &schemas[seed.kind];
        let mut mutant = Self::unchanged(seed);
        mutant.change(random, schema);
        while random.one_in(6) {
            mutant.change(random, schema);
        }
        mutant
    }

    /// YAML in its flow style.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.tree.write(&mut text);
        text.push('\n');
        text
    }

    fn change(&mut self, random: &mut Random, schema: &Value) {
        self.change = match random.below(16) {
            0 | 1 => self.replace_any(random),
            2 => self.remove_any(random),
            3 => self.add_unknown(random),
            4 => self.repeat(random),
            5 => self.misspell(random),
            6 => self.metadata(random),
            7 => self.labels(random),
            8 => self.owners_and_finalizers(random),
            9 => self.status(random, schema),
            10 => self.length(random),
            11 => self.header(random),
            _ => self.generate(random, schema),
        };
    }

    /// Any node below `metadata` and `spec` becomes something else.
    fn replace_any(&mut self, random: &mut Random) -> &'static str {
        let mut nodes = Vec::new();
        self.tree.below(&["metadata", "spec"], &mut |path, _| {
            nodes.push(path.to_vec())
        });
        if nodes.is_empty() {
            return "nothing";
        }
        let path = random.pick(&nodes);
        if path == ["metadata", "namespace"] || path == ["metadata", "name"] {
            return self.metadata(random);
        }
        let raw = scalar(random);
        if let Some(node) = self.tree.at(&path) {
            *node = raw;
        }
        "a value is replaced"
    }

    fn remove_any(&mut self, random: &mut Random) -> &'static str {
        let mut nodes = Vec::new();
        self.tree.below(&["metadata", "spec"], &mut |path, _| {
            nodes.push(path.to_vec())
        });
        if nodes.is_empty() {
            return "nothing";
        }
        let mut path = random.pick(&nodes);
        let last = path.pop().unwrap_or_default();
        match self.tree.at(&path) {
            Some(Tree::Map(entries)) => entries.retain(|(key, _)| *key != last),
            Some(Tree::List(items)) => drop(items.remove(last.parse().unwrap_or(0))),
            _ => {}
        }
        "a node is removed"
    }

    fn add_unknown(&mut self, random: &mut Random) -> &'static str {
        let value = if random.one_in(2) {
            raw("null")
        } else {
            scalar(random)
        };
        let key = if random.one_in(3) {
            "Interval"
        } else {
            "unknown"
        };
        if let Some(entries) = self.any_map(random) {
            entries.push((key.into(), value));
        }
        "a key is added"
    }

    fn repeat(&mut self, random: &mut Random) -> &'static str {
        if random.one_in(3) {
            if let Some(entries) = self.any_map(random)
                && !entries.is_empty()
            {
                let again = random.pick(entries);
                entries.push(again);
            }
            return "a key is repeated";
        }
        let mut lists = Vec::new();
        self.tree.below(&["metadata", "spec"], &mut |path, node| {
            if matches!(node, Tree::List(items) if !items.is_empty()) {
                lists.push(path.to_vec());
            }
        });
        if !lists.is_empty()
            && let Some(Tree::List(items)) = self.tree.at(&random.pick(&lists))
        {
            let again = random.pick(items);
            items.push(again);
        }
        "an element is repeated"
    }

    fn misspell(&mut self, random: &mut Random) -> &'static str {
        if let Some(entries) = self.any_map(random)
            && !entries.is_empty()
        {
            let at = random.below(entries.len());
            let key = &mut entries[at].0;
            if random.one_in(2) {
                key.push('s');
            } else {
                *key = key.to_uppercase();
            }
        }
        "a key is misspelt"
    }

    fn metadata(&mut self, random: &mut Random) -> &'static str {
        const OTHERS: [(&str, &[&str]); 8] = [
            ("generation", &["5", "-5", "1.5", "a", "null"]),
            (
                "resourceVersion",
                &["'5'", "5", "a", "''", "null", "'-1'", "'+5'"],
            ),
            ("uid", &["a", "''", "null"]),
            (
                "creationTimestamp",
                &["null", "junk", "'2024-01-01T00:00:00Z'", "5", "[]"],
            ),
            ("deletionGracePeriodSeconds", &["5", "-5", "a", "1.5"]),
            (
                "generateName",
                &["a-", "A", "'-'", "''", "null", "a.b-", "a--"],
            ),
            ("managedFields", &["[]", "null", "[{}]", "a"]),
            ("selfLink", &["a", "null", "1"]),
        ];
        let Some(Tree::Map(entries)) = self.tree.at(&["metadata".into()]) else {
            return "nothing";
        };
        let mut set =
            |key: &str, value: Tree| match entries.iter_mut().find(|(known, _)| known == key) {
                Some((_, node)) => *node = value,
                None => entries.push((key.into(), value)),
            };
        match random.below(4) {
            0 => {
                let long = if random.one_in(2) { 253 } else { 254 };
                let name = if random.one_in(4) {
                    "a".repeat(long)
                } else {
                    random.pick(&NAMES).into()
                };
                set("name", Tree::Raw(name));
            }
            1 => set(
                "namespace",
                raw(random.pick(&["default", "null", "''", "A", "a.b", "1", "flux-system"])),
            ),
            _ => {
                let (key, values) = random.pick(&OTHERS);
                set(key, raw(random.pick(values)));
            }
        }
        "metadata changes"
    }

    fn labels(&mut self, random: &mut Random) -> &'static str {
        let which = if random.one_in(2) {
            "labels"
        } else {
            "annotations"
        };
        let key = match random.below(8) {
            0 => "a".repeat(63 + random.below(2)),
            1 => format!("{}/a", "a".repeat(253 + random.below(2))),
            _ => random.pick(&KEYS).to_owned(),
        };
        let value = match random.below(8) {
            0 => "a".repeat(63 + random.below(2)),
            1 => "é".repeat(32),
            // Both sides of the limit, with the key of the seed.
            2 if which == "annotations" => "a".repeat(262_144 - 35 - key.len() + random.below(3)),
            3 => "a".into(),
            _ => random.pick(&SCALARS).to_owned(),
        };
        if let Some(Tree::Map(entries)) = self.tree.at(&["metadata".into(), which.into()]) {
            entries.push((key, Tree::Raw(value)));
        }
        "a label or annotation is added"
    }

    fn owners_and_finalizers(&mut self, random: &mut Random) -> &'static str {
        let Some(Tree::Map(entries)) = self.tree.at(&["metadata".into()]) else {
            return "nothing";
        };
        if random.one_in(2) {
            let count = 1 + random.below(2);
            let names = (0..count).map(|_| raw(random.pick(&FINALIZERS))).collect();
            entries.push(("finalizers".into(), Tree::List(names)));
            return "finalizers are added";
        }
        let mut owner = |uid: &str| {
            let mut fields = vec![
                (
                    "apiVersion".to_owned(),
                    raw(random.pick(&["v1", "apps/v1", "apps/v1", "a/", "a/b/c", "''", "/v1"])),
                ),
                (
                    "kind".to_owned(),
                    raw(random.pick(&["Pod", "Pod", "Pod", "Event", "''"])),
                ),
                ("name".to_owned(), raw("a")),
                ("uid".to_owned(), raw(uid)),
                (
                    "controller".to_owned(),
                    raw(random.pick(&["true", "false", "null", "true", "a"])),
                ),
            ];
            if random.one_in(4) {
                fields.remove(random.below(fields.len()));
            }
            Tree::Map(fields)
        };
        let owners = match owner("a") {
            first if random.one_in(2) => vec![first],
            first => {
                let mut again = Random::new(random.next(), 0);
                let uid = if again.one_in(3) { "a" } else { "b" };
                let second = Tree::Map(vec![
                    ("apiVersion".into(), raw("v1")),
                    ("kind".into(), raw("Pod")),
                    ("name".into(), raw("b")),
                    ("uid".into(), raw(uid)),
                    ("controller".into(), raw(again.pick(&["true", "false"]))),
                ]);
                vec![first, second]
            }
        };
        entries.push(("ownerReferences".into(), Tree::List(owners)));
        "owners are added"
    }

    fn status(&mut self, random: &mut Random, schema: &Value) -> &'static str {
        let status = match random.below(6) {
            0 => scalar(random),
            _ => generated(random, &schema["properties"]["status"], 2),
        };
        if let Tree::Map(entries) = &mut self.tree {
            entries.retain(|(key, _)| key != "status");
            entries.push(("status".into(), status));
        }
        "a status is added"
    }

    /// Some text gets a length at which a bound may lie.
    fn length(&mut self, random: &mut Random) -> &'static str {
        const LENGTHS: [usize; 13] = [0, 1, 2, 4, 5, 10, 63, 64, 200, 253, 254, 2048, 2049];
        let mut texts = Vec::new();
        self.tree.below(&["spec"], &mut |path, node| {
            if matches!(node, Tree::Raw(_)) {
                texts.push(path.to_vec());
            }
        });
        let c = if random.one_in(2) { "a" } else { "é" };
        let text = c.repeat(random.pick(&LENGTHS));
        if !texts.is_empty()
            && let Some(node) = self.tree.at(&random.pick(&texts))
        {
            *node = Tree::Raw(format!("'{text}'"));
        }
        "a text has another length"
    }

    /// `apiVersion`, `kind`, `metadata` or `spec` as a whole.
    fn header(&mut self, random: &mut Random) -> &'static str {
        let key = random.pick(&["apiVersion", "kind", "metadata", "spec"]);
        let value = raw(random.pick(&["null", "1", "''", "[]", "{}", "true"]));
        if let Tree::Map(entries) = &mut self.tree {
            if random.one_in(4) {
                entries.retain(|(known, _)| known != key);
            } else if let Some((_, node)) = entries.iter_mut().find(|(known, _)| known == key) {
                *node = value;
            }
        }
        "the header changes"
    }

    /// A field that the schema knows gets a value that mostly fits it.
    fn generate(&mut self, random: &mut Random, schema: &Value) -> &'static str {
        let mut path = vec!["spec".to_owned()];
        let mut schema = &schema["properties"]["spec"];
        while let Some(properties) = schema["properties"]
            .as_object()
            .filter(|properties| !properties.is_empty())
        {
            let names: Vec<&String> = properties.keys().collect();
            let name = random.pick(&names);
            schema = &properties[name];
            path.push(name.clone());
            // Deeper only where the seed goes, so that one change stays one change.
            if random.one_in(2) || !matches!(self.tree.at(&path), Some(Tree::Map(_))) {
                break;
            }
        }
        let value = generated(random, schema, 3);
        let name = path.pop().unwrap_or_default();
        if let Some(Tree::Map(entries)) = self.tree.at(&path) {
            entries.retain(|(known, _)| *known != name);
            entries.push((name, value));
        }
        "a field is generated"
    }

    fn any_map(&mut self, random: &mut Random) -> Option<&mut Vec<(String, Tree)>> {
        let mut maps = vec![Vec::new()];
        self.tree.below(&["metadata", "spec"], &mut |path, node| {
            if matches!(node, Tree::Map(_)) {
                maps.push(path.to_vec());
            }
        });
        match self.tree.at(&random.pick(&maps)) {
            Some(Tree::Map(entries)) => Some(entries),
            _ => None,
        }
    }
}

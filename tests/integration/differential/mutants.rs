//! Mutants of good manifests: one to three changes, guided by the schema of the kind.

use serde_json::Value;

use super::random::Random;
use super::seeds::{Schemas, Seed};

/// A manifest whose scalars are text as YAML holds it, so that `1e3` and `yes` can be tried.
#[derive(Clone)]
enum Tree {
    Raw(String),
    List(Vec<Tree>),
    /// A key may stand twice.
    Map(Vec<(String, Tree)>),
}

pub(super) struct Mutant {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    /// What the last change was.
    pub(super) change: &'static str,
    tree: Tree,
}

/// Scalars that are tried everywhere, as YAML text.
const SCALARS: [&str; 64] = [
    "null",
    "~",
    "true",
    "false",
    "yes",
    "on",
    "0",
    "1",
    "-1",
    "5",
    "80",
    "65536",
    "1.0",
    "1e3",
    "1.5",
    "0.5",
    "-0.5",
    "0x1F",
    "0o17",
    "017",
    "1_000",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "1e30",
    "12345678901.5",
    "'1'",
    "''",
    "' '",
    "a",
    "'a b'",
    "\"a\\u00a0b\"",
    "\"a\\tb\"",
    "A",
    "é",
    "'a/b'",
    "a.b",
    "a-",
    "-a",
    "'true'",
    "main",
    "1m",
    "1h",
    "0s",
    "1m30s",
    "1.5h",
    "1d",
    "60",
    "'60'",
    "100ms",
    "'1m '",
    "https://a/b",
    "ssh://git@a/b",
    "ftp://a",
    "oci://a/b",
    "http://",
    "'*'",
    "azure",
    "aws",
    "generic",
    "GitRepository",
    "{}",
    "[]",
];
/// Texts that some format or pattern takes.
const TEXTS: [&str; 40] = [
    "2024-02-29",
    "2023-02-29",
    "2024-01-01T00:00:00Z",
    "2024-01-01T24:00:00Z",
    "1 day",
    "-1h",
    "a@b",
    "A <a@b.c>",
    "a",
    "a.bc",
    "a.b",
    "a_b",
    "1.2.3.4",
    "01.2.3.4",
    "1.2.3.256",
    "::1",
    "::ffff:1.2.3.4",
    "10.0.0.0/33",
    "::/0",
    "123e4567e89b12d3a456426614174000",
    "YQ==",
    "YQ",
    "/a",
    "mailto:a",
    "a/b",
    "http://a/%zz",
    "01-02-03-04-05-06",
    "0102.0304.0506",
    "#abcd",
    "ABCDEF",
    "978-0321751041",
    "rgb(256,0,0)",
    "123456789",
    "4111 1111 1111 1112",
    "507f",
    "10Gi",
    "10Gx",
    "off",
    "abcde",
    "ab",
];
const NAMES: [&str; 12] = [
    "a", "a.b", "A", "''", "a_b", "-a", "a-", "null", "1", "'1'", "a..b", "'a/b'",
];
const KEYS: [&str; 14] = [
    "a",
    "a/b",
    "a.b/c",
    "A/b",
    "a/B",
    "/a",
    "a/",
    "a/b/c",
    "a b",
    "",
    "_a",
    "a_",
    "é",
    "kubernetes.io/x",
];
const FINALIZERS: [&str; 9] = [
    "a",
    "a.b/c",
    "orphan",
    "foregroundDeletion",
    "kubernetes",
    "a/b/c",
    "''",
    "null",
    "1",
];

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

fn raw(text: impl AsRef<str>) -> Tree {
    Tree::Raw(text.as_ref().into())
}

fn scalar(random: &mut Random) -> Tree {
    raw(random.pick(&SCALARS))
}

/// A value for a schema that mostly fits it.
fn generated(random: &mut Random, schema: &Value, depth: usize) -> Tree {
    if random.one_in(12) {
        return scalar(random);
    }
    if let Some(known) = schema["enum"].as_array()
        && !random.one_in(6)
    {
        return Tree::of(&random.pick(known));
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return scalar(random);
    }
    match schema["type"].as_str() {
        Some("boolean") => raw(random.pick(&["true", "false"])),
        Some("integer") => raw(random.pick(&[
            "0", "1", "2", "3", "5", "6", "9", "1.0", "1e1", "10", "11", "65535", "65536", "-1",
            "1.5",
        ])),
        Some("number") => raw(random.pick(&[
            "0", "0.25", "0.5", "0.2", "1", "1.5", "1.6", "2", "100", "100.5", "1e2",
        ])),
        Some("string") => generated_text(random, schema),
        Some("array") => {
            let count = random.below(4);
            Tree::List(
                (0..count)
                    .map(|_| generated(random, &schema["items"], depth - depth.min(1)))
                    .collect(),
            )
        }
        Some("object") => {
            let mut entries = Vec::new();
            let required: Vec<&str> = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let wanted = required.contains(&name.as_str()) && !random.one_in(20);
                if wanted || (depth > 0 && random.one_in(3)) {
                    entries.push((
                        name.clone(),
                        generated(random, property, depth - depth.min(1)),
                    ));
                }
            }
            if schema["additionalProperties"].is_object() {
                for key in ["a", "b", "c", "d"].iter().take(random.below(5)) {
                    let value = generated(
                        random,
                        &schema["additionalProperties"],
                        depth - depth.min(1),
                    );
                    entries.push(((*key).into(), value));
                }
            }
            if schema["x-kubernetes-embedded-resource"] == true {
                entries.extend(embedded(random));
            }
            Tree::Map(entries)
        }
        _ => scalar(random),
    }
}

fn generated_text(random: &mut Random, schema: &Value) -> Tree {
    let pattern = schema["pattern"].as_str().unwrap_or("");
    let quoted = |text: &str| Tree::Raw(format!("'{text}'"));
    if pattern.contains("ms|s|m") && !random.one_in(4) {
        return raw(random.pick(&["1m", "30s", "1m30s", "0.5m", "100ms", "0s"]));
    }
    if pattern.contains("://") && !random.one_in(4) {
        return raw(random.pick(&[
            "https://a/b",
            "http://a",
            "ssh://a/b",
            "oci://a/b",
            "HTTP://a",
        ]));
    }
    if schema["format"].is_string() || random.one_in(3) {
        return quoted(random.pick(&TEXTS));
    }
    if random.one_in(3) {
        return scalar(random);
    }
    quoted(random.pick(&["a", "abc", "web", "1.x", "./deploy", ""]))
}

fn embedded(random: &mut Random) -> Vec<(String, Tree)> {
    const METADATA: [&str; 12] = [
        "{name: a}",
        "{}",
        "{name: 'a/b'}",
        "{labels: {a: 'b c'}}",
        "{creationTimestamp: null}",
        "{creationTimestamp: junk}",
        "{generation: -1}",
        "{unknown: 1}",
        "null",
        "{namespace: A}",
        "{finalizers: [a/b/c]}",
        "{labels: {a: null}}",
    ];
    vec![
        (
            "apiVersion".into(),
            raw(random.pick(&["v1", "apps/v1", "v1", "''", "a/b/c", "1"])),
        ),
        (
            "kind".into(),
            raw(random.pick(&["Pod", "Pod", "Pod", "po_d", "''", "1Pod"])),
        ),
        ("metadata".into(), raw(random.pick(&METADATA))),
    ]
}

impl Tree {
    fn of(value: &Value) -> Self {
        match value {
            Value::Array(items) => Tree::List(items.iter().map(Tree::of).collect()),
            Value::Object(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), Tree::of(value)));
                Tree::Map(entries.collect())
            }
            scalar => Tree::Raw(scalar.to_string()),
        }
    }

    fn write(&self, out: &mut String) {
        let join = |out: &mut String, index: usize| {
            if index > 0 {
                out.push_str(", ");
            }
        };
        match self {
            Tree::Raw(text) => out.push_str(text),
            Tree::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    join(out, index);
                    item.write(out);
                }
                out.push(']');
            }
            Tree::Map(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    join(out, index);
                    out.push_str(&Value::from(key.as_str()).to_string());
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The node at a path of keys and indices.
    fn at(&mut self, path: &[String]) -> Option<&mut Tree> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        let child = match self {
            Tree::Map(entries) => &mut entries.iter_mut().find(|(key, _)| key == first)?.1,
            Tree::List(items) => items.get_mut(first.parse::<usize>().ok()?)?,
            Tree::Raw(_) => return None,
        };
        child.at(rest)
    }

    /// Calls `visit` for each node below the given keys of the root, not for those themselves;
    /// `metadata` and `spec` are always there unless a change took them.
    fn below(&self, roots: &[&str], visit: &mut impl FnMut(&[String], &Tree)) {
        let Tree::Map(entries) = self else {
            return;
        };
        for (key, node) in entries
            .iter()
            .filter(|(key, _)| roots.contains(&key.as_str()))
        {
            let mut path = vec![key.clone()];
            visit(&path, node);
            node.visit(&mut path, visit);
        }
    }

    fn visit(&self, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &Tree)) {
        let children: Vec<(String, &Tree)> = match self {
            Tree::Raw(_) => Vec::new(),
            Tree::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (index.to_string(), item))
                .collect(),
            Tree::Map(entries) => entries
                .iter()
                .map(|(key, node)| (key.clone(), node))
                .collect(),
        };
        for (key, node) in children {
            path.push(key);
            visit(path, node);
            node.visit(path, visit);
            path.pop();
        }
    }
}

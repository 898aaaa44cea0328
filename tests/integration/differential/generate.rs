//! Values that mostly fit a schema.

use serde_json::Value;

use super::random::Random;
use super::tree::{Tree, raw};
use super::words::{SCALARS, TEXTS};

pub(super) fn scalar(random: &mut Random) -> Tree {
    raw(random.pick(&SCALARS))
}

/// A value for a schema that mostly fits it.
pub(super) fn generated(random: &mut Random, schema: &Value, depth: usize) -> Tree {
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

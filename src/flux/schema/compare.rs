//! How two states of one object differ, as the API server holds them: defaults filled in, durations by
//! value, maps in any order, lists by their type.

use super::Crds;
use super::Identity;
use super::crds::Lookup;
use super::defaults::with_defaults;
use super::shape::{List, Others, Schema};
use super::value::{Plain, entry, read, same};
use crate::flux::duration::parse_go;
use crate::flux::fault::Path;
use crate::flux::yaml::{Entry, Node};

/// A field that two states of an object do not share.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDifference {
    /// As `spec.ref.branch` or `spec.dependsOn[1].name`.
    pub path: String,
    /// `None` where it is absent.
    pub old: Option<Node>,
    pub new: Option<Node>,
}

impl Crds {
    /// The fields in which two states of an object differ, in the order of the old one, then of the new
    /// one. Without a CRD for the kind nothing is known of defaults and lists.
    pub fn differences(&self, old: &Node, new: &Node) -> Vec<FieldDifference> {
        let (old, _) = self.filled(old);
        let (new, schema) = self.filled(new);
        let mut found = Vec::new();
        compare(schema, Some(&old), Some(&new), &Path::ROOT, &mut found);
        found
    }

    fn filled(&self, document: &Node) -> (Node, Option<&Schema>) {
        let identity = Identity::of(document);
        match self.look_up(identity.group, identity.version, identity.kind) {
            Lookup::Found(_, schema) => (with_defaults(schema, document), Some(schema)),
            _ => (document.clone(), None),
        }
    }
}

fn compare(
    schema: Option<&Schema>,
    old: Option<&Node>,
    new: Option<&Node>,
    path: &Path<'_>,
    found: &mut Vec<FieldDifference>,
) {
    // the server drops a null that it does not replace, and Go writes no empty list
    let present =
        |node: &&Node| !matches!(read(node), Plain::Null) && !matches!(read(node), Plain::List([]));
    let (old, new) = (old.filter(present), new.filter(present));
    let is_same = match (old, new) {
        (None, None) => true,
        (Some(one), Some(other)) => match (read(one), read(other)) {
            (Plain::Map(old), Plain::Map(new)) => {
                return maps(schema, old, new, path, found);
            }
            (Plain::List(old), Plain::List(new)) => {
                return lists(schema, old, new, path, found);
            }
            (Plain::Text(old), Plain::Text(new)) => {
                old == new || is_duration(schema) && is_same_duration(old, new)
            }
            _ => same(one, other),
        },
        _ => false,
    };
    if !is_same {
        found.push(FieldDifference {
            path: path.to_string(),
            old: old.cloned(),
            new: new.cloned(),
        });
    }
}

fn maps(
    schema: Option<&Schema>,
    old: &[Entry],
    new: &[Entry],
    path: &Path<'_>,
    found: &mut Vec<FieldDifference>,
) {
    let added = new.iter().filter(|one| entry(old, &one.key).is_none());
    for one in old.iter().chain(added) {
        let child = schema.and_then(|schema| below(schema, &one.key));
        let value = |entries| entry(entries, &one.key).map(|one| &one.node);
        let at = path.key(&one.key);
        compare(child, value(old), value(new), &at, found);
    }
}

fn below<'s>(schema: &'s Schema, key: &str) -> Option<&'s Schema> {
    match (schema.find(key), &schema.others) {
        (Some(index), _) => Some(&schema.properties[index].schema),
        (None, Others::Of(schema)) => Some(schema),
        _ => None,
    }
}

fn lists(
    schema: Option<&Schema>,
    old: &[Node],
    new: &[Node],
    path: &Path<'_>,
    found: &mut Vec<FieldDifference>,
) {
    let items = schema.and_then(|schema| schema.items.as_deref());
    let keys = match schema.map(|schema| &schema.list) {
        Some(List::Map(keys)) => keys.as_slice(),
        Some(List::Set) => {
            let is_in = |item: &Node, list: &[Node]| list.iter().any(|other| same(item, other));
            for (index, item) in old.iter().enumerate() {
                if !is_in(item, new) {
                    compare(items, Some(item), None, &path.index(index), found);
                }
            }
            for (index, item) in new.iter().enumerate() {
                if !is_in(item, old) {
                    compare(items, None, Some(item), &path.index(index), found);
                }
            }
            return;
        }
        _ => {
            for index in 0..old.len().max(new.len()) {
                let at = path.index(index);
                compare(items, old.get(index), new.get(index), &at, found);
            }
            return;
        }
    };
    let is_same = |one: &Node, other: &Node| {
        keys.iter().all(|key| match (one.get(key), other.get(key)) {
            (Some(one), Some(other)) => same(one, other),
            (None, None) => true,
            _ => false,
        })
    };
    for (index, item) in old.iter().enumerate() {
        let other = new.iter().find(|other| is_same(item, other));
        compare(items, Some(item), other, &path.index(index), found);
    }
    for (index, item) in new.iter().enumerate() {
        if !old.iter().any(|other| is_same(item, other)) {
            compare(items, None, Some(item), &path.index(index), found);
        }
    }
}

/// Whether the schema takes texts for durations of Go: it says so by a pattern.
fn is_duration(schema: Option<&Schema>) -> bool {
    let checks = schema.and_then(|schema| schema.checks.as_ref());
    let pattern = checks.and_then(|checks| checks.pattern.as_ref());
    pattern.is_some_and(|pattern| pattern.is_match("1m30s") && !pattern.is_match("m"))
}

fn is_same_duration(one: &str, other: &str) -> bool {
    matches!((parse_go(one), parse_go(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use crate::flux::schema::Crds;
    use crate::flux::yaml::{Node, read};

    fn document(text: &str) -> Node {
        let (mut documents, faults) = read(text, 0);
        assert_eq!(faults, []);
        documents.remove(0)
    }

    /// `path: old -> new` of each field in which two specs of a kind differ.
    fn differences(crds: &Crds, kind: &str, old: &str, new: &str) -> Vec<String> {
        let whole = |spec: &str| document(&format!("{kind}\nspec: {spec}\n"));
        let found = crds.differences(&whole(old), &whole(new)).into_iter();
        let shown = |node: Option<Node>| node.map_or("-".into(), |node| node.to_json().to_string());
        found
            .map(|one| format!("{}: {} -> {}", one.path, shown(one.old), shown(one.new)))
            .collect()
    }

    const GIT: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository";
    const NONE: [&str; 0] = [];

    #[test]
    fn a_default_that_is_left_out_and_a_duration_in_another_form_are_no_difference() {
        let git = |old, new| differences(Crds::embedded(), GIT, old, new);
        assert_eq!(
            git("{interval: 60s}", "{timeout: 1m, interval: 1m0s}"),
            NONE
        );
        assert_eq!(git("{include: [], verify: ~}", "{}"), NONE);
        assert_eq!(
            git(
                "{interval: 60s, url: 1m}",
                "{timeout: 2m, interval: 90s, url: 60s}"
            ),
            [
                r#"spec.interval: "60s" -> "90s""#,
                r#"spec.url: "1m" -> "60s""#,
                r#"spec.timeout: "60s" -> "2m""#,
            ]
        );
    }

    #[test]
    fn the_order_of_a_map_is_none_and_that_of_a_plain_list_counts() {
        let git = |old, new| differences(Crds::embedded(), GIT, old, new);
        assert_eq!(
            git(
                "{ref: {branch: a, commit: b}}",
                "{ref: {commit: b, branch: a}}"
            ),
            NONE
        );
        assert_eq!(
            git("{sparseCheckout: [a, b]}", "{sparseCheckout: [b, a, c]}"),
            [
                r#"spec.sparseCheckout[0]: "a" -> "b""#,
                r#"spec.sparseCheckout[1]: "b" -> "a""#,
                r#"spec.sparseCheckout[2]: - -> "c""#,
            ]
        );
        assert_eq!(
            git("{ref: {branch: a}}", "{}"),
            [r#"spec.ref: {"branch":"a"} -> -"#]
        );
    }

    #[test]
    fn a_set_and_a_list_with_keys_are_compared_by_their_elements() {
        let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  group: acme.io\n  scope: Namespaced\n  names: {kind: Thing}\n  versions:\n  - name: v1\n    served: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            type: object\n            properties:\n              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}\n              ports:\n                type: array\n                x-kubernetes-list-type: map\n                x-kubernetes-list-map-keys: [name]\n                items: {type: object, required: [name], properties: {name: {type: string}, port: {type: integer}}}\n";
        let (crds, faults) = Crds::from_documents(&[document(crd)]);
        assert_eq!(faults, []);
        let thing = "apiVersion: acme.io/v1\nkind: Thing";
        assert_eq!(
            differences(
                &crds,
                thing,
                "{tags: [a, b], ports: [{name: x, port: 1}, {name: z, port: 2}]}",
                "{tags: [b, a], ports: [{name: z, port: 2}, {name: x, port: 1}]}"
            ),
            NONE
        );
        assert_eq!(
            differences(
                &crds,
                thing,
                "{tags: [a, b], ports: [{name: x, port: 1}]}",
                "{tags: [b, c], ports: [{name: z}, {name: x, port: 3}]}"
            ),
            [
                r#"spec.tags[0]: "a" -> -"#,
                r#"spec.tags[1]: - -> "c""#,
                "spec.ports[0].port: 1 -> 3",
                r#"spec.ports[0]: - -> {"name":"z"}"#,
            ]
        );
    }

    #[test]
    fn a_kind_without_a_crd_is_compared_as_it_is_written() {
        let release = "apiVersion: example.com/v2\nkind: Release";
        let crds = Crds::embedded();
        assert_eq!(
            differences(crds, release, "{a: 1, b: 2}", "{b: 2, a: 1}"),
            NONE
        );
        assert_eq!(
            differences(crds, release, "{interval: 60s}", "{interval: 1m}"),
            [r#"spec.interval: "60s" -> "1m""#]
        );
    }
}

//! Merge keys (`<<`): the keys of another mapping, where they are not written.

use super::{Entry, Fault, Node, Scalar, Span, Value};

/// Whether they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merges {
    /// As any other key that has a meaning of its own.
    Refused,
    /// As kustomize and Flux read them.
    Read,
}

/// One `<<` of a mapping with its value.
#[derive(Debug)]
pub(super) struct Merge {
    /// How many entries stand before it.
    pub(super) behind: usize,
    pub(super) span: Span,
    pub(super) node: Node,
}

/// Quoted it is a key like any other.
pub(super) fn is_merge_key(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(Scalar { text, plain: true }) if text == "<<")
}

/// The entries of a mapping with those that it merges, behind its own. What is written wins, and of a list
/// of mappings the first.
///
/// A key that is written before a `<<` that has it too is a fault: kubectl's reader takes the merged value
/// there, and kustomize's the written one. Sources: `merge` in `goyaml.v2/decode.go` of sigs.k8s.io/yaml,
/// `mergedFields` in `decode.go` of go.yaml.in/yaml/v3.
pub(super) fn merge(
    mut entries: Vec<Entry>,
    merges: Vec<Merge>,
    faults: &mut Vec<Fault>,
) -> Vec<Entry> {
    let mut merges = merges.into_iter();
    let Some(first) = merges.next() else {
        return entries;
    };
    for another in merges {
        let fault = Fault::new(another.span, "the key `<<` is there already");
        faults.push(fault.hint("merge a list: `<<: [*one, *other]`"));
    }
    let Merge { behind, span, node } = first;
    let written = entries.len();
    let mappings = match node.value {
        Value::Sequence(items) => items,
        _ => vec![node],
    };
    for mapping in mappings {
        let Value::Mapping(merged) = mapping.value else {
            let fault = Fault::new(span, "`<<` merges a mapping or a list of mappings");
            faults.push(fault.hint("name an anchor of a mapping: `<<: *anchor`"));
            continue;
        };
        for one in merged {
            match entries.iter().position(|entry| entry.key == one.key) {
                None => entries.push(one),
                Some(at) if at < behind && at < written => {
                    let key = &entries[at];
                    let message = format!(
                        "readers of YAML differ over `{}`, which `<<` below it merges too",
                        key.key
                    );
                    let fault = Fault::new(key.key_span, message);
                    faults.push(
                        fault.hint("write `<<` first: then all of them take what is written here"),
                    );
                }
                Some(_) => {}
            }
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{read, read_merging};

    fn merged(text: &str) -> serde_json::Value {
        let (documents, faults) = read_merging(text, 0);
        assert_eq!(faults, [], "{text}");
        documents[0].to_json()
    }

    #[test]
    fn what_is_written_wins_and_of_a_list_the_first() {
        let base = "a: &a {x: 1, q: 1}\nb: &b\n  q: 2\n  z: 2\n";
        for (text, expected) in [
            ("c: {<<: *a, q: 3}\n", json!({"q": 3, "x": 1})),
            (
                "c:\n  <<: [*b, *a]\n  w: 0\n",
                json!({"w": 0, "q": 2, "z": 2, "x": 1}),
            ),
            ("c: {<<: {k: v}}\n", json!({"k": "v"})),
            ("c: {v: 1, <<: *a}\n", json!({"v": 1, "x": 1, "q": 1})),
            (
                "c: &c {<<: *a, q: 3}\nd: {<<: *c}\n",
                json!({"q": 3, "x": 1}),
            ),
            ("c: {\"<<\": *a}\n", json!({"<<": {"x": 1, "q": 1}})),
        ] {
            assert_eq!(merged(&format!("{base}{text}"))["c"], expected, "{text}");
        }
        let twice = merged(&format!("{base}c: &c {{<<: *a, q: 3}}\nd: {{<<: *c}}\n"));
        assert_eq!(twice["d"], json!({"q": 3, "x": 1}));
    }

    #[test]
    fn what_readers_take_differently_is_refused() {
        for (text, says) in [
            (
                "a: &a {x: 1}\nb: {x: 2, <<: *a}\n",
                "readers of YAML differ over `x`, which `<<` below it merges too",
            ),
            (
                "a: {<<: 1}\n",
                "`<<` merges a mapping or a list of mappings",
            ),
            (
                "a: {<<: [1]}\n",
                "`<<` merges a mapping or a list of mappings",
            ),
            (
                "a: {<<: {x: 1}, <<: {q: 1}}\n",
                "the key `<<` is there already",
            ),
            ("a: {<<: *no}\n", "no anchor `&no` stands before this"),
        ] {
            let faults = read_merging(text, 0).1;
            let said: Vec<_> = faults.iter().map(|fault| &*fault.message).collect();
            assert_eq!(said, [says], "{text}");
        }
        // and a configuration has none at all
        assert_eq!(
            read("a: {<<: {x: 1}}\n", 0).1[0].message,
            "merge keys (`<<`) are not read"
        );
    }
}

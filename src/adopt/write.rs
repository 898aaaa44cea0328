//! Writes values as YAML, on one line where they fit.

use serde_json::{Map, Value};

use crate::flux::yaml::{Node, Span, write_node, write_scalar};

/// A line is no longer than this where it can be broken.
const LONGEST_LINE: usize = 110;

/// Writes the entries of a map, each from its own line on, `indent` columns in.
pub(super) fn entries(map: &Map<String, Value>, indent: usize, out: &mut String) {
    for (key, value) in map {
        out.push_str(&" ".repeat(indent));
        out.push_str(&word(key));
        out.push(':');
        behind(value, indent, out);
    }
}

/// Writes the items of a list likewise.
pub(super) fn items(list: &[Value], indent: usize, out: &mut String) {
    for value in list {
        let flow = flow(value);
        let spaces = " ".repeat(indent);
        match (&flow, value) {
            (Some(flow), _) if indent + flow.len() + 2 <= LONGEST_LINE => {
                out.push_str(&format!("{spaces}- {flow}\n"));
            }
            (_, Value::Object(map)) if !map.is_empty() => {
                let mut inner = String::new();
                entries(map, indent + 2, &mut inner);
                out.push_str(&format!("{spaces}- {}", &inner[indent + 2..]));
            }
            (_, value) => {
                out.push_str(&format!("{spaces}-"));
                behind(value, indent, out);
            }
        }
    }
}

/// Writes what stands behind a key or a dash that is `indent` columns in, with the end of its line.
fn behind(value: &Value, indent: usize, out: &mut String) {
    let column = out.len() - out.rfind('\n').map_or(0, |newline| newline + 1);
    match (flow(value), value) {
        (Some(flow), _) if column + 1 + flow.len() <= LONGEST_LINE || is_single(value) => {
            out.push_str(&format!(" {flow}\n"));
        }
        (_, Value::Object(map)) if !map.is_empty() => {
            out.push('\n');
            entries(map, indent + 2, out);
        }
        (_, Value::Array(list)) if !list.is_empty() => {
            out.push('\n');
            items(list, indent + 2, out);
        }
        (_, Value::String(text)) => {
            out.push(' ');
            let node = Node::string(Span::default(), text.clone());
            // writing to a string cannot fail
            let _ = write_node(&node, indent + 2, out);
            out.push('\n');
        }
        (flow, _) => out.push_str(&format!(" {}\n", flow.unwrap_or_default())),
    }
}

/// Whether it cannot be broken.
fn is_single(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

/// The value on one line; `None` where a text in it has several.
fn flow(value: &Value) -> Option<String> {
    Some(match value {
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| Some(format!("{}: {}", word(key), flow(value)?)));
            format!("{{{}}}", entries.collect::<Option<Vec<_>>>()?.join(", "))
        }
        Value::Array(list) => {
            let items = list.iter().map(flow).collect::<Option<Vec<_>>>()?;
            format!("[{}]", items.join(", "))
        }
        Value::String(text) if text.contains('\n') => return None,
        Value::String(text) => word(text),
        other => other.to_string(),
    })
}

fn word(text: &str) -> String {
    let mut out = String::new();
    // writing to a string cannot fail
    let _ = write_scalar(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_oneof};
    use proptest::{collection, prop_assert_eq, proptest};
    use serde_json::{Map, Value, json};

    use crate::flux::yaml::read;

    use super::entries;

    fn written(value: &Value) -> String {
        let mut out = String::new();
        entries(value.as_object().unwrap(), 0, &mut out);
        out
    }

    #[test]
    fn what_fits_stands_on_one_line_and_a_text_of_several_below_its_key() {
        let value = json!({
            "short": {"a": ["b", 1, true, null], "on": "yes"},
            "patches": [{"patch": "- op: add\n  path: /a\n", "target": {"kind": "Deployment"}}],
            "long": {"a".repeat(60): "b".repeat(60), "c": {}},
        });
        insta::assert_snapshot!(written(&value), @r#"
        short: {a: [b, 1, true, null], "on": "yes"}
        patches:
          - patch: |
              - op: add
                path: /a
            target: {kind: Deployment}
        long:
          aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
          c: {}
        "#);
    }

    fn tree() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            any::<String>().prop_map(Value::from),
            "([ a#:'-]{0,4}\n){0,3}[ a\t]{0,2}".prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ];
        scalar.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                collection::btree_map("\\PC{0,8}|[a-z]{30}", inner, 0..5)
                    .prop_map(|all| { Value::Object(all.into_iter().collect::<Map<_, _>>()) }),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(value in collection::btree_map("[a-z]{1,9}", tree(), 1..5)) {
            let value = Value::Object(value.into_iter().collect());
            let text = written(&value);
            let (documents, faults) = read(&text, 0);
            prop_assert_eq!(faults, vec![], "{}", text);
            prop_assert_eq!(documents[0].to_json(), value, "{}", text);
        }
    }
}

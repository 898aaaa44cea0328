//! Small changes of a YAML text that leave all else of it as it is.

use std::ops::Range;

use crate::flux::yaml::{Entry, Node, Value};

/// Bytes of a text, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub range: Range<usize>,
    pub text: String,
}

impl Edit {
    pub fn apply(&self, text: &mut String) {
        text.replace_range(self.range.clone(), &self.text);
    }
}

/// The change that has a map say a value under keys, as `["intervals", "source"]`.
///
/// `None` where something else is said on the way: a text, a list, an alias.
pub fn set_value(text: &str, map: &Node, keys: &[&str], value: &str) -> Option<Edit> {
    let (key, rest) = keys.split_first()?;
    let entries = map.as_mapping()?;
    let Some(entry) = entries.iter().find(|entry| entry.key == *key) else {
        return insert(text, map, &nested(keys, value));
    };
    let said = range(&entry.node);
    let written = text.get(said.clone())?;
    let instead = |value: &str| {
        if !written.is_empty() {
            let text = value.to_owned();
            return Some(Edit { range: said, text });
        }
        // Where nothing is said it belongs behind the colon.
        let key = entry.key_span.end as usize;
        let at = key + text.get(key..)?.find(':')? + 1;
        let text = format!(" {value}");
        Some(Edit {
            range: at..at,
            text,
        })
    };
    if written.starts_with(['*', '&']) {
        return None;
    }
    match &entry.node.value {
        Value::Mapping(_) if rest.is_empty() => None,
        Value::Mapping(_) => set_value(text, &entry.node, rest, value),
        Value::Scalar(_) if rest.is_empty() => instead(value),
        // `production:` and `production: true` say that nothing differs
        Value::Scalar(_) if matches!(written, "" | "~" | "null" | "true") => {
            instead(&format!("{{{}}}", nested(rest, value)))
        }
        Value::Scalar(_) | Value::Sequence(_) => None,
    }
}

/// The change that puts another key and value in place of an entry.
pub fn replace_entry(entry: &Entry, with: &str) -> Edit {
    Edit {
        range: entry.key_span.start as usize..entry.node.span.end as usize,
        text: with.to_owned(),
    }
}

/// `a: {b: value}`
fn nested(keys: &[&str], value: &str) -> String {
    match keys {
        [] => String::new(),
        [key] => format!("{key}: {value}"),
        [key, rest @ ..] => format!("{key}: {{{}}}", nested(rest, value)),
    }
}

/// A new entry of a map: in braces the last one, in a block below the first line where that is one
/// entry.
fn insert(text: &str, map: &Node, entry: &str) -> Option<Edit> {
    let range = range(map);
    let entries = map.as_mapping()?;
    if text.get(range.clone())?.starts_with('{') {
        let last = entries.last().map(|last| last.node.span.end as usize);
        let at = last.unwrap_or(range.start + 1);
        let comma = if last.is_some() { ", " } else { "" };
        return Some(Edit {
            range: at..at,
            text: format!("{comma}{entry}"),
        });
    }
    let first = entries.first()?;
    let key = first.key_span.start as usize;
    let line = text
        .get(..key)?
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let indent = " ".repeat(text.get(line..key)?.chars().count());
    let end_of_line = text[key..].find('\n').map(|length| key + length);
    let value = self::range(&first.node);
    let is_line = first.node.as_scalar().is_some()
        && !text.get(value.clone())?.starts_with(['|', '>'])
        && end_of_line.is_some_and(|end| value.end <= end && value.start > key);
    Some(match end_of_line.filter(|_| is_line) {
        Some(end) => Edit {
            range: end..end,
            text: format!("\n{indent}{entry}"),
        },
        None => Edit {
            range: key..key,
            text: format!("{entry}\n{indent}"),
        },
    })
}

fn range(node: &Node) -> Range<usize> {
    node.span.start as usize..node.span.end as usize
}

#[cfg(test)]
mod tests {
    use super::{replace_entry, set_value};
    use crate::flux::yaml;

    fn changed(text: &str, keys: &[&str]) -> Option<String> {
        let (documents, faults) = yaml::read(text, 0);
        assert_eq!(faults, []);
        let mut text = text.to_owned();
        set_value(&text, &documents[0], keys, "1m")?.apply(&mut text);
        let (documents, faults) = yaml::read(&text, 0);
        assert_eq!(faults, [], "{text}");
        let node = keys
            .iter()
            .try_fold(&documents[0], |node, key| node.get(key));
        assert_eq!(node.and_then(|node| node.as_str()), Some("1m"), "{text}");
        Some(text)
    }

    #[test]
    fn a_value_is_changed_where_it_stands_and_comments_stay() {
        let keys = ["intervals", "source"];
        let text = "a: 1  # b\nintervals: {source: 30s, kustomization: 5m} # c\n";
        assert_eq!(changed(text, &keys).unwrap(), text.replace("30s", "1m"));
        let text = "intervals:\n  source: \"30s\" # c\n";
        assert_eq!(
            changed(text, &keys).unwrap(),
            "intervals:\n  source: 1m # c\n"
        );
    }

    #[test]
    fn what_is_missing_is_put_below_the_first_line_or_into_the_braces() {
        let keys = ["environments", "prod", "interval"];
        for (text, expected) in [
            (
                "name: a # b\nc: d\n",
                "name: a # b\nenvironments: {prod: {interval: 1m}}\nc: d\n",
            ),
            ("name: a", "environments: {prod: {interval: 1m}}\nname: a"),
            (
                "a:\n  b: c\n",
                "environments: {prod: {interval: 1m}}\na:\n  b: c\n",
            ),
            (
                "{name: a }",
                "{name: a, environments: {prod: {interval: 1m}} }",
            ),
            ("{}", "{environments: {prod: {interval: 1m}}}"),
            (
                "environments: {dev: false}",
                "environments: {dev: false, prod: {interval: 1m}}",
            ),
            ("environments: {}", "environments: {prod: {interval: 1m}}"),
            (
                "environments:\n  prod:\n    interval: # 5m\n",
                "environments:\n  prod:\n    interval: 1m # 5m\n",
            ),
            (
                "environments:\n  prod:\n",
                "environments:\n  prod: {interval: 1m}\n",
            ),
            (
                "environments:\n  prod: true # x\n",
                "environments:\n  prod: {interval: 1m} # x\n",
            ),
            (
                "environments:\n  prod:\n    path: ./a\n    wait: true\n",
                "environments:\n  prod:\n    path: ./a\n    interval: 1m\n    wait: true\n",
            ),
        ] {
            assert_eq!(changed(text, &keys).as_deref(), Some(expected));
        }
    }

    #[test]
    fn nothing_else_that_is_said_is_overwritten() {
        let keys = ["environments", "prod", "interval"];
        for text in [
            "environments: {prod: false}",
            "environments: [prod]",
            "environments: {prod: {interval: {a: b}}}",
            "x: &x {a: b}\nenvironments: {prod: *x}",
        ] {
            assert_eq!(changed(text, &keys), None, "{text}");
        }
    }

    #[test]
    fn an_entry_is_replaced_whole() {
        let text = "- name: a\n  source:\n    kind: b\n    url: c # d\n  wait: true\n";
        let (documents, _) = yaml::read(text, 0);
        let project = &documents[0].as_sequence().unwrap()[0];
        let mut text = text.to_owned();
        let edit = replace_entry(project.entry("source").unwrap(), "source: {project: x}");
        edit.apply(&mut text);
        assert_eq!(
            text,
            "- name: a\n  source: {project: x} # d\n  wait: true\n"
        );
    }
}

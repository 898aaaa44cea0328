//! The keys that lead to a place in a text.

use std::collections::HashMap;

use crate::flux::yaml::{self, Node, Span, Value};

use super::Sources;

/// Finds the keys that lead to a place; each text is read once.
#[derive(Debug)]
pub struct KeyPaths<'s> {
    sources: &'s Sources,
    read: HashMap<u32, Vec<Node>>,
}

impl<'s> KeyPaths<'s> {
    pub fn new(sources: &'s Sources) -> Self {
        Self {
            sources,
            read: HashMap::new(),
        }
    }

    /// The keys as `projects[2].environments.staging`; empty for a whole file, and where the text
    /// cannot be read that far.
    pub fn path(&mut self, span: Span) -> String {
        let documents = self
            .read
            .entry(span.source)
            .or_insert_with(|| yaml::read(self.sources.text(span.source), span.source).0);
        let mut path = String::new();
        if span.end > 0
            && let Some(document) = documents.iter().find(|node| covers(node.span, span))
        {
            descend(document, span, &mut path);
        }
        path
    }
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn descend(node: &Node, span: Span, path: &mut String) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Mapping(entries) => {
            let Some(entry) = entries
                .iter()
                .find(|entry| covers(entry.key_span, span) || covers(entry.node.span, span))
            else {
                return;
            };
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&entry.key);
            if !covers(entry.key_span, span) {
                descend(&entry.node, span, path);
            }
        }
        Value::Sequence(items) => {
            // in the order of the text, but for copies of an alias, which lie at the alias
            let index = items.partition_point(|item| item.span.end < span.end);
            if let Some(item) = items.get(index).filter(|item| covers(item.span, span)) {
                path.push_str(&format!("[{index}]"));
                descend(item, span, path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(text: &str, wanted: &str) -> String {
        let mut sources = Sources::default();
        let source = sources.add("x.yaml", text);
        let start = text.find(wanted).unwrap();
        let span = Span {
            source,
            start: u32::try_from(start).unwrap(),
            end: u32::try_from(start + wanted.len()).unwrap(),
        };
        KeyPaths::new(&sources).path(span)
    }

    #[test]
    fn keys_and_numbers_lead_to_keys_and_values() {
        let text = "projects:\n  - name: web\n    environments: {staging: {path: ./x}}\n  - name: api\nother: 1\n";
        assert_eq!(
            path_of(text, "./x"),
            "projects[0].environments.staging.path"
        );
        assert_eq!(path_of(text, "staging"), "projects[0].environments.staging");
        assert_eq!(path_of(text, "api"), "projects[1].name");
        assert_eq!(path_of(text, "name: api"), "projects[1]");
        assert_eq!(path_of(text, "other"), "other");
    }

    #[test]
    fn a_second_document_has_paths_of_its_own() {
        assert_eq!(path_of("a: 1\n---\nb: {c: 2}\n", "2"), "b.c");
    }
}

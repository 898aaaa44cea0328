//! Which object a place in a text belongs to.

use std::collections::HashMap;

use crate::flux::yaml::{Node, Span};

/// The objects of documents, found by their places.
#[derive(Debug, Default)]
pub struct Objects {
    /// Of each text, in its order: where a document ends, and its object.
    texts: HashMap<u32, Vec<(Span, String)>>,
}

impl Objects {
    pub fn of(documents: &[Node]) -> Self {
        let mut texts: HashMap<u32, Vec<(Span, String)>> = HashMap::new();
        for document in documents {
            let object = (document.span, shown(document));
            texts.entry(document.span.source).or_default().push(object);
        }
        for objects in texts.values_mut() {
            objects.sort_by_key(|(span, _)| span.start);
        }
        Self { texts }
    }

    /// The object, as `Kustomization flux-system/web`; empty where the place is in none.
    pub fn at(&self, place: Span) -> &str {
        let objects = self.texts.get(&place.source).map_or(&[][..], Vec::as_slice);
        let behind = objects.partition_point(|(span, _)| span.start <= place.start);
        match behind.checked_sub(1).and_then(|index| objects.get(index)) {
            Some((span, object)) if place.start <= span.end && place.end > 0 => object,
            _ => "",
        }
    }
}

fn shown(document: &Node) -> String {
    let metadata = document.get("metadata");
    let text = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or("").to_owned();
    let of_metadata = |key| text(metadata.and_then(|metadata| metadata.get(key)));
    let (kind, name) = (text(document.get("kind")), of_metadata("name"));
    match of_metadata("namespace") {
        namespace if namespace.is_empty() => format!("{kind} {name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Objects;
    use crate::flux::yaml::{Span, read};

    #[test]
    fn a_place_belongs_to_the_document_that_it_is_in() {
        let text =
            "kind: A\nmetadata: {name: x}\n---\nkind: B\nmetadata: {name: w, namespace: z}\n";
        let objects = Objects::of(&read(text, 3).0);
        let at = |part: &str, source| {
            let start = u32::try_from(text.find(part).unwrap()).unwrap();
            let end = start + 1;
            objects.at(Span { source, start, end }).to_owned()
        };
        assert_eq!(at("x}", 3), "A x");
        assert_eq!(at("w,", 3), "B z/w");
        assert_eq!(at("w,", 0), "");
        let whole = Span {
            source: 3,
            ..Span::default()
        };
        assert_eq!(objects.at(whole), "");
    }
}

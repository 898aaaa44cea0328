//! What anchors (`&x`) name and aliases (`*x`) copy, within bounds.

use std::collections::HashMap;

use super::fault::{Fault, MAX_DEPTH};
use super::{Node, Span, Value};

/// How many nodes aliases may copy within one text.
const MAX_COPIED: usize = 200_000;

#[derive(Default)]
pub(super) struct Anchors {
    known: HashMap<usize, Anchored>,
    copied: usize,
}

/// What an anchor stands for.
struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

impl Anchors {
    /// Forgets the names of a document; what was copied still counts.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Keeps what an anchor names.
    ///
    /// # Errors
    /// A fault that ends the text.
    pub(super) fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), Fault> {
        let (nodes, depth) = measure(node);
        count(&mut self.copied, nodes, node.span)?;
        let node = node.clone();
        self.known.insert(anchor, Anchored { node, nodes, depth });
        Ok(())
    }

    /// The copy that an alias makes, `depth` levels deep; `None` within what the anchor names.
    ///
    /// # Errors
    /// A fault that ends the text.
    pub(super) fn copy(
        &mut self,
        anchor: usize,
        depth: usize,
        span: Span,
    ) -> Result<Option<Node>, Fault> {
        let Some(anchored) = self.known.get(&anchor) else {
            return Ok(None);
        };
        if depth + anchored.depth > MAX_DEPTH {
            return Err(Fault::too_deep(span));
        }
        count(&mut self.copied, anchored.nodes, span)?;
        let value = anchored.node.value.clone();
        Ok(Some(Node { span, value }))
    }
}

fn count(copied: &mut usize, nodes: usize, span: Span) -> Result<(), Fault> {
    if *copied + nodes > MAX_COPIED {
        let message = format!("anchors and aliases copy more than {MAX_COPIED} values");
        let hint = "write the values out, or use fewer aliases";
        return Err(Fault::new(span, message).hint(hint));
    }
    *copied += nodes;
    Ok(())
}

/// How many nodes a tree has, and how many levels of mappings and sequences.
fn measure(node: &Node) -> (usize, usize) {
    fn all<'node>(nodes: impl Iterator<Item = &'node Node>) -> (usize, usize) {
        let (count, depth) = nodes
            .map(measure)
            .fold((1, 0), |(count, depth), (c, d)| (count + c, depth.max(d)));
        (count, depth + 1)
    }
    match &node.value {
        Value::Scalar(_) => (1, 0),
        Value::Sequence(items) => all(items.iter()),
        Value::Mapping(entries) => all(entries.iter().map(|entry| &entry.node)),
    }
}

//! What may still become of a document before it is applied, and which of its faults count all the same.

use std::collections::HashSet;

use crate::flux::Fault;
use crate::flux::yaml::{Node, Span, Value};

/// How far a document may be changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    #[default]
    Not,
    /// It may get another name or namespace.
    Named,
    /// It may get what is missing in it too.
    Completed,
}

impl Touched {
    /// Whether a fault of a document stays one. What is written and wrong does, but of what may be
    /// missing for now only.
    pub(super) fn leaves(self, fault: &Fault, document: &Node) -> bool {
        let is_of_name = ["metadata.name", "metadata.namespace"].contains(&&*fault.path);
        match self {
            Self::Not => true,
            Self::Named => !is_of_name,
            Self::Completed => {
                let mut written = HashSet::new();
                places(document, &mut written);
                !is_of_name && !is_of_missing(fault) && written.contains(&fault.span)
            }
        }
    }
}

/// Whether it says that something is missing that stands beside what it marks.
pub(super) fn is_of_missing(fault: &Fault) -> bool {
    fault.message.ends_with(" is required") || fault.message.contains(" needs ")
}

/// Where keys stand, and values that are no maps and no lists.
fn places(node: &Node, found: &mut HashSet<Span>) {
    match &node.value {
        Value::Scalar(_) if node.is_null() => {}
        Value::Scalar(_) => drop(found.insert(node.span)),
        Value::Sequence(items) => items.iter().for_each(|item| places(item, found)),
        Value::Mapping(entries) => {
            for entry in entries {
                found.insert(entry.key_span);
                places(&entry.node, found);
            }
        }
    }
}

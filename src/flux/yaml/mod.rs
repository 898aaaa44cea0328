//! YAML as Flux's own reader takes it, with the position of every key and value.

mod anchors;
mod build;
mod fault;
mod json_stream;
mod keys;
mod literal;
mod merge;
mod place;
mod printable;
mod quick;
mod read;
mod scalar;
mod tree;
mod write;

use std::borrow::Cow;

pub use fault::Fault;
pub use read::{read, read_merging};
pub use scalar::Resolved;
pub use write::{write_node, write_scalar};

/// A range of bytes in one text that was read, end excluded.
///
/// `source` says which text: whoever reads several numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    pub source: u32,
    pub start: u32,
    pub end: u32,
}

/// A value and where it was written.
///
/// A mapping or sequence in a block reaches from its first key, or from what its first item holds,
/// to the end of its last value; one in brackets includes them. A value that was left out lies, empty, behind its
/// key. A copy that an alias made lies at the alias, what is in it where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub span: Span,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value. Keys are strings, in the order in which they were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: Cow<'static, str>,
    pub key_span: Span,
    pub node: Node,
}

/// A scalar as it was written; what it means is asked with [`Scalar::resolve`].
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// Empty for a value that was left out, which is null.
    pub text: Cow<'static, str>,
    /// Written without quotes and not as a block: only then can it be anything but a string.
    pub plain: bool,
}

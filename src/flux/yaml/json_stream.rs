//! Several JSON documents behind each other, which is no YAML and which kubectl reads.

use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::{Node, Span, Value};

/// Where each document lies; `None` where a text is not made of several.
pub(super) fn documents(text: &str) -> Option<Vec<Range<usize>>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut stream = Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut found = Vec::new();
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            Some(Ok(_)) => found.push(start..stream.byte_offset()),
            Some(Err(_)) => return None,
            None => return (found.len() > 1).then_some(found),
        }
    }
}

/// Puts a node that was read by itself to where it lies in its text.
pub(super) fn shift(node: &mut Node, by: u32) {
    let shifted = |span: &mut Span| {
        span.start += by;
        span.end += by;
    };
    shifted(&mut node.span);
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Value::Mapping(entries) => {
            for entry in entries {
                shifted(&mut entry.key_span);
                shift(&mut entry.node, by);
            }
        }
    }
}

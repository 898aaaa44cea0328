//! What a key may be, and that it is there once.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::place::Source;
use super::scalar::key_as_read;
use super::{Entry, Fault, Node, Scalar, Span, Value};

/// Up to here a repeated key is searched for by comparing each with each.
const FEW_KEYS: usize = 16;

/// Takes a node for the key of a mapping.
pub(super) fn name(node: Node) -> Result<(Cow<'static, str>, Span), Fault> {
    let span = node.span;
    let Value::Scalar(Scalar { text, plain }) = node.value else {
        return Err(
            Fault::new(span, "a key must be a text, not a mapping or a list")
                .hint("a value that starts with `{` or `[` needs quotes"),
        );
    };
    if !plain {
        return Ok((text, span));
    }
    if text == "<<" {
        return Err(Fault::new(span, "merge keys (`<<`) are not read").hint("write the keys out"));
    }
    match key_as_read(&text) {
        None => Err(Fault::new(span, "a key is null").hint("write a name, quoted if it is `null`")),
        Some(read) if read != text => Err(Fault::new(
            span,
            format!("the key `{text}` is read as `{read}` by the API server"),
        )
        .hint(format!("quote it: \"{text}\""))),
        Some(_) => Ok((text, span)),
    }
}

/// Whether two entries have one key.
pub(super) fn repeated(entries: &[Entry]) -> bool {
    if entries.len() <= FEW_KEYS {
        (1..entries.len()).any(|i| entries[..i].iter().any(|e| e.key == entries[i].key))
    } else {
        let mut seen = HashSet::with_capacity(entries.len());
        entries.iter().any(|entry| !seen.insert(entry.key.as_ref()))
    }
}

/// Keeps the first of several entries with one key.
pub(super) fn refuse_repeated(
    entries: &mut Vec<Entry>,
    source: Source<'_>,
    faults: &mut Vec<Fault>,
) {
    if !repeated(entries) {
        return;
    }
    let mut first: HashMap<Cow<'static, str>, Span> = HashMap::new();
    entries.retain(|entry| {
        let Some(before) = first.get(&entry.key) else {
            first.insert(entry.key.clone(), entry.key_span);
            return true;
        };
        let line = source.line(before.start);
        let message = format!("the key `{}` is there already", entry.key);
        let hint = format!("keep one of the two: the other stands on line {line}");
        faults.push(Fault::new(entry.key_span, message).hint(hint));
        false
    });
}

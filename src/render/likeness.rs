//! Whether a document with hostile texts is the one with tame texts, texts apart.

use std::borrow::Cow;

use crate::flux::yaml::{Node, Resolved, Span, Value};

use super::canary_values::hostile_text;

/// The first place where the documents are not alike; `None` where the hostile one is the tame one
/// with its texts replaced.
pub(super) fn differs(tame: &Node, hostile: &Node) -> Option<Span> {
    match (&tame.value, &hostile.value) {
        (Value::Mapping(ours), Value::Mapping(theirs)) if ours.len() == theirs.len() => {
            ours.iter().zip(theirs).find_map(|(ours, theirs)| {
                // Keys are the template's, or those of a user's map, which are not varied.
                if ours.key == theirs.key {
                    differs(&ours.node, &theirs.node)
                } else {
                    Some(ours.key_span)
                }
            })
        }
        (Value::Sequence(ours), Value::Sequence(theirs)) if ours.len() == theirs.len() => ours
            .iter()
            .zip(theirs)
            .find_map(|(ours, theirs)| differs(ours, theirs)),
        (Value::Scalar(ours), Value::Scalar(theirs)) => {
            let same_type = matches!(ours.resolve(), Resolved::String)
                == matches!(theirs.resolve(), Resolved::String);
            (!same_type || !is_alike(&ours.text, &theirs.text)).then_some(tame.span)
        }
        _ => Some(tame.span),
    }
}

/// Whether the hostile text is the tame one with each tame text replaced by its hostile one.
///
/// Filters may take a part of a text, or make another of it; but none of them adds quotes.
fn is_alike(tame: &str, hostile: &str) -> bool {
    if tame == hostile {
        return true;
    }
    if hostile.is_empty() || hostile.starts_with('"') {
        return false;
    }
    match made_hostile(tame) {
        Cow::Borrowed(_) => true,
        Cow::Owned(expected) => expected.contains(hostile),
    }
}

fn made_hostile(tame: &str) -> Cow<'_, str> {
    let mut made = String::new();
    let mut rest = tame;
    while let Some(at) = rest.find("tame") {
        let after = &rest[at + 4..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0
            && after[digits..].starts_with('x')
            && let Ok(number) = after[..digits].parse()
        {
            made.push_str(&rest[..at]);
            made.push_str(&hostile_text(number, ""));
            rest = &after[digits + 1..];
        } else {
            made.push_str(&rest[..at + 4]);
            rest = after;
        }
    }
    if rest.len() == tame.len() {
        return Cow::Borrowed(tame);
    }
    made.push_str(rest);
    if made == tame {
        Cow::Borrowed(tame)
    } else {
        Cow::Owned(made)
    }
}

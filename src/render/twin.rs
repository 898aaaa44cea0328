//! A document of a user's template against its twin: the same values with harmless texts.

use std::borrow::Cow;

use crate::flux::yaml::{Node, Resolved, Value, read, write_scalar};
use crate::plan::PlannedObject;

use super::Templates;
use super::canary_values::replaced;
use super::engine::into_text;
use super::identity::DocumentFault;

/// What a value changes in the document beside its own text, and at which byte; `None` where it
/// changes nothing else.
///
/// The trial of a template knows no real text: a template that takes texts apart, or asks for their
/// length, may pass it and break with one of ours. So each text that needs quotes is replaced by
/// one of the same length that needs none, and both documents must have the same keys, lists and
/// types. A template that cannot be rendered with the twin's texts is left to its trial.
pub(super) fn changed_by_a_value(
    object: &PlannedObject,
    document: &Node,
    templates: &Templates,
) -> Option<DocumentFault> {
    let values = object.values();
    let keeps = |text: &str| harmless(text) == text || templates.has_literal(text);
    let twin = replaced(&values, &keeps, |_, text| harmless(text).into_owned());
    if twin == values {
        return None;
    }
    let mut out = Vec::new();
    templates.write(&object.template, &twin, &mut out).ok()?;
    let (documents, faults) = read(&into_text(out), u32::MAX);
    let [other] = &documents[..] else {
        let message = "with other texts of the same lengths it is another document";
        return Some(fault(document, message));
    };
    if !faults.is_empty() {
        let message = "with other texts of the same lengths it is no sound YAML";
        return Some(fault(document, message));
    }
    differs(document, other)
}

/// The text itself where it needs no quotes, else one of as many letters that needs none.
fn harmless(text: &str) -> Cow<'_, str> {
    let mut written = String::new();
    let is_plain = write_scalar(text, &mut written).is_ok() && written == text;
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut letters: String = text
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                'a'
            }
        })
        .collect();
    let mut written = String::new();
    if write_scalar(&letters, &mut written).is_err() || written != letters {
        letters = "a".repeat(letters.chars().count());
    }
    Cow::Owned(letters)
}

fn fault(at: &Node, message: impl Into<String>) -> DocumentFault {
    DocumentFault {
        at: at.span.start as usize,
        message: message.into(),
        hint: Some(
            "give each value a place of its own, unquoted, and branch on no text".to_owned(),
        ),
    }
}

fn differs(ours: &Node, twin: &Node) -> Option<DocumentFault> {
    match (&ours.value, &twin.value) {
        (Value::Mapping(entries), Value::Mapping(twins)) => {
            let mut pairs = entries.iter().zip(twins);
            let found = pairs.find_map(|(ours, twin)| {
                if ours.key == twin.key {
                    return differs(&ours.node, &twin.node);
                }
                let message = format!("a value makes the key `{}`", ours.key);
                let at = ours.key_span.start as usize;
                Some(DocumentFault {
                    at,
                    ..fault(&ours.node, message)
                })
            });
            let is_other = entries.len() != twins.len();
            found.or_else(|| is_other.then(|| fault(ours, "a value adds or removes a key")))
        }
        (Value::Sequence(items), Value::Sequence(twins)) => {
            if items.len() != twins.len() {
                return Some(fault(ours, "a value adds or removes an item of a list"));
            }
            items
                .iter()
                .zip(twins)
                .find_map(|(ours, twin)| differs(ours, twin))
        }
        (Value::Scalar(text), Value::Scalar(twin)) => {
            let is_text = |scalar: &crate::flux::yaml::Scalar| scalar.resolve() == Resolved::String;
            if is_text(text) != is_text(twin) {
                let message = format!("a value changes the type of `{}`", text.text);
                return Some(fault(ours, message));
            }
            let glued = text.plain && text.text.contains('"') && !twin.text.contains('"');
            glued.then(|| {
                let text = &text.text;
                fault(
                    ours,
                    format!("a value is glued to text, with its quotes: `{text}`"),
                )
            })
        }
        _ => Some(fault(
            ours,
            "a value makes a map, a list or a text of another",
        )),
    }
}

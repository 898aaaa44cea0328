//! A document of a user's template against its twin: the same values with harmless texts.

use std::borrow::Cow;

use crate::flux::yaml::{Node, Resolved, Value, read, write_scalar};
use crate::plan::PlannedObject;

use super::Templates;
use super::canary_values::replaced;
use super::engine::into_text;

/// What a value changes in the document beside its own text; `None` where it changes nothing else.
///
/// The trial of a template knows no real text: a template that takes texts apart, or asks for their
/// length, may pass it and break with one of ours. So each text that needs quotes is replaced by
/// one of the same length that needs none, and both documents must have the same keys, lists and
/// types. A template that cannot be rendered with the twin's texts is left to its trial.
pub(super) fn changed_by_a_value(
    object: &PlannedObject,
    document: &Node,
    templates: &Templates,
) -> Option<String> {
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
        return Some("with other texts of the same lengths it is another document".into());
    };
    if !faults.is_empty() {
        return Some("with other texts of the same lengths it is no sound YAML".into());
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

fn differs(ours: &Node, twin: &Node) -> Option<String> {
    match (&ours.value, &twin.value) {
        (Value::Mapping(ours), Value::Mapping(twins)) => {
            if ours.len() != twins.len() {
                return Some("a value adds or removes a key".into());
            }
            ours.iter().zip(twins).find_map(|(ours, twin)| {
                if ours.key == twin.key {
                    differs(&ours.node, &twin.node)
                } else {
                    Some(format!("a value makes the key `{}`", ours.key))
                }
            })
        }
        (Value::Sequence(ours), Value::Sequence(twins)) => {
            if ours.len() != twins.len() {
                return Some("a value adds or removes an item of a list".into());
            }
            ours.iter()
                .zip(twins)
                .find_map(|(ours, twin)| differs(ours, twin))
        }
        (Value::Scalar(ours), Value::Scalar(twin)) => {
            let is_text = |scalar: &crate::flux::yaml::Scalar| scalar.resolve() == Resolved::String;
            if is_text(ours) != is_text(twin) {
                return Some(format!("a value changes the type of `{}`", ours.text));
            }
            let glued = ours.plain && ours.text.contains('"') && !twin.text.contains('"');
            glued.then(|| format!("a value is glued to text, with its quotes: `{}`", ours.text))
        }
        _ => Some("a value makes a map, a list or a text of another".into()),
    }
}

//! Where the text of a template names a value.

use crate::flux::yaml::Span;

use super::template::span;
use super::template_text::tags;

/// Where a tag names the path (`vars.list[0]`), or else the longest part of it; `whole` where none
/// does.
pub(super) fn place_of(path: &str, text: &str, whole: Span) -> Span {
    let mut part = path;
    loop {
        let found = tags(text).iter().find_map(|tag| {
            let range = &text[tag.start..tag.end];
            range
                .match_indices(part)
                .map(|(at, _)| tag.start + at)
                .find(|at| stands_alone(text, *at, part.len()))
        });
        if let Some(start) = found {
            return span(whole.source, start..start + part.len());
        }
        match part.rfind(['.', '[']) {
            Some(at) => part = &part[..at],
            None => return whole,
        }
    }
}

fn stands_alone(text: &str, at: usize, length: usize) -> bool {
    let name = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    };
    let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
    !name(before) && !name(text.as_bytes().get(at + length))
}

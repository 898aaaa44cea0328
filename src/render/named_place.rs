//! Where the text of a template names a value.

use crate::flux::yaml::Span;

use super::template::span;
use super::template_text::tags;

/// Where a tag names the path (`vars.list[0]`), or else the longest part of it; `within` where none
/// does. Only that tag is looked through where `within` is one; where it is empty, all are.
pub(super) fn place_of(path: &str, text: &str, within: Span) -> Span {
    let is_within =
        |start: usize| within.start == within.end || u32::try_from(start) == Ok(within.start);
    let mut part = path;
    loop {
        let found = tags(text)
            .iter()
            .filter(|tag| is_within(tag.start))
            .find_map(|tag| {
                let range = &text[tag.start..tag.end];
                range
                    .match_indices(part)
                    .map(|(at, _)| tag.start + at)
                    .find(|at| stands_alone(text, *at, part.len()))
            });
        if let Some(start) = found {
            return span(within.source, start..start + part.len());
        }
        match part.rfind(['.', '[']) {
            Some(at) => part = &part[..at],
            None => return within,
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

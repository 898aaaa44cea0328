//! Where in a text something stands.

use serde_saphyr::granit_parser::Span as Marks;

use super::Span;

#[derive(Clone, Copy)]
pub(super) struct Source<'text> {
    pub(super) text: &'text str,
    pub(super) number: u32,
}

impl<'text> Source<'text> {
    pub(super) fn span(&self, marks: &Marks) -> Span {
        let start = marks.start.byte_offset().unwrap_or(0);
        let end = marks.end.byte_offset().unwrap_or(0);
        Span {
            source: self.number,
            start: position(start),
            end: position(end.max(start)),
        }
    }

    pub(super) fn slice(&self, span: Span) -> &'text str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or("")
    }

    /// The character at a place, or nothing at the end of the text.
    pub(super) fn character_at(&self, at: usize) -> Span {
        let width = self
            .text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, char::len_utf8);
        Span {
            source: self.number,
            start: position(at),
            end: position(at + width),
        }
    }

    /// The first tab in the indentation of the line in which `at` lies.
    pub(super) fn tab_in_indentation(&self, at: usize) -> Option<Span> {
        let line = self.text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
        let indentation = self.text[line..]
            .find(|c| c != ' ' && c != '\t')
            .unwrap_or(0);
        let tab = self.text[line..line + indentation].find('\t')?;
        Some(self.character_at(line + tab))
    }
}

/// A text of at most 4 GiB was checked for when reading began.
pub(super) fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

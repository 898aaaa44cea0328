//! Where in a text something stands.

use std::ops::Range;

use serde_saphyr::granit_parser::Span as Marks;

use super::Span;

#[derive(Clone, Copy)]
pub(super) struct Source<'text> {
    pub(super) text: &'text str,
    pub(super) number: u32,
    /// Lines before it, where it is a part of another text.
    pub(super) lines_before: usize,
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

    /// The number of a place's line.
    pub(super) fn line(&self, at: u32) -> usize {
        let before = &self.text.as_bytes()[..at as usize];
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        1 + self.lines_before + lines
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

/// Answers for one place after the other whether a tab stands in the indentation of its line. A line
/// is looked at once for all places in it: thousands may lie in a line of megabytes.
pub(super) struct Indentation<'text> {
    source: Source<'text>,
    /// The line that was looked at last, with its newline.
    line: Range<usize>,
    tab: Option<Span>,
}

impl<'text> Indentation<'text> {
    pub(super) fn new(source: Source<'text>) -> Self {
        Self {
            source,
            line: 0..0,
            tab: None,
        }
    }

    /// The first tab in the indentation of the line in which `at` lies.
    pub(super) fn tab(&mut self, at: usize) -> Option<Span> {
        self.look_at(at);
        self.tab
    }

    /// Whether another line had to be looked at.
    fn look_at(&mut self, at: usize) -> bool {
        let (Some(before), Some(behind)) = (self.source.text.get(..at), self.source.text.get(at..))
        else {
            return false;
        };
        if self.line.contains(&at) {
            return false;
        }
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = behind.find('\n').unwrap_or(behind.len());
        self.line = start..at + end + 1;
        self.tab = self.source.tab_in_indentation(start);
        true
    }
}

/// A text of at most 4 GiB was checked for when reading began.
pub(super) fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indentation(text: &str) -> Indentation<'_> {
        Indentation::new(Source {
            text,
            number: 0,
            lines_before: 0,
        })
    }

    #[test]
    fn each_line_is_looked_at_once_however_many_places_in_it_are_asked_for() {
        let text = format!("a: [{}]\n\t- b\n\n", "{}, ".repeat(1000));
        let mut indentation = indentation(&text);
        let places = 0..=text.len();
        let looks = places.filter(|at| indentation.look_at(*at)).count();
        assert_eq!(looks, 4);
    }

    #[test]
    fn every_place_gets_the_tab_of_its_own_line_in_any_order() {
        for text in [
            "",
            "\t",
            "a\tb",
            "\ta: 1\n  b\n \tc: [\n]\n\t \n",
            "é:\n\té\n",
        ] {
            let source = Source {
                text,
                number: 0,
                lines_before: 0,
            };
            let mut indentation = indentation(text);
            for at in (0..=text.len()).chain((0..=text.len()).rev()) {
                if text.is_char_boundary(at) {
                    let alone = source.tab_in_indentation(at);
                    assert_eq!(indentation.tab(at), alone, "{text:?} {at}");
                }
            }
        }
    }
}

//! The texts that were read, so that a finding can be shown where it was written.

use crate::flux::yaml::Span;

/// Every text that was read, numbered as in [`Span::source`].
#[derive(Debug, Default)]
pub struct Sources {
    texts: Vec<Text>,
}

#[derive(Debug)]
struct Text {
    name: String,
    text: String,
}

/// A place as people name it: both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Sources {
    /// Keeps a text under the name that people know it by, and returns its number.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        self.texts.push(Text {
            name: name.into(),
            text: text.into(),
        });
        u32::try_from(self.texts.len() - 1).expect("far fewer than 2^32 texts are read")
    }

    /// The file's name, as it was given to [`Sources::add`]; empty for a number that is none.
    pub fn name(&self, source: u32) -> &str {
        self.texts
            .get(source as usize)
            .map_or("", |text| &text.name)
    }

    pub fn text(&self, source: u32) -> &str {
        self.texts
            .get(source as usize)
            .map_or("", |text| &text.text)
    }

    pub fn position(&self, span: Span) -> Position {
        let text = self.text(span.source);
        let mut end = (span.start as usize).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

//! The texts that were read, so that a finding can be shown where it was written.

use std::borrow::Cow;

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
    /// Ranges of bytes that nobody is shown.
    hidden: Vec<(usize, usize)>,
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
            hidden: Vec::new(),
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

    /// Keeps a range out of every excerpt: somebody wrote a secret there.
    pub fn hide(&mut self, span: Span) {
        if let Some(text) = self.texts.get_mut(span.source as usize) {
            text.hidden.push((span.start as usize, span.end as usize));
        }
    }

    /// The text with `*` for each byte of what is hidden, so that positions stay as they are.
    pub fn shown(&self, source: u32) -> Cow<'_, str> {
        let Some(text) = self.texts.get(source as usize) else {
            return Cow::Borrowed("");
        };
        if text.hidden.is_empty() {
            return Cow::Borrowed(&text.text);
        }
        let mut shown = String::with_capacity(text.text.len());
        for (index, letter) in text.text.char_indices() {
            let is_hidden = text
                .hidden
                .iter()
                .any(|(start, end)| (*start..*end).contains(&index));
            if is_hidden && letter != '\n' {
                shown.extend(std::iter::repeat_n('*', letter.len_utf8()));
            } else {
                shown.push(letter);
            }
        }
        Cow::Owned(shown)
    }
}

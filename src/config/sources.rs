//! The texts that were read, so that a finding can be shown where it was written.

use std::sync::OnceLock;

use crate::flux::secrets;
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
    /// The text without them and without what looks like a credential, once it was asked for;
    /// `None`: all of it is shown.
    shown: OnceLock<Option<String>>,
    /// Where each line begins, once a position was asked for.
    lines: OnceLock<Vec<u32>>,
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
            shown: OnceLock::new(),
            lines: OnceLock::new(),
        });
        u32::try_from(self.texts.len() - 1).expect("far fewer than 2^32 texts are read")
    }

    /// Every text with its name, in the order in which they were read.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let texts = self.texts.iter();
        texts.map(|text| (text.name.as_str(), text.text.as_str()))
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
        let line = match self.texts.get(span.source as usize) {
            Some(text) => text
                .line_starts()
                .partition_point(|start| *start as usize <= end),
            None => 1,
        };
        let start = self
            .texts
            .get(span.source as usize)
            .and_then(|text| text.line_starts().get(line - 1).copied())
            .unwrap_or_default();
        Position {
            line,
            column: text[start as usize..end].chars().count() + 1,
        }
    }

    /// Keeps a range of bytes out of every excerpt: there may be a secret.
    pub fn hide(&mut self, source: u32, range: (usize, usize)) {
        if let Some(text) = self.texts.get_mut(source as usize) {
            text.hidden.push(range);
            text.shown = OnceLock::new();
        }
    }

    /// The text with `*` for each byte of what is hidden and of what looks like a credential, also in
    /// comments, so that positions stay as they are.
    pub fn shown(&self, source: u32) -> &str {
        let Some(text) = self.texts.get(source as usize) else {
            return "";
        };
        let shown = text.shown.get_or_init(|| text.masked());
        shown.as_deref().unwrap_or(&text.text)
    }
}

impl Text {
    fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let ends = self.text.bytes().enumerate();
            let next = ends
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at + 1);
            std::iter::once(0)
                .chain(next)
                .map_while(|start| u32::try_from(start).ok())
                .collect()
        })
    }

    fn masked(&self) -> Option<String> {
        let mut hidden = self.hidden.clone();
        hidden.extend(
            secrets(&self.text)
                .into_iter()
                .map(|secret| (secret.start, secret.end)),
        );
        if hidden.is_empty() {
            return None;
        }
        hidden.sort_unstable();
        let mut hidden = hidden.into_iter().peekable();
        let mut end = 0;
        let mut shown = String::with_capacity(self.text.len());
        for (index, letter) in self.text.char_indices() {
            while let Some((_, until)) = hidden.next_if(|(start, _)| *start <= index) {
                end = end.max(until);
            }
            if index < end && letter != '\n' {
                shown.extend(std::iter::repeat_n('*', letter.len_utf8()));
            } else {
                shown.push(letter);
            }
        }
        Some(shown)
    }
}

//! A short cut through plain block YAML, which is nearly all there is.
//!
//! It knows mappings and lists in blocks, scalars that lie on one line, whole lines of comment and
//! `---`, all in printable ASCII. At anything else it gives up, and the parser reads the text. What
//! it reads is exactly what the parser would give; a test compares the two.

mod written;

use super::keys::repeated;
use super::{Entry, Node, Scalar, Span, Value};
use written::{key, owned, plain};

/// Deeper texts are for the parser, which has the limits.
const MAX_DEPTH: usize = 50;

/// Reads a text that has no fault; `None` where the parser must say.
pub(super) fn read(text: &str, source: u32) -> Option<Vec<Node>> {
    let printable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n');
    if !text.as_bytes().iter().all(printable) {
        return None;
    }
    let mut reader = Reader {
        text,
        source,
        next: 0,
        line: None,
        depth: 0,
    };
    reader.advance();
    let mut documents = Vec::new();
    while let Some(line) = reader.line {
        let content = reader.content(line);
        if line.indent != 0 {
            return None;
        }
        if content == "---" {
            reader.advance();
            // A document without content is for the parser.
            if reader.line.is_none_or(|line| reader.content(line) == "---") {
                return None;
            }
            continue;
        }
        if content.starts_with('-') {
            return None;
        }
        documents.push(reader.mapping(0)?);
        // Another document begins with its `---`.
        if reader
            .line
            .is_some_and(|line| reader.content(line) != "---")
        {
            return None;
        }
    }
    Some(documents)
}

/// A line with content, or what is left of it behind `- `.
#[derive(Clone, Copy)]
struct Line {
    indent: usize,
    start: usize,
    end: usize,
}

struct Reader<'text> {
    text: &'text str,
    source: u32,
    /// Where the line behind the current one begins.
    next: usize,
    line: Option<Line>,
    depth: usize,
}

impl<'text> Reader<'text> {
    /// Goes to the next line that is not empty and no comment.
    fn advance(&mut self) {
        let bytes = self.text.as_bytes();
        loop {
            let begin = self.next;
            if begin >= bytes.len() {
                self.line = None;
                return;
            }
            let end = self.text[begin..]
                .find('\n')
                .map_or(bytes.len(), |at| begin + at);
            self.next = end + 1;
            let indent = bytes[begin..end]
                .iter()
                .take_while(|byte| **byte == b' ')
                .count();
            let start = begin + indent;
            if start < end && bytes[start] != b'#' {
                self.line = Some(Line { indent, start, end });
                return;
            }
        }
    }

    fn content(&self, line: Line) -> &'text str {
        &self.text[line.start..line.end]
    }

    /// A mapping whose keys stand `indent` columns in; the current line is its first.
    fn mapping(&mut self, indent: usize) -> Option<Node> {
        self.enter()?;
        let mut entries: Vec<Entry> = Vec::new();
        let start = self.line?.start;
        let mut end = start;
        while let Some(line) = self.line {
            if line.indent < indent || self.content(line) == "---" {
                break;
            }
            if line.indent > indent {
                return None;
            }
            let (key, width) = key(self.content(line))?;
            let key_span = self.span(line.start, line.start + width);
            let colon = line.start + width;
            let node = if colon + 1 == line.end {
                self.advance();
                self.below(indent)?
            } else {
                // The space behind the colon is part of finding the key.
                let node = self.scalar(colon + 2, line.end)?;
                self.advance();
                node
            };
            end = node.span.end as usize;
            entries.push(Entry {
                key: owned(key),
                key_span,
                node,
            });
        }
        if repeated(&entries) {
            return None;
        }
        self.depth -= 1;
        Some(Node {
            span: self.span(start, end),
            value: Value::Mapping(entries),
        })
    }

    /// The value of a key that has nothing behind it: a list may stand as far in as the key.
    fn below(&mut self, indent: usize) -> Option<Node> {
        let line = self.line?;
        if self.content(line).starts_with("- ") {
            return if line.indent < indent {
                None
            } else {
                self.sequence(line.indent)
            };
        }
        if line.indent <= indent {
            return None;
        }
        self.mapping(line.indent)
    }

    fn sequence(&mut self, indent: usize) -> Option<Node> {
        self.enter()?;
        let mut items: Vec<Node> = Vec::new();
        while let Some(line) = self.line {
            if line.indent > indent {
                return None;
            }
            if line.indent < indent || !self.content(line).starts_with("- ") {
                break;
            }
            let inner = Line {
                indent: indent + 2,
                start: line.start + 2,
                end: line.end,
            };
            let content = self.content(inner);
            let node = if content.starts_with("- ") {
                self.line = Some(inner);
                self.sequence(inner.indent)?
            } else if key(content).is_some() {
                self.line = Some(inner);
                self.mapping(inner.indent)?
            } else {
                let node = self.scalar(inner.start, inner.end)?;
                self.advance();
                node
            };
            items.push(node);
        }
        self.depth -= 1;
        let (first, last) = (items.first()?.span, items.last()?.span);
        Some(Node {
            span: Span {
                end: last.end,
                ..first
            },
            value: Value::Sequence(items),
        })
    }

    /// A scalar, or an empty pair of brackets, that fills the rest of a line.
    fn scalar(&self, start: usize, end: usize) -> Option<Node> {
        let written = &self.text[start..end];
        let scalar = |text: &str, plain| {
            Value::Scalar(Scalar {
                text: owned(text),
                plain,
            })
        };
        let value = match written.as_bytes() {
            b"{}" => Value::Mapping(Vec::new()),
            b"[]" => Value::Sequence(Vec::new()),
            [b'"', inner @ .., b'"'] if !inner.iter().any(|b| matches!(b, b'"' | b'\\')) => {
                scalar(&written[1..written.len() - 1], false)
            }
            [b'\'', inner @ .., b'\''] if !inner.contains(&b'\'') => {
                scalar(&written[1..written.len() - 1], false)
            }
            bytes if plain(bytes) => scalar(written, true),
            _ => return None,
        };
        Some(Node {
            span: self.span(start, end),
            value,
        })
    }

    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span {
            source: self.source,
            // The size of the text was checked.
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests;

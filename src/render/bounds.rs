//! What a template may use up, and the writer that ends a document which becomes too long.

use std::io::{self, Write};

use super::source_map;

/// Most bytes of one document.
pub const DOCUMENT_LIMIT_BYTES: usize = 1 << 20;
/// Most turns of loops, and includes, that one document takes.
pub const LOOP_LIMIT_TURNS: u32 = 100_000;
/// Most work that one document takes, the same on any machine: bytes that operators and filters may
/// have to look at, weighted by what they do with them. It is a few seconds at most.
pub const WORK_LIMIT: u64 = 1 << 32;
/// Most templates that include one another in a row: each takes up some of the stack.
pub const INCLUDE_LIMIT: usize = 8;
/// Most bytes and elements of one value that a template keeps with `set`.
pub const KEPT_LIMIT: usize = 1 << 20;
/// Most lists and maps that lie in one another in a value that a template keeps.
pub const DEPTH_LIMIT: usize = 64;
/// Most bytes of the text of one template.
pub const TEMPLATE_LIMIT_BYTES: usize = 1 << 20;

/// A writer into a buffer that refuses what would make the document too long.
///
/// A blank at the end of one piece is dropped where the next piece begins with a line break, so
/// that `key: {{ map | yaml }}` leaves no blank behind.
pub(crate) struct Bounded<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
    pub(crate) full: bool,
    /// Whether there are marks that want to know where the document stands.
    is_mapped: bool,
}

impl<'a> Bounded<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, is_mapped: bool) -> Self {
        if is_mapped {
            source_map::begin();
        }
        let limit = out.len() + DOCUMENT_LIMIT_BYTES;
        Self {
            out,
            limit,
            full: false,
            is_mapped,
        }
    }
}

impl Write for Bounded<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.out.len() + piece.len() > self.limit {
            self.full = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        if piece.first() == Some(&b'\n') && self.out.last() == Some(&b' ') {
            self.out.pop();
        }
        if self.is_mapped {
            source_map::settle(self.out.len());
        }
        self.out.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Bounded, DOCUMENT_LIMIT_BYTES};

    #[test]
    fn a_document_ends_exactly_at_its_limit() {
        let mut out = b"before".to_vec();
        let mut writer = Bounded::new(&mut out, false);
        writer.write_all(&vec![b'x'; DOCUMENT_LIMIT_BYTES]).unwrap();
        assert!(!writer.full);
        assert!(writer.write_all(b"x").is_err());
        assert!(writer.full);
    }

    #[test]
    fn a_blank_before_a_line_break_of_the_next_piece_is_dropped() {
        let mut out = Vec::new();
        let mut writer = Bounded::new(&mut out, false);
        writer.write_all(b"spec: ").unwrap();
        writer.write_all(b"\n  a: b").unwrap();
        assert_eq!(out, b"spec:\n  a: b");
    }
}

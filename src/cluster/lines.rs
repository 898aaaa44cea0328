//! Cuts a watch into its lines while its bytes arrive.

use super::items::Piece;

#[derive(Debug)]
pub struct Lines {
    limit: usize,
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
    is_too_long: bool,
}

impl Lines {
    /// Lines that are longer are passed over.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            limit: limit_bytes,
            begun: Vec::new(),
            is_too_long: false,
        }
    }

    /// Takes the next bytes and tells of each line that ends in them; empty ones are left out.
    pub fn read(&mut self, bytes: &[u8], tell: &mut impl FnMut(Piece<'_>)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(end) = part.strip_suffix(b"\n") else {
                self.keep(part);
                continue;
            };
            if self.begun.is_empty() && !self.is_too_long && end.len() <= self.limit {
                told(end, tell);
                continue;
            }
            self.keep(end);
            if std::mem::take(&mut self.is_too_long) {
                tell(Piece::TooLong);
            } else {
                told(&self.begun, tell);
            }
            // A line that was long once is no reason to hold its memory for ever.
            self.begun = Vec::new();
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.is_too_long || self.begun.len() + bytes.len() > self.limit {
            self.is_too_long = true;
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }
}

fn told(line: &[u8], tell: &mut impl FnMut(Piece<'_>)) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        tell(Piece::Whole(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, size: usize) -> Vec<String> {
        let mut lines = Lines::new(5);
        let mut found = Vec::new();
        for bytes in text.as_bytes().chunks(size) {
            lines.read(bytes, &mut |piece| {
                found.push(match piece {
                    Piece::Whole(line) => String::from_utf8(line.to_vec()).unwrap(),
                    Piece::TooLong => "too long".to_owned(),
                });
            });
        }
        found
    }

    #[test]
    fn lines_are_cut_alike_wherever_their_bytes_are_split() {
        let text = "one\n\ntwo\r\n12345\n123456\n1234567890123\nsix\nunfinished";
        for size in 1..=text.len() {
            assert_eq!(
                cut(text, size),
                ["one", "two", "12345", "too long", "too long", "six"],
                "{size}"
            );
        }
    }
}

//! Keys and certificates in PEM.

use std::ops::Range;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// Each block from its first line to its last; one that does not end, to its last line of Base64.
pub(super) fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(BEGIN) {
        let start = from + at;
        from = match text[start..].find(END) {
            Some(end) => {
                let last = start + end + END.len();
                let rest = &text[last..];
                let line = rest.find('\n').unwrap_or(rest.len());
                let closed = rest[..line].find("-----").map(|at| at + "-----".len());
                last + closed.unwrap_or(line)
            }
            None => start + open_end(&text[start..]),
        };
        found.push(start..from);
    }
    found
}

fn open_end(text: &str) -> usize {
    let mut end = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim();
        let is_base64 = !content.is_empty()
            && content
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        if number > 0 && !is_base64 {
            break;
        }
        end += line.len();
    }
    end
}

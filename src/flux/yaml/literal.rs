//! Texts of several lines as blocks (`|`), where that is safe for every reader.

use std::fmt::{self, Write};

use super::printable::needs_escape;
use super::{Resolved, Scalar};

/// `|` for a text that ends with a line break, `|-` for one that does not; `None` for one that
/// stands in quotes: on one line, or with a line that some reader, editor or person could take for
/// another, because it begins or ends with white space or is not printable.
pub(super) fn header(scalar: &Scalar, indent: usize) -> Option<&'static str> {
    let text = &*scalar.text;
    if indent == 0 || !text.contains('\n') || scalar.resolve() != Resolved::String {
        return None;
    }
    let (lines, header) = match text.strip_suffix('\n') {
        Some(lines) => (lines, "|"),
        None => (text, "|-"),
    };
    // The first line tells how far in the block stands.
    let begins = lines.starts_with(|c: char| !c.is_whitespace());
    let ends = !lines.ends_with('\n');
    let sound = |line: &str| {
        !line.ends_with(char::is_whitespace)
            && line
                .chars()
                .all(|c| matches!(c, '"' | '\\') || !needs_escape(c))
    };
    (begins && ends && lines.split('\n').all(sound)).then_some(header)
}

/// Writes the lines below the header, without a line break behind the last.
pub(super) fn write(header: &str, text: &str, indent: usize, out: &mut impl Write) -> fmt::Result {
    out.write_str(header)?;
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.write_char('\n')?;
        if !line.is_empty() {
            write!(out, "{:indent$}{line}", "")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::flux::yaml::{Entry, Node, Span, read, write_node};

    fn written(text: &str) -> String {
        let span = Span::default();
        let node = Node::mapping(
            span,
            [Entry::new("key", Node::string(span, text.to_owned()))],
        );
        let mut out = String::new();
        write_node(&node, 0, &mut out).expect("a string takes all");
        let (documents, faults) = read(&out, 0);
        assert_eq!(faults, [], "{out}");
        assert_eq!(documents[0].get("key").and_then(Node::as_str), Some(text));
        out.trim_start_matches('\n').to_owned()
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(written("/*\n!/deploy\n"), "key: |\n  /*\n  !/deploy");
        assert_eq!(
            written("- op: add\n  path: /a"),
            "key: |-\n  - op: add\n    path: /a"
        );
        assert_eq!(
            written("a: \"b\\\"\n\n# c\n"),
            "key: |\n  a: \"b\\\"\n\n  # c"
        );
        assert_eq!(written("---\né\n"), "key: |\n  ---\n  é");
    }

    #[test]
    fn what_a_reader_could_take_for_other_lines_is_quoted() {
        for text in [
            "\n",
            "a\n\n",
            "\na\n",
            " a\nb\n",
            "a \nb\n",
            "a\n \nb\n",
            "a\n\tb\n",
            "a\tb\nc\n",
            "a\r\nb\r\n",
            "a\u{2028}\nb\n",
            "a\u{85}\nb",
            "\u{feff}a\nb\n",
            "a\nb ",
            "a\u{a0}\nb\n",
        ] {
            assert!(written(text).starts_with("key: \""), "{text:?}");
        }
    }
}

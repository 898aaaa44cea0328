//! Writes strings and trees as YAML that every reader takes for exactly them.

use std::fmt::{self, Write};

use super::literal;
use super::printable::needs_escape;
use super::{Node, Resolved, Scalar, Value};

/// Beyond this a key needs the long form: readers look ahead only so far for its `:`.
const LONG_KEY: usize = 500;

/// Writes a string so that readers of YAML 1.1 and 1.2 take it for exactly that string, in a block
/// and between brackets alike: plain where nobody can take it for anything else, else in double
/// quotes with all that is not printable escaped by its number.
///
/// # Errors
/// Only those of `out`.
pub fn write_scalar(text: &str, out: &mut impl Write) -> fmt::Result {
    if safely_plain(text) {
        return out.write_str(text);
    }
    out.write_char('"')?;
    let mut written = 0;
    for (at, c) in text.char_indices() {
        if !needs_escape(c) {
            continue;
        }
        out.write_str(&text[written..at])?;
        written = at + c.len_utf8();
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            '\n' => out.write_str("\\n")?,
            '\t' => out.write_str("\\t")?,
            '\r' => out.write_str("\\r")?,
            _ => match u32::from(c) {
                code @ 0..=0xFF => write!(out, "\\x{code:02X}")?,
                code @ 0x100..=0xFFFF => write!(out, "\\u{code:04X}")?,
                code => write!(out, "\\U{code:08X}")?,
            },
        }
    }
    out.write_str(&text[written..])?;
    out.write_char('"')
}

/// Writes a tree in block style, as the value of a key whose text ends just before: `key: `.
///
/// A mapping or sequence begins with a line break and has its lines `indent` columns in, so
/// `indent` is more than the key's own; an empty one and a scalar stand on the key's line, but for
/// a text of several lines that every reader keeps as it is when it stands below. There is no line
/// break at the end, and one must follow: behind a block some readers miss it. Numbers and booleans
/// are written as they were where all readers agree on them, else in a form in which they do.
///
/// # Errors
/// Only those of `out`.
pub fn write_node(node: &Node, indent: usize, out: &mut impl Write) -> fmt::Result {
    if has_lines(node) {
        out.write_char('\n')?;
        write!(out, "{:indent$}", "")?;
    }
    write_lines(node, indent, out)
}

fn has_lines(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(entries) => !entries.is_empty(),
        Value::Sequence(items) => !items.is_empty(),
        Value::Scalar(_) => false,
    }
}

/// Writes a value that begins where we are, `indent` columns in.
fn write_lines(node: &Node, indent: usize, out: &mut impl Write) -> fmt::Result {
    match &node.value {
        Value::Mapping(entries) if !entries.is_empty() => {
            for (i, entry) in entries.iter().enumerate() {
                if i > 0 {
                    write!(out, "\n{:indent$}", "")?;
                }
                if entry.key.len() > LONG_KEY {
                    out.write_str("? ")?;
                    write_scalar(&entry.key, out)?;
                    write!(out, "\n{:indent$}", "")?;
                } else {
                    write_scalar(&entry.key, out)?;
                }
                out.write_str(if has_lines(&entry.node) { ":" } else { ": " })?;
                write_node(&entry.node, indent + 2, out)?;
            }
            Ok(())
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    write!(out, "\n{:indent$}", "")?;
                }
                out.write_str("- ")?;
                write_lines(item, indent + 2, out)?;
            }
            Ok(())
        }
        Value::Mapping(_) => out.write_str("{}"),
        Value::Sequence(_) => out.write_str("[]"),
        Value::Scalar(scalar) => match literal::header(scalar, indent) {
            Some(header) => literal::write(header, &scalar.text, indent, out),
            None => write_resolved(scalar, out),
        },
    }
}

fn write_resolved(scalar: &Scalar, out: &mut impl Write) -> fmt::Result {
    match scalar.resolve() {
        Resolved::String => write_scalar(&scalar.text, out),
        Resolved::Null => out.write_str("null"),
        _ if !scalar.ambiguous() => out.write_str(&scalar.text),
        Resolved::Bool(value) => write!(out, "{value}"),
        Resolved::Integer(value) => write!(out, "{value}"),
        Resolved::Float(value) if value.is_nan() => out.write_str(".nan"),
        Resolved::Float(f64::INFINITY) => out.write_str(".inf"),
        Resolved::Float(f64::NEG_INFINITY) => out.write_str("-.inf"),
        Resolved::Float(value) => {
            // YAML 1.1 wants the point, and the sign of the exponent.
            let text = format!("{value:?}");
            match text.split_once('e') {
                None => out.write_str(&text),
                Some((number, exponent)) => {
                    let point = if number.contains('.') { "" } else { ".0" };
                    let plus = if exponent.starts_with('-') { "" } else { "+" };
                    write!(out, "{number}{point}e{plus}{exponent}")
                }
            }
        }
    }
}

/// Whether no reader can take the text, without quotes, for anything but this string.
fn safely_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let first = match bytes {
        [] => return false,
        [b'.', b'/', ..] | [b'.', b'.', b'/', ..] => true,
        [first, ..] => first.is_ascii_alphabetic() || matches!(first, b'/' | b'_'),
    };
    if !first {
        return is_duration(text);
    }
    if bytes.len() <= 5 && is_word(text) {
        return false;
    }
    bytes.iter().enumerate().all(|(i, byte)| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => true,
        b'_' | b'-' | b'.' | b'/' | b'@' | b'+' | b'=' | b'~' | b'%' => true,
        b':' => bytes.get(i + 1).is_some_and(|next| *next != b' '),
        b' ' => i + 1 < bytes.len(),
        _ => false,
    })
}

/// `1m`, `10m30s`: no number to anybody.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        rest = &rest[digits..];
        let Some(after) = ["ms", "s", "m", "h"]
            .iter()
            .find_map(|unit| rest.strip_prefix(unit))
        else {
            return false;
        };
        rest = after;
    }
    !text.is_empty()
}

fn is_word(text: &str) -> bool {
    [
        "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf",
    ]
    .iter()
    .any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_oneof};
    use proptest::{collection, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::flux::yaml::{Entry, Span, read};

    fn written(text: &str) -> String {
        let mut out = String::new();
        write_scalar(text, &mut out).expect("a string takes all");
        out
    }

    fn read_back(text: &str) -> serde_json::Value {
        let (documents, faults) = read(text, 0);
        assert_eq!(faults, [], "{text}");
        assert_eq!(documents.len(), 1, "{text}");
        documents[0].to_json()
    }

    #[test]
    fn what_is_surely_a_string_is_written_plain() {
        for text in [
            "main",
            "./deploy/overlays/production",
            "../base",
            "/",
            "https://github.com/acme/web",
            "ssh://git@github.com:22/acme/web.git",
            "1m",
            "10m30s",
            "500ms",
            "1h",
            "v1.2.3",
            "two words",
            "on-call",
            "a:b",
            "_x",
            "yes-man",
            "refs/heads/main",
        ] {
            assert_eq!(written(text), text);
        }
    }

    #[test]
    fn what_a_reader_could_take_for_something_else_is_quoted() {
        for text in [
            "",
            "on",
            "Yes",
            "y",
            "N",
            "null",
            "~",
            "NaN",
            "Inf",
            "1",
            "1.5",
            "0x1F",
            "1_000",
            "1e3",
            "12:30",
            "2024-01-31",
            "- a",
            "-",
            "--- a",
            "...",
            "a: b",
            "a:",
            "a #b",
            "#a",
            " a",
            "a ",
            "{a}",
            "[a]",
            "a, b",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "'a'",
            "?",
            "=",
            "<<",
            "é",
            "${VAR}",
            "{{ x }}",
            "1",
            "1d",
            ".5",
        ] {
            assert_eq!(written(text), format!("\"{text}\""));
        }
    }

    #[test]
    fn what_is_not_printable_is_escaped() {
        assert_eq!(
            written("a\"b\\c\n\t\r\0\u{7f}\u{85}\u{2028}\u{feff}\u{202e}é😀\u{10ffff}"),
            r#""a\"b\\c\n\t\r\x00\x7F\x85\u2028\uFEFF\u202Eé😀\U0010FFFF""#
        );
    }

    #[test]
    fn a_tree_is_written_as_a_block_below_its_key() {
        let (documents, faults) = read(
            "{labels: {team: web, 'on': {}, 'on ': [], list: [a, {b: 1, c: [[x, y], []]}]}, z: ~, f: 1.50, y1: off}",
            0,
        );
        assert_eq!(faults, []);
        let mut out = "value: ".to_owned();
        write_node(&documents[0], 4, &mut out).expect("a string takes all");
        insta::assert_snapshot!(out, @r##"
        value: 
            labels:
              team: web
              "on": {}
              "on ": []
              list:
                - a
                - b: 1
                  c:
                    - - x
                      - true
                    - []
            z: null
            f: 1.50
            y1: false
        "##);
    }

    fn tree() -> impl Strategy<Value = Node> {
        let span = Span::default();
        let scalar = prop_oneof![
            any::<String>().prop_map(move |text| Node::string(span, text)),
            "[-+0-9a-zA-Z_.:~<= ]{0,6}".prop_map(move |text| Node::string(span, text)),
            "([ a#:'\"\\\\|é-]{0,4}\n){0,3}[ a\t]{0,2}"
                .prop_map(move |text| Node::string(span, text)),
            any::<i64>().prop_map(move |value| Node::integer(span, value)),
            any::<bool>().prop_map(move |value| Node::boolean(span, value)),
            Just(Node::null(span)),
        ];
        scalar.prop_recursive(5, 60, 6, move |inner| {
            prop_oneof![
                collection::vec(inner.clone(), 0..6)
                    .prop_map(move |items| Node::sequence(span, items)),
                collection::btree_map("\\PC{0,8}|[ynYN01.e:~<=]{0,3}|a{600}", inner, 0..6)
                    .prop_map(move |entries| {
                        let entries = entries.into_iter();
                        Node::mapping(span, entries.map(|(key, node)| Entry::new(key, node)))
                    }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_tree_that_was_written_is_read_back_as_itself(node in tree()) {
            let mut out = "value: ".to_owned();
            write_node(&node, 2, &mut out).expect("a string takes all");
            out.push('\n');
            prop_assert_eq!(read_back(&out)["value"].clone(), node.to_json(), "{}", out);
        }

        #[test]
        fn any_string_is_read_back_within_brackets(text in any::<String>()) {
            let out = format!("{{a: {0}, {0}: [{0}, b]}}", written(&text));
            let (documents, faults) = read(&out, 0);
            prop_assert!(faults.is_empty() || text == "a", "{} {:?}", out, faults);
            prop_assert_eq!(documents[0].get("a").and_then(Node::as_str), Some(&*text));
        }

        #[test]
        fn a_plain_scalar_keeps_its_meaning(text in "[-+.0-9eExXoObB_infaInN]{1,8}") {
            let scalar = Scalar { text: text.into(), plain: true };
            let mut out = String::new();
            write_resolved(&scalar, &mut out).expect("a string takes all");
            let (documents, _) = read(&out, 0);
            let again = documents[0].as_scalar().expect("a scalar");
            prop_assert_eq!(format!("{:?}", again.resolve()), format!("{:?}", scalar.resolve()));
            prop_assert!(!again.ambiguous() || out.contains('.'), "{}", out);
        }
    }
}

//! What a template may use up: bytes of output, turns of loops and includes, size of what it keeps.

use std::cell::Cell;
use std::io::{self, Write};

use tera::{Error, Kwargs, State, TeraResult, Value};

use super::source_map;
use super::template_text::Tag;
use super::woven::Insertion;

/// Most bytes of one document.
pub const DOCUMENT_LIMIT_BYTES: usize = 1 << 20;
/// Most turns of loops, and includes, that one document takes, the same on any machine. It ends
/// every loop, but bounds no time by itself: a turn may work on values of up to [`KEPT_LIMIT`].
pub const LOOP_LIMIT_TURNS: u32 = 100_000;
/// Most templates that include one another in a row: each takes up some of the stack.
pub const INCLUDE_LIMIT: usize = 8;
/// Most bytes and elements of one value that a template keeps with `set`.
pub const KEPT_LIMIT: usize = 1 << 20;
/// Most bytes of the text of one template.
pub const TEMPLATE_LIMIT_BYTES: usize = 1 << 20;

thread_local! {
    /// Tera calls a function without anything of ours but the thread.
    static TURNS: Cell<u32> = const { Cell::new(0) };
}

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
    /// Also begins to count turns anew, on this thread.
    pub(crate) fn new(out: &'a mut Vec<u8>, is_mapped: bool) -> Self {
        TURNS.set(0);
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

/// A counter at the start of each loop's body, and behind each include and `set`.
///
/// Tera stops no loop by itself, and nothing outside can stop it either.
pub(super) fn counters(tags: &[Tag<'_>]) -> Vec<Insertion> {
    let counter = |tag: &Tag<'_>| {
        let mut words = tag.tokens.iter().map(|token| token.word());
        let call = match (words.next().flatten(), words.next().flatten()) {
            (Some("for" | "include"), _) => "turn__()".to_owned(),
            (Some("set" | "set_global"), Some(name)) => format!("kept__(value={name})"),
            _ => return None,
        };
        let dash = if tag.trims_after { "-" } else { "" };
        Some(Insertion {
            at: tag.end,
            text: format!("{{% set kept__ = {call} {dash}%}}"),
            stands_for: tag.start..tag.end,
        })
    };
    tags.iter()
        .filter(|tag| !tag.prints)
        .filter_map(counter)
        .collect()
}

/// `turn__()`: counts a turn of a loop, or an include.
pub(crate) fn turn(_: Kwargs, _: &State<'_>) -> TeraResult<bool> {
    let turns = TURNS.get() + 1;
    TURNS.set(turns);
    if turns > LOOP_LIMIT_TURNS {
        return Err(Error::message(format!(
            "its loops and includes take more than {LOOP_LIMIT_TURNS} turns"
        )));
    }
    Ok(true)
}

/// `kept__(value=…)`: refuses a value that grows without bound.
pub(crate) fn kept(arguments: Kwargs, _: &State<'_>) -> TeraResult<bool> {
    let mut left = KEPT_LIMIT;
    match arguments.get::<&Value>("value")? {
        Some(value) if !fits(value, &mut left) => Err(Error::message(format!(
            "a value that it keeps is larger than {KEPT_LIMIT} bytes"
        ))),
        _ => Ok(true),
    }
}

/// `replace(from=…, to=…)`, as Tera's own, but refused where it makes too much of a text.
pub(crate) fn replace(text: &str, arguments: Kwargs, _: &State<'_>) -> TeraResult<String> {
    let from = arguments.must_get::<&str>("from")?;
    let to = arguments.must_get::<&str>("to")?;
    let grown = text.matches(from).count().saturating_mul(to.len());
    if grown.saturating_add(text.len()) > KEPT_LIMIT {
        return Err(too_long("replace"));
    }
    Ok(text.replace(from, to))
}

/// `join(sep=…)`, as Tera's own, but refused where it makes too long a text.
pub(crate) fn join(items: &[Value], arguments: Kwargs, _: &State<'_>) -> TeraResult<String> {
    let separator = arguments.get::<&str>("sep")?.unwrap_or("");
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&item.to_string());
        if joined.len() > KEPT_LIMIT {
            return Err(too_long("join"));
        }
    }
    Ok(joined)
}

fn too_long(filter: &str) -> Error {
    Error::message(format!(
        "`{filter}` makes a text that is longer than {KEPT_LIMIT} bytes"
    ))
}

fn fits(value: &Value, left: &mut usize) -> bool {
    let own = value.as_str().map_or(1, str::len);
    if own > *left {
        return false;
    }
    *left -= own;
    if let Some(items) = value.as_array() {
        items.iter().all(|item| fits(item, left))
    } else if let Some(map) = value.as_map() {
        map.values().all(|item| fits(item, left))
    } else {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::template_text::tags;
    use super::super::woven::Woven;
    use super::{Bounded, DOCUMENT_LIMIT_BYTES, counters};

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

    #[test]
    fn counters_stand_in_loops_and_behind_sets_and_positions_are_kept() {
        let text = "{% for k in labels -%}{{ k }}{% endfor %}{% set x = k %}{{ x }}";
        let counted = Woven::new(text, counters(&tags(text)));
        assert_eq!(
            counted.text,
            "{% for k in labels -%}{% set kept__ = turn__() -%}{{ k }}{% endfor %}\
             {% set x = k %}{% set kept__ = kept__(value=x) %}{{ x }}"
        );
        for place in ["{{ k }}", "{{ x }}", "{% endfor %}"] {
            let there = counted.text.find(place).unwrap();
            let here = text.find(place).unwrap();
            assert_eq!(
                counted.written(&(there..there + place.len())),
                here..here + place.len()
            );
        }
        let counter = counted.text.find("turn__").unwrap();
        assert_eq!(
            &text[counted.written(&(counter..counter + 6))],
            "{% for k in labels -%}"
        );
    }
}

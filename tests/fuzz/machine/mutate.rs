//! Makes one text of another: byte by byte, and JSON by its values.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// What readers trip over: ends and parts of names, signs with a meaning, odd characters.
const WORDS: [&str; 40] = [
    "",
    "/",
    "//",
    ".",
    "..",
    ".git",
    ".lock",
    "@",
    "@{",
    "~",
    "^",
    ":",
    ":0",
    ":443",
    ":99999",
    "?",
    "*",
    "[",
    "]",
    "\\",
    " ",
    "\t",
    "\n",
    "\0",
    "\u{7f}",
    "\u{202e}",
    "İ",
    "Σ",
    "ß",
    "🎉",
    "%2F",
    "%00",
    "#",
    "https://",
    "ssh://",
    "refs/heads/",
    "refs/tags/",
    "HEAD",
    "sha256=",
    "-",
];

pub(super) fn word(random: &mut Rng) -> &'static str {
    WORDS[random.usize(..WORDS.len())]
}

pub(super) fn one_of<'t, T: ?Sized>(from: &[&'t T], random: &mut Rng) -> &'t T {
    from[random.usize(..from.len())]
}

/// Changes a few bytes: flipped, taken away, repeated, or a word put in.
pub(super) fn bytes(input: &mut Vec<u8>, random: &mut Rng) {
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..=input.len());
        let end = (at + random.usize(1..9)).min(input.len());
        match random.u8(..5) {
            0 if at < input.len() => input[at] = random.u8(..),
            1 => drop(input.drain(at..end)),
            2 => {
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
            3 => input.truncate(at),
            _ => drop(input.splice(at..at, word(random).bytes())),
        }
    }
}

/// Changes one value somewhere in a document.
pub(super) fn value(document: &mut Value, random: &mut Rng) {
    // Half of all ends on the way: what lies high matters most.
    let inner = match document {
        Value::Object(fields) if !fields.is_empty() => {
            let at = random.usize(..fields.len());
            if random.u8(..12) == 0 {
                let name = fields.keys().nth(at).cloned().unwrap_or_default();
                fields.remove(&name);
                return;
            }
            fields.values_mut().nth(at)
        }
        Value::Array(items) if !items.is_empty() => {
            let at = random.usize(..items.len());
            if random.u8(..6) == 0 {
                let again = items[at].clone();
                items.extend(vec![again; random.usize(1..50)]);
                return;
            }
            items.get_mut(at)
        }
        _ => None,
    };
    match inner {
        Some(inner) if random.u8(..8) > 0 => value(inner, random),
        _ => *document = another(document, random),
    }
}

fn another(value: &Value, random: &mut Rng) -> Value {
    match random.u8(..14) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(random.u64(..)),
        3 => json!(random.i64(..)),
        4 => json!(1e300),
        5 => json!([]),
        6 => json!({}),
        7 => json!([value]),
        8 => (0..random.usize(1..200)).fold(value.clone(), |inner, _| json!([inner])),
        9 => json!(word(random).repeat(random.usize(1..3000))),
        10 => json!("0".repeat(40)),
        11 => Value::Object(Map::from_iter([(word(random).to_owned(), value.clone())])),
        _ => match value {
            Value::String(text) => {
                let mut text = text.clone().into_bytes();
                bytes(&mut text, random);
                json!(String::from_utf8_lossy(&text))
            }
            _ => json!(word(random)),
        },
    }
}

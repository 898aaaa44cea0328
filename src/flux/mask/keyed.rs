//! Values of keys that are called after what nobody is shown.

use std::ops::Range;

/// How such keys end, without `_`, `-` and capitals: `clientSecret`, `ACCESS_TOKEN`.
const ENDINGS: [&str; 8] = [
    "token",
    "tokens",
    "secret",
    "secrets",
    "password",
    "passwd",
    "privatekey",
    "apikey",
];

/// Values that say nothing, and the one that hints write.
const PLAIN: [&str; 7] = ["", "true", "false", "null", "~", "…", "***"];

/// The values of such keys in each line of a text, where a key can stand: at the beginning, behind
/// a bracket or comma, in backticks, and anywhere in a comment. A reference (`{env: NAME}`,
/// `{file: PATH}`) stays.
pub(super) fn values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        for (colon, _) in line.match_indices(':') {
            if let Some(value) = value(line, colon) {
                found.push(start + value.start..start + value.end);
            }
        }
        start += line.len();
    }
    found
}

fn value(line: &str, colon: usize) -> Option<Range<usize>> {
    let key = line[..colon].trim_end().trim_end_matches(['"', '\'']);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let begin = key.trim_end_matches(is_part).len();
    if !is_secret(&key[begin..]) || !can_stand(&line[..begin]) {
        return None;
    }
    let rest = line[colon + 1..].trim_end();
    let content = rest.trim_start();
    // `token:x` is a text to YAML, and `https://token:…` is none of ours.
    if content.len() == rest.len() && !line[..begin].ends_with('"') {
        return None;
    }
    let from = colon + 1 + (rest.len() - content.len());
    let length = length(content, &line[..begin]);
    let content = content[..length].trim_end();
    let is_said = !PLAIN.contains(&content.trim_matches(['"', '\''])) && !is_reference(content);
    is_said.then(|| from..from + content.len())
}

fn is_secret(key: &str) -> bool {
    let key: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    ENDINGS.iter().any(|ending| key.ends_with(ending))
}

/// What stands before a key.
fn can_stand(before: &str) -> bool {
    if before.contains('#') {
        return true;
    }
    let behind = before.rfind(['{', '[', ',', '`']).map_or(0, |at| at + 1);
    before[behind..]
        .chars()
        .all(|c| c.is_whitespace() || matches!(c, '-' | '+' | '?' | '"' | '\''))
}

/// How long a value is: to its quote or bracket, to the end of the map or list that it is in, to a
/// comment, else to the end of the line.
fn length(value: &str, before: &str) -> usize {
    let to = |end: char| value[1..].find(end).map_or(value.len(), |at| at + 2);
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => return to(quote),
        Some('{') => return to('}'),
        Some('[') => return to(']'),
        _ => {}
    }
    if before.trim_end_matches(['"', '\'']).ends_with('`') {
        return value.find('`').unwrap_or(value.len());
    }
    let count = |brackets: [char; 2]| before.matches(brackets).count();
    let is_flow = count(['{', '[']) > count(['}', ']']);
    let mut last = ' ';
    for (at, c) in value.char_indices() {
        let ends = c == '#' && last == ' ' || is_flow && matches!(c, ',' | '}' | ']');
        if ends && at > 0 {
            return at;
        }
        last = c;
    }
    value.len()
}

/// `{env: NAME}`, a list of such, and the beginning of a list or map that goes on below.
fn is_reference(value: &str) -> bool {
    let inner = value
        .trim_start_matches(['[', '{', ' '])
        .trim_start_matches(['"', '\'']);
    let is_named = ["env", "file", "name"].iter().any(|key| {
        inner
            .strip_prefix(key)
            .is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    });
    let opens = value.starts_with(['{', '[']);
    opens && (is_named || inner.is_empty() || inner.starts_with([']', '}']))
        || matches!(value, "|" | ">" | "|-" | ">-" | "|+" | ">+")
}

//! Patterns of schemas, read as Go's `regexp` reads them.
//!
//! The syntax of both engines is RE2's; what differs is rewritten: the Perl classes are ASCII in
//! Go, `\s` has no vertical tab there, and a class knows no set operations.

use std::sync::OnceLock;

use regex::Regex;

/// Whether Go's `regexp` reads a text as a pattern.
pub fn is_pattern(text: &str) -> bool {
    Pattern::new(text).prove().is_ok()
}

/// A pattern that a CRD holds. The match is not anchored. The engine reads it when it is first
/// asked, for that takes longer than all matches in a small fleet.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) written: Box<str>,
    regex: OnceLock<Result<Regex, String>>,
}

impl Pattern {
    pub(super) fn new(written: &str) -> Self {
        Self {
            written: written.into(),
            regex: OnceLock::new(),
        }
    }

    /// # Errors
    /// What the engine says about a pattern that it cannot read.
    pub(super) fn prove(&self) -> Result<(), String> {
        self.regex().as_ref().map(|_| ()).map_err(String::clone)
    }

    /// Whether a text has it. One that cannot be read matches nothing.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex()
            .as_ref()
            .is_ok_and(|regex| regex.is_match(text))
    }

    /// How to write what it takes, for the patterns that Flux's kinds have.
    pub(super) fn hint(&self, text: &str) -> Option<String> {
        let written = &*self.written;
        if let Some(units) = written.strip_prefix(r"^([0-9]+(\.[0-9]+)?(") {
            return Some(match units {
                "ms|s|m|h))+$" => {
                    "write numbers with the units h, m, s or ms, as in `1h30m`".into()
                }
                "ms|s|m))+$" => {
                    "write numbers with the units m, s or ms, as in `90m`: hours are not taken here"
                        .into()
                }
                _ => return None,
            });
        }
        let schemes = written.strip_prefix('^')?.strip_suffix("://.*$")?;
        let schemes = schemes.trim_matches(['(', ')']).split('|');
        let known: Vec<String> = schemes.map(|scheme| format!("`{scheme}://`")).collect();
        if !text.contains("://")
            && known.iter().any(|scheme| scheme == "`ssh://`")
            && let Some((user, host, path)) = scp(text)
        {
            return Some(format!("write `ssh://{user}@{host}/{path}`"));
        }
        Some(format!("begin it with {}", known.join(" or ")))
    }

    fn regex(&self) -> &Result<Regex, String> {
        self.regex.get_or_init(|| {
            Regex::new(&translate(&self.written)).map_err(|fault| fault.to_string())
        })
    }
}

/// The parts of `git@host:owner/repository`.
fn scp(text: &str) -> Option<(&str, &str, &str)> {
    let (authority, path) = text.split_once(':')?;
    let (user, host) = authority.split_once('@')?;
    Some((user, host, path))
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    // The place after `[` or `[^`, where a `]` is a character.
    let mut class_start = false;
    while let Some(c) = rest.next() {
        let at_start = std::mem::take(&mut class_start);
        match c {
            '\\' => match rest.next() {
                Some('s') => out.push_str(r"[\t\n\f\r ]"),
                Some('S') => out.push_str(r"[^\t\n\f\r ]"),
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some('b') if !in_class => out.push_str(r"(?-u:\b)"),
                Some('Q') => {
                    let mut literal = String::new();
                    for c in rest.by_ref() {
                        literal.push(c);
                        if literal.ends_with("\\E") {
                            literal.truncate(literal.len() - 2);
                            break;
                        }
                    }
                    out.push_str(&regex::escape(&literal));
                }
                Some(c @ ('p' | 'P' | 'x')) => {
                    out.extend(['\\', c]);
                    // The name of a class, or the number of a character.
                    if rest.peek() == Some(&'{') {
                        for c in rest.by_ref() {
                            out.push(c);
                            if c == '}' {
                                break;
                            }
                        }
                    }
                }
                Some(c) if c.is_ascii_punctuation() => push_literal(&mut out, c),
                Some(c) => out.extend(['\\', c]),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                class_start = true;
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            ']' if in_class && !at_start => {
                in_class = false;
                out.push(']');
            }
            '[' if rest.peek() == Some(&':') => {
                // A named class such as `[:alpha:]`.
                out.push('[');
                while let Some(c) = rest.next() {
                    out.push(c);
                    if c == ':' && out.len() > 2 && rest.peek() == Some(&']') {
                        out.extend(rest.next());
                        break;
                    }
                }
            }
            '-' if in_class => out.push('-'),
            c if in_class && matches!(c, '[' | ']' | '&' | '~') => push_literal(&mut out, c),
            '{' if !in_class && !is_repetition(rest.clone()) => out.push_str(r"\{"),
            '}' if !in_class && !closes_repetition(&out) => out.push_str(r"\}"),
            c => out.push(c),
        }
    }
    out
}

fn push_literal(out: &mut String, c: char) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// Whether what follows a `{` makes it a repetition: `2}`, `2,}` or `2,5}`.
fn is_repetition(rest: impl Iterator<Item = char>) -> bool {
    let text: String = rest.take_while(|c| *c != '}').collect();
    let (low, high) = text.split_once(',').unwrap_or((&text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    !low.is_empty() && digits(low) && digits(high)
}

/// Whether a `}` after `out` ends a repetition.
fn closes_repetition(out: &str) -> bool {
    let Some(open) = out.rfind('{') else {
        return false;
    };
    !out[..open].ends_with('\\')
        && !out[open..].contains('}')
        && is_repetition(out[open + 1..].chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        let pattern = Pattern::new(pattern);
        pattern.prove().expect("a pattern");
        pattern.is_match(text)
    }

    #[test]
    fn perl_classes_are_those_of_go() {
        assert!(!matches(r"^\s$", "\u{a0}"));
        assert!(!matches(r"^\s$", "\u{b}"));
        assert!(matches(r"^[\s]$", "\t"));
        assert!(matches(r"^\S$", "\u{b}"));
        assert!(!matches(r"^\d$", "٣"));
        assert!(!matches(r"^\w$", "é"));
        assert!(matches(r"^[^\s/]+$", "é\u{a0}"));
    }

    #[test]
    fn a_match_is_not_anchored_and_the_end_is_the_very_end() {
        assert!(matches("b", "abc"));
        assert!(!matches("c$", "abc\n"));
        assert!(!matches("^a.c$", "a\nc"));
    }

    #[test]
    fn characters_that_only_one_engine_knows_are_literal() {
        assert!(matches(r"^[a&&b]$", "&"));
        assert!(matches(r"^[[a]$", "["));
        assert!(matches(r"^[]a]+$", "]a"));
        assert!(matches(r"^a{,2}$", "a{,2}"));
        assert!(matches(r"^a{2}$", "aa"));
        assert!(matches(r"^\p{Greek}{2}$", "αβ"));
        assert!(matches(r"^\<\/$", "</"));
        assert!(matches(r"^\Qa.b\E+$", "a.bb"));
        assert!(matches("^[[:alpha:]]+$", "ab"));
    }

    #[test]
    fn the_patterns_of_flux_hold_what_they_say() {
        let interval = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";
        assert!(matches(interval, "1h30m"));
        assert!(!matches(interval, "1d"));
        assert!(matches("^(http|https|ssh)://.*$", "ssh://git@x/y"));
    }
}
